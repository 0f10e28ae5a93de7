"""Corrections of expressions of a wrong type."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cedarpy import pst

from client_connect_tools.cedar.nodes import path
from client_connect_tools.cedar.text import expression_text
from client_connect_tools.checking.hints import names
from client_connect_tools.nearest import nearest

if TYPE_CHECKING:
    from collections.abc import Iterator

_UNKNOWN_TYPE = re.compile(r"unrecognized (?:entity type|action) `([^`]+)`")
_UNKNOWN_ATTRIBUTE = re.compile(r"attribute `([^`]+)` (?:in context|on entity type).* not found")
_UNREADABLE = re.compile(r'failed to parse as (?:a )?(\w+).*`"([^`]*)"`')
_ENTITY_TYPES = ("ClientVpn::User", "ClientVpn::Group", "ClientVpn::Device", "ClientVpn::Endpoint")
_ENTITY_NAMES = {each.rpartition("::")[2]: each for each in _ENTITY_TYPES}
_PRINCIPAL = pst.Var("principal")
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_CLOCK = re.compile(r"(\d{1,2}):(\d\d)")
_CUSTOM = "what the module of extra facts says is declared in custom.cedarschema next to the policies"
_READABLE = {
    "datetime": 'a moment is written datetime("2026-12-31T00:00:00Z"), or with an offset as +0200, without a colon',
    "duration": 'a duration is written duration("14d"), with d, h, m, s or ms',
    "decimal": 'a decimal is written decimal("1.5"), with one to four digits after the point',
    "IP": 'an address is written ip("203.0.113.7"), and a network ip("203.0.113.0/24")',
}


def hint(message: str, part: pst.Expr | None) -> str:
    """Return what to write instead; empty when that is unclear.

    Args:
        message: What the engine says of the policy.
        part: The smallest condition that it says that of, if it is known.
    """
    if match := _UNKNOWN_TYPE.search(message):
        return _entity_type(match[1])
    if match := _UNKNOWN_ATTRIBUTE.search(message):
        return _CUSTOM if match[1].startswith("custom.") else names.instead_of(match[1].rpartition(".")[2])
    if match := _UNREADABLE.search(message):
        return _READABLE.get(match[1], "")
    if message.endswith("OpenRecord{} but saw String"):
        return "a text has no parts; compare it by == or like"
    return next(_of_part(part), "")


def _entity_type(name: str) -> str:
    if "Action" in name:
        return "there is one action, so leave it out: write action"
    near = nearest(name.rpartition("::")[2], _ENTITY_NAMES)
    return f"write {_ENTITY_NAMES[near]}" if near else f"there are {', '.join(_ENTITY_TYPES)}"


def _of_part(part: pst.Expr | None) -> Iterator[str]:
    match part:
        case pst.BinaryOp("is_in_range", _, pst.StringLit(text)):
            yield f'write isInRange(ip("{text}"))'
        case pst.BinaryOp("in", left, right):
            yield from _membership(left, right)
        case pst.BinaryOp("and" | "or"):
            pass
        case pst.BinaryOp("sub", _, pst.LongLit()):
            yield 'a date is a text, such as "2026-12-25"'
        case pst.BinaryOp(_, left, right):
            yield from _comparison(left, right)
            yield from _comparison(right, left)


def _membership(left: pst.Expr, right: pst.Expr) -> Iterator[str]:
    match right:
        case pst.StringLit(text) if left == _PRINCIPAL:
            yield f'a group is an entity; write principal in ClientVpn::Group::"{text}"'
        case pst.GetAttr() if path(right) and isinstance(left, pst.StringLit):
            yield f"in is about groups; write {expression_text(pst.BinaryOp('contains', right, left))}"
        case pst.Set() if path(left):
            yield f"in is about groups; write {expression_text(pst.BinaryOp('contains', right, left))}"
        case pst.UnaryOp("ip") if path(left):
            yield f"in is about groups; write {expression_text(pst.BinaryOp('is_in_range', left, right))}"


def _comparison(read: pst.Expr, other: pst.Expr) -> Iterator[str]:
    text = other.value if isinstance(other, pst.StringLit) else ""
    match path(read):
        case ("publicIp",) if text:
            yield f'write context.publicIp.isInRange(ip("{text}"))' if "/" in text else f'write ip("{text}")'
        case ("time", "now") if text:
            yield 'a moment is written datetime("2027-01-01T00:00:00Z")'
        case ("time", "minuteOfDay") if clock := _CLOCK.fullmatch(text):
            yield f"the time of day is in minutes; write {int(clock[1])} * 60 + {int(clock[2])}".removesuffix(
                " + 0"
            )
        case ("time", "weekday") if text[:3].lower() in (names_ := [day[:3] for day in _DAYS]):
            yield f"days are numbers, from 1 (Monday) to 7 (Sunday); write {names_.index(text[:3].lower()) + 1}"
        case ("time", "date"):
            yield (
                'a date is a text that equals another or not, as in context.time.date == "2026-12-25"; for before and '
                'after, compare context.time.now with datetime("2026-12-25T00:00:00Z")'
            )
        case ("os" | "openvpn" | "awsClient" as name,):
            yield f"a version has parts; compare context.{name}.major, and .minor where that decides"
        case None if read == _PRINCIPAL and text:
            yield f'write context has username && context.username == "{text.lower()}"'
