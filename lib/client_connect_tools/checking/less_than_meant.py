"""Policies that keep out less, or others, than whoever writes them seems to mean."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cedarpy import pst

from client_connect_tools.cedar.comparisons import comparison
from client_connect_tools.cedar.nodes import path, walk
from client_connect_tools.cedar.polarity import conditions
from client_connect_tools.cedar.text import expression_text

if TYPE_CHECKING:
    from collections.abc import Iterator

_NAMES = (("username",), ("commonName",))
_WEEKEND = {6, 7}
_HOURS = range(60, 24 * 60, 60)
_MINUTE, _WEEKDAY, _NOW = ("time", "minuteOfDay"), ("time", "weekday"), ("time", "now")


def either_meant(policy: pst.Template) -> Iterator[str]:
    """Yield findings where a forbid joins two probable reasons to keep a user out by ``&&``."""
    if policy.effect != "forbid":
        return
    parts = [
        part
        for clause in policy.clauses
        if isinstance(clause, pst.When)
        for part in _operands(clause.expr, "and")
    ]
    user, device = (next((each for each in parts if _names(each, name)), None) for name in _NAMES)
    if user is not None and device is not None:
        yield (
            "the forbid keeps out this user with this device only, and neither with another; if both are to be kept "
            f"out, write {expression_text(user)} in one policy, and {expression_text(device)} in another"
        )
    if any(map(_is_weekend, parts)) and (night := next(filter(_is_night, parts), None)) is not None:
        yield (
            f"{expression_text(night)} counts on weekends only; to close the nights of every day and the weekends, "
            "join them by ||"
        )


def double_negation(policy: pst.Template) -> Iterator[str]:
    """Yield findings on ``unless { !x }``, which keeps out just those with a true ``x``."""
    for clause in policy.clauses:
        if (
            policy.effect == "forbid"
            and isinstance(clause, pst.Unless)
            and isinstance(clause.expr, pst.UnaryOp)
            and clause.expr.op == "not"
        ):
            text = expression_text(clause.expr.arg)
            yield (
                f"unless {{ !... }} keeps out those of whom {text} is true; if they are meant, write "
                f"when {{ {text} }}, and otherwise unless {{ {text} }}"
            )


def reversed_age(policy: pst.Template) -> bool:
    """Tell whether a policy counts from now to when a device was last seen, which is never long."""
    return any(
        isinstance(node, pst.BinaryOp)
        and node.op == "duration_since"
        and path(node.right) == _NOW
        and isinstance(node.left, pst.GetAttr)
        and node.left.attr == "lastSeen"
        for node in walk(policy)
    )


def miscounted(policy: pst.Template) -> Iterator[str]:
    """Yield what is wrong with numbers of connections, which do not count the one that is decided, and minutes."""
    for node, denies in conditions(policy):
        compared = comparison(node)
        if compared is None or len(compared.literals) != 1 or not isinstance(compared.literals[0], int):
            continue
        number, text = compared.literals[0], expression_text(node)
        is_above = compared.op == ("greater" if denies else "less_eq")
        if path(compared.read) == ("activeConnections",) and number > 0:
            if is_above:
                yield (
                    f"context.activeConnections does not count the connection that is decided, so with {text} there "
                    f"may be {number + 1}; for at most {number} compare {'>=' if denies else '<'} {number}"
                )
            elif denies and compared.op == "eq":
                yield f"{text} lets in who has more than {number} connections already; compare >= {number}"
        elif path(compared.read) == _MINUTE and number in _HOURS and is_above:
            yield (
                f"context.time.minuteOfDay is {number} until {_clock(number + 1)}, and {text} has that minute too; for "
                f"until {_clock(number)} compare {'>=' if denies else '<'} {number}"
            )


def later_texts(policy: pst.Template) -> Iterator[str]:
    """Yield the patterns of a platform's version that keep out later versions, as no pattern is for those."""
    for node, denies in conditions(policy):
        if (
            isinstance(node, pst.Like)
            and path(node.base) == ("platformVersion",)
            and not denies
            and isinstance(node.pattern[0], pst.Char)
            and node.pattern[0].value.isdigit()
        ):
            yield (
                f"{expression_text(node)} is true for this version only, so later ones are kept out too; compare "
                "the numbers of context.os on Windows, and of context.device.os elsewhere"
            )


def tags_by_user(policy: pst.Template) -> Iterator[str]:
    """Yield what is wrong where a user's name is looked for among names of tags."""
    for node in walk(policy):
        if (
            isinstance(node, pst.BinaryOp)
            and node.op in ("contains", "contains_any", "contains_all")
            and path(node.left) == ("ownerTags",)
            and any(path(each) == ("username",) for each in walk(node.right))
        ):
            yield (
                f"{expression_text(node)} asks for a tag with the user's name as its name; context.ownerTags has the "
                'names of the tags that hold it, so write context.ownerTags.contains("owner")'
            )


def _operands(node: pst.Expr, op: str) -> Iterator[pst.Expr]:
    if isinstance(node, pst.BinaryOp) and node.op == op:
        yield from _operands(node.left, op)
        yield from _operands(node.right, op)
    else:
        yield node


def _names(node: pst.Expr, name: tuple[str, ...]) -> bool:
    """Tell whether a condition is that a name is one of some texts."""
    compared = comparison(node)
    if isinstance(node, pst.Like):
        return path(node.base) == name
    return (
        compared is not None
        and path(compared.read) == name
        and compared.op in ("eq", "contains")
        and any(isinstance(each, str) for each in compared.literals)
    )


def _is_weekend(node: pst.Expr) -> bool:
    compared = comparison(node)
    if compared is None or path(compared.read) != _WEEKDAY:
        return False
    numbers = {each for each in compared.literals if isinstance(each, int)}
    if compared.op in ("eq", "contains"):
        return bool(numbers) and numbers <= _WEEKEND
    return (compared.op == "greater" and numbers == {5}) or (compared.op == "greater_eq" and numbers == {6})


def _is_night(node: pst.Expr) -> bool:
    """Tell whether a condition is that it is before one time of the day, or after a later one."""
    compared = [comparison(each) for each in _operands(node, "or")]
    ops = sorted(
        each.op.removesuffix("_eq") for each in compared if each is not None and path(each.read) == _MINUTE
    )
    return len(compared) == len(ops) and ops == ["greater", "less"]


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"
