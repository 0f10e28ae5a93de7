"""Cedar text split into its statements, so a finding can name the line: the engine reports none."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

# A semicolon ends a statement, except within a string or a comment, which therefore are tokens too. What is
# space and what ends a comment is as in Cedar: not the separators U+001C to U+001F, but a carriage return.
STRING = r'"[^"\\]*(?:\\.[^"\\]*)*"'
# One that nothing ends goes on to the end, or it would be looked for again from each quotation mark in it.
UNENDED_STRING = '".*'
_TOKEN = re.compile(
    rf"(?P<skip>[^\S\x1c-\x1f]+|//[^\r\n]*)|{STRING}|{UNENDED_STRING}|(?P<end>;)|.", re.DOTALL
)


@dataclass(frozen=True, slots=True)
class Statement:
    """One policy as it was written, with the place where it begins, counted from 1."""

    text: str
    line: int
    column: int


def statements(text: str) -> Iterator[Statement]:
    """Yield each statement of Cedar text, without the comments and space before it."""
    start, line, line_start, counted = None, 1, 0, 0
    for token in _TOKEN.finditer(text):
        if start is None:
            if token["skip"]:
                continue
            start = token.start()
            line += text.count("\n", counted, start)
            line_start = max(line_start, text.rfind("\n", counted, start) + 1)
            counted = start
        if token["end"]:
            yield Statement(text[start : token.end()], line, start - line_start + 1)
            start = None
    if start is not None:
        yield Statement(text[start:], line, start - line_start + 1)
