"""Stacked bars over time, as SVG that needs no script."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from typing import TYPE_CHECKING

from client_connect.printable import printable
from client_connect_tools.replay.report.labels import number
from client_connect_tools.replay.timeline import OTHERS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from client_connect_tools.replay.timeline import Series, Timeline

_WIDTH, _HEIGHT, _LEFT, _TOP, _BOTTOM = 640, 220, 60, 10, 24
_PLOT_WIDTH, _PLOT_HEIGHT = _WIDTH - _LEFT, _HEIGHT - _TOP - _BOTTOM
_COLOURS = 8
_DAY = 86_400
_MOST_MARKS = 5
_NEAR_THE_EDGE = 0.08
_STEPS = (
    60,
    300,
    900,
    1800,
    3600,
    10_800,
    21_600,
    43_200,
    *(_DAY * days for days in (1, 2, 3, 7, 14, 28, 56)),
)
_ROUND = (1, 2, 4, 6, 8, 10, 12, 16, 20, 24, 30, 40, 50, 60, 80, 100)
# The meaning of a color in every chart of decisions.
_MEANINGS = {
    "allowed": "good",
    "newly allowed": "good",
    "denied": "bad",
    "newly denied": "bad",
    "undecidable": "open",
    OTHERS: "rest",
}


@dataclass(frozen=True, slots=True)
class _Chart:
    """One series: what is drawn, and how high."""

    timeline: Timeline
    series: Series
    names: tuple[str, ...]
    values: dict[tuple[int, str], int]
    highest: int

    @classmethod
    def of(cls, timeline: Timeline, series: Series) -> _Chart:
        """Choose what is shown by its own name, the largest first, and add up the rest."""
        totals: Counter[str] = Counter()
        for (_, of_series, name), count in timeline.counts.items():
            if of_series == series:
                totals[name] += count
        first = list(_MEANINGS)
        ranked = sorted(
            totals,
            key=lambda name: (name == OTHERS, first.index(name) if name in first else 0, -totals[name], name),
        )
        shown = ranked if len(ranked) <= _COLOURS else ranked[: _COLOURS - 1]
        values: Counter[tuple[int, str]] = Counter()
        heights: Counter[int] = Counter()
        for (interval, of_series, name), count in timeline.counts.items():
            if of_series == series:
                values[interval, name if name in shown else OTHERS] += count
                heights[interval] += count
        names = tuple(shown) if len(shown) == len(ranked) else (*(n for n in shown if n != OTHERS), OTHERS)
        return cls(timeline, series, names, dict(values), max(heights.values(), default=0))


def chart(timeline: Timeline, series: Series) -> str:
    """Return a figure of one series, with its legend; every name in it is escaped."""
    drawn = _Chart.of(timeline, series)
    title = f"<figcaption>{escape(series[0].upper() + series[1:])}</figcaption>"
    if not drawn.highest:
        return f'<figure>{title}<p class="none">None.</p></figure>'
    legend = "".join(
        f'<li><i class="{_colour(name, position)}"></i>{escape(printable(name))}</li>'
        for position, name in enumerate(drawn.names)
    )
    svg = (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(series)} over time">'
        f"{''.join(_axes(drawn))}{''.join(_bars(drawn))}</svg>"
    )
    return f'<figure>{title}{svg}<ul class="legend">{legend}</ul></figure>'


def _bars(drawn: _Chart) -> Iterator[str]:
    intervals = drawn.timeline.intervals()
    slot = _PLOT_WIDTH / len(intervals)
    width = min(slot * 0.86, 48)
    for position, interval in enumerate(intervals):
        x = _LEFT + position * slot + (slot - width) / 2
        bottom = float(_TOP + _PLOT_HEIGHT)
        for index, name in enumerate(drawn.names):
            count = drawn.values.get((interval, name), 0)
            if not count:
                continue
            height = count / _scale(drawn.highest) * _PLOT_HEIGHT
            bottom -= height
            label = escape(f"{_start(interval, drawn.timeline.width)}: {number(count)} {printable(name)}")
            yield (
                f'<rect class="{_colour(name, index)}" x="{x:.1f}" y="{bottom:.1f}" '
                f'width="{width:.1f}" height="{height:.1f}"><title>{label}</title></rect>'
            )


def _axes(drawn: _Chart) -> Iterator[str]:
    top = _scale(drawn.highest)
    for part in (0, 1, 2) if top % 2 == 0 else (0, 2):
        y = _TOP + _PLOT_HEIGHT * (1 - part / 2)
        yield f'<line x1="{_LEFT}" x2="{_WIDTH}" y1="{y:.1f}" y2="{y:.1f}"/>'
        yield f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{number(top * part // 2)}</text>'
    intervals, width = drawn.timeline.intervals(), drawn.timeline.width
    step = _step(len(intervals) * width)
    monday = 4 * _DAY if step % (7 * _DAY) == 0 else 0  # 1970 began on a Thursday
    first = -((monday - intervals.start * width) // step) * step + monday
    for second in range(first, intervals.stop * width, step):
        share = (second / width - intervals.start) / len(intervals)
        x = _LEFT + share * _PLOT_WIDTH
        anchor = "start" if share < _NEAR_THE_EDGE else "end" if share > 1 - _NEAR_THE_EDGE else "middle"
        label = datetime.fromtimestamp(second, UTC).strftime("%b %d" if step >= _DAY else "%b %d %H:%M")
        yield f'<text x="{x:.1f}" y="{_HEIGHT - 6}" text-anchor="{anchor}">{label}</text>'


def _scale(highest: int) -> int:
    """Return the next number that reads well at the top of an axis."""
    unit = max(1, int(10.0 ** (len(str(highest)) - 2)))
    return next(step * unit for step in _ROUND if step * unit >= highest)


def _step(span: int) -> int:
    """Return the seconds between two marks of the time axis."""
    return next(
        (step for step in _STEPS if span // step <= _MOST_MARKS), -(-span // _MOST_MARKS // _DAY) * _DAY
    )


def _start(interval: int, width: int) -> str:
    form = "%Y-%m-%d" if width >= _DAY else "%Y-%m-%d %H:%M"
    return datetime.fromtimestamp(interval * width, UTC).strftime(form)


def _colour(name: str, position: int) -> str:
    return _MEANINGS.get(name) or f"c{position}"
