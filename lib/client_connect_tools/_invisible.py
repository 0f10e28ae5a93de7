"""Names that are not what they look like, because something at their ends cannot be seen.

Such as the mark of direction that Windows puts before a text copied from the dialog of a certificate.
"""

from __future__ import annotations

from unicodedata import category

# Control and format characters, and every kind of space.
_INVISIBLE = frozenset({"Cc", "Cf", "Zl", "Zp", "Zs"})


def has_invisible_ends(text: str) -> bool:
    """Tell whether a text begins or ends with what cannot be seen; within it, some languages need that."""
    return any(category(character) in _INVISIBLE for character in (*text[:1], *text[-1:]))
