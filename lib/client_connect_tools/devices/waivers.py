"""Waivers granted and revoked. Changes by others at the same time are never lost.

A waiver that is revoked, replaced or removed because its time is over leaves a separate item, written in the same
transaction: who ended it, when and how. DynamoDB removes it after 400 days, as the waivers themselves::

    {"holder": "ended:2026-11-22T09:00:00.000000Z:4f2a...", "ended": {"holder": "user:bob", "policyId":
     "minimum-windows", "until": ..., "reason": ..., "approvedBy": ..., "grantedBy": ..., "how": "revoked",
     "endedAt": ..., "endedBy": "arn:aws:sts::..."}, "expiresAt": 1830643200}
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import uuid4

from client_connect.sources.items import (
    EXPIRES_AT,
    HOLDER,
    MalformedItem,
    kept_until,
    waiver_attributes,
    waivers_item,
    waivers_of,
)
from client_connect_tools.devices.dynamodb import DynamoDbFailed, get
from client_connect_tools.devices.replacing import replace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mypy_boto3_dynamodb import DynamoDBClient

    from client_connect.sources.items import Item
    from client_connect.waiver import Waiver

_ATTEMPTS = 5
_LONGEST_PAUSE_S = 0.2
_ENDED = "ended:"
_MOST_TRACES = 90  # a transaction has at most 100 items


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """The changes of the waivers of a device or a user.

    Attributes:
        former: The waiver of the same policy that was there before.
        expired: Others that were removed because their time is over.
        is_kept: Whether the former one was left as it is, and nothing was changed.
    """

    former: Waiver | None
    expired: tuple[Waiver, ...]
    is_kept: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptWaiver:
    """A waiver that the table holds, or the trace of one.

    Attributes:
        waiver: The grant, with its holder and approver.
        state: ``active``, ``expired``, ``revoked`` or ``replaced``.
        ended_at: When it was ended, as ISO 8601; empty if it was not ended.
        ended_by: The ARN of the principal that did.
    """

    waiver: Waiver
    state: str
    ended_at: str = ""
    ended_by: str = ""


def waive(dynamodb: DynamoDBClient, table: str, waiver: Waiver, *, by: str | None = None) -> Change:
    """Grant a waiver, in the place of one of the same policy.

    Args:
        dynamodb: A client.
        table: The name of the table.
        waiver: The waiver.
        by: The ARN of the principal that writes it now. Default: who is named in it.

    Raises:
        MalformedItem: When what the table holds cannot be understood.
        DynamoDbFailed: When it cannot be read or written, or others are always faster.
    """
    return _change(dynamodb, table, waiver.holder, waiver.policy_id, [waiver], by=by or waiver.granted_by)


def waive_if_new(dynamodb: DynamoDBClient, table: str, waiver: Waiver, *, by: str) -> Waiver | None:
    """Grant a waiver, unless one of the same policy still counts; return that one.

    Args:
        dynamodb: A client.
        table: The name of the table.
        waiver: The waiver.
        by: The ARN of the principal that writes it now.

    Raises:
        MalformedItem: When what the table holds cannot be understood.
        DynamoDbFailed: When it cannot be read or written, or others are always faster.
    """
    change = _change(dynamodb, table, waiver.holder, waiver.policy_id, [waiver], by=by, replaces=False)
    return change.former if change.is_kept else None


def unwaive(dynamodb: DynamoDBClient, table: str, *, holder: str, policy_id: str, by: str) -> Change:
    """Revoke a waiver, if there is one.

    Args:
        dynamodb: A client.
        table: The name of the table.
        holder: The device or the user.
        policy_id: The ``@id`` of the policy.
        by: The ARN of the principal that revokes it.

    Raises:
        MalformedItem: When what the table holds cannot be understood.
        DynamoDbFailed: When it cannot be read or written, or others are always faster.
    """
    return _change(dynamodb, table, holder, policy_id, [], by=by)


def kept(item: Item) -> list[KeptWaiver]:
    """Return the waivers, or the trace of one, in an item of the table.

    Raises:
        MalformedItem: When it cannot be understood.
    """
    if not item[HOLDER]["S"].startswith(_ENDED):
        now = datetime.now(UTC)
        return [
            KeptWaiver(waiver=waiver, state="active" if waiver.until > now else "expired")
            for waiver in waivers_of(item)
        ]
    try:
        ended = item["ended"]["M"]
        texts = {name: ended[name]["S"] for name in ("holder", "policyId", "how", "endedAt", "endedBy")}
    except KeyError as error:
        raise MalformedItem(f"the trace of a waiver has no {error}") from error
    (waiver,) = waivers_of({HOLDER: ended["holder"], "waivers": {"M": {texts["policyId"]: {"M": ended}}}})
    return [
        KeptWaiver(waiver=waiver, state=texts["how"], ended_at=texts["endedAt"], ended_by=texts["endedBy"])
    ]


def _change(  # noqa: PLR0913 - the change, and who made it
    dynamodb: DynamoDBClient,
    table: str,
    holder: str,
    policy_id: str,
    granted: Sequence[Waiver],
    *,
    by: str,
    replaces: bool = True,
) -> Change:
    for attempt in range(_ATTEMPTS):
        if attempt:
            time.sleep(random.uniform(0, _LONGEST_PAUSE_S))  # noqa: S311 - no secret
        read = get(dynamodb, table, {HOLDER: {"S": holder}})
        present = waivers_of(read) if read else ()
        others = [waiver for waiver in present if waiver.policy_id != policy_id]
        now = datetime.now(UTC)
        expired = [waiver for waiver in others if waiver.until <= now][:_MOST_TRACES]
        former = next((waiver for waiver in present if waiver.policy_id == policy_id), None)
        if former is None and not granted:
            return Change(former=None, expired=())
        if former is not None and not replaces and former.until > now:
            return Change(former=former, expired=(), is_kept=True)
        kept_ones = [waiver for waiver in others if waiver not in expired]
        traces = [_trace(waiver, "expired", now, by) for waiver in expired]
        if former is not None:
            how = "expired" if former.until <= now else "replaced" if granted else "revoked"
            traces.append(_trace(former, how, now, by))
        item = _item(read, kept_ones, granted)
        if replace(dynamodb, table, holder, "waivers", read=read, item=item, traces=traces):
            return Change(former=former, expired=tuple(expired))
    raise DynamoDbFailed(
        f'table "{table}": the waivers of "{holder}" were changed by someone else {_ATTEMPTS} times; try again'
    )


def _trace(waiver: Waiver, how: str, now: datetime, by: str) -> Item:
    at = now.isoformat(timespec="microseconds").replace("+00:00", "Z")
    ended = {
        **waiver_attributes(waiver),
        "holder": {"S": waiver.holder},
        "policyId": {"S": waiver.policy_id},
        "how": {"S": how},
        "endedAt": {"S": at},
        "endedBy": {"S": by},
    }
    return {
        HOLDER: {"S": f"{_ENDED}{at}:{uuid4().hex}"},
        "ended": {"M": ended},
        EXPIRES_AT: {"N": str(kept_until(now))},
    }


def _item(read: Item | None, kept: Sequence[Waiver], granted: Sequence[Waiver]) -> Item | None:
    """Return the item to write; what is kept of the one that was read stays as it is, to the last attribute."""
    if not (kept or granted):
        return None
    item = {**(read or {}), **waivers_item([*kept, *granted])}
    as_read = read["waivers"]["M"] if read else {}
    item["waivers"]["M"] |= {waiver.policy_id: as_read[waiver.policy_id] for waiver in kept}
    return item
