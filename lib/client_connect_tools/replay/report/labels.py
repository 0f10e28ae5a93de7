"""Text as it is shown. Names come from whoever connects, so nothing in them may act on a screen."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


def moment(time: datetime | None) -> str:
    """Write a time to the second, in UTC."""
    return "" if time is None else time.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def number(count: int) -> str:
    """Write a number with commas."""
    return f"{count:,}"


def share(count: int, total: int) -> str:
    """Write a part of a total in per cent, never rounded to all or nothing."""
    if not total or count in (0, total):
        return "100%" if count else "0%"
    percent = f"{100 * count / total:.1f}"
    return {"0.0": "<0.1", "100.0": ">99.9"}.get(percent, percent) + "%"
