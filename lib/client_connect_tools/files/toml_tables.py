"""TOML tables, read key by key: errors are noted, not raised, and all reported at once."""

from __future__ import annotations

import difflib
import json
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_T = TypeVar("_T")
_KINDS = {
    str: "a text",
    bool: "a boolean",
    int: "a number",
    float: "a number",
    list: "a list",
    dict: "a table",
}
# More than any policy reads, and no more than can be shown in a message.
_LONGEST_NUMBER = 1024  # bits
_DEEPEST = 32
TOO_DEEP = "it has tables or lists that are nested too deeply; leave some levels out"
# Within these, every instant exists in every time zone.
_YEARS = range(1970, 9999)


def extremes(document: Mapping[str, object]) -> Iterator[str]:
    """Yield values that cannot be read or shown: numbers without an end, and tables in tables in tables."""
    level: list[object] = [document]
    for _ in range(_DEEPEST):
        level = [item for value in level for item in _items(value)]
        if any(isinstance(item, int) and item.bit_length() > _LONGEST_NUMBER for item in level):
            yield "it has a whole number of hundreds of digits; give a smaller one"
            return
    if any(map(_items, level)):
        yield TOO_DEEP


def _items(value: object) -> Iterable[object]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


@dataclass(frozen=True, slots=True)
class TomlTable:
    """A table, with the list that its problems are added to.

    Attributes:
        values: What it holds.
        problems: What is wrong, each naming its key.
        path: What the names of its keys begin with.
    """

    values: Mapping[str, object]
    problems: list[str]
    path: str = ""

    def note(self, key: str, problem: str) -> None:
        """Note what is wrong with a key."""
        self.problems.append(f'"{self.path}{key}" {problem}')

    def require_known(self, allowed: Iterable[str]) -> None:
        """Note every key that is not among the allowed ones."""
        names = list(allowed)
        for key in self.values:
            if key not in names:
                self.note(key, f"is not known; {_advice(key, names)}")

    def text(self, key: str) -> str | None:
        """Return a text, or ``None`` when it is missing or wrong."""
        return self._typed(key, str, "a text")

    def one_of(self, key: str, allowed: Iterable[str]) -> str | None:
        """Return one of some texts, or ``None`` when it is missing or wrong."""
        names = list(allowed)
        wanted = " or ".join(json.dumps(name) for name in names)
        text = self._typed(key, str, wanted)
        if text is None or text in names:
            return text
        self.note(key, f"is {literal(text)}; give {wanted}")
        return None

    def flag(self, key: str) -> bool | None:
        """Return a boolean, or ``None`` when it is missing or wrong."""
        return self._typed(key, bool, "true or false")

    def number(self, key: str) -> int | None:
        """Return an integer, or ``None`` when it is missing or wrong."""
        return self._typed(key, int, "a whole number")

    def texts(self, key: str) -> tuple[str, ...] | None:
        """Return a list of texts, or ``None`` when it is missing or wrong."""
        values = self._typed(key, list, 'a list of texts, such as ["one", "two"]')
        if values is None:
            return None
        for value in values:
            if not isinstance(value, str):
                self.note(key, f"has {_described(value)}; every entry must be a text")
                return None
        return tuple(values)

    def instant(self, key: str) -> datetime | None:
        """Return a time with its offset, or ``None`` when it is missing or wrong."""
        time = self._typed(
            key, datetime, "a time with its offset, such as 2026-01-05T12:00:00Z, without quotes"
        )
        if time is None:
            return None
        if time.tzinfo is None:
            self.note(key, f'is {literal(time)}, without an offset; add one, such as "Z" or "+01:00"')
            return None
        if time.year not in _YEARS:
            self.note(key, f"is {literal(time)}; give a year from {_YEARS.start} to {_YEARS.stop - 1}")
            return None
        return time

    def table(self, key: str) -> TomlTable | None:
        """Return a table within this one, or ``None`` when it is missing or wrong."""
        values = self._typed(key, dict, "a table, such as { key = value }")
        return None if values is None else TomlTable(values, self.problems, f"{self.path}{key}.")

    def tables(self, key: str, wanted: str) -> list[dict[str, object]]:
        """Return a list of tables; an empty one when it is missing or wrong, which both are noted."""
        values: Any = self.values.get(key)
        if isinstance(values, list) and values and all(isinstance(value, dict) for value in values):
            return values
        if key not in self.values or values == []:
            self.problems.append(f'there is no "{self.path}{key}"; {wanted}')
        else:
            self.note(key, f"is {_described(values)}; {wanted}")
        return []

    def _typed(self, key: str, kind: type[_T], wanted: str) -> _T | None:
        value = self.values.get(key)
        if type(value) is kind:  # a boolean is no number here
            return value
        if key in self.values:
            self.note(key, f"is {_described(value)}; give {wanted}")
        return None


def literal(value: object) -> str:
    """Return a value as TOML on one line, with every character escaped that could disguise another."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return '"' + "".join(map(_escaped, value)) + '"'
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(literal, value))}]"
    if isinstance(value, dict):
        return f"{{ {entries(value)} }}" if value else "{}"
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return str(value)


def entries(values: Mapping[str, object]) -> str:
    """Return the keys of a table with their values, as TOML on one line."""
    return ", ".join(f"{_key(key)} = {literal(value)}" for key, value in values.items())


def suggestion(name: str, allowed: Iterable[str]) -> str:
    """Return the one of the allowed names that was probably meant, or nothing."""
    near = difflib.get_close_matches(name.lower(), list(allowed), n=1)
    return near[0] if near else ""


def _advice(name: str, allowed: list[str]) -> str:
    near = suggestion(name.replace("_", "-"), allowed)
    return (f'write "{near}"; ' if near else "") + f"allowed are {', '.join(allowed)}"


def _described(value: object) -> str:
    kind = _KINDS.get(type(value), "a time")
    return f"{literal(value)}, {kind}"


def _key(name: str) -> str:
    bare = name.isascii() and name.replace("-", "").replace("_", "").isalnum()
    return name if bare else literal(name)


def _escaped(character: str) -> str:
    if character in '"\\':
        return f"\\{character}"
    if character.isprintable():
        return character
    return {"\n": "\\n", "\r": "\\r", "\t": "\\t"}.get(character) or f"\\U{ord(character):08x}"
