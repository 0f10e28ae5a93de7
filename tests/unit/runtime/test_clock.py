"""The clock: at the very moment, when summer time begins and ends, when it jumps, and when it is wrong."""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime, timedelta, tzinfo
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from client_connect import Authorizer, Device
from client_connect.handler import ConnectHandler
from client_connect.settings import ERROR_DENIAL, Settings
from client_connect.sources.deadlines import Deadlines
from client_connect.sources.fact_sources import FactSources
from client_connect.sources.items import device_item, waivers_item
from client_connect.waiver import Waiver
from client_connect_tools import Hours, Period, Rules
from tests.support.events import assert_valid, connect_handler, event
from tests.support.fact_sources import WAIVABLE, handler_with, inventory
from tests.support.oracle import clean_record

if TYPE_CHECKING:
    from tests.support.log_lines import Log

pytestmark = pytest.mark.usefixtures("silent")

BERLIN = ZoneInfo("Europe/Berlin")
DATE = datetime(2026, 12, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
FROM_THE_DATE_ON = """
@id("later") permit (principal, action, resource) when { context.time.now >= datetime("2026-12-01T00:00:00Z") };
"""


class Clock:
    """The system's clock as the runtime sees it; every look at it may move it.

    Attributes:
        now: What it shows.
        step: By how much each look moves it.
    """

    def __init__(self) -> None:
        self.now = DATE
        self.step = timedelta(0)

    def look(self, zone: tzinfo | None = None) -> datetime:
        """Return what it shows."""
        shown, self.now = self.now, self.now + self.step
        return shown.astimezone(zone)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """A clock in place of the system's, wherever the runtime looks at it."""
    clock = Clock()
    system, seconds = datetime, time.time

    class Datetime(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Any:
            return clock.look(tz)

    def patched() -> float:
        return clock.look(UTC).timestamp()

    modules = [module for name, module in sys.modules.items() if name.split(".")[0] == "client_connect"]
    for module in modules:
        for name, value in list(vars(module).items()):
            if value is system:
                monkeypatch.setattr(module, name, Datetime)
            if value is seconds:
                monkeypatch.setattr(module, name, patched)
    monkeypatch.setattr(time, "time", patched)
    return clock


def at(time: str) -> datetime:
    """Return a moment of UTC."""
    return datetime.fromisoformat(time).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "allowed"),
    [
        (DATE - timedelta(days=365), False),
        (DATE - timedelta(milliseconds=1), False),
        (DATE - MICROSECOND, False),
        (DATE, True),
        (DATE + MICROSECOND, True),
        (DATE + timedelta(days=365), True),
        (DATE.astimezone(BERLIN), True),
        ((DATE - MICROSECOND).astimezone(BERLIN), False),
    ],
    ids=str,
)
def test_a_date_in_a_policy_is_met_at_the_moment_itself(
    log: Log, clock: Clock, now: datetime, *, allowed: bool
) -> None:
    """Not a thousandth of a second sooner, and by the moment, not by what some zone's clock shows."""
    clock.now = now
    assert connect_handler(FROM_THE_DATE_ON, time_zone=BERLIN)(event())["allow"] is allowed
    assert datetime.fromisoformat(log.record()["at"]) == now.replace(
        microsecond=now.microsecond // 1000 * 1000
    )


FROM_TWO_TO_THREE = Rules(hours=[Hours(days=["sat", "sun"], start="02:00", end="03:00")]).to_cedar()
MOMENTS = {
    # Summer time begins: at 02:00 it is 03:00, so hour is missing.
    "2026-03-28T00:59:59": False,
    "2026-03-28T01:00:00": True,
    "2026-03-28T01:59:59": True,
    "2026-03-28T02:00:00": False,
    "2026-03-29T00:59:59": False,
    "2026-03-29T01:00:00": False,
    "2026-03-29T01:59:59": False,
    # It ends: at 03:00 it is 02:00 again, so the hour is there twice.
    "2026-10-24T23:59:59": False,
    "2026-10-25T00:00:00": True,
    "2026-10-25T00:59:59": True,
    "2026-10-25T01:00:00": True,
    "2026-10-25T01:59:59": True,
    "2026-10-25T02:00:00": False,
}


@pytest.mark.parametrize("now", MOMENTS)
def test_hours_are_those_of_the_clock_on_the_wall(log: Log, clock: Clock, now: str) -> None:
    """In Berlin, an hour of the night is missing in spring, and is there twice in autumn."""
    clock.now = at(now)
    assert connect_handler(FROM_TWO_TO_THREE, time_zone=BERLIN)(event())["allow"] is MOMENTS[now]
    assert log.record()["level"] == "INFO"


@pytest.mark.parametrize(
    ("now", "weekday"),
    [
        ("2026-03-28T22:59:59", 6),
        ("2026-03-28T23:00:00", 7),
        ("2026-03-29T21:59:59", 7),
        ("2026-03-29T22:00:00", 1),
    ],
)
def test_days_are_those_of_the_zone(log: Log, clock: Clock, now: str, weekday: int) -> None:
    """The Sunday on which summer time begins is an hour shorter, and its midnights are at different hours of UTC."""
    clock.now = at(now)
    policies = (
        f'@id("day") permit (principal, action, resource) when {{ context.time.weekday == {weekday} }};'
    )
    assert connect_handler(policies, time_zone=BERLIN)(event())["allow"]
    assert log.record()["decision"]["determining"] == ["day"]


def test_a_clock_that_jumps_back_between_two_invocations(log: Log, clock: Clock) -> None:
    """Each connection is decided with the clock's time then; nothing is remembered of before."""
    handler = connect_handler(FROM_THE_DATE_ON)
    shown = [DATE, DATE - timedelta(hours=1), DATE - timedelta(days=20_000), DATE]
    allowed = []
    for clock.now in shown:
        allowed.append(handler(event())["allow"])
    assert allowed == [True, False, False, True]
    records = log.records()
    assert [datetime.fromisoformat(record["at"]) for record in records] == shown
    assert [record["_aws"]["Timestamp"] for record in records] == [
        int(now.timestamp() * 1000) for now in shown
    ]


@pytest.mark.parametrize("step", [timedelta(hours=-1), timedelta(days=-1), timedelta(days=1)], ids=str)
@pytest.mark.parametrize(
    "sent", [event(), event(public_ip="nonsense"), None], ids=["valid", "invalid", "null"]
)
def test_a_clock_that_jumps_within_an_invocation(
    log: Log, clock: Clock, step: timedelta, sent: object
) -> None:
    """The decision reads it once, and the record has that time; the duration is measured without it."""
    clock.step = step
    devices = inventory(("d", device_item("laptop-1", Device(compliant=True))))
    handler = handler_with(devices, FROM_THE_DATE_ON)
    answer = handler(sent)
    assert_valid(answer, sent)
    record = clean_record(log)
    assert 0 <= record["DecisionTime"] < 10_000
    at = datetime.fromisoformat(record["at"])
    assert record["_aws"]["Timestamp"] == int(at.timestamp() * 1000)
    assert answer["allow"] is ("decision" in record and at >= DATE)


WAIVER = Waiver(policy_id="strict", until=DATE, reason="", approved_by="", holder="user:bob")


@pytest.mark.parametrize(
    ("now", "allowed"),
    [
        (DATE - timedelta(days=9), True),
        (DATE - MICROSECOND, True),
        (DATE, False),
        (DATE + MICROSECOND, False),
    ],
    ids=str,
)
def test_a_waiver_ends_at_the_moment_itself(log: Log, clock: Clock, now: datetime, *, allowed: bool) -> None:
    """Up to its last microsecond it counts."""
    clock.now = now
    handler = handler_with(inventory(("w", waivers_item([WAIVER]))), WAIVABLE)
    assert handler(event())["allow"] is allowed
    assert log.record()["decision"]["waived"] == (["strict"] if allowed else [])


ALL_THAT_ASKS_FOR_THE_TIME = Rules(
    hours=[Hours(days=["mon", "sun"], start="22:00", end="06:00")],
    maintenance=[Period(start=DATE, end=DATE + timedelta(hours=1))],
    days_since_last_seen=30,
).to_cedar()
ZONES = ("UTC", "Europe/Berlin", "Pacific/Kiritimati", "Pacific/Pago_Pago", "America/St_Johns")


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize(
    "now",
    [
        datetime(1970, 1, 1, tzinfo=UTC),
        datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
        datetime(1900, 1, 2, tzinfo=UTC),
        datetime(2038, 1, 19, 3, 14, 8, tzinfo=UTC),
        datetime(9999, 12, 30, 23, 59, 59, 999_999, tzinfo=UTC),
    ],
    ids=str,
)
def test_a_clock_that_is_wrong_by_centuries_is_decided_by(
    log: Log, clock: Clock, now: datetime, zone: str
) -> None:
    """No policy errs for it, whatever it asks of the time, of a waiver's and of when a device was seen."""
    clock.now = now
    item = device_item("laptop-1", Device(compliant=True, last_seen=DATE))
    around = FactSources(
        time_zone=ZoneInfo(zone),
        inventory=inventory(("d", item), ("w", waivers_item([WAIVER]))),
        deadlines=Deadlines(),
    )
    handler = ConnectHandler(Authorizer(ALL_THAT_ASKS_FOR_THE_TIME).decide, Settings(), sources=around)
    assert_valid(handler(event()), event())
    record = clean_record(log)
    assert (record["decision"]["errors"], record["level"]) == ([], "INFO")
    assert record["_aws"]["Timestamp"] == int(now.timestamp() * 1000)


@pytest.mark.parametrize("now", [datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)], ids=str)
@pytest.mark.parametrize("zone", ZONES)
def test_a_clock_at_the_end_of_the_calendar_is_answered(
    log: Log, clock: Clock, now: datetime, zone: str
) -> None:
    """Where the zone has no such day left, that is an error like any other: a denial with a record."""
    clock.now = now
    answer = connect_handler(ALL_THAT_ASKS_FOR_THE_TIME, time_zone=ZoneInfo(zone))(event())
    assert_valid(answer, event())
    record = clean_record(log)
    try:
        now.astimezone(ZoneInfo(zone))
    except OverflowError:
        assert answer["error-msg-on-denied-connection"] == ERROR_DENIAL
        assert record["error"]["type"] == "OverflowError"
    else:
        assert record["decision"]["errors"] == []


def test_a_clock_that_cannot_be_read_is_answered(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the year 9999 Python has no time: a denial, with a message."""

    def look(_zone: tzinfo | None = None) -> datetime:
        raise ValueError("year 10000 is out of range")

    monkeypatch.setattr(clock, "look", look)
    assert connect_handler(FROM_THE_DATE_ON)(event())["error-msg-on-denied-connection"] == ERROR_DENIAL
