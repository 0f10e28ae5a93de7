"""Text that cannot disguise the line it is shown in."""

from __future__ import annotations


def printable(text: str) -> str:
    """Escape what could move the cursor, change the direction of the text or hide; lone surrogates too."""
    return text if text.isprintable() else "".join(map(_escape, text))


def _escape(character: str) -> str:
    return character if character.isprintable() else character.encode("unicode_escape").decode()
