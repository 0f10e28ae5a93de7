"""The brake on mass changes: a manager that suddenly knows a tenth of its devices is more likely broken than right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

WINDOW_S = 24 * 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Acted:
    """The changes of a run that took access away.

    Attributes:
        at: When, in seconds since 1970.
        gone: How many devices it marked as missing.
        turned: How many devices were no longer compliant.
    """

    at: int
    gone: int
    turned: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Brake:
    """How much may change within a day.

    Attributes:
        floor: How many devices may go, or turn, whatever their share.
        share: Which share of the known devices may.
    """

    floor: int = 5
    share: float = 0.1

    def decide(  # noqa: PLR0913 - one keyword per number
        self, *, known: int, listed: int, gone: int, turned: int, recent: Sequence[Acted], accepted: int
    ) -> Braked:
        """Decide what a run may do.

        Args:
            known: How many devices of the source the inventory has.
            listed: How many devices the manager lists that can be items.
            gone: How many of the known ones are not listed.
            turned: How many of them were compliant and no longer are.
            recent: What runs of the last day did.
            accepted: How many such changes an operator has accepted for this run.
        """
        most = max(self.floor, int(self.share * known))
        if accepted and gone + turned <= accepted:
            return Braked(most=most)
        # Of more changes than were accepted, none is.
        limit = 0 if accepted else most
        return Braked(
            most=most,
            empty=not listed,
            gone=bool(gone) and (not listed or gone + sum(each.gone for each in recent) > limit),
            turned=bool(turned) and turned + sum(each.turned for each in recent) > limit,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Braked:
    """The limits that a run must keep.

    Attributes:
        most: The limit.
        empty: Whether the list is empty.
        gone: Whether too many devices are gone, so none is marked.
        turned: Whether too many devices are no longer compliant, so none is changed.
    """

    most: int
    empty: bool = False
    gone: bool = False
    turned: bool = False

    @property
    def is_engaged(self) -> bool:
        """Whether anything is held back, or would be."""
        return self.empty or self.gone or self.turned


def recent_of(acted: Sequence[Acted], now: datetime) -> list[Acted]:
    """Return what was done within the last day."""
    since = now.timestamp() - WINDOW_S
    return [each for each in acted if each.at > since]
