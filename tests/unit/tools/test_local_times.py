"""Times as people read them."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest

from client_connect_tools.output.local_times import local_time, local_time_of

if TYPE_CHECKING:
    from collections.abc import Iterator

NOON = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)


@pytest.fixture
def zone() -> Iterator[pytest.MonkeyPatch]:
    """The clock of the machine, which a test may set."""
    with pytest.MonkeyPatch.context() as patch:
        yield patch
    time.tzset()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("UTC", "2026-07-01 12:00:00Z"),
        ("Europe/Berlin", "2026-07-01 14:00:00 CEST (2026-07-01 12:00:00Z)"),
        ("America/St_Johns", "2026-07-01 09:30:00 NDT (2026-07-01 12:00:00Z)"),
        ("Africa/Abidjan", "2026-07-01 12:00:00Z"),
    ],
)
def test_local_times_are_next_to_utc(name: str, expected: str) -> None:
    """Unless the clocks show the same."""
    assert local_time(NOON, ZoneInfo(name)) == expected
    assert local_time(NOON.astimezone(ZoneInfo("Asia/Tokyo")), ZoneInfo(name)) == expected


def test_without_a_zone_the_clock_of_the_machine_counts(zone: pytest.MonkeyPatch) -> None:
    """Whoever asks looks at that; UTC stays as commands take it."""
    zone.setenv("TZ", "XST-5:30")
    time.tzset()
    assert local_time(NOON, separator="T") == "2026-07-01 17:30:00 XST (2026-07-01T12:00:00Z)"
    assert local_time_of("2026-07-01T12:00:00.123+0000") == "2026-07-01 17:30:00 XST (2026-07-01T12:00:00Z)"


@pytest.mark.parametrize("at", [datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)])
@pytest.mark.parametrize("name", ["Asia/Tokyo", "America/New_York"])
def test_the_ends_of_the_calendar_have_some_time(at: datetime, name: str) -> None:
    """A table may hold anything."""
    assert local_time(at, ZoneInfo(name)).endswith(f"{at:%H:%M:%S}Z") or "(" in local_time(at, ZoneInfo(name))


def test_a_text_that_is_no_time_stays() -> None:
    """It may have been written by hand."""
    assert local_time_of("yesterday") == "yesterday"
    assert local_time_of("2026-07-01T12:00:00") == "2026-07-01T12:00:00"
