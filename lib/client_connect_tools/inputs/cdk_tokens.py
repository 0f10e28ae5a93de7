"""The AWS CDK's tokens: what stands for a value that is known at deployment only, such as an endpoint's id."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

# Of a text, and of a list that has one text.
TOKEN = re.compile(r"[$#]\{Token\[[^]]*\]\}")
# Numbers below this one, which no one writes, stand for numbers.
_HIGHEST_NUMBER = -1.8e289

WHY = (
    "is known at deployment only, but policies are checked and bundled at synthesis, so what would be bundled is the "
    "placeholder, which equals nothing"
)


def tokens(value: object) -> Iterator[str]:
    """Yield the tokens in a value and in everything that it holds, each as a text."""
    match value:
        case str():
            yield from TOKEN.findall(value)
        case float() if value < _HIGHEST_NUMBER:
            yield "a number token"
        case Mapping():
            for each in (*value.keys(), *value.values()):
                yield from tokens(each)
        case Collection():
            for each in value:
                yield from tokens(each)
        case _ if is_dataclass(value):
            for field in fields(value):
                yield from tokens(getattr(value, field.name))
