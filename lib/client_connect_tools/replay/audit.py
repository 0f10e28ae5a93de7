"""Which logged connections a question is about, and what their clients were answered."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from client_connect_tools.replay.deciding.decider import Decider
from client_connect_tools.replay.reading.logs import Reader, SessionEnd, Skipped, entries

if TYPE_CHECKING:
    from datetime import datetime, tzinfo

    from client_connect import Facts
    from client_connect_tools.replay.reading.facts import Attempt


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A connection that a question is about.

    Attributes:
        facts: What is logged of it.
        answered: Whether the client was let in: by the connection log where it has the connection, else by what the
            handler told.
        allowed: Whether the policies of that time allowed it; in shadow mode a client is let in whatever they say.
        determining: The ids of the policies that decided then.
        unknown: The facts that the logs lack to decide whether the question is about it; empty where it is.
        ended: When the session ended, where the logs have it.
    """

    facts: Facts
    answered: bool
    allowed: bool
    determining: tuple[str, ...]
    unknown: tuple[str, ...] = ()
    ended: datetime | None = None

    @property
    def key(self) -> str:
        """The connection's id."""
        return self.facts.request.connection_id


class Audit:
    """Finds connections in blocks of logs.

    Args:
        condition: A Cedar policy that applies where the question's condition holds.
        custom: What ``context.custom`` is, as ``Authorizer`` takes it.
        networks: The table of the named networks, as ``Authorizer`` takes it.
        time_zone: The zone of the policies' clock. Default: the records', else ``default_zone``.
        default_zone: The zone of connection logs, which have none. Default: UTC.

    Attributes:
        connections: How many there are in the logs.
        unreadable: How many of them cannot be read.
        understood: How many entries of the last block such logs hold.
        unknown: How many they do not.
        groups: All that decision records name.
    """

    def __init__(
        self,
        condition: str,
        *,
        custom: str | None = None,
        networks: bytes | None = None,
        time_zone: tzinfo | None = None,
        default_zone: tzinfo | None = None,
    ) -> None:
        self._decider = Decider(condition, custom=custom, networks=networks)
        self._reader = Reader(time_zone, default_zone)
        self._found: dict[str, Found] = {}
        self._not_meant: set[str] = set()
        self._answers: dict[str, bool] = {}
        self._ends: dict[str, datetime] = {}
        self._seen: set[str] = set()
        self.unreadable: int = 0
        self.understood: int = 0
        self.unknown: int = 0
        self.groups: set[str] = set()

    def block(self, block: bytes) -> None:
        """Look at a block of whole lines."""
        self.understood = self.unknown = 0
        lines = block.decode("utf-8", "surrogateescape").split("\n")
        for entry in entries(lines, reader=self._reader):
            if isinstance(entry, Skipped):
                self._skip(entry)
            else:
                self.understood += 1
                self._attempt(entry)

    @property
    def connections(self) -> int:
        """How many there are."""
        return len(self._seen)

    def found(self) -> list[Found]:
        """Return what the question is about, and what may be, in the order of time."""
        found = [
            replace(each, ended=self._ends.get(key), answered=self._answers.get(key, each.answered))
            for key, each in self._found.items()
            if key not in self._not_meant
        ]
        return sorted(found, key=lambda each: (each.facts.now, each.key))

    def _skip(self, entry: Skipped) -> None:
        self.unreadable += entry.is_attempt
        is_known = entry.is_understood or entry.is_attempt
        self.understood += is_known
        self.unknown += not is_known
        if isinstance(entry, SessionEnd) and entry.ended is not None:
            self._ends[entry.connection_id] = entry.ended

    def _attempt(self, attempt: Attempt) -> None:
        key = attempt.facts.request.connection_id
        self._seen.add(key)
        is_record = not attempt.missing
        if is_record:
            self.groups.update(attempt.facts.request.groups)
        else:
            self._answers[key] = attempt.allowed
        verdict = self._decider.decide(attempt.facts, attempt.missing)
        if verdict.allowed is False:
            # A record has every fact, so it says more of a connection than a connection log does.
            self._not_meant |= {key} if is_record else set()
            return
        missing = tuple(sorted({name for names in verdict.missing for name in names}))
        known = self._found.get(key)
        if known is None or is_record or (known.unknown and not missing):
            self._found[key] = Found(
                facts=attempt.facts,
                answered=attempt.allowed if attempt.answered is None else attempt.answered,
                allowed=attempt.allowed,
                determining=attempt.determining,
                unknown=missing if verdict.allowed is None else (),
            )
