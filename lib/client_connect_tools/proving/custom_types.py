"""The declarations of ``custom.cedarschema``, as a tree."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

_TOKEN = re.compile(r'//[^\r\n]*|("(?:\\.|[^"\\])*"|\w+|[{}<>?,:])', re.DOTALL)


@dataclass(frozen=True, slots=True)
class SetType:
    """A set of something."""

    of: CustomType


@dataclass(frozen=True, slots=True)
class RecordType:
    """A record: the type of each attribute, and whether it is always there."""

    attributes: Mapping[str, tuple[CustomType, bool]]


CustomType: TypeAlias = "str | SetType | RecordType"

_NUMBERS = ("major", "minor")
_THERE: tuple[CustomType, bool] = "Long", True
_NAMED: dict[str, CustomType] = {
    "OsVersion": RecordType(dict.fromkeys(_NUMBERS, _THERE) | {"build": ("Long", False)}),
    "Version": RecordType(dict.fromkeys((*_NUMBERS, "patch"), _THERE)),
}


def custom_type(text: str | None) -> RecordType:
    """Return the type of a sound schema; without one, a record without attributes."""
    if text is None:
        return RecordType({})
    tokens = [match[1] for match in _TOKEN.finditer(text) if match[1]]
    found = _type(tokens)
    assert isinstance(found, RecordType)  # noqa: S101 - the schema is sound
    return found


def _type(tokens: list[str]) -> CustomType:
    first = tokens.pop(0)
    if first == "{":
        return _record(tokens)
    if first == "Set":
        tokens.pop(0)
        of = _type(tokens)
        tokens.pop(0)
        return SetType(of)
    return _NAMED.get(first, first)


def _record(tokens: list[str]) -> RecordType:
    attributes: dict[str, tuple[CustomType, bool]] = {}
    while (name := tokens.pop(0)) != "}":
        if name == ",":
            continue
        required = tokens.pop(0) == ":"
        if not required:
            tokens.pop(0)
        attributes[name.strip('"')] = _type(tokens), required
    return RecordType(attributes)
