"""Where in a policy something stands: the engine names no place in what it says of one."""

from __future__ import annotations

import re
from dataclasses import fields, is_dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import cedarpy
from cedarpy import pst

from client_connect_tools.cedar import nodes
from client_connect_tools.cedar.statements import STRING, UNENDED_STRING
from client_connect_tools.cedar.text import expression_text

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable

_TOKEN = re.compile(
    rf"(?P<skip>[^\S\x1c-\x1f]+|//[^\r\n]*)|{STRING}|{UNENDED_STRING}|[A-Za-z_][A-Za-z0-9_]*|[0-9]+"
    r"|::|==|!=|<=|>=|&&|\|\||.",
    re.DOTALL,
)
_NAMED = re.compile(r"\"[^\"]*\"|'[^']*'|@[A-Za-z_]+|context(?:\.[A-Za-z_]+)+")
_BRACKETS = ("(", ")")
_END = "unexpected end of input"
# Each part costs a validation of the policy, so in a policy of more parts no place is looked for.
_MOST_PARTS = 200
_MOST_TOKENS = 1_000
_CONDITIONS = (pst.BinaryOp, pst.HasAttr, pst.Like, pst.Is)
_TRUE = pst.BoolLit(value=True)


class Place(NamedTuple):
    """A part of a policy's text: where it begins, and where it ends."""

    start: int
    end: int


def tokens(text: str) -> list[Place]:
    """Return the place of each token, without those of comments."""
    return [Place(*each.span()) for each in _TOKEN.finditer(text) if not each["skip"]]


def comments(text: str) -> list[str]:
    """Return the comments of a text."""
    return [each[0] for each in _TOKEN.finditer(text) if each[0].startswith("//")]


def find(text: str, part: str) -> Place | None:
    """Return where a part stands first, however it is spaced and bracketed there."""
    wanted = [part[slice(*each)] for each in tokens(part)]
    wanted = [each for each in wanted if each not in _BRACKETS]
    places = [each for each in tokens(text) if text[slice(*each)] not in _BRACKETS]
    there = [text[slice(*each)] for each in places]
    for first in range(len(there) - len(wanted) + 1 if wanted else 0):
        if there[first : first + len(wanted)] == wanted:
            return _closed(text, Place(places[first].start, places[first + len(wanted) - 1].end))
    return None


def _closed(text: str, place: Place) -> Place:
    """Return a place with the brackets that close what it opens."""
    there = [each for each in tokens(text) if each.start >= place.start]
    signs = [(text[slice(*each)], each.end) for each in there]
    within = [sign for sign, end in signs if end <= place.end]
    missing = within.count("(") - within.count(")")
    after = [(sign, end) for sign, end in signs if end > place.end][: max(missing, 0)]
    return Place(place.start, after[-1][1]) if after and all(sign == ")" for sign, _ in after) else place


def named(text: str, message: str) -> Place | None:
    """Return the place of the subject of a message: a text, an attribute or an annotation.

    The part after the first semicolon is advice, and need not be there.
    """
    said = message.partition("; ")[0]
    candidates = (match[0] for match in _NAMED.finditer(said))
    literals = (f'"{each[1:-1]}"' if each[0] in "\"'" else each for each in candidates)
    return next(filter(None, (find(text, each) for each in literals)), None)


def of_syntax_error(text: str, message: str) -> Place | None:
    """Return the token at which the engine gives up, for a message of its grammar.

    Up to the token before, what is there could still become a policy, which the engine calls an unexpected end.
    """
    places = tokens(text)
    if len(places) > _MOST_TOKENS:
        return None
    found = next((each for each in places if _parse_error(text[: each.end]) != _END), None)
    if found is None or _parse_error(text[: found.end]) != message:
        return None
    # Sometimes the engine reports it only after the next token, and names the one before.
    before = [each for each in places if each.start <= found.start]
    name = message.removeprefix("unexpected token `").removesuffix("`")
    return next((each for each in before[:-3:-1] if text[slice(*each)] == name), found)


def _parse_error(text: str) -> str:
    try:
        cedarpy.PolicySet.from_str(text)
    except ValueError as error:
        return str(error)
    return ""


def of_type_error(
    template: pst.Template, message: str, errors: Callable[[pst.Template], Counter[str]]
) -> pst.Expr | None:
    """Return the smallest condition whose removal saves one message of the engine.

    Args:
        template: The policy.
        message: What the engine says of it.
        errors: Returns what it says of a policy, and how often.
    """
    count = errors(template)[message]
    parts = [each for each in nodes.walk(template) if isinstance(each, _CONDITIONS)]
    if len(parts) > _MOST_PARTS:
        return None
    found = None
    for part in parts:  # from the outside to the inside
        if (found is None or _contains(found, part)) and errors(_without(template, part))[message] < count:
            found = part
    return found


def _contains(outer: object, inner: object) -> bool:
    return any(each is inner for each in nodes.walk(outer))


def _without(template: pst.Template, part: object) -> pst.Template:
    """Return a policy with a part replaced by true."""
    changed = _replaced(template, part)
    assert isinstance(changed, pst.Template)  # noqa: S101 - shows the type
    return changed


def _replaced(node: object, part: object) -> object:
    if node is part:
        return _TRUE
    if isinstance(node, tuple):
        changed = [_replaced(each, part) for each in node]
        return node if all(new is old for new, old in zip(changed, node, strict=True)) else tuple(changed)
    if not is_dataclass(node) or isinstance(node, type):
        return node
    new = {each.name: _replaced(getattr(node, each.name), part) for each in fields(node)}
    differing = {name: value for name, value in new.items() if value is not getattr(node, name)}
    return replace(node, **differing) if differing else node


def of_part(text: str, part: pst.Expr | None) -> Place | None:
    """Return where an expression stands first, as the engine has read it."""
    return None if part is None else find(text, expression_text(part))
