"""Names that are not what they look like: something in them cannot be seen, or looks like another character.

Such as the mark of direction that Windows puts before a text copied from the dialog of a certificate.
"""

from __future__ import annotations

import re
from unicodedata import category, name, normalize

# Control and format characters, and every kind of space.
_INVISIBLE = frozenset({"Cc", "Cf", "Zl", "Zp", "Zs"})


def has_invisible_ends(text: str) -> bool:
    """Tell whether a text begins or ends with what cannot be seen; within it, some languages need that."""
    return any(category(character) in _INVISIBLE for character in (*text[:1], *text[-1:]))


_WORD = re.compile(r"[^\W\d_]+")
# Scripts with letters that look like Latin ones; a word of one of them alone is a word of its language.
_ALIKE = ("LATIN", "CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE", "COPTIC", "LISU")
# The letters of Cyrillic and Greek that make a whole word look Latin.
_LIKE_LATIN = frozenset(
    "\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0455\u0456\u0458\u04bb\u0501\u051b\u051d"
    "\u0410\u0412\u0415\u041a\u041c\u041d\u041e\u0420\u0421\u0422\u0423\u0425\u0405\u0406\u0408\u050c"
    "\u0391\u0392\u0395\u0396\u0397\u0399\u039a\u039c\u039d\u039f\u03a1\u03a4\u03a5\u03a7\u03bd\u03bf\u03c5"
)
_LIKE_ASCII = {
    "-": "\u02d7\u2010\u2011\u2012\u2013\u2212\ufe58\ufe63",
    "'": "\u02b9\u02bc\u2018\u2019\u2032",
    "/": "\u2044\u2215",
    "\\": "\u2216\ufe68",
    ":": "\u2236\ua789",
    "|": "\u2223",
    ".": "\u2024",
    ",": "\u201a",
}
_TO_ASCII = {ord(alike): usual for usual, all_alike in _LIKE_ASCII.items() for alike in all_alike}
_TO_ASCII |= dict.fromkeys((*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)), "")  # variation selectors
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
    letters = [letter for letter in text if letter.isalpha() and not letter.isascii()]
    return letters[0] if letters and _LIKE_LATIN.issuperset(letters) else ""


def usual_spelling(text: str) -> str:
    """Return a text as it is usually written where it looks the same, which is itself in most cases.

    In composed characters (NFC), with the keyboard's digits, hyphens and quotes, without variation selectors.
    """
    composed = normalize("NFC", text).translate(_TO_ASCII)
    return "".join(normalize("NFKC", each) if each.isdecimal() else each for each in composed)
