"""Which of the registry's connections EC2 knows to be open: what it may leave out, and the moments that count."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from client_connect.sources import open_connections
from client_connect.sources.connection_registry import OtherConnection
from client_connect.sources.open_connections import OpenConnections, QueriesPaused, TooManyConnections
from tests.support.fact_sources import SteppingClock

if TYPE_CHECKING:
    from collections.abc import Iterator

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
LONG_AGO = NOW - timedelta(hours=1)


class Ec2:
    """EC2's answers, one call after the other."""

    exceptions = SimpleNamespace(ClientError=ClientError)

    def __init__(self, *answers: dict[str, Any] | Exception) -> None:
        self._answers: Iterator[dict[str, Any] | Exception] = iter(answers)

    def describe_client_vpn_connections(self, **_: Any) -> dict[str, Any]:
        """Return or raise the next answer."""
        answer = next(self._answers)
        if isinstance(answer, Exception):
            raise answer
        return answer


def source(*answers: dict[str, Any] | Exception) -> OpenConnections:
    """Return what queries this EC2."""
    found = OpenConnections()
    found.__dict__["_client"] = Ec2(*answers)
    return found


def other(name: str = "a", *, allowed: datetime = LONG_AGO) -> OtherConnection:
    """Return a connection of the registry."""
    return OtherConnection(connection_id=name, endpoint_id="cvpn-endpoint-1", allowed=allowed)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SteppingClock:
    """Return a clock that only steps."""
    stepping = SteppingClock(NOW)
    monkeypatch.setattr(open_connections, "datetime", stepping)
    return stepping


@pytest.mark.parametrize(
    ("answer", "number"),
    [
        ({}, 0),
        ({"Connections": []}, 0),
        ({"Connections": [{"ConnectionId": "a"}]}, 1),
        ({"Connections": [{"ConnectionId": "a", "Status": {}}]}, 1),
        ({"Connections": [{"ConnectionId": "a", "Status": {"Code": "active"}}]}, 1),
        ({"Connections": [{"ConnectionId": "a", "Status": {"Code": "failed-to-terminate"}}]}, 1),
        ({"Connections": [{"ConnectionId": "a", "Status": {"Code": "terminated"}}]}, 0),
    ],
)
def test_a_listed_connection_is_open_unless_it_has_ended(answer: dict[str, Any], number: int) -> None:
    """A status that EC2 leaves out is one that is not known."""
    assert source(answer).count([other()]) == number


def test_a_connection_counts_for_half_a_minute_before_ec2_lists_it(clock: SteppingClock) -> None:
    """Then it never came up."""
    since = other(allowed=clock.time - timedelta(seconds=30))
    assert source({}).count([since]) == 0
    clock.time -= timedelta(microseconds=1)
    assert source({}).count([since]) == 1


def test_after_a_failed_call_ec2_is_left_alone_for_ten_seconds(clock: SteppingClock) -> None:
    """And after one that succeeded it is queried at once."""
    failing = source(ClientError({"Error": {"Code": "Throttling"}}, "Describe"), {}, {})
    with pytest.raises(ClientError):
        failing.count([other()])
    clock.time += timedelta(seconds=9.999)
    with pytest.raises(QueriesPaused) as paused:
        failing.count([other()])
    assert str(paused.value) == "EC2 did not answer a moment ago, so it is not queried for 10 seconds"
    clock.time += timedelta(seconds=0.001)
    assert [failing.count([other()]), failing.count([other()])] == [0, 0]


def test_a_thousand_connections_are_looked_at_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """The number is named."""
    monkeypatch.setattr(open_connections, "_MOST_CONNECTIONS", 2)
    assert source({}).count([other("a"), other("b")]) == 0
    with pytest.raises(TooManyConnections, match=r"^the registry has 3, more than 2$"):
        source({}).count([other("a"), other("b"), other("c")])
