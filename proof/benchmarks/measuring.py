"""Samples of times and memory, and ratios of them that are only given where the spread allows it."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


@dataclass(frozen=True, slots=True)
class Sample:
    """The repeated measurements of one subject.

    Attributes:
        values: The measurements, in one unit.
        unit: The unit.
    """

    values: Sequence[float]
    unit: str = "ms"

    @property
    def median(self) -> float:
        """The median."""
        return statistics.median(self.values)

    @property
    def spread(self) -> float:
        """The width of the middle half."""
        return self.percentile(75) - self.percentile(25)

    def percentile(self, number: int) -> float:
        """Return a percentile, from 1 to 99."""
        return statistics.quantiles(self.values, n=100, method="inclusive")[number - 1]

    def __str__(self) -> str:
        low, high = number(self.percentile(25)), number(self.percentile(75))
        return (
            f"median {number(self.median)} {self.unit}, middle half {low} to {high}, {len(self.values)} times"
        )


def number(value: float) -> str:
    """Return a number with three digits, or all of them before the point."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"  # noqa: PLR2004 - three digits


def ratios(of: Sample, to: Sample) -> Sample:
    """Return how many times as much one is, measurement by measurement: what disturbed both does not count."""
    return Sample([one / other for one, other in zip(of.values, to.values, strict=True)], "times")


def ratio(of: Sample, to: Sample) -> float | None:
    """Return how many times as much one is; ``None`` where the spread of that is larger than the difference."""
    found = ratios(of, to)
    return None if abs(found.median - 1) <= found.spread else found.median


def in_turn(
    calls: Mapping[str, Callable[[], float]], *, rounds: int, warm_up: int, unit: str = "ms"
) -> dict[str, Sample]:
    """Measure several things in turn, so whatever disturbs one disturbs all.

    Args:
        calls: What to measure, by name; each returns one measurement.
        rounds: How many measurements of each are kept.
        warm_up: How many are made before and thrown away.
        unit: The unit of the measurements.
    """
    values: dict[str, list[float]] = {name: [] for name in calls}
    for number in range(warm_up + rounds):
        for name, call in calls.items():
            value = call()
            if number >= warm_up:
                values[name].append(value)
    return {name: Sample(found, unit) for name, found in values.items()}


def timed(call: Callable[[], object]) -> Callable[[], float]:
    """Return what makes a call and returns its milliseconds."""

    def measure() -> float:
        started = perf_counter()
        call()
        return (perf_counter() - started) * 1000

    return measure
