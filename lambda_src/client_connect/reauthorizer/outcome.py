"""The outcome of a run of the re-authorizer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from client_connect.reauthorizer.scan import Scan


@dataclass(slots=True, kw_only=True)
class Outcome:
    """The outcome of a run.

    Attributes:
        state: ``complete``; ``nothing decided`` when it saw all connections and could decide none of them, or found
            none of its endpoints; ``unfinished`` when its time was used up; ``another run is at work`` when there was
            nothing to do; ``superseded`` when a run by other policies or settings took over.
        scan: The scan, unless another run is at work.
        scanned: Whether the scan is complete.
        cap_exceeded: Whether the policies deny more connections than may be terminated, so none of these was.
        most: How many of the connections that the policies deny the scan might terminate.
        counted: How many such connections count towards that: of a user or a device, 5.
        recent: How many such connections earlier scans terminated within the window; they count toward the same limit.
        waiting: How many connections beyond the limit of a user have to wait until the window allows more.
        waits_until: Until when, in seconds since 1970, what the policies deny is only reported, because they have just
            changed; ``None`` when it is not.
        discarded: Why a saved scan could not be gone on with, when it could not be read.
        terminated: How many connections were terminated; under ``dry_run`` would have been.
        ended: How many were terminated in fact, even in a dry run: there, the blocked ones.
        by_policies: How many of these because the policies deny them, not for a block or a limit.
        failures: How many could not be terminated.
        missing: The endpoints that do not exist.
        problems: Why a source of facts was unavailable, by its name.
    """

    state: str = "complete"
    scan: Scan | None = None
    scanned: bool = False
    cap_exceeded: bool = False
    most: int | None = None
    counted: int = 0
    recent: int = 0
    waiting: int = 0
    waits_until: float | None = None
    discarded: str = ""
    terminated: int = 0
    ended: int = 0
    by_policies: int = 0
    failures: int = 0
    missing: list[str] = field(default_factory=list)
    problems: dict[str, str] = field(default_factory=dict)
