"""The outcome of a run."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from client_connect_devices.differences import Kind
from client_connect_devices.listing import NAMED

if TYPE_CHECKING:
    from client_connect_devices.brake import Braked
    from client_connect_devices.differences import Planned
    from client_connect_devices.listing import Listing

_LONGEST_SHOWN = 200
_OF_LISTED = (Kind.TURNED, Kind.CHANGED, Kind.NEW)


@dataclass(slots=True)
class Outcome:
    """The findings and changes of a run, filled in step by step: the record of a failed run has those made by then.

    Attributes:
        source: The source's name.
        listing: The list; ``None`` before it is complete.
        known: How many devices of the source the inventory has.
        matched: How many of the listed devices it has.
        left_alone: How many listed devices have items that another writer wrote.
        left_alone_named: Some of them.
        malformed: How many items could not be read.
        missing: How many known devices are not listed, or no longer managed.
        braked: What was held back.
        planned: How many changes of each kind there are.
        written: How many of each kind were written.
        named: Some common names by the kind of change.
        is_complete: Whether the run did everything that it should.
        last_complete: When the last complete run ended.
    """

    source: str
    listing: Listing | None = None
    known: int = 0
    matched: int = 0
    left_alone: int = 0
    left_alone_named: list[str] = field(default_factory=list)
    malformed: int = 0
    missing: int = 0
    braked: Braked | None = None
    planned: Counter[str] = field(default_factory=Counter)
    written: Counter[str] = field(default_factory=Counter)
    named: dict[str, list[str]] = field(default_factory=dict)
    is_complete: bool = False
    last_complete: str = ""

    def leave_alone(self, common_name: str) -> None:
        """Count a device whose item another writer wrote."""
        self.left_alone += 1
        if len(self.left_alone_named) < NAMED:
            self.left_alone_named.append(shown(common_name))

    def plan(self, change: Planned) -> None:
        """Count a change, and name it if it is one of the first."""
        self.planned[change.kind.value] += 1
        names = self.named.setdefault(change.kind.value, [])
        if len(names) < NAMED:
            names.append(shown(change.common_name))

    @property
    def unchanged(self) -> int:
        """How many listed devices need no change."""
        listed = 0 if self.listing is None else len(self.listing)
        return max(0, listed - self.left_alone - sum(self.planned[kind.value] for kind in _OF_LISTED))

    def to_record(self) -> dict[str, Any]:
        """Return what the record of the run has."""
        record: dict[str, Any] = {
            "source": self.source,
            "complete": self.is_complete,
            "known": self.known,
            "matched": self.matched,
            "missing": self.missing,
            "planned": dict(self.planned),
            "written": dict(self.written),
            "named": self.named,
        }
        if self.listing is not None:
            record |= {
                "listed": self.listing.listed,
                "rejected": dict(self.listing.rejected.most_common(NAMED)),
                "rejectedDevices": self.listing.rejected_ids,
                "duplicates": {
                    shown(name): count for name, count in self.listing.duplicates.most_common(NAMED)
                },
                "repeated": self.listing.repeated,
                "checkedInInFuture": self.listing.future,
            }
        if self.left_alone:
            record["writtenByOthers"] = {"count": self.left_alone, "named": self.left_alone_named}
        if self.malformed:
            record["malformedItems"] = self.malformed
        if self.braked is not None and self.braked.is_engaged:
            record["brake"] = {
                "mostChanges": self.braked.most,
                "emptyList": self.braked.empty,
                "missing": self.braked.gone,
                "noLongerCompliant": self.braked.turned,
            }
        if self.last_complete:
            record["lastComplete"] = self.last_complete
        return record


def shown(common_name: str) -> str:
    """Return a common name as records have it: all names must fit into one line of the log."""
    return common_name if len(common_name) <= _LONGEST_SHOWN else f"{common_name[:_LONGEST_SHOWN]}..."
