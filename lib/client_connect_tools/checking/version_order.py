"""Comparisons of a part of a version that keep out later versions too, because the parts before it are not compared."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, TypeAlias

from cedarpy import pst

from client_connect_tools.cedar.comparisons import comparison
from client_connect_tools.cedar.nodes import path
from client_connect_tools.cedar.text import expression_text
from client_connect_tools.checking.closed_values import ORDER

if TYPE_CHECKING:
    from collections.abc import Iterator

# A condition, and whether it is to hold.
_Part: TypeAlias = "tuple[pst.Expr, bool]"
_Way: TypeAlias = "tuple[_Part, ...]"

_BEFORE = {"minor": ("major",), "patch": ("major", "minor")}
# Policies of people have a handful.
_MOST_WAYS = 256


def keeps_out_later(policy: pst.Template) -> Iterator[str]:
    """Yield what is wrong with each comparison that keeps a later version out."""
    found = {
        text: f"{text} also keeps out later versions, such as {_later(names)}; compare {_instead(names)} first"
        for way in _ways_to_keep_out(policy)
        for text, names in _unbounded(way)
    }
    yield from found.values()


def _unbounded(way: _Way) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the comparisons of a part that low values meet, where nothing keeps high values of an earlier part away."""
    for node, holds in way:
        compared = comparison(node)
        names = path(compared.read) if compared is not None else None
        if names is None or len(names) < 2 or names[-1] not in _BEFORE:  # noqa: PLR2004 - a version and its part
            continue
        if _accepts(node, 0) is holds and _accepts(node, _highest(node)) is not holds:
            earlier = ((*names[:-1], part) for part in _BEFORE[names[-1]])
            if not all(_is_bounded(each, way) for each in earlier):
                yield expression_text(node), names


def _is_bounded(names: tuple[str, ...], way: _Way) -> bool:
    """Return whether a way is only for versions with a part that is not high."""
    return any(
        path(compared.read) == names and _accepts(node, _highest(node)) not in (holds, None)
        for node, holds in way
        if (compared := comparison(node)) is not None
    )


def _accepts(node: pst.Expr, value: int) -> bool | None:
    """Return the outcome of a comparison for a value; ``None`` where it is not one with a number."""
    compared = comparison(node)
    if compared is None or len(compared.others) != 1 or not compared.literals:
        return None
    literal = compared.literals[0]
    if not isinstance(literal, int):
        return None
    if compared.op in ORDER:
        return bool(ORDER[compared.op](value, literal))
    same = value == literal
    return {"eq": same, "contains": same, "not_eq": not same}.get(compared.op)


def _highest(node: pst.Expr) -> int:
    compared = comparison(node)
    return (
        1 + max((each for each in compared.literals if isinstance(each, int)), default=0) if compared else 0
    )


def _ways_to_keep_out(policy: pst.Template) -> list[_Way]:
    """Return what must hold together for a policy to keep a user out: the ways; none if too many."""
    applies: list[_Way] = [()]
    clauses = [(each.expr, isinstance(each, pst.When)) for each in policy.clauses]
    if policy.effect == "forbid":
        for expression, holds in clauses:
            applies = _both(applies, _ways(expression, holds=holds))
        return applies
    return [way for expression, holds in clauses for way in _ways(expression, holds=not holds)]


def _ways(node: pst.Expr, *, holds: bool) -> list[_Way]:
    match node:
        case pst.UnaryOp("not", negated):
            return _ways(negated, holds=not holds)
        case pst.BinaryOp("and" | "or" as op, left, right):
            one, other = _ways(left, holds=holds), _ways(right, holds=holds)
            return _both(one, other) if (op == "and") is holds else (one + other)[:_MOST_WAYS]
    return [((node, holds),)]


def _both(one: list[_Way], other: list[_Way]) -> list[_Way]:
    if len(one) * len(other) > _MOST_WAYS:
        return []
    return [left + right for left, right in product(one, other)]


def _later(names: tuple[str, ...]) -> str:
    return "the next major version's .0" if names[-1] == "minor" else "the next minor version's .0"


def _instead(names: tuple[str, ...]) -> str:
    base = ".".join(("context", *names[:-1]))
    return " and ".join(f"{base}.{part}" for part in _BEFORE[names[-1]])
