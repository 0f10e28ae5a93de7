"""Formulas over variables: built once, evaluated with the values of a connection or given to a solver.

A formula of constants alone is a plain Python value, so a solver sees only what depends on something.
Numbers are integers without limits; whoever builds a formula says where 64 bits end.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

Op = Literal["and", "or", "not", "if", "eq", "le", "add", "mul", "div", "mod", "bool", "int"]


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """An operation, or a variable.

    Attributes:
        op: What it is; ``bool`` and ``int`` are variables. ``div`` and ``mod`` round down, by a number above 0.
        args: What it works on; of a variable, nothing.
        name: Of a variable, its name.
        is_bool: Whether its value is true or false; otherwise it is a number.
    """

    op: Op
    args: tuple[Number, ...] = ()
    name: str = ""
    is_bool: bool = True


# A separate class for each would say little that ``is_bool`` does not.
Truth: TypeAlias = "bool | Node"
Number: TypeAlias = "int | Node"
Value: TypeAlias = "bool | int"


def truth_variable(name: str) -> Node:
    """Return a variable that is true or false."""
    return Node("bool", name=name)


def number_variable(name: str) -> Node:
    """Return a variable that is a number."""
    return Node("int", name=name, is_bool=False)


def all_of(*parts: Truth) -> Truth:
    """Return that all parts are true."""
    return _joined("and", parts, neutral=True)


def any_of(*parts: Truth) -> Truth:
    """Return that one of the parts is true."""
    return _joined("or", parts, neutral=False)


def negated(part: Truth) -> Truth:
    """Return that a part is false."""
    if isinstance(part, bool):
        return not part
    if part.op == "not":
        (inner,) = part.args
        return inner if isinstance(inner, Node) else bool(inner)
    return Node("not", (part,))


def implied(condition: Truth, then: Truth) -> Truth:
    """Return that something is true where a condition is."""
    return any_of(negated(condition), then)


def if_true(condition: Truth, then: Truth, otherwise: Truth) -> Truth:
    """Return one of two truths."""
    return any_of(all_of(condition, then), all_of(negated(condition), otherwise))


def chosen(condition: Truth, then: Number, otherwise: Number) -> Number:
    """Return one of two numbers."""
    if isinstance(condition, bool):
        return then if condition else otherwise
    if then is otherwise or (not isinstance(then, Node) and then == otherwise):
        return then
    return Node("if", (condition, then, otherwise), is_bool=False)


def equal(one: Number, other: Number) -> Truth:
    """Return that two numbers are equal."""
    if one is other:
        return True
    if not isinstance(one, Node) and not isinstance(other, Node):
        return one == other
    return Node("eq", (one, other))


def alike(one: Truth, other: Truth) -> Truth:
    """Return that two truths are both true, or both false."""
    if one is other:
        return True
    for here, there in ((one, other), (other, one)):
        if isinstance(here, bool):
            return there if here else negated(there)
    return Node("eq", (one, other))


def at_most(one: Number, other: Number) -> Truth:
    """Return that a number is not greater than another."""
    if not isinstance(one, Node) and not isinstance(other, Node):
        return one <= other
    return Node("le", (one, other))


def less(one: Number, other: Number) -> Truth:
    """Return that a number is less than another."""
    return negated(at_most(other, one))


def within(number: Number, least: int, greatest: int) -> Truth:
    """Return that a number is one of an interval."""
    if least == greatest:
        return equal(number, least)
    return all_of(at_most(least, number), at_most(number, greatest))


def one_of(number: Number, allowed: Collection[int]) -> Truth:
    """Return that a number is one of some, as few intervals."""
    if not isinstance(number, Node):
        return number in allowed
    parts: list[Truth] = []
    first = last = None
    for each in sorted(allowed):
        if last is not None and each == last + 1:
            last = each
            continue
        if first is not None and last is not None:
            parts.append(within(number, first, last))
        first = last = each
    if first is not None and last is not None:
        parts.append(within(number, first, last))
    return any_of(*parts)


def added(*parts: Number) -> Number:
    """Return a sum."""
    constant = sum(part for part in parts if not isinstance(part, Node))
    nodes = [part for part in parts if isinstance(part, Node)]
    if not nodes:
        return constant
    if constant:
        return Node("add", (*nodes, constant), is_bool=False)
    return nodes[0] if len(nodes) == 1 else Node("add", tuple(nodes), is_bool=False)


def multiplied(one: Number, other: Number) -> Number:
    """Return a product."""
    if not isinstance(one, Node) and not isinstance(other, Node):
        return one * other
    for here, there in ((one, other), (other, one)):
        if here == 0:
            return 0
        if here == 1:
            return there
    return Node("mul", (one, other), is_bool=False)


def opposite(number: Number) -> Number:
    """Return a number with the other sign."""
    return multiplied(number, -1)


def divided(number: Number, by: int) -> Number:
    """Return a quotient, rounded down."""
    return Node("div", (number, by), is_bool=False) if isinstance(number, Node) else number // by


def remainder(number: Number, by: int) -> Number:
    """Return what a division leaves, from 0 on."""
    return Node("mod", (number, by), is_bool=False) if isinstance(number, Node) else number % by


def truncated(number: Number, by: int) -> Number:
    """Return a quotient, rounded towards 0."""
    down, up = divided(number, by), opposite(divided(opposite(number), by))
    return chosen(at_most(0, number), down, up)


class Valuation:
    """The values of formulas, where each variable has one.

    Args:
        value_of: Returns the value of a variable by its name.
    """

    def __init__(self, value_of: Callable[[str], Value]) -> None:
        self._value_of = value_of
        self._known: dict[int, tuple[Node, Value]] = {}

    def of(self, term: Number) -> Value:
        """Return the value of a formula."""
        if not isinstance(term, Node):
            return term
        known = self._known.get(id(term))
        if known is None:
            known = self._known[id(term)] = term, self._evaluated(term)
        return known[1]

    def _evaluated(self, node: Node) -> Value:
        if node.name:
            return self._value_of(node.name)
        return _VALUES[node.op](*(self.of(each) for each in node.args))


_VALUES: dict[str, Callable[..., Value]] = {
    "and": lambda *values: all(values),
    "or": lambda *values: any(values),
    "not": lambda value: not value,
    "if": lambda condition, then, otherwise: then if condition else otherwise,
    "eq": lambda one, other: one == other,
    "le": lambda one, other: one <= other,
    "add": lambda *values: sum(values),
    "mul": lambda one, other: one * other,
    "div": lambda one, other: one // other,
    "mod": lambda one, other: one % other,
}


def variables_of(*terms: Number) -> frozenset[str]:
    """Return the names of the variables in some formulas."""
    found: set[str] = set()
    seen: set[int] = set()
    todo = list(terms)
    while todo:
        term = todo.pop()
        if isinstance(term, Node) and id(term) not in seen:
            seen.add(id(term))
            if term.name:
                found.add(term.name)
            todo += term.args
    return frozenset(found)


def _joined(op: Literal["and", "or"], parts: tuple[Truth, ...], *, neutral: bool) -> Truth:
    kept: dict[int, Node] = {}
    for part in parts:
        if isinstance(part, Node):
            kept[id(part)] = part
        elif part is not neutral:
            return part
    nodes = tuple(kept.values())
    if len(nodes) > 1:
        return Node(op, nodes)
    return nodes[0] if nodes else neutral
