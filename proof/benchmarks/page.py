"""The table and the plot of docs/performance.md."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from proof.benchmarks.rows import Row

DOCS = Path(__file__).parents[2] / "docs"
PAGE = DOCS / "performance.md"
PLOT = DOCS / "images" / "performance.svg"
BEGIN, END = "<!-- written by make bench -->", "<!-- end of what make bench writes -->"


def write(rows: Sequence[Row]) -> None:
    """Renew both."""
    PAGE.write_text(with_table(PAGE.read_text("utf-8"), rows), "utf-8")
    draw([row for row in rows if row.ratio is not None])


def with_table(text: str, rows: Sequence[Row]) -> str:
    """Return the page's text with the table of these rows.

    Raises:
        ValueError: When the page does not say where the table begins and ends.
    """
    pattern = re.compile(f"{re.escape(BEGIN)}.*{re.escape(END)}", re.DOTALL)
    if not pattern.search(text):
        raise ValueError(f'the page has no "{BEGIN}" before an "{END}"')
    return pattern.sub(lambda _: f"{BEGIN}\n\n{table(rows)}\n\n{END}", text)


def table(rows: Sequence[Row]) -> str:
    """Return the findings as a table of Markdown."""
    verdicts = {True: "yes", False: "**no**", None: ""}
    lines = ["| | What | Compared with | Result | Asked for | Met |", "|---|---|---|---|---|---|"]
    topic = ""
    for row in rows:
        shown, topic = "" if row.topic == topic else row.topic, row.topic
        cells = (shown, row.what, row.baseline, row.result.strip(), row.bar, verdicts[row.met])
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def draw(rows: Sequence[Row]) -> None:
    """Draw the ratios: how many times as much ours takes; left of 1 it is quicker or smaller."""
    import matplotlib as mpl  # noqa: PLC0415 - takes a second, and the tables need none

    mpl.use("svg")
    from matplotlib import pyplot as plt  # noqa: PLC0415 - after its backend is chosen

    mpl.rcParams |= {"svg.hashsalt": "cdk-client-connect", "svg.fonttype": "none", "font.size": 9}
    figure, axes = plt.subplots(figsize=(9, 0.42 * len(rows) + 1))
    ratios = [row.ratio or 1 for row in rows]
    colours = ["#00796b" if ratio <= 1 else "#ef6c00" for ratio in ratios]
    bars = axes.barh(range(len(rows)), [ratio - 1 for ratio in ratios], left=1, color=colours)
    axes.bar_label(bars, [f"{ratio:.2f}" for ratio in ratios], padding=3)
    axes.set_yticks(range(len(rows)), [f"{row.topic}: {row.what}\nagainst {row.baseline}" for row in rows])
    axes.set_xscale("log")
    axes.set_xticks([0.2, 0.5, 1, 2, 5], ["0.2", "0.5", "1", "2", "5"])
    axes.set_xlim(min(0.15, *ratios) * 0.8, max(6, *ratios) * 1.4)
    axes.minorticks_off()
    axes.axvline(1, color="#424242", linewidth=1)
    axes.invert_yaxis()
    axes.set_xlabel("times as much as what it is compared with; less than 1 is quicker or smaller")
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(PLOT, bbox_inches="tight", metadata={"Date": None})
