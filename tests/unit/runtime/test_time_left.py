"""The time of a run of the re-authorizer: it ends by itself, early enough."""

from __future__ import annotations

import pytest

from client_connect.reauthorizer.deadline import OutOfTime, TimeLeft


def test_what_is_left_is_what_lambda_gives_but_for_a_reserve() -> None:
    """Time that is just enough is enough, and one that is too short is not waited for."""
    slept: list[float] = []
    time_left = TimeLeft(lambda: 25_000, reserve_s=20, sleep=slept.append)
    assert (time_left.until_killed, time_left.seconds) == (25, 5)
    time_left.pause(5)
    with pytest.raises(OutOfTime):
        time_left.pause(5.001)
    assert slept == [5]


@pytest.mark.parametrize(("milliseconds", "is_enough"), [(20_500, True), (20_000, True), (19_999, False)])
def test_a_run_ends_when_only_the_reserve_is_left(milliseconds: int, is_enough: bool) -> None:  # noqa: FBT001
    """It needs 20 seconds to end cleanly."""
    time_left = TimeLeft(lambda: milliseconds)
    if is_enough:
        time_left.require()
    else:
        with pytest.raises(OutOfTime):
            time_left.require()
