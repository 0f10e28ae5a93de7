"""The name that was probably meant by one that nothing has."""

from __future__ import annotations

import difflib
from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

# With more or longer names, a file with many unknown ones would take hours.
_MOST_NAMES = 500
_MOST_CHARACTERS = 100


def nearest(name: str, known: Iterable[str]) -> str:
    """Return the known name that is most like another one, whatever the case; empty when none is like it.

    Args:
        name: The name that is not known; one of more than 100 characters is like none.
        known: The names that there are; the first 500 are compared.
    """
    if len(name) > _MOST_CHARACTERS:
        return ""
    by_lower = {each.lower(): each for each in islice(known, _MOST_NAMES)}
    near = difflib.get_close_matches(name.lower(), by_lower, n=1)
    return by_lower[near[0]] if near else ""
