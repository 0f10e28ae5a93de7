"""Conditions whose truth is clear by themselves: those that exclude each other, and those where one always holds."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, TypeAlias

from cedarpy import pst

from client_connect_tools.cedar.comparisons import comparison
from client_connect_tools.cedar.nodes import path
from client_connect_tools.cedar.text import expression_text
from client_connect_tools.checking.closed_values import NUMBERS, ORDER

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

Value: TypeAlias = "str | int"

_ANOTHER = "\0"  # a text that no policy has
_PLATFORM, _INVENTORY = ("platform",), ("inventory",)
# Attributes that can be read only where another attribute has a value.
_ONLY_WHERE: dict[tuple[str, ...], tuple[tuple[str, ...], str]] = {
    ("os",): (_PLATFORM, "win"),
    ("device",): (_INVENTORY, "known"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Condition:
    """A condition on one attribute.

    Attributes:
        read: Where below the context the attribute is.
        text: The condition as Cedar.
        values: The values that it names.
        holds: Whether it holds for a value.
    """

    read: tuple[str, ...]
    text: str
    values: tuple[Value, ...]
    holds: Callable[[Value], bool]


def contradictions(policy: pst.Template) -> Iterator[str]:
    """Yield what is wrong where two conditions exclude each other, or where one of two always holds."""
    for clause in policy.clauses:
        yield from _below(clause.expr)


def _below(node: pst.Expr) -> Iterator[str]:
    """Yield what is wrong with chains of ``&&`` and ``||``, outside in."""
    match node:
        case pst.BinaryOp("and" | "or" as op):
            parts = list(_chain(node, op))
            yield from _of_pairs(parts, op)
            for part in parts:
                yield from _below(part)
        case pst.UnaryOp("not", negated):
            yield from _below(negated)
        case pst.IfThenElse(condition, then, otherwise):
            for part in (condition, then, otherwise):
                yield from _below(part)


def _chain(node: pst.Expr, op: str) -> Iterator[pst.Expr]:
    if isinstance(node, pst.BinaryOp) and node.op == op:
        yield from _chain(node.left, op)
        yield from _chain(node.right, op)
    else:
        yield node


def _of_pairs(parts: Iterable[pst.Expr], op: str) -> Iterator[str]:
    is_and = op == "and"
    conditions = [each for part in parts for each in _conditions(part, negated=False)]
    for one, other in combinations(conditions, 2):
        if one.read == other.read and _never_both(one, other, negated=not is_and):
            yield _excluding(one, other) if is_and else _covering(one, other)


def _never_both(one: _Condition, other: _Condition, *, negated: bool) -> bool:
    """Tell whether no value meets both; not where one of them alone is met by none, which is another mistake."""
    values = [*_values(one.read, (*one.values, *other.values))]
    first = {value for value in values if one.holds(value) is not negated}
    second = {value for value in values if other.holds(value) is not negated}
    return bool(first) and bool(second) and not first & second


def _values(read: tuple[str, ...], named: Iterable[Value]) -> Iterator[Value]:
    """Yield as many values as are needed to distinguish conditions."""
    bounds = NUMBERS.get(read[-1]) if read[:1] == ("time",) else None
    for value in named:
        if isinstance(value, str):
            yield from (value, _ANOTHER)
        else:
            yield from (each for each in (value - 1, value, value + 1) if bounds is None or each in bounds)


def _conditions(node: pst.Expr, *, negated: bool) -> Iterator[_Condition]:
    if isinstance(node, pst.UnaryOp) and node.op == "not":
        yield from _conditions(node.arg, negated=not negated)
        return
    condition = _compared(node) or _present(node)
    if negated and isinstance(node, pst.HasAttr) and path(node) != ("device",):
        return  # Windows may have sent no version
    if condition is not None:
        yield _not(condition) if negated else condition


def _not(condition: _Condition) -> _Condition:
    return _Condition(
        read=condition.read,
        text=f"!({condition.text})",
        values=condition.values,
        holds=lambda value: not condition.holds(value),
    )


def _present(node: pst.Expr) -> _Condition | None:
    """Return what the presence of an attribute says of another one."""
    if not isinstance(node, pst.HasAttr) or (names := path(node)) is None or names[:1] not in _ONLY_WHERE:
        return None
    read, needed = _ONLY_WHERE[names[:1]]
    return _Condition(
        read=read, text=expression_text(node), values=(needed,), holds=lambda value: value == needed
    )


def _compared(node: pst.Expr) -> _Condition | None:
    compared = comparison(node)
    if compared is None or (read := path(compared.read)) is None or not compared.literals:
        return None
    if len(compared.literals) != len(compared.others):
        return None
    test = _test(node, compared.op, compared.literals)
    if test is None:
        return None
    return _Condition(read=read, text=expression_text(node), values=compared.literals, holds=test)


def _test(node: pst.Expr, op: str, literals: tuple[Value, ...]) -> Callable[[Value], bool] | None:
    is_set = isinstance(node, pst.BinaryOp) and pst.Set in map(type, (node.left, node.right))
    match op:
        case "contains" if isinstance(node, pst.BinaryOp) and isinstance(node.left, pst.Set):
            return lambda value: value in literals
        case "eq" if not is_set:
            return lambda value: value == literals[0]
        case "not_eq" if not is_set:
            return lambda value: value != literals[0]
        case _ if op in ORDER and isinstance(literals[0], int):
            return lambda value: ORDER[op](value, literals[0])
    return None


def _excluding(one: _Condition, other: _Condition) -> str:
    if one.read == ("time", "minuteOfDay"):
        instead = "a time over midnight is the one || the other"
    elif one.read == _PLATFORM and _has_os(one, other):
        instead = (
            "context.os is the version of Windows, and absent elsewhere; see context.device.os for others"
        )
    else:
        instead = "write ||, or a set, if either is meant"
    return f"{one.text} and {other.text} are never true together, so this has no effect; {instead}"


def _covering(one: _Condition, other: _Condition) -> str:
    return f"{one.text} or {other.text} is always true, so this tests nothing; write && if both are meant"


def _has_os(*conditions: _Condition) -> bool:
    return any("context has os" in each.text for each in conditions)
