"""Names as policies compare them: without regard to case."""

from __future__ import annotations

# The service cuts user names at this length, so a longer name may begin in the same way.
_CUT_AT = 255


def lower_case(text: str) -> str:
    """Return text in lower case, except for characters that upper case would not restore.

    U+212A KELVIN SIGN, for example, stays as it is: as a ``k``, it would turn one user's name into another's.
    """
    return text.lower() if text.isascii() else "".join(map(_lower, text))


def is_name_of(username: str | None, text: str | None) -> bool:
    """Return whether text is the name of a user.

    It is if both are equal without regard to case. Nothing else counts as equal: ``alice`` is not
    ``alice@corp.example``, nor ``alice`` after a domain, because another domain may have an ``alice`` too. A name
    that is missing, blank, or so long that the service may have cut it equals nothing.
    """
    if not username or not text or len(username) != len(text):  # lower case is as long
        return False
    if len(username) >= _CUT_AT or username.isspace():
        return False
    return lower_case(username) == lower_case(text)


def _lower(character: str) -> str:
    lower = character.lower()
    return lower if lower.upper() == character else character
