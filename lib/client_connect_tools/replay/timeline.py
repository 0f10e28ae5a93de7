"""Counts over time, in as few intervals as a chart can show, whatever span the logs turn out to have."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable

Series = Literal["decisions", "changes", "denials by policy", "denials by platform"]

OTHERS = "others"
_MOST_INTERVALS = 120
_MOST_NAMES = 20
# Each is a multiple of the one before, so intervals can be merged.
_WIDTHS = (60, 300, 900, 3600, 10_800, 21_600, 86_400, 604_800)


@dataclass(slots=True)
class Timeline:
    """How often each name of each series occurred in each interval.

    Attributes:
        width: The seconds of an interval.
        counts: By the interval (its start, in units of ``width`` since 1970), the series and the name. A series
            has few names; those that first came up when it had enough are counted as ``others``.
    """

    width: int = _WIDTHS[0]
    counts: Counter[tuple[int, Series, str]] = field(default_factory=Counter)
    _names: dict[Series, set[str]] = field(default_factory=dict)
    _first: int | None = None
    _last: int | None = None
    _until: int = 0  # the first second with too many intervals

    def add(self, second: int, entries: Iterable[tuple[Series, str]]) -> None:
        """Count something that happened."""
        if self._first is None or self._last is None or not self._first <= second < self._until:
            self._reach(second, second)
        elif second > self._last:
            self._last = second
        interval = second // self.width
        for series, name in entries:
            self.counts[interval, series, self._name(series, name)] += 1

    def merge(self, other: Timeline) -> None:
        """Add what another timeline counted."""
        if other._first is None or other._last is None:
            return
        self._reach(other._first, other._last)
        while self.width < other.width:
            self._coarsen()
        for (interval, series, name), count in other.counts.items():
            start = interval * other.width // self.width
            self.counts[start, series, self._name(series, name)] += count

    def intervals(self) -> range:
        """Return every interval from the first to the last, the empty ones too."""
        if self._first is None or self._last is None:
            return range(0)
        return range(self._first // self.width, self._last // self.width + 1)

    def _reach(self, first: int, last: int) -> None:
        """Take in a span, in wider intervals if need be."""
        self._first = first if self._first is None else min(self._first, first)
        self._last = last if self._last is None else max(self._last, last)
        while len(self.intervals()) > _MOST_INTERVALS:
            self._coarsen()
        self._until = (self._first // self.width + _MOST_INTERVALS) * self.width

    def _coarsen(self) -> None:
        old, self.width = self.width, _wider(self.width)
        counts: Counter[tuple[int, Series, str]] = Counter()
        for (interval, series, name), count in self.counts.items():
            counts[interval * old // self.width, series, name] += count
        self.counts = counts

    def _name(self, series: Series, name: str) -> str:
        names = self._names.setdefault(series, set())
        if name not in names:
            if len(names) >= _MOST_NAMES:
                return OTHERS
            names.add(name)
        return name


def _wider(width: int) -> int:
    return next((candidate for candidate in _WIDTHS if candidate > width), width * 2)
