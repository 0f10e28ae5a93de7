"""Messages with placeholders, such as ``{username}``, filled with the facts of a connection.

A value may come from a user. So it is printable, makes no command of a message, and leaves the rest of the message its
space. ``{{`` and ``}}`` are literal braces.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from client_connect.response import MAX_MESSAGE_LENGTH
from client_connect.shortening import length, shortened

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from client_connect.facts import Facts

CUSTOM = "custom."
# Each with the space that is kept for it; a connection's ID has 33 characters.
PLACEHOLDERS = {"connection-id": 40, "username": 24, "common-name": 24}
_RESERVED = 24

_PARTS = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]|[^{}]+")
_BRACES = {"{{": "{", "}}": "}"}
_UNKNOWN = "-"
_MORE = " …"

_TEMPORARY, _CHALLENGE = "TEMP", "CRV1:"
_BEGINNING = re.compile(r"\A[\s\x00-\x1f\x7f-\x9f]+")
_NO_COMMAND = "VPN: "


class Part(NamedTuple):
    """A part of a message.

    Attributes:
        text: What it says, or a placeholder as it is written.
        placeholder: The name of a placeholder.
        is_stray: Whether it is a brace that belongs to nothing.
    """

    text: str
    placeholder: str | None = None
    is_stray: bool = False

    @property
    def reserved(self) -> int:
        """The space that is kept for it."""
        return (
            length(self.text) if self.placeholder is None else PLACEHOLDERS.get(self.placeholder, _RESERVED)
        )


def parts(message: str) -> Iterator[Part]:
    """Split a message into literal text and placeholders."""
    for match in _PARTS.finditer(message):
        text = match[0]
        yield Part(_BRACES.get(text, text), match[1], is_stray=text in ("{", "}"))


def command_in(message: str) -> str:
    """Return what OpenVPN clients would read as a command, or an empty string.

    After a message that begins with ``TEMP``, clients from 2.6 on connect again by themselves; OpenVPN 3 ignores white
    space before it, and in an answer control characters are spaces. ``CRV1:`` opens a dialog; OpenVPN GUI looks for it
    anywhere in the message.
    """
    if _BEGINNING.sub("", message).startswith(_TEMPORARY):
        return _TEMPORARY
    return _CHALLENGE if _CHALLENGE in message else ""


def composed(messages: Sequence[str], facts: Facts, limit: int = MAX_MESSAGE_LENGTH) -> str:
    """Return several messages as one text, with the values of their placeholders.

    If not everything fits, whole messages are left out rather than cut, and an ellipsis shows it. Which ones depends on
    their own length only, never on a value.
    """
    filled = [_filled(message, facts) for message in messages]
    text = " ".join(each.text for each in filled)
    if length(text) <= limit:
        return text
    chosen, left = [], limit + 1
    for each in filled:
        if each.reserved < left:
            chosen.append(each)
            left -= each.reserved + 1
    if not chosen:
        return shortened(filled[0].text, limit)
    more = _MORE if len(chosen) < len(filled) and left >= len(_MORE) else ""
    shares = _shares([piece for each in chosen for piece in each.pieces], limit - len(chosen) + 1 - len(more))
    return (
        " ".join("".join(shortened(piece.text, next(shares)) for piece in each.pieces) for each in chosen)
        + more
    )


class _Piece(NamedTuple):
    """Text as it is shown, and the space that is kept for it."""

    text: str
    reserved: int


class _Filled(NamedTuple):
    """A message with its values."""

    pieces: list[_Piece]

    @property
    def text(self) -> str:
        return "".join(piece.text for piece in self.pieces)

    @property
    def reserved(self) -> int:
        return sum(piece.reserved for piece in self.pieces)


def _filled(message: str, facts: Facts) -> _Filled:
    pieces, written = [], []
    for part in parts(message):
        value = None if part.placeholder is None else _value(part.placeholder, facts)
        written.append(part.text if value is None else "\0")
        pieces.append(_Piece(part.text, length(part.text)) if value is None else _Piece(value, part.reserved))
    filled, by_author = _Filled(pieces), command_in("".join(written))
    if command_in(filled.text) == by_author:
        return filled
    if command_in(filled.text) == _CHALLENGE:  # made of a value and the text next to it
        return _Filled(
            [
                piece._replace(text=_UNKNOWN) if text == "\0" else piece
                for piece, text in zip(pieces, written, strict=True)
            ]
        )
    return _Filled([_Piece(_NO_COMMAND, length(_NO_COMMAND)), *pieces])


def _value(placeholder: str, facts: Facts) -> str | None:
    """Return the value of a placeholder; ``None`` if there is no such placeholder."""
    request, value = facts.request, None
    match placeholder:
        case "connection-id":
            value = request.connection_id
        case "username":
            value = request.username
        case "common-name":
            value = request.common_name
        case _ if placeholder.startswith(CUSTOM):
            value = (facts.custom or {}).get(placeholder.removeprefix(CUSTOM))
        case _:
            return None
    if isinstance(value, bool) or not isinstance(value, str | int):
        return _UNKNOWN
    text = "".join(character if character.isprintable() else "?" for character in str(value).strip())
    return text.replace(_CHALLENGE, "CRV1 :") or _UNKNOWN


def _shares(pieces: Sequence[_Piece], space: int) -> Iterator[int]:
    """Yield how much of each piece is shown: what is kept for it, and a fair part of what others leave."""
    lengths = [length(piece.text) for piece in pieces]
    given = [min(length(piece.text), piece.reserved) for piece in pieces]
    left = space - sum(given)
    by_need = sorted(range(len(pieces)), key=lambda number: lengths[number] - given[number])
    for place, number in enumerate(by_need):
        more = min(lengths[number] - given[number], left // (len(pieces) - place))
        given[number] += more
        left -= more
    yield from given
