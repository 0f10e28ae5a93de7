"""The texts that a formula has to know of: those in the policies, and one for everything else that a text can be.

Policies do nothing with a text but compare it, look for it in a set and match it with ``like``. So texts that match the
same patterns, and are none of those that are written in the policies, are all alike, and one of each kind stands for
them. Which kinds there are is found by a walk through all patterns at once, character by character.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING, TypeAlias

from cedarpy import pst

from client_connect.names import lower_case

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator

Pattern: TypeAlias = "tuple[str | None, ...]"
"""The characters of a pattern; ``None`` stands for any number of them."""
_States: TypeAlias = "tuple[frozenset[int], ...]"

# Steps of one walk, which are some seconds.
_LIMIT = 150_000
_OTHERS = "xyzqjvwkghu"
_CYRILLIC = range(0x430, 0x450)
# More characters without case than the policies can use.
_IDEOGRAPHS = range(0x4E00, 0xA000)


class TooManyPatterns(ValueError):
    """The patterns can be matched in so many ways that not all of them are found: nothing is proven by the others."""


def pattern(like: pst.Like) -> Pattern:
    """Return the pattern that a node matches with."""
    found: list[str | None] = []
    for each in like.pattern:
        found += [None] if isinstance(each, pst.Wildcard) else list(each.value)
    return tuple(found)


@lru_cache(maxsize=100_000)
def matches(wanted: Pattern, text: str) -> bool:
    """Tell whether a text matches a pattern."""
    return accepts(wanted, after(wanted, before(wanted), text))


def before(wanted: Pattern) -> frozenset[int]:
    """Return where in a pattern one can be before a text."""
    return _closed(wanted, {0})


def after(wanted: Pattern, places: frozenset[int], text: str) -> frozenset[int]:
    """Return where in a pattern one can be after more of a text."""
    for character in text:
        places = _step(wanted, places, character)
    return places


def accepts(wanted: Pattern, places: frozenset[int]) -> bool:
    """Tell whether a text that ends here matches a pattern."""
    return len(wanted) in places


@dataclass(slots=True)
class Texts:
    """Texts with their numbers.

    Attributes:
        texts: The texts, in the order of their numbers.
        numbers: The numbers.
    """

    texts: list[str] = field(default_factory=list)
    numbers: dict[str, int] = field(default_factory=dict)

    def add(self, text: str) -> int:
        """Return the number of a text, which is new if it has none."""
        number = self.numbers.setdefault(text, len(self.texts))
        if number == len(self.texts):
            self.texts.append(text)
        return number

    def those(self, allowed: Callable[[str], bool]) -> list[int]:
        """Return the numbers of some of the texts."""
        return [number for number, text in enumerate(self.texts) if allowed(text)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """The conditions of a text besides those that the patterns distinguish.

    Attributes:
        lower: In lower case, as ``client_connect.names`` has it.
        tidy: Without an asterisk, and without white space at its ends.
    """

    lower: bool = False
    tidy: bool = False

    def has(self, text: str) -> bool:
        """Tell whether a text is of this kind."""
        if self.lower and lower_case(text) != text:
            return False
        return not self.tidy or ("*" not in text and text.strip() == text)


def samples(
    patterns: Iterable[Pattern],
    *,
    taken: Collection[str],
    kind: Kind,
    count: int,
    any_case: bool,
) -> Iterator[str]:
    """Yield texts that are not taken, for each way to match the patterns.

    Args:
        patterns: The patterns.
        taken: Texts that are known already.
        kind: What the texts must be.
        count: How many are needed that match alike.
        any_case: Whether texts are also told apart by what they match in lower case.

    Raises:
        TooManyPatterns: When there are more than can be found.
    """
    wanted = list(dict.fromkeys(patterns))
    known = {each for one in wanted for each in one if each is not None}
    if any_case:
        known |= {other for each in known for other in (each.lower(), each.upper()) if len(other) == 1}
    used = known.union(*taken)
    fresh = list(islice(_fresh(used), 1))
    if any_case and not kind.lower:
        fresh.append(_fresh_capital(used))
    # White space is tidy between other characters.
    alphabet = [each for each in (*sorted(known), *fresh) if kind.has(each) or each.isspace()]
    walk = _Walk(wanted, alphabet, fresh, kind, any_case=any_case)
    yield from walk.texts(taken, count)


def spellings(text: str, patterns: Iterable[Pattern], *, taken: Collection[str], count: int) -> Iterator[str]:
    """Yield texts that are another one in lower case and are not taken, for each way to match patterns.

    Args:
        text: A text in lower case.
        patterns: The patterns.
        taken: Texts that are known already.
        count: How many are needed that match alike.
    """
    wanted = tuple(dict.fromkeys(patterns))
    most = count + sum(lower_case(each) == text for each in taken)
    level: dict[_States, list[str]] = {tuple(map(before, wanted)): [""]}
    for letter in text:
        following: dict[_States, list[str]] = {}
        for states, begun in level.items():
            for character in _cases(letter):
                reached = tuple(map(_step, wanted, states, [character] * len(wanted)))
                kept = following.setdefault(reached, [])
                kept += [each + character for each in begun][: most - len(kept)]
        level = following
    found: dict[_States, int] = {}
    for states, spelt in level.items():
        accepted = tuple(state & {len(one)} for one, state in zip(wanted, states, strict=True))
        for each in spelt:
            if each not in taken and found.get(accepted, 0) < count:
                found[accepted] = found.get(accepted, 0) + 1
                yield each


def _cases(letter: str) -> list[str]:
    upper = letter.upper()
    return [letter, upper] if upper != letter and lower_case(upper) == letter else [letter]


@dataclass(frozen=True, slots=True)
class _Way:
    """A way of a text to match the patterns, and be in lower case or not."""

    accepted: _States
    is_lower: bool


@dataclass(frozen=True, slots=True)
class _Begun:
    """The beginning of a text.

    Attributes:
        text: The text.
        states: Where in each pattern one can be.
        fresh: A character in it that no policy has; empty if all are used.
    """

    text: str
    states: _States
    fresh: str


class _Walk:
    """All texts at once, from the shortest on; only those are followed that match differently."""

    def __init__(
        self,
        patterns: list[Pattern],
        alphabet: list[str],
        fresh: Collection[str],
        kind: Kind,
        *,
        any_case: bool,
    ) -> None:
        self._patterns = patterns
        self._alphabet = alphabet
        self._fresh = fresh
        self._kind = kind
        self._any_case = any_case

    def texts(self, taken: Collection[str], count: int) -> Iterator[str]:
        """Yield the texts that are not taken."""
        found: dict[_Way, _Begun] = {}
        for begun in self._followed(1):
            way = self._way(begun)
            if way not in found or (begun.fresh and not found[way].fresh):
                found[way] = begun
        rare = set()
        for way, begun in found.items():
            if not begun.fresh:
                rare.add(way)
                continue
            # Where a pattern takes one such character, it takes any number of them; and a text with one is not taken.
            for number in range(1, count + 1):
                yield begun.text.replace(begun.fresh, begun.fresh * number, 1)
        if rare:
            yield from self._rare(rare, taken, count)

    def _rare(self, ways: set[_Way], taken: Collection[str], count: int) -> Iterator[str]:
        """Yield texts of the ways that no fresh character matches, so they may be taken."""
        letters = set(self._alphabet)
        known = [each for each in taken if letters.issuperset(each)]
        most = count + sum(_spellings(each) if self._any_case else 1 for each in known)
        found = dict.fromkeys(ways, 0)
        for begun in self._followed(most):
            way = self._way(begun)
            if found.get(way, count) >= count or begun.text in taken:
                continue
            if self._any_case and lower_case(begun.text) in taken:
                continue  # ``spellings`` finds these
            found[way] += 1
            yield begun.text

    def _followed(self, most: int) -> Iterator[_Begun]:
        """Yield texts that are of the kind, up to some of each that match alike so far."""
        seen: dict[object, int] = {}
        level = [_Begun("", tuple(map(before, self._patterns)) * (2 if self._any_case else 1), "")]
        steps = 0
        while level:
            following = []
            for begun in level:
                steps += len(self._alphabet)
                if steps > _LIMIT:
                    raise TooManyPatterns
                for longer in self._longer(begun):
                    last = longer.text[-1].isspace()
                    key = longer.states, bool(longer.fresh), last, lower_case(longer.text) == longer.text
                    if (count := seen.get(key, 0)) < most:
                        seen[key] = count + 1
                        following.append(longer)
                        if self._kind.has(longer.text):
                            yield longer
            level = following

    def _longer(self, begun: _Begun) -> Iterator[_Begun]:
        count = len(self._patterns)
        for character in self._alphabet:
            if not begun.text and self._kind.tidy and character.isspace():
                continue
            characters = [character] * count + [lower_case(character)] * (len(begun.states) - count)
            states = tuple(map(_step, self._patterns * 2, begun.states, characters))
            fresh = begun.fresh or (character if character in self._fresh else "")
            yield _Begun(begun.text + character, states, fresh)

    def _way(self, begun: _Begun) -> _Way:
        ends = [len(one) for one in self._patterns] * 2
        accepted = tuple(state & {end} for state, end in zip(begun.states, ends, strict=False))
        return _Way(accepted, not self._any_case or lower_case(begun.text) == begun.text)


def _spellings(text: str) -> int:
    """Return in how many ways letters can be in upper or lower case."""
    return 1 << min(_LIMIT.bit_length(), sum(len(_cases(each)) - 1 for each in lower_case(text)))


def _fresh_capital(used: Collection[str]) -> str:
    letters = (*_OTHERS, *map(chr, _CYRILLIC))
    found = next((each for each in letters if each not in used and each.upper() not in used), "")
    if not found:
        raise TooManyPatterns
    return found.upper()


def _fresh(used: Collection[str]) -> Iterator[str]:
    yield from (each for each in _OTHERS if each not in used)
    yield from (each for each in map(chr, _IDEOGRAPHS) if each not in used)


@lru_cache(maxsize=200_000)
def _step(wanted: Pattern, states: frozenset[int], character: str) -> frozenset[int]:
    reached = set()
    for each in states:
        if each < len(wanted) and wanted[each] is None:
            reached.add(each)
        elif each < len(wanted) and wanted[each] == character:
            reached.add(each + 1)
    return _closed(wanted, reached)


def _closed(wanted: Pattern, states: set[int]) -> frozenset[int]:
    for each in sorted(states):
        place = each
        while place < len(wanted) and wanted[place] is None:
            place += 1
            states.add(place)
    return frozenset(states)
