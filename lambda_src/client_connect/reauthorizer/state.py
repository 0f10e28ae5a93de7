"""The state that runs of the re-authorizer leave for each other in the registry's table: a lease, and an open scan."""

from __future__ import annotations

import json
import math
import zlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple
from uuid import uuid4

from client_connect.sources.connection_registry import CONNECTION_ID, KEPT, STATE
from client_connect.sources.dynamodb import ConditionFailed
from client_connect.sources.items import EXPIRES_AT, Key

if TYPE_CHECKING:
    from collections.abc import Sequence

    from client_connect.sources.dynamodb import Tables
    from client_connect.sources.items import Item

_PART = "part"
_SCAN, _PARTS = "savedScan", "savedParts"
_TERMINATIONS = "terminations"
_POLICIES, _SINCE = "policies", "policiesSince"
_OURS = "lease = :lease"

# Of the 400 KB that an item may have.
_PART_BYTES = 350_000

# Lambda ends a run after 15 minutes.
_LONGEST_LEASE_S = 1800.0

# By how much the clocks of two runs may differ.
_SKEW_S = 300.0

# Twice what the scan of a full endpoint takes, with two connections per user. Who may write the table could
# make a run unpack anything else.
_LONGEST_SCAN = 64_000_000
_MOST_PARTS = _LONGEST_SCAN // _PART_BYTES


class Terminations(NamedTuple):
    """Connections that were ended at a time.

    Attributes:
        at: When, in seconds since 1970.
        by_policies: How many the policies denied.
        by_limit: How many were beyond the limit of a user.
    """

    at: float
    by_policies: int
    by_limit: int


class LeaseTaken(Exception):
    """Another run is at work."""


class LeaseLost(Exception):
    """A run by other policies or settings has taken over."""


class ReauthorizerState:
    """The state item, with the lease that one run has at a time.

    Args:
        tables: DynamoDB.
        name: The registry's table.
    """

    def __init__(self, tables: Tables, *, name: str) -> None:
        self._tables = tables
        self._name = name
        self._lease = str(uuid4())

    def take_lease(self, *, seconds: float, work: str) -> None:
        """Take the lease, which ends by itself.

        A run by other policies or settings is superseded: what is deployed now is right, and a bad policy that is
        being corrected must not go on. The other run notices before it terminates the next connection.

        Args:
            seconds: For how long.
            work: By which policies and settings the run works.

        Raises:
            LeaseTaken: When another run by the same has it.
        """
        now = datetime.now(UTC).timestamp()
        try:
            self._tables.update(
                self._key(),
                UpdateExpression="SET lease = :lease, leaseUntil = :until, leaseWork = :work",
                # Even when it is ours: the SDK asks again when an answer was lost.
                # An end that is no number, or too far ahead, was not written here.
                ConditionExpression=(
                    f"attribute_not_exists(lease) OR {_OURS} OR leaseWork <> :work OR "
                    "NOT (leaseUntil BETWEEN :now AND :latest)"
                ),
                ExpressionAttributeValues={
                    ":lease": {"S": self._lease},
                    ":until": {"N": str(now + seconds)},
                    ":work": {"S": work},
                    ":now": {"N": str(now)},
                    ":latest": {"N": str(now + _LONGEST_LEASE_S)},
                },
            )
        except ConditionFailed as error:
            raise LeaseTaken from error

    def require_lease(self) -> None:
        """Check that this run still has the lease.

        Raises:
            LeaseLost: When it has not.
        """
        if self._item().get("lease", {}).get("S") != self._lease:
            raise LeaseLost

    def release_lease(self) -> None:
        """Give the lease back; even when no run has it, because the SDK asks again when an answer was lost.

        Raises:
            LeaseLost: When another run has it.
        """
        self._update(
            "REMOVE lease, leaseUntil, leaseWork", condition=f"attribute_not_exists(lease) OR {_OURS}"
        )

    def save_scan(self, scan: str) -> None:
        """Save where a scan is, in as many items as that takes.

        Raises:
            LeaseLost: When another run has taken over; then nothing has changed.
        """
        packed, generation = zlib.compress(scan.encode()), str(uuid4())
        parts = [packed[at : at + _PART_BYTES] for at in range(0, len(packed), _PART_BYTES)]
        end = str(int((datetime.now(UTC) + KEPT).timestamp()))
        for number, part in enumerate(parts):
            item: Item = {
                CONNECTION_ID: {"S": self._part(generation, number).value},
                _PART: {"B": part},
                EXPIRES_AT: {"N": end},
            }
            self._tables.put(self._name, item)
        self._update(
            f"SET {_SCAN} = :generation, {_PARTS} = :parts",
            {":generation": {"S": generation}, ":parts": {"N": str(len(parts))}},
        )

    def saved_scan(self) -> str | None:
        """Return the scan that was saved, if there is one and it is whole.

        Raises:
            ValueError: When there is one that cannot be read.
        """
        parts = self._saved_parts()
        found = self._tables.get(parts)
        if not parts or len(found) != len(parts):
            return None
        try:
            return _unpacked(b"".join(found[part][_PART]["B"] for part in parts))
        except (zlib.error, LookupError, TypeError, UnicodeDecodeError) as error:
            raise ValueError(f"{type(error).__name__}: {error}") from error

    def forget_scan(self) -> None:
        """Forget the scan that was saved.

        Raises:
            LeaseLost: When another run has taken over; then nothing has changed.
        """
        parts = self._saved_parts()
        self._update(f"REMOVE {_SCAN}, {_PARTS}")
        for part in parts:
            self._tables.delete(part)

    def terminations(self, *, since: float) -> list[Terminations]:
        """Return the connections that were ended since a time, in seconds since 1970; none of what cannot be read."""
        text = self._item().get(_TERMINATIONS, {}).get("S", "[]")
        try:
            found = [
                Terminations(float(at), int(denied), int(beyond)) for at, denied, beyond in json.loads(text)
            ]
        except (ValueError, TypeError, OverflowError, RecursionError):
            return []
        latest = datetime.now(UTC).timestamp() + _SKEW_S
        return [each for each in found if since <= each.at <= latest and min(each[1:]) >= 0]

    def remember_terminations(self, terminations: Sequence[Terminations]) -> None:
        """Remember the connections that were or are about to be ended, in place of those known before.

        Raises:
            LeaseLost: When another run has taken over; then nothing has changed.
        """
        self._update(
            f"SET {_TERMINATIONS} = :terminations",
            {":terminations": {"S": json.dumps(terminations, separators=(",", ":"))}},
        )

    def policies_since(self, policies: str) -> float:
        """Return since when runs have decided with these policies, in seconds since 1970: now, if with others before.

        Raises:
            LeaseLost: When another run has taken over; then nothing has changed.
        """
        item, now = self._item(), datetime.now(UTC).timestamp()
        try:
            since = float(item[_SINCE]["N"])
        except (LookupError, ValueError, TypeError):
            since = math.nan
        # A time to come was not written here, or by a clock that is wrong: then the wait begins now.
        if item.get(_POLICIES, {}).get("S") == policies and since <= now + _SKEW_S:
            return min(since, now)
        self._update(
            f"SET {_POLICIES} = :policies, {_SINCE} = :since",
            {":policies": {"S": policies}, ":since": {"N": f"{now:.3f}"}},
        )
        return now

    def _saved_parts(self) -> list[Key]:
        item = self._item()
        try:
            generation, number = item[_SCAN]["S"], int(item[_PARTS]["N"])
        except (LookupError, ValueError):
            return []
        return [self._part(generation, each) for each in range(min(number, _MOST_PARTS))]

    def _item(self) -> Item:
        key = self._key()
        return self._tables.get([key]).get(key, {})

    def _update(
        self, expression: str, values: dict[str, dict[str, str]] | None = None, *, condition: str = _OURS
    ) -> None:
        try:
            self._tables.update(
                self._key(),
                UpdateExpression=expression,
                ConditionExpression=condition,
                ExpressionAttributeValues={":lease": {"S": self._lease}, **(values or {})},
            )
        except ConditionFailed as error:
            raise LeaseLost from error

    def _key(self) -> Key:
        return Key(self._name, CONNECTION_ID, STATE)

    def _part(self, generation: str, number: int) -> Key:
        return Key(self._name, CONNECTION_ID, f"{STATE}-{generation}-{number}")


def _unpacked(packed: bytes) -> str:
    """Return a text that was packed, if it is no longer than a scan may be.

    Raises:
        ValueError: When it is.
    """
    unpacking = zlib.decompressobj()
    text = unpacking.decompress(packed, _LONGEST_SCAN)
    if unpacking.unconsumed_tail:
        raise ValueError(f"it has more than {_LONGEST_SCAN:,} bytes")
    if not unpacking.eof:
        raise ValueError("its end is missing")
    return text.decode()
