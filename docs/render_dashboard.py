"""Draws the dashboard of the first example in operations.md, from its synthesized template, as an SVG.

    python docs/render_dashboard.py

writes docs/images/dashboard.svg.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from html import escape
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
PICTURE = HERE / "images" / "dashboard.svg"

COLUMN, ROW, GAP = 45, 34, 6  # pixels of the grid
LINE = 15
LETTER = 8  # of the widest fonts
INK, FAINT, PAPER, EDGE = "#16191f", "#5f6b7a", "#ffffff", "#d5dbdb"
COLORS = ("#1f77b4", "#ff7f0e", "#2ca02c", "#d62728", "#9467bd", "#8c564b", "#e377c2", "#7f7f7f")


def example() -> str:
    """Return the first example of operations.md."""
    text = (HERE / "operations.md").read_text("utf-8")
    return re.findall(r"```python\n(.*?)```", text, re.DOTALL)[0]


def widgets() -> list[dict[str, Any]]:
    """Synthesize the example, without bundling, and return the widgets of its dashboard."""
    with tempfile.TemporaryDirectory() as folder:
        context = json.dumps({"aws:cdk:bundling-stacks": []})
        subprocess.run(
            [sys.executable, "-c", example()],
            env={**os.environ, "CDK_OUTDIR": folder, "CDK_CONTEXT_JSON": context},
            check=True,
        )
        template = json.loads((Path(folder) / "Vpn.template.json").read_text("utf-8"))
    (dashboard,) = (
        each for each in template["Resources"].values() if each["Type"] == "AWS::CloudWatch::Dashboard"
    )
    return widgets_of(dashboard["Properties"]["DashboardBody"])


def widgets_of(body: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the widgets of a body, with references written as their names."""
    text = "".join(part if isinstance(part, str) else _name(part) for part in body["Fn::Join"][1])
    found: list[dict[str, Any]] = json.loads(text)["widgets"]
    return found


def _name(reference: dict[str, Any]) -> str:
    ((_, target),) = reference.items()
    return target if isinstance(target, str) else target[0]


def picture(found: list[dict[str, Any]]) -> str:
    """Draw the widgets where they are."""
    height = max(widget["y"] + widget["height"] for widget in found) * ROW + GAP
    width = 24 * COLUMN + GAP
    drawn = "\n".join(line for widget in found for line in _widget(widget))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-size="12" '
        f'font-family="Helvetica, Arial, sans-serif" fill="{INK}">\n'
        f'<rect width="{width}" height="{height}" fill="#f2f3f3"/>\n{drawn}\n</svg>\n'
    )


def _widget(widget: dict[str, Any]) -> list[str]:
    x, y = widget["x"] * COLUMN + GAP, widget["y"] * ROW + GAP
    width, height = widget["width"] * COLUMN - GAP, widget["height"] * ROW - GAP
    properties = widget["properties"]
    kind = properties.get("view") if widget["type"] == "metric" else widget["type"]
    inside = {
        "alarm": _alarms,
        "singleValue": _numbers,
        "timeSeries": _graph,
        "log": _table,
        "text": _text,
    }[str(kind)]
    return [
        f'<g transform="translate({x} {y})">',
        f'<rect width="{width}" height="{height}" rx="4" fill="{PAPER}" stroke="{EDGE}"/>',
        _words(12, 20, properties.get("title", ""), bold=True),
        *inside(properties, width, height),
        "</g>",
    ]


def _alarms(properties: dict[str, Any], width: int, height: int) -> list[str]:
    names = [re.sub(r"^Monitoring|[0-9A-F]{8}$", "", name) for name in properties["alarms"]]
    columns = 6
    box = (width - 24 + GAP) // columns
    rows = -(-len(names) // columns)
    row = (height - 34) // rows
    drawn = []
    for number, name in enumerate(names):
        left, top = 12 + number % columns * box, 30 + number // columns * row
        size = f'width="{box - GAP}" height="{row - GAP}"'
        drawn.append(f'<rect x="{left}" y="{top}" {size} rx="2" fill="#eaf6ed" stroke="#2ca02c"/>')
        drawn.append(_words(left + 8, top + row // 2 + 1, _shortened(name, (box - 20) // LETTER), size=11))
    return drawn


def _numbers(properties: dict[str, Any], width: int, height: int) -> list[str]:
    labels = _labels(properties)
    column = (width - 24) // len(labels)
    return [
        part
        for number, label in enumerate(labels)
        for part in (
            _words(12 + number * column, height - 34, "—", size=24, color=COLORS[number % len(COLORS)]),
            _words(12 + number * column, height - 14, _shortened(label, column // 7), color=FAINT),
        )
    ]


def _graph(properties: dict[str, Any], width: int, height: int) -> list[str]:
    labels = _labels(properties)
    rows = _legend(labels, width - 24)
    bottom = height - 12 - LINE * len(rows)
    lines = properties.get("annotations", {}).get("horizontal", [])
    drawn = [_line(12, bottom, width - 12)]
    drawn += [_line(12, level, width - 12, faint=True) for level in range(bottom - 24, 36, -24)]
    for number, line in enumerate(lines):
        level = 48 + number * 18
        drawn.append(
            f'<path d="M 12 {level} H {width - 12}" stroke="{line["color"]}" stroke-dasharray="5 4" fill="none"/>'
        )
        drawn.append(_words(18, level - 4, f"{line['label']}: {line['value']}", size=11, color=line["color"]))
    number = 0
    for row, texts in enumerate(rows):
        left, base = 12, bottom + 4 + LINE * (row + 1) - 4
        for text, room in texts:
            color = _color(properties["metrics"][number], number)
            drawn.append(f'<rect x="{left}" y="{base - 8}" width="9" height="9" fill="{color}"/>')
            drawn.append(_words(left + 13, base, text, size=11, color=FAINT))
            left, number = left + room, number + 1
    return drawn


def _legend(labels: list[str], width: int) -> list[list[tuple[str, int]]]:
    """Break the labels into lines, each with the room that it takes."""
    rows: list[list[tuple[str, int]]] = [[]]
    for label in labels:
        room = 26 + len(label) * (LETTER - 1)
        if rows[-1] and sum(taken for _, taken in rows[-1]) + room > width:
            rows.append([])
        rows[-1].append((label, room))
    return rows


def _table(properties: dict[str, Any], width: int, height: int) -> list[str]:
    columns = _columns(properties["query"])
    room = (width - 24) // len(columns)
    drawn = [f'<rect x="8" y="32" width="{width - 16}" height="20" fill="#eaeded"/>']
    drawn += [
        _words(14 + number * room, 46, _shortened(column, room // LETTER), size=11, bold=True)
        for number, column in enumerate(columns)
    ]
    return drawn + [_line(8, level, width - 8) for level in range(74, height - 8, 22)]


def _columns(query: str) -> list[str]:
    """Return what a query shows: the last command that chooses fields."""
    lines = [line.strip() for line in query.split("\n|")]
    (*_, last) = [
        line for line in lines if line.startswith(("stats ", "fields ")) and "jsonParse" not in line
    ]
    names = re.sub(r"^(stats|fields) |`", "", last)
    shown, _, groups = names.partition(" by ")
    made = re.findall(r" as (\w+)", shown)
    return [*groups.split(", "), *made] if groups else names.split(", ")


def _text(properties: dict[str, Any], width: int, height: int) -> list[str]:
    del height
    heading, *lines = [line for line in properties["markdown"].splitlines() if line]
    texts = [re.sub(r"^- ", "• ", line.replace("`", "")) for line in lines]
    drawn = [_words(12, 20, heading.lstrip("# "), bold=True)]
    return drawn + [
        _words(14, 46 + 18 * number, _shortened(text, width // LETTER)) for number, text in enumerate(texts)
    ]


def _labels(properties: dict[str, Any]) -> list[str]:
    return [_label(metric) for metric in properties["metrics"]]


def _label(metric: list[Any]) -> str:
    options = metric[-1] if isinstance(metric[-1], dict) else {}
    label = str(options.get("label", metric[1] if len(metric) > 1 else ""))
    return "one line for each reason" if label.startswith("${") else label


def _color(metric: list[Any], number: int) -> str:
    options = metric[-1] if isinstance(metric[-1], dict) else {}
    return str(options.get("color", COLORS[number % len(COLORS)]))


def _shortened(text: str, length: int) -> str:
    return text if len(text) <= length else text[: max(1, length - 1)] + "…"


def _line(left: int, level: int, right: int, *, faint: bool = False) -> str:
    return f'<path d="M {left} {level} H {right}" stroke="{"#eef0f0" if faint else EDGE}" fill="none"/>'


def _words(  # noqa: PLR0913 - what a text has
    x: int, y: int, text: str, *, size: int = 12, bold: bool = False, color: str = INK
) -> str:
    weight = ' font-weight="bold"' if bold else ""
    return f'<text x="{x}" y="{y}" font-size="{size}"{weight} fill="{color}">{escape(text)}</text>'


if __name__ == "__main__":
    PICTURE.write_text(picture(widgets()), "utf-8")
