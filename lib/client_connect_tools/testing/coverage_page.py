"""The coverage of conditions as a page that stands by itself: the policies, with what no test covers."""

from __future__ import annotations

from html import escape
from importlib.resources import files
from string import Template
from typing import TYPE_CHECKING

from client_connect.printable import printable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from client_connect_tools.files.source import Source
    from client_connect_tools.testing.coverage import Condition, Coverage

_TITLES = {
    "": "true in a test and false in another",
    "never-true": "true in no test",
    "never-false": "false in no test",
    "never-reached": "reached in no test",
}


def page(coverage: Coverage, sources: Iterable[Source]) -> str:
    """Return the page."""
    template = Template(files(__package__).joinpath("coverage.html").read_text("utf-8"))
    rows = (
        f"<tr><td>{_html(id_)}</td><td>{each.covered} of {each.outcomes}</td><td>{each.percent:.0f} %</td></tr>"
        for id_, each in coverage.by_policy().items()
    )
    return template.substitute(
        summary=_html(summary(coverage)),
        rows="\n".join(rows),
        sources="\n".join(_source(each, coverage.conditions) for each in sources),
    )


def summary(coverage: Coverage) -> str:
    """Return a sentence on how much is covered."""
    count = len(coverage.conditions)
    return (
        f"coverage: {coverage.covered} of {coverage.outcomes} outcomes of {count} "
        f"condition{'' if count == 1 else 's'}, {coverage.percent:.0f} %"
    )


def _source(source: Source, conditions: Iterable[Condition]) -> str:
    here = [each for each in conditions if each.file == source.name and each.length]
    lines = source.text.split("\n")
    shown = (
        f'<li value="{number}">{_line(line, [each for each in here if each.line == number])}</li>'
        for number, line in enumerate(lines, start=1)
    )
    return f"<h2>{_html(source.name)}</h2>\n<ol>{''.join(shown)}</ol>"


def _line(line: str, conditions: list[Condition]) -> str:
    shown, end = [], 0
    for each in sorted(conditions, key=lambda each: each.column):
        start = each.column - 1
        if start < end:  # one that is written twice in a policy is found at its first place
            continue
        text = _html(line[start : start + each.length])
        shown.append(_html(line[end:start]))
        shown.append(f'<mark class="{each.rule or "covered"}" title="{_TITLES[each.rule]}">{text}</mark>')
        end = start + each.length
    return "".join([*shown, _html(line[end:])])


def _html(text: str) -> str:
    return escape(printable(text))
