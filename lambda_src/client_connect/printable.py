"""Text that cannot disguise the line it is shown in."""

from __future__ import annotations

from client_connect.light_typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any


def printable(text: str) -> str:
    """Escape what could move the cursor, change the direction of the text or hide; lone surrogates too."""
    return text if text.isprintable() else "".join(map(_escape, text))


def printable_json(value: Any) -> Any:  # noqa: ANN401 - whatever JSON holds
    """Escape the texts in a value of JSON, and the names, some of them an inventory's."""
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, dict):
        return {printable(name): printable_json(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [printable_json(item) for item in value]
    return value


def _escape(character: str) -> str:
    return character if character.isprintable() else character.encode("unicode_escape").decode()
