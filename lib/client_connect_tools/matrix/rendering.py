"""The rows of a matrix as Markdown, as a page and as JSON."""

from __future__ import annotations

import json
from html import escape
from importlib.resources import files
from string import Template
from typing import TYPE_CHECKING

from client_connect.printable import printable
from client_connect_tools.output.markdown import markdown_table, markdown_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from client_connect_tools.matrix.rows import Decided, Row, Table

_WHEN = {1: ("decision",), 2: ("before", "after")}


def note(table: Table) -> str:
    """Return what the table leaves out, in sentences."""
    sentences = []
    if table.ignored:
        sentences.append(f"It makes no difference which {', '.join(table.ignored)}.")
    if table.fixed:
        fixed = ", ".join(f"{axis} is {value}" for axis, value in table.fixed.items())
        sentences.append(f"In every row, {fixed}.")
    sentences.append("Groups are taken one at a time, and nothing is waived.")
    return " ".join(sentences)


def header(table: Table, sets: int) -> list[str]:
    """Return the names of the columns."""
    return [*table.columns, *_WHEN[sets], *(["decided by"] if table.by_policy else [])]


def cells(table: Table, row: Row) -> list[str]:
    """Return the texts of a row."""
    return [*row.values, *(each.word for each in row.decided), *([_by(row)] if table.by_policy else [])]


def messages(table: Table) -> list[str]:
    """Return the message of each policy that denies in the table."""
    return [f"{id_}: {message}" for id_, message in table.messages.items()]


def _by(row: Row) -> str:
    """Return who decides; of a comparison both, where they differ."""
    return " → ".join(dict.fromkeys(each.policies for each in row.decided))


def markdown(table: Table, sets: int) -> str:
    """Return a table in Markdown, as a comment on a pull request shows it."""
    return markdown_table(header(table, sets), (cells(table, row) for row in table.rows))


def markdown_messages(table: Table) -> list[str]:
    """Return the message of each denial, as a list."""
    return [f"- {markdown_text(each)}" for each in messages(table)]


def html(table: Table, sets: int, title: str, more: str = "") -> str:
    """Return a complete page, with more of it as HTML at the end."""
    names = header(table, sets)
    template = Template(files(__package__).joinpath("html.html").read_text("utf-8"))
    return template.substitute(
        title=_html(title),
        note=_html(note(table)),
        head="".join(f"<th>{_html(name)}</th>" for name in names),
        body="\n".join(_html_row(table, row, names) for row in table.rows),
        messages="\n".join(f"<li>{_html(text)}</li>" for text in messages(table)),
        more=more,
    )


def html_section(title: str, names: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a further table with its title."""
    head = "".join(f"<th>{_html(name)}</th>" for name in names)
    lines = (
        "".join(
            f'<td data-name="{_html(name)}">{_html(text)}</td>' for name, text in zip(names, row, strict=True)
        )
        for row in rows
    )
    body = "".join(f"<tr>{line}</tr>" for line in lines)
    return (
        f'<h2>{_html(title)}</h2>\n<div class="scroll"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>\n"
    )


def html_paragraph(title: str, text: str) -> str:
    """Return a further paragraph with its title."""
    return f"<h2>{_html(title)}</h2>\n<p>{_html(text)}</p>\n"


def _html_row(table: Table, row: Row, names: list[str]) -> str:
    decisions = set(_WHEN[len(row.decided)])
    shown = []
    for name, text in zip(names, cells(table, row), strict=True):
        kind = f' class="{text}"' if name in decisions else ""
        shown.append(f'<td data-name="{_html(name)}"{kind}>{_html(text)}</td>')
    return f"<tr>{''.join(shown)}</tr>"


def _html(text: str) -> str:
    return escape(printable(text))


def as_json(table: Table, more: Mapping[str, object] | None = None) -> str:
    """Return the rows as JSON, with more keys."""
    rows = [
        {"cases": dict(zip(table.columns, row.values, strict=True)), "cells": row.cells}
        | dict(zip(_WHEN[len(row.decided)], map(_json, row.decided), strict=True))
        for row in table.rows
    ]
    content = {
        "columns": table.columns,
        "noDifference": table.ignored,
        "fixed": dict(table.fixed),
        "rows": rows,
    }
    return json.dumps(content | dict(more or {}), indent=2)


def _json(decided: Decided) -> dict[str, object]:
    return {"allow": decided.allowed, "policies": decided.policies, "message": decided.message}
