"""Cedar text split into its statements, so that a finding can name the line: the engine reports none."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

# A semicolon ends a statement, except within a string or a comment, which therefore are tokens too. What is
# space and what ends a comment is as in Cedar: not the separators U+001C to U+001F, but a carriage return.
_TOKEN = re.compile(r'(?P<skip>[^\S\x1c-\x1f]+|//[^\r\n]*)|"(?:\\.|[^"\\])*"|(?P<end>;)|.', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Statement:
    """One policy as it was written, with the place where it begins, counted from 1."""

    text: str
    line: int
    column: int


def statements(text: str) -> Iterator[Statement]:
    """Yield each statement of Cedar text, without the comments and space before it."""
    start = None
    for token in _TOKEN.finditer(text):
        if start is None:
            if token["skip"]:
                continue
            start = token.start()
        if token["end"]:
            yield _statement(text, start, token.end())
            start = None
    if start is not None:
        yield _statement(text, start, len(text))


def _statement(text: str, start: int, end: int) -> Statement:
    line_start = text.rfind("\n", 0, start) + 1
    return Statement(text[start:end], text.count("\n", 0, start) + 1, start - line_start + 1)
