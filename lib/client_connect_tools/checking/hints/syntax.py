"""Corrections of text that Cedar cannot parse."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from client_connect_tools.cedar.places import Place, find, of_syntax_error, tokens
from client_connect_tools.checking.hints import names
from client_connect_tools.nearest import nearest

if TYPE_CHECKING:
    from collections.abc import Callable

_SIGNS = {"and": "&&", "or": "||", "not": "!", "AND": "&&", "OR": "||", "NOT": "!", "&": "&&", "|": "||"}
_EFFECTS = {"deny": "forbid", "block": "forbid", "reject": "forbid", "allow": "permit", "grant": "permit"}
_SCOPE = (
    "every policy begins with permit (principal, action, resource) or forbid (principal, action, resource)"
)
_TO_WHEN = (
    "the scope takes one entity; write the rest as a condition, such as "
    'when { principal in [ClientVpn::Group::"a", ClientVpn::Group::"b"] }'
)
_JOIN = "join conditions by && (and) or || (or)"
_ENDPOINT = (
    'an endpoint is an entity; write resource == ClientVpn::Endpoint::"cvpn-endpoint-0123456789abcdef0"'
)
_WHOLE = (
    "numbers are whole; write the parts of a version each, as in context.openvpn.major and .minor, and an address "
    'as ip("10.0.0.1")'
)
_TIME = "a time of day is a number of minutes; for 07:30, write 7 * 60 + 30"
_ANNOTATION = 'an annotation is written @id("...")'
_LIKE = 'compare with a pattern, such as context.username like "acme-*", in which * stands for anything'
_VARIABLES = 'there are principal, action, resource and context; a text has "quotation marks"'
_ABSENT = "nothing is null; what may be absent is tested by has, as in context has username"
_METHODS = {
    **dict.fromkeys(("startsWith", "endsWith", "matches", "indexOf", "substring", "match", "regex"), _LIKE),
    **dict.fromkeys(
        ("toLowerCase", "toLower", "lower", "toUpperCase", "upper", "equalsIgnoreCase", "lowerCase"),
        "user names and platforms are in lower case already; write the text in lower case",
    ),
    **dict.fromkeys(
        ("length", "size", "count"), "nothing is counted; isEmpty() tells whether a set has nothing in it"
    ),
    **dict.fromkeys(("inRange", "inSubnet", "inNetwork"), 'write .isInRange(ip("10.0.0.0/8"))'),
}
_KNOWN_METHODS = (
    *("contains", "containsAll", "containsAny", "isEmpty", "isInRange", "isIpv4", "isIpv6", "isLoopback"),
    *("getTag", "hasTag", "toDate", "toTime", "offset", "durationSince", "toMinutes", "toHours", "toDays"),
)
_CHARACTERS = {
    "'": 'texts have double quotation marks: "..."',
    "#": "comments begin with //",
    "`": "leave the mark out; a file has policies only",
    "?": "write if ... then ... else ...",
    **dict.fromkeys("“”„\u2018\u2019«»", 'texts have straight double quotation marks: "..."'),
    **{sign: f"write {double}" for sign, double in _SIGNS.items() if len(sign) == 1},
}


def explained(text: str, message: str) -> tuple[str, Place | None]:
    """Return what to write instead, empty when that is unclear, and where the mistake is, if that is known.

    Args:
        text: A policy that the engine cannot parse.
        message: What it says of it.
    """
    if (place := of_syntax_error(text, message)) and message.startswith(
        ("unexpected token", "invalid token")
    ):
        return _unexpected(text, place), place
    for pattern, hint in _MESSAGES:
        if match := pattern.search(message):
            name = match[1] if match.groups() else ""
            return hint(name), find(text, name)
    return "", None


def _unexpected(text: str, place: Place) -> str:
    all_tokens = [each for each in tokens(text) if each.start <= place.start]
    here = text[slice(*place)]
    before = [text[slice(*each)] for each in all_tokens[:-1]]
    last = before[-1] if before else ""
    if here in _CHARACTERS:
        return _CHARACTERS[here]
    if not before or (before[0] not in ("@", "permit", "forbid") and not _EFFECTS.get(before[0])):
        return _SCOPE
    for word in (here, last):
        if word in _SIGNS:
            return f"write {_SIGNS[word]}"
    return _by_neighbors(here, before) or _by_brackets(here, before)


def _by_neighbors(here: str, before: list[str]) -> str:  # noqa: PLR0911 - one for each mistake
    last = before[-1]
    if here == "@":
        return "the policy before has no end; add a semicolon there"
    if before[0] == "@" and len(before) < 4:  # noqa: PLR2004 - @, its name, a bracket
        return _ANNOTATION
    if here.isdigit() and last == "." and before[-2:-1] and before[-2].isdigit():
        return _WHOLE
    if here == ":" and last.isdigit():
        return _TIME
    if here == "/" and last == "like":
        return _LIKE
    if here == "(" and last in ("when", "unless"):
        return f"write {last} {{ ... }}"
    if last in ("permit", "forbid"):
        return _SCOPE
    if here in _METHODS:
        return _METHODS[here]
    if here in _KNOWN_METHODS:
        return f'a set or an address has it as a method, .{here}(...); in a text, look by like "*...*"'
    return ""


def _by_brackets(here: str, before: list[str]) -> str:
    missing = []
    for token in before:
        if token in _PAIRS:
            missing.append(_PAIRS[token])
        elif missing and token == missing[-1]:
            missing.pop()
    if here in (*_PAIRS.values(), ";", "when", "unless") and missing and here != missing[-1]:
        return f"a {missing[-1]} is missing before it"
    if here == "," and missing[-1:] == ["}"]:
        return _JOIN
    return ""


_PAIRS = {"(": ")", "[": "]", "{": "}"}


def _effect(name: str) -> str:
    return f"write {_EFFECTS.get(name.lower(), '')}" if name.lower() in _EFFECTS else _SCOPE


def _condition(name: str) -> str:
    return _JOIN if name in _SIGNS else "conditions follow when { ... } or unless { ... }"


def _variable(name: str) -> str:
    if name.lower() in ("null", "none", "undefined", "nil"):
        return _ABSENT
    if name.lower() in ("true", "false"):
        return f"write {name.lower()}"
    if hint := names.instead_of(name):
        return hint
    near = nearest(name, ("principal", "action", "resource", "context"))
    return f"write {near}" if near else _VARIABLES


def _member(name: str) -> str:
    return f"write context.{name}" if name.partition(".")[0] in _TOP else names.instead_of(name)


_TOP = ("device", "time", "os", "openvpn", "awsClient", "custom")


def _method(name: str) -> str:
    if hint := _METHODS.get(name):
        return hint
    near = nearest(name, _KNOWN_METHODS)
    return f"write .{near}(...)" if near else f"there are {', '.join(_KNOWN_METHODS)}"


_MESSAGES: tuple[tuple[re.Pattern[str], Callable[[str], str]], ...] = (
    (re.compile(r"invalid policy effect: (\w+)"), _effect),
    (re.compile(r"invalid policy condition: (\w+)"), _condition),
    (re.compile(r"invalid variable: (\w+)"), _variable),
    (re.compile(r"invalid member access `([^`]+)`"), _member),
    (re.compile(r"`(\w+)` is not a valid method"), _method),
    (re.compile(r"'(=)' is not a valid operator"), lambda _: "write == to compare"),
    (re.compile(r"found literal `(\"cvpn-endpoint[^`]*\")`"), lambda _: _ENDPOINT),
    (
        re.compile(r"expected an entity uid, found literal `([^`]+)`"),
        lambda _: "leave the action out: write action",
    ),
    (
        re.compile(r"found literal `([^`]+)`"),
        lambda text: f"an entity has a type; write ClientVpn::Group::{text}",
    ),
    (re.compile(r"found set of entity uids|found a `(?:\|\||&&)` expression"), lambda _: _TO_WHEN),
    (re.compile(r"is missing the `\w+` variable in the scope"), lambda _: _SCOPE),
)
