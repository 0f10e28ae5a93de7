"""Benchmarks say no more than was measured, and the page says what they said."""

from __future__ import annotations

from itertools import count

import pytest

from proof.benchmarks.measuring import Sample, in_turn, ratio
from proof.benchmarks.page import BEGIN, END, PAGE, PLOT, table, with_table
from proof.benchmarks.rows import Row, compared, faster, limited


def around(centre: float, *, spread: float) -> Sample:
    """Return a sample whose middle half is this wide."""
    return Sample([centre - spread, centre - spread / 2, centre, centre + spread / 2, centre + spread])


def test_a_ratio_is_the_median_of_those_of_the_rounds() -> None:
    """A disturbance of a few rounds does not move it, and one of both sides neither."""
    assert ratio(Sample([2, 2, 2, 2, 99]), Sample([1, 1, 1, 1, 0.1])) == 2
    assert ratio(Sample([2, 4, 6, 8, 10]), Sample([1, 2, 3, 4, 5])) == 2


@pytest.mark.parametrize("noisy", ["ours", "theirs"])
def test_no_ratio_is_given_of_a_difference_within_the_spread(noisy: str) -> None:
    """It would say more than was measured."""
    spreads = {"ours": 0.01, "theirs": 0.01, noisy: 3}
    ours, theirs = around(12, spread=spreads["ours"]), around(10, spread=spreads["theirs"])
    assert ratio(ours, theirs) is None
    assert compared("Topic", "ours", ours, "theirs", theirs).result.startswith(
        "no difference beyond the spread"
    )


@pytest.mark.parametrize(
    ("ours", "spread", "met"),
    [(14, 0.1, True), (16, 0.1, False), (10, 0.1, True), (10, 4.9, True), (10, 5.1, False), (14, 5, False)],
)
def test_a_bar_is_met_only_when_the_spread_does_not_hide_a_miss(
    ours: float, spread: float, *, met: bool
) -> None:
    """Where no ratio can be given, the most that the spread allows has to be within the bar."""
    row = compared(
        "Topic", "ours", around(ours, spread=spread), "theirs", around(10, spread=0.1), at_most=1.5
    )
    assert row.met is met


def test_what_is_not_shown_to_be_faster_is_not_called_so() -> None:
    """The ratio of the plot is the other way round: how many times as much ours takes."""
    slow, quick = around(10, spread=1), around(5, spread=1)
    row = faster("Topic", "ours", quick, "theirs", slow, at_least=2)
    assert (row.result, row.met, row.ratio) == ("2.00 times as fast", True, 0.5)
    assert not faster("Topic", "ours", slow, "theirs", quick, at_least=1).met
    uneven = Sample([12, 8, 9.9, 11, 9])
    assert not faster("Topic", "ours", uneven, "theirs", slow, at_least=1).met


def test_a_number_of_its_own_has_its_bar() -> None:
    """Equal is met."""
    assert [limited("Topic", "size", size, "MB", at_most=6).met for size in (5.9, 6, 6.1)] == [
        True,
        True,
        False,
    ]


def test_things_are_measured_in_turn_after_a_warm_up() -> None:
    """A disturbance of the machine for a while disturbs both."""
    clock = count()
    found = in_turn({"a": lambda: next(clock), "b": lambda: next(clock)}, rounds=3, warm_up=2)
    assert (found["a"].values, found["b"].values) == ([4, 6, 8], [5, 7, 9])


def test_the_page_keeps_all_but_the_table() -> None:
    """Topics are named once; a missed bar stands out."""
    rows = [
        Row(
            topic="A",
            what="x",
            baseline="y",
            result="2.00 times",
            bar="at most 1.5 times",
            met=False,
            ratio=2.0,
        ),
        Row(topic="A", what="z", result="5 MB", bar="at most 6 MB", met=True),
    ]
    text = with_table(f"before\n{BEGIN}\nold\n{END}\nafter\n", rows)
    assert text == f"before\n{BEGIN}\n\n{table(rows)}\n\n{END}\nafter\n"
    assert (
        "| A | x | y | 2.00 times | at most 1.5 times | **no** |\n|  | z |  | 5 MB | at most 6 MB | yes |"
        in text
    )
    assert with_table(text, rows) == text
    with pytest.raises(ValueError, match="the page has no"):
        with_table("no table", rows)


@pytest.mark.parametrize(
    "topic", ["Cold start", "Decision", "Synthesis", "Bundle", "Replay", "Re-authorization", "Memory"]
)
def test_the_documented_table_has_every_topic(topic: str) -> None:
    """It was written by a whole run."""
    assert f"\n| {topic} | " in PAGE.read_text("utf-8").partition(BEGIN)[2].partition(END)[0]
    assert PLOT.is_file()
