"""The time of a run of the re-authorizer: it ends by itself, early enough."""

from __future__ import annotations

import pytest

from client_connect.reauthorizer.deadline import Deadline, OutOfTime


def test_what_is_left_is_what_lambda_gives_but_for_a_reserve() -> None:
    """Time that is just enough is enough, and one that is too short is not waited for."""
    slept: list[float] = []
    deadline = Deadline(lambda: 25_000, reserve_s=20, sleep=slept.append)
    assert (deadline.until_killed, deadline.seconds) == (25, 5)
    deadline.pause(5)
    with pytest.raises(OutOfTime):
        deadline.pause(5.001)
    assert slept == [5]


@pytest.mark.parametrize(("milliseconds", "is_enough"), [(20_500, True), (20_000, True), (19_999, False)])
def test_a_run_ends_when_only_the_reserve_is_left(milliseconds: int, is_enough: bool) -> None:  # noqa: FBT001
    """It needs 20 seconds to end cleanly."""
    deadline = Deadline(lambda: milliseconds)
    if is_enough:
        deadline.require()
    else:
        with pytest.raises(OutOfTime):
            deadline.require()
