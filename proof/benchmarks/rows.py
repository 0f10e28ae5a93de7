"""The rows of the table in docs/performance.md."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from proof.benchmarks.measuring import number, ratio, ratios

if TYPE_CHECKING:
    from proof.benchmarks.measuring import Sample


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One finding.

    Attributes:
        topic: What it is about, such as ``Cold start``.
        what: What was measured.
        baseline: What it is compared with; empty when it is a number by itself.
        result: The ratio, or the number with its unit.
        bar: What it has to be; empty when nothing is asked.
        met: Whether it is; ``None`` without a bar.
        ratio: The ratio for the plot; ``None`` without one.
    """

    topic: str
    what: str
    baseline: str = ""
    result: str
    bar: str = ""
    met: bool | None = None
    ratio: float | None = None

    def __str__(self) -> str:
        compared = f" against {self.baseline}" if self.baseline else ""
        verdict = "" if self.met is None else f" ({self.bar}: {'met' if self.met else 'NOT MET'})"
        return f"{self.topic}: {self.what}{compared}: {self.result}{verdict}"


def compared(  # noqa: PLR0913 - one keyword per cell
    topic: str, what: str, ours: Sample, baseline: str, theirs: Sample, *, at_most: float | None = None
) -> Row:
    """Return the row of how many times as much as another thing ours takes, and print both."""
    print(f"  {what}: {ours}\n  {baseline}: {theirs}")
    found = ratio(ours, theirs)
    around = ratios(ours, theirs)
    highest = around.median + around.spread  # what the spread does not exclude
    within = f"no difference beyond the spread, at most {highest:.2f} times"
    row = Row(
        topic=topic,
        what=what,
        baseline=baseline,
        result=within if found is None else f"{found:.2f} times",
        bar="" if at_most is None else f"at most {at_most} times",
        met=None if at_most is None else (found or highest) <= at_most,
        ratio=found,
    )
    print(row, flush=True)
    return row


def faster(  # noqa: PLR0913 - one keyword per cell
    topic: str, what: str, ours: Sample, baseline: str, theirs: Sample, *, at_least: float | None = None
) -> Row:
    """Return the row of how many times as long as ours another thing takes, and print both."""
    print(f"  {what}: {ours}\n  {baseline}: {theirs}")
    found = ratio(theirs, ours)
    row = Row(
        topic=topic,
        what=what,
        baseline=baseline,
        result="no difference beyond the spread" if found is None else f"{found:.2f} times as fast",
        bar=_at_least(at_least),
        met=None if at_least is None else found is not None and found >= at_least,
        ratio=None if found is None else 1 / found,
    )
    print(row, flush=True)
    return row


def _at_least(number: float | None) -> str:
    if number is None:
        return ""
    return "faster" if number == 1 else f"at least {number} times as fast"


def limited(topic: str, what: str, value: float, unit: str, *, at_most: float | None = None) -> Row:
    """Return the row of a number by itself, and print it."""
    row = Row(
        topic=topic,
        what=what,
        result=f"{number(value)} {unit}",
        bar="" if at_most is None else f"at most {at_most:g} {unit}",
        met=None if at_most is None else value <= at_most,
    )
    print(row, flush=True)
    return row
