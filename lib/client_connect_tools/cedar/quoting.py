"""Pieces of Cedar text."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from client_connect_tools.files.hidden_characters import has_hidden_characters

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

# Cedar nests every `||` one level deeper than the one before it, and the engine takes at most 100 levels. No one reads
# what is long line by line; in small groups it nests less, and is parsed and decided faster.
_TERMS, _MANY, _TERMS_OF_MANY = 20, 400, 4
_OPERATOR = re.compile(r" (&&|\|\||[=!<>]=|[<>]|in|has) ")


def quote(text: str) -> str:
    """Return text as a Cedar string literal."""
    return '"' + "".join(map(_escape, text)) + '"'


def escaped(text: str) -> str:
    """Return text for a comment, without characters that disguise it."""
    return "".join(each if _is_shown(each) else _escape(each) for each in text)


def _escape(character: str) -> str:
    if character in '"\\':
        return f"\\{character}"
    return character if _is_shown(character) else f"\\u{{{ord(character):x}}}"


def _is_shown(character: str) -> bool:
    return character.isprintable() and (character.isascii() or not has_hidden_characters(character))


def texts(values: Iterable[str]) -> str:
    """Return a set of strings."""
    return f"[{', '.join(quote(value) for value in sorted(set(values)))}]"


def groups(names: Iterable[str]) -> str:
    """Return a set of groups."""
    return f"[{', '.join(f'ClientVpn::Group::{quote(name)}' for name in sorted(set(names)))}]"


def instant(time: datetime) -> str:
    """Return a moment."""
    text = time.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds")
    return f'datetime("{text}Z")'


def all_of(conditions: Sequence[str]) -> str:
    """Return the condition that all of the conditions hold, which are comparisons or in parentheses."""
    return " && ".join(conditions)


def none_of(conditions: Sequence[str]) -> str:
    """Return the condition that none of the conditions holds, whatever they are made of."""
    condition = any_of(conditions)
    return f"!({condition})" if _OPERATOR.search(condition) else f"!{condition}"


def any_of(conditions: Sequence[str]) -> str:
    """Return the condition that one of the conditions holds, whatever they are made of."""
    if len(conditions) > 1:
        conditions = [
            f"({condition})" if " && " in condition or " || " in condition else condition
            for condition in conditions
        ]
    terms = _TERMS if len(conditions) <= _MANY else _TERMS_OF_MANY
    while len(conditions) > terms:
        conditions = [
            f"({' || '.join(conditions[first : first + terms])})"
            for first in range(0, len(conditions), terms)
        ]
    return " || ".join(conditions)
