"""The tests that have to stand before a read of an attribute that may be absent."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cedarpy import pst

from client_connect_tools.cedar import nodes
from client_connect_tools.cedar.nodes import path
from client_connect_tools.cedar.text import expression_text
from client_connect_tools.cedar.validation import UNGUARDED
from client_connect_tools.native.trust_data import PROVIDERS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

_UNGUARDED = re.compile(rf"{UNGUARDED} `([\w.]+)` in context")


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """A condition with every test that it needs.

    Attributes:
        read: What the condition reads, as Cedar text.
        text: The tests and the condition, as Cedar text.
    """

    read: str
    text: str


def unguarded_paths(problems: Iterable[str]) -> list[tuple[str, ...]]:
    """Return the attributes that are read without a test, by what the validator says."""
    found = (_UNGUARDED.match(problem) for problem in problems)
    paths = (tuple(match[1].split(".")) for match in found if match)
    return [each for each in paths if each[0] in PROVIDERS]


def guards(template: pst.Template, absent: Collection[tuple[str, ...]]) -> Iterator[Guard]:
    """Yield what to write for each read that goes through one of some attributes, once for each thing that is read."""
    seen: set[tuple[str, ...]] = set()
    reads = [
        (names, node)
        for clause in template.clauses
        for node in _conditions(clause.expr)
        for names in _reads(node)
        if any(names[: len(each)] == each for each in absent)
    ]
    # The longest first, so its parts are not shown again by themselves.
    for names, condition in sorted(reads, key=lambda read: -len(read[0])):
        if not any(other[: len(names)] == names for other in seen):
            seen.add(names)
            yield _guard(names, condition)


def _guard(names: tuple[str, ...], condition: pst.Expr) -> Guard:
    tests = nodes.guarded(pst.HasAttr(pst.Var("context"), names))
    text = expression_text(pst.BinaryOp("and", tests, condition))
    return Guard(read=expression_text(nodes.read_of(names)), text=text)


def _reads(condition: pst.Expr) -> Iterator[tuple[str, ...]]:
    """Yield what a condition reads; of a test, what it goes through."""
    for node in nodes.walk(condition):
        read = node.base if isinstance(node, pst.HasAttr) else node
        if names := path(read):
            yield names


def _conditions(node: pst.Expr) -> Iterator[pst.Expr]:
    """Yield the smallest conditions, each with the negation before it."""
    match node:
        case pst.BinaryOp("and" | "or", left, right):
            yield from _conditions(left)
            yield from _conditions(right)
        case pst.UnaryOp(
            "not", pst.BinaryOp("and" | "or") | pst.IfThenElse() | pst.UnaryOp("not") as argument
        ):
            yield from _conditions(argument)
        case pst.IfThenElse(test, then, otherwise):
            for each in (test, then, otherwise):
                yield from _conditions(each)
        case _:
            yield node
