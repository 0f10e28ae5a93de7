"""``a || b && c`` without parentheses, which is ``a || (b && c)``: ``c`` counts for one alternative only."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from client_connect_tools.cedar.places import Place, tokens

if TYPE_CHECKING:
    from collections.abc import Iterator

_SUBJECT = re.compile(r"(?:context|principal|resource)(?:\s*\.\s*\w+)?")
_TEST = re.compile(r"(context|principal|resource)\s+has\s+(\w+)")
_OPENING, _CLOSING = ("(", "[", "{"), (")", "]", "}")
# The nodes that end a chain of && and ||.
_ENDING = (",", ";", "if", "then", "else")


@dataclass(slots=True)
class _Chain:
    """Parts that are joined by ``&&`` and ``||`` between the same brackets.

    Attributes:
        start: Where the next part begins.
        alternatives: What stands between ``||``, each as the parts between ``&&``.
    """

    start: int
    alternatives: list[list[Place]] = field(default_factory=lambda: [[]])

    def end_part(self, token: Place) -> None:
        self.alternatives[-1].append(Place(self.start, token.start))
        self.start = token.end


def unclear(text: str) -> Iterator[tuple[Place, str]]:
    """Yield each ``&&`` chain about several things that stands next to ``||`` without parentheses.

    A test that guards what is read behind it, as in ``context has os && context.os.major < 10``, is about one thing.

    Args:
        text: A policy.

    Yields:
        Where the chain stands, and its text on one line.
    """
    chains = [_Chain(0)]
    for token in tokens(text):
        word, chain = text[slice(*token)], chains[-1]
        if word in _OPENING:
            chains.append(_Chain(token.end))
        elif word == "&&":
            chain.end_part(token)
        elif word == "||":
            chain.end_part(token)
            chain.alternatives.append([])
        elif word in _ENDING or (word in _CLOSING and len(chains) > 1):
            chain.end_part(token)
            yield from _unclear(text, chain)
            if word in _CLOSING:
                chains.pop()
            else:
                chains[-1] = _Chain(token.end)


def _unclear(text: str, chain: _Chain) -> Iterator[tuple[Place, str]]:
    if len(chain.alternatives) == 1:
        return
    for parts in chain.alternatives:
        if len({_subject(text[slice(*part)].strip()) for part in parts}) > 1:
            shown = text[parts[0].start : parts[-1].end].strip()
            start = text.index(shown, parts[0].start)
            yield Place(start, start + len(shown)), " ".join(shown.split())


def _subject(part: str) -> str:
    """Return what a condition is about: the first attribute that it reads or tests for."""
    if match := _TEST.match(part.lstrip("!( \n")):
        return f"{match[1]}.{match[2]}"
    match = _SUBJECT.search(part)
    return re.sub(r"\s", "", match[0]) if match else part
