"""Names that are not what they look like: something at their ends cannot be seen, or a letter is of another script.

Such as the mark of direction that Windows puts before a text copied from the dialog of a certificate.
"""

from __future__ import annotations

import re
from unicodedata import category, name

# Control and format characters, and every kind of space.
_INVISIBLE = frozenset({"Cc", "Cf", "Zl", "Zp", "Zs"})


def has_invisible_ends(text: str) -> bool:
    """Tell whether a text begins or ends with what cannot be seen; within it, some languages need that."""
    return any(category(character) in _INVISIBLE for character in (*text[:1], *text[-1:]))


_WORD = re.compile(r"[^\W\d_]+")
# Scripts with letters that look like Latin ones; a word of one of them alone is a word of its language.
_ALIKE = ("LATIN", "CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE", "COPTIC", "LISU")
_DISGUISED = ("FULLWIDTH", "MATHEMATICAL", "MODIFIER")


def letter_of_another_script(text: str) -> str:
    """Return a letter that looks like one of its neighbors' script but is none, such as a Cyrillic one among Latin."""
    for word in _WORD.findall(text):
        if word.isascii():
            continue
        scripts = [(name(letter, "").partition(" ")[0], letter) for letter in word]
        disguised = [letter for script, letter in scripts if script in _DISGUISED]
        others = [letter for script, letter in scripts if script in _ALIKE and script != "LATIN"]
        is_mixed = len({script for script, _ in scripts if script in _ALIKE}) > 1
        if disguised or is_mixed:
            return str((disguised or others)[0])
    return ""
