"""Markdown where no foreign text acts, as in a comment on a pull request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from client_connect.printable import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def markdown_text(text: str) -> str:
    """Return a text as it is: no markup, no mention of a user and no link."""
    shown = "".join(f"&#{ord(each)};" if each in "<>&@|`*_[]()#!~\\" else each for each in printable(text))
    return shown.replace("://", ":&#47;/")


def markdown_table(names: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table."""
    lines = [
        [*map(markdown_text, names)],
        ["---"] * len(names),
        *([*map(markdown_text, row)] for row in rows),
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
