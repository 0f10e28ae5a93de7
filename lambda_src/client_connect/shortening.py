"""How long a text is, and texts that are not too long."""

from __future__ import annotations

_ELLIPSIS = "…"


def length(text: str) -> int:
    """Return the number of UTF-16 code units, which is never less than the number of characters.

    AWS does not document which of the two its limits count.
    """
    return len(text) if text.isascii() else len(text) + sum(character > "\uffff" for character in text)


def cut(text: str, limit: int) -> str:
    """Return as much of the beginning of a text as the limit takes."""
    text = text[:limit]
    while length(text) > limit:
        text = text[:-1]
    return text


def shortened(text: str, limit: int) -> str:
    """Return a text that is not too long: cut between two words if possible, with an ellipsis at its end."""
    if length(text) <= limit:
        return text
    head = cut(text, limit - 1)
    if not text[len(head)].isspace():
        # Rather within a word than without most of the text.
        boundary = max(head.rfind(" "), head.rfind("\n"), head.rfind("\t"))
        head = head[:boundary] if 2 * boundary > len(head) else head
    return head.rstrip() + _ELLIPSIS
