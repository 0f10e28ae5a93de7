"""Which facts a Cedar expression reads: its value depends on nothing else."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING

from cedarpy import pst

if TYPE_CHECKING:
    from collections.abc import Iterator

    from client_connect import Facts

# Facts are named as the context's attributes are. Beside these:
PRINCIPAL, GROUPS, RESOURCE, CONTEXT = "principal", "groups", "resource", "context"
TIMES = ("time.now", "time.weekday", "time.minuteOfDay")

_ALL = frozenset({PRINCIPAL, GROUPS, "device"})
_CAN_OVERFLOW = frozenset({"add", "sub", "mul", "neg", "offset", "duration_since"})
_GROUP = pst.EntityType("Group", ("ClientVpn",))


def reads(expression: pst.Expr) -> frozenset[str]:
    """Return the names of the facts that an expression reads."""
    match expression:
        case pst.GetAttr(pst.Var("context"), name) | pst.HasAttr(pst.Var("context"), (name, *_)):
            return frozenset(TIMES if name == "time" else (name,))
        case pst.GetAttr(pst.GetAttr(pst.Var("context"), "time"), name):
            return frozenset({f"time.{name}"})
        case pst.Var(name):
            return {"action": frozenset[str](), "principal": _ALL}.get(name, frozenset({name}))
        case pst.Is(pst.Var("principal"), _, None):
            return frozenset({PRINCIPAL})
        case pst.Is(pst.Var("principal"), _, pst.EntityLit() as within):
            return frozenset({PRINCIPAL}) | _reads_of_membership(within)
        case pst.BinaryOp("in", pst.Var("principal"), within):
            return _reads_of_membership(within)
        case pst.BinaryOp("eq" | "not_eq", pst.Var("principal"), other) | pst.BinaryOp(
            "eq" | "not_eq", other, pst.Var("principal")
        ):
            return frozenset({PRINCIPAL}) | reads(other)
        case _:
            return frozenset[str]().union(*(reads(child) for child in _children(expression)))


def can_overflow(expression: pst.Expr) -> bool:
    """Tell whether an expression that the validator accepted could still err."""
    if isinstance(expression, pst.BinaryOp | pst.UnaryOp) and expression.op in _CAN_OVERFLOW:
        return True
    return any(can_overflow(child) for child in _children(expression))


def rises_or_falls_with_time(expression: pst.Expr) -> bool:
    """Tell whether an expression compares the time of the connection with a constant.

    Then its value changes at most once as time goes on: what it is at both ends of an hour, it is within.
    """
    match expression:
        case pst.BinaryOp("less" | "less_eq" | "greater" | "greater_eq", left, right):
            sides = sorted((left, right), key=lambda side: not _is_now(side))
            return _is_now(sides[0]) and not reads(sides[1])
        case _:
            return False


def value(facts: Facts, name: str) -> object:
    """Return a hashable value on which alone the named fact depends."""
    request = facts.request
    match name:
        case "principal":
            return (None, request.common_name) if request.username is None else (request.username, None)
        case "groups":
            return () if request.username is None else request.groups
        case "resource":
            return request.endpoint_id
        case "platform":
            return request.platform
        case "platformVersion":
            return request.platform_version
        case "os":
            return request.platform, request.platform_version
        case "openvpn":
            return request.client_openvpn_version
        case "awsClient":
            return request.aws_client_version
        case "publicIp":
            return request.public_ip
        case "time.now":
            return facts.now
        case "time.weekday":
            return facts.now.astimezone(facts.time_zone).isoweekday()
        case "time.minuteOfDay":
            local = facts.now.astimezone(facts.time_zone)
            return local.hour, local.minute
        case "username":
            return request.username
        case "commonName":
            return request.common_name
        case "device":
            return facts.device and (request.common_name, repr(facts.device))
        case "inventory":
            return facts.inventory
        case "waivers":
            return facts.waivers
        case "activeConnections":
            return facts.active_connections
        case "context":
            return repr(facts.cedar_request()["context"])
        case _:
            return repr(facts.cedar_request()["context"].get(name))


def _reads_of_membership(within: pst.Expr) -> frozenset[str]:
    """Of ``principal in ...``: whether somebody is in a group does not depend on who it is."""
    match within:
        case pst.EntityLit(entity):
            return frozenset({GROUPS if entity.type == _GROUP else PRINCIPAL})
        case pst.Set(elements):
            return frozenset[str]().union(*(_reads_of_membership(element) for element in elements))
        case _:
            return _ALL | reads(within)


def _is_now(expression: pst.Expr) -> bool:
    return expression == pst.GetAttr(pst.GetAttr(pst.Var("context"), "time"), "now")


def _children(node: object) -> Iterator[pst.Expr]:
    """Yield the expressions right below a node."""
    for field in fields(node) if is_dataclass(node) and not isinstance(node, type) else ():
        child = getattr(node, field.name)
        parts = child.values() if isinstance(child, dict) else child if isinstance(child, tuple) else (child,)
        for part in parts:
            if isinstance(part, pst.Expr):
                yield part
