"""Names of groups that are probably the same one, written in two ways."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_SHORTEST = 5
"""Shorter names may well differ by a letter."""

_LONGEST = 100


def similar(names: Iterable[str]) -> dict[str, str]:
    """Return names with another one that differs by case, by one letter, or by two that changed places.

    Names that differ by digits are different: there may be a "team-1" and a "team-2".

    Args:
        names: The names; the first of two that are alike stands for both.
    """
    seen: dict[str, str] = {}
    found: dict[str, str] = {}
    for name in dict.fromkeys(names):
        near = next((seen[key] for key in _keys(name) if key in seen and is_slip(name, seen[key])), None)
        if near is not None:
            found[name] = near
        for key in _keys(name):
            seen.setdefault(key, name)
    return found


def is_slip(one: str, other: str) -> bool:
    """Tell whether two names differ as little as by a slip."""
    if one == other:
        return False
    one, other = one.casefold(), other.casefold()
    if one == other:
        return True
    if min(len(one), len(other)) < _SHORTEST:
        return False
    start = _common(one, other)
    end = _common(one[start:][::-1], other[start:][::-1])
    rests = one[start : len(one) - end], other[start : len(other) - end]
    if any(character.isdigit() for rest in rests for character in rest):
        return False
    is_swap = len(rests[0]) == 2 and rests[0] == rests[1][::-1]  # noqa: PLR2004 - two that changed places
    return max(map(len, rests)) == 1 or is_swap


def _common(one: str, other: str) -> int:
    """Return how many characters two texts begin with alike."""
    for number, (left, right) in enumerate(zip(one, other, strict=False)):
        if left != right:
            return number
    return min(len(one), len(other))


def _keys(name: str) -> Iterator[str]:
    """Yield a name and all that remains of it without a character: what is alike has one of them in common."""
    text = name.casefold()[:_LONGEST]
    yield text
    for number in range(len(text)):
        yield text[:number] + text[number + 1 :]
