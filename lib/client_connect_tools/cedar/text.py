"""Cedar text of typed syntax nodes and of values, with no more parentheses than a person would write.

The engine's own rendering puts every operand in parentheses; this one is the text that parses to the same nodes.
"""

from __future__ import annotations

import re
from enum import IntEnum
from typing import TYPE_CHECKING, Any

from cedarpy import pst

from client_connect_tools.cedar.quoting import quote

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_RESERVED = frozenset(("true", "false", "if", "then", "else", "in", "is", "like", "has", "__cedar"))


class _Level(IntEnum):
    """How tightly the parts of an expression hold together, as in Cedar's grammar; higher is tighter."""

    EXPRESSION = 0
    OR = 1
    AND = 2
    RELATION = 3
    SUM = 4
    PRODUCT = 5
    UNARY = 6
    MEMBER = 7


_LEFT_TO_RIGHT = {
    "or": ("||", _Level.OR),
    "and": ("&&", _Level.AND),
    "add": ("+", _Level.SUM),
    "sub": ("-", _Level.SUM),
    "mul": ("*", _Level.PRODUCT),
}
_RELATIONS = {
    "eq": "==",
    "not_eq": "!=",
    "less": "<",
    "less_eq": "<=",
    "greater": ">",
    "greater_eq": ">=",
    "in": "in",
}
_FUNCTIONS = frozenset(("datetime", "decimal", "duration", "ip"))
_METHODS = {
    "is_empty": "isEmpty",
    "is_ipv4": "isIpv4",
    "is_ipv6": "isIpv6",
    "is_loopback": "isLoopback",
    "is_multicast": "isMulticast",
    "to_date": "toDate",
    "to_time": "toTime",
    "to_milliseconds": "toMilliseconds",
    "to_seconds": "toSeconds",
    "to_minutes": "toMinutes",
    "to_hours": "toHours",
    "to_days": "toDays",
    "contains": "contains",
    "contains_all": "containsAll",
    "contains_any": "containsAny",
    "get_tag": "getTag",
    "has_tag": "hasTag",
    "is_in_range": "isInRange",
    "offset": "offset",
    "duration_since": "durationSince",
    "decimal_less_than": "lessThan",
    "decimal_less_eq": "lessThanOrEqual",
    "decimal_greater": "greaterThan",
    "decimal_greater_eq": "greaterThanOrEqual",
}


def expression_text(expression: pst.Expr) -> str:
    """Return an expression on one line, as a condition would have it."""
    return _text(expression, _Level.EXPRESSION)


def value_text(value: Any) -> str:  # noqa: ANN401 - whatever a request or an entity may hold
    """Return a value of Cedar's JSON form, as of a request's context, as Cedar spells it."""
    match value:
        case {"__extn": {"fn": function, "arg": argument}}:
            return f"{function}({quote(argument)})"
        case {"__entity": {"type": kind, "id": id_}}:
            return f"{kind}::{quote(id_)}"
        case dict():
            return _record({name: value_text(item) for name, item in value.items()})
        case list():
            return _set(map(value_text, value))
        case _:
            return _literal(value)


def _text(node: pst.Expr, wanted: _Level) -> str:
    text, level = _rendered(node)
    return text if level >= wanted else f"({text})"


def _rendered(node: pst.Expr) -> tuple[str, _Level]:
    match node:
        case pst.UnaryOp():
            return _unary(node)
        case pst.BinaryOp():
            return _binary(node)
        case pst.HasAttr() | pst.Like() | pst.Is():
            return f"{_text(node.base, _Level.SUM)} {_test(node)}", _Level.RELATION
        case pst.IfThenElse():
            parts = (_text(part, _Level.OR) for part in (node.cond, node.then_expr, node.else_expr))
            return "if {} then {} else {}".format(*parts), _Level.EXPRESSION
        case pst.LongLit():
            return str(node.value), _Level.UNARY if node.value < 0 else _Level.MEMBER
        case _:
            return _member(node), _Level.MEMBER


def _unary(node: pst.UnaryOp) -> tuple[str, _Level]:
    if node.op in ("not", "neg"):
        # The literal -1 and the negation of 1 are different nodes.
        tight = node.op == "not" or not isinstance(node.arg, pst.LongLit)
        argument = _text(node.arg, _Level.MEMBER)
        return ("!" if node.op == "not" else "-") + (argument if tight else f"({argument})"), _Level.UNARY
    if node.op in _FUNCTIONS:
        return f"{node.op}({expression_text(node.arg)})", _Level.MEMBER
    return f"{_text(node.arg, _Level.MEMBER)}.{_METHODS[node.op]}()", _Level.MEMBER


def _binary(node: pst.BinaryOp) -> tuple[str, _Level]:
    if node.op in _LEFT_TO_RIGHT:
        return _chain(node)
    if node.op in _RELATIONS:
        left, right = _text(node.left, _Level.SUM), _text(node.right, _Level.SUM)
        return f"{left} {_RELATIONS[node.op]} {right}", _Level.RELATION
    return (
        f"{_text(node.left, _Level.MEMBER)}.{_METHODS[node.op]}({expression_text(node.right)})",
        _Level.MEMBER,
    )


def _chain(node: pst.BinaryOp) -> tuple[str, _Level]:
    sign, level = _LEFT_TO_RIGHT[node.op]
    # Cedar does not ask for parentheses around `a && b` |`|next to `||`||`, but people do.
    tighter = _Level.RELATION if node.op == "or" else _Level(level + 1)
    left, left_level = _rendered(node.left)
    if left_level != level and left_level < tighter:
        left = f"({left})"
    return f"{left} {sign} {_text(node.right, tighter)}", level


def _test(node: pst.HasAttr | pst.Like | pst.Is) -> str:
    match node:
        case pst.HasAttr():
            return "has " + ".".join(name if _is_name(name) else quote(name) for name in node.attrs)
        case pst.Like():
            return f'like "{"".join(map(_pattern, node.pattern))}"'
        case pst.Is():
            within = "" if node.in_expr is None else f" in {_text(node.in_expr, _Level.SUM)}"
            return f"is {node.entity_type}{within}"


def _pattern(element: pst.PatternElem) -> str:
    if isinstance(element, pst.Wildcard):
        return "*"
    return r"\*" if element.value == "*" else quote(element.value)[1:-1]


def _member(
    node: pst.Var
    | pst.Slot
    | pst.BoolLit
    | pst.StringLit
    | pst.EntityLit
    | pst.GetAttr
    | pst.Set
    | pst.Record,
) -> str:
    match node:
        case pst.Var() | pst.Slot():
            return f"?{node.name}" if isinstance(node, pst.Slot) else node.name
        case pst.BoolLit() | pst.StringLit():
            return _literal(node.value)
        case pst.EntityLit():
            return f"{node.value.type}::{quote(node.value.id)}"
        case pst.GetAttr():
            name = f".{node.attr}" if _is_name(node.attr) else f"[{quote(node.attr)}]"
            return _text(node.base, _Level.MEMBER) + name
        case pst.Set():
            return _set(map(expression_text, node.elements))
        case pst.Record():
            return _record({name: expression_text(value) for name, value in node.fields.items()})


def _literal(value: object) -> str:
    if isinstance(value, str):
        return quote(value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def _set(items: Iterable[str]) -> str:
    return f"[{', '.join(items)}]"


def _record(fields: Mapping[str, str]) -> str:
    named = (f"{name if _is_name(name) else quote(name)}: {value}" for name, value in fields.items())
    return f"{{{', '.join(named)}}}"


def _is_name(text: str) -> bool:
    return bool(_NAME.fullmatch(text)) and text not in _RESERVED
