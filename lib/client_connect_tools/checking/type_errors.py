"""The errors in the types of a policy, each with its place and what to write instead."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING

from cedarpy import pst

from client_connect_tools.cedar import nodes, places
from client_connect_tools.cedar.text import expression_text
from client_connect_tools.cedar.validation import UNGUARDED, type_problems, unknown_attributes
from client_connect_tools.checking.hints import names, types

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterator

    import cedarpy

    from client_connect_tools.cedar.parsing import ParsedStatement
    from client_connect_tools.finding import Finding

# Said besides what is wrong with the scope, and of no use then.
_NO_ACTION = "unable to find an applicable action given the policy scope constraints"
_OF_BOTH = re.compile(r"(attribute `[^`]+` on entity type) `ClientVpn::(?:Device|User)` not found")
_GROUP_IS_NO_PRINCIPAL = 'a group is never the principal itself; write principal in ClientVpn::Group::"..."'
_ATTRIBUTE = re.compile(r"attribute `([^`]+)` (in context|on entity type)")
_QUOTED = re.compile(r"`([^`]+)`")


def type_errors(parsed: ParsedStatement, against: cedarpy.Schema) -> Iterator[Finding]:
    """Yield what has a wrong type in a policy, what is read without a test, and what the schema does not have."""
    if parsed.template is None:
        return
    # The errors in one condition have one cause, and one way to write it.
    told: set[tuple[str, object]] = set()
    unknown_in = []
    for message, said in _in_few_words(type_problems(parsed.statement.text, against)):
        part = places.of_type_error(parsed.template, message, partial(_problems, against=against))
        rule, hint = _explained(message, part, parsed.template)
        if _ATTRIBUTE.match(message):
            unknown_in.append(part)
        elif rule == "type" and part in unknown_in:
            continue
        if hint and (hint, part) in told:
            continue
        told.add((hint, part))
        place = _named(parsed.statement.text, message) or places.of_part(parsed.statement.text, part)
        yield parsed.finding(rule, f"{said}; {hint}" if hint else said, place=place)
    yield from _unknown_tests(parsed, parsed.template, against)


def _problems(template: pst.Template, against: cedarpy.Schema) -> Counter[str]:
    return type_problems(nodes.cedar(template), against)


def _unknown_tests(
    parsed: ParsedStatement, template: pst.Template, against: cedarpy.Schema
) -> Iterator[Finding]:
    for test in unknown_attributes(template, against):
        said = f"`has {'.'.join(test.attrs)}` is always false, because the schema has no such attribute there"
        hint = names.instead_of(test.attrs[-1])
        place = places.find(parsed.statement.text, expression_text(test))
        yield parsed.finding("unknown-attribute", f"{said}; {hint}" if hint else said, place=place)


def _explained(message: str, part: pst.Expr | None, template: pst.Template) -> tuple[str, str]:
    """Return the name of the check that a message belongs to, and what to write instead."""
    if message.startswith(UNGUARDED):
        guard = _guard(message)
        test = guard.removesuffix(" && ...")
        instead = (
            f"; Cedar does not take !({test}) || ... for a test, so write if {test} then ... else true"
            if _is_negated(template, message)
            else ""
        )
        return "unguarded-attribute", f"it may be absent, so test it first: `{guard}`{instead}"
    if message == _NO_ACTION:
        return "type", _GROUP_IS_NO_PRINCIPAL if _is_a_group(template) else ""
    return "type", types.hint(message, part)


def _in_few_words(problems: Counter[str]) -> Iterator[tuple[str, str]]:
    """Yield each message, in its order, with how to say it: once for users and devices."""
    both = {match[1] for each in problems if (match := _OF_BOTH.search(each))}
    # Unknown names come first, because it may be why the rest is wrong.
    for message in sorted(problems, key=lambda each: (not _ATTRIBUTE.match(each), each)):
        if message == _NO_ACTION and len(problems) > 1:
            continue
        match = _OF_BOTH.search(message)
        twin = message.replace("`ClientVpn::User`", "`ClientVpn::Device`")
        if match and match[1] in both and twin in problems:
            if twin != message:
                yield message, f"{match[1]}s `ClientVpn::User` and `ClientVpn::Device` not found"
            continue
        yield message, message


def _guard(message: str) -> str:
    """Return the test that makes a read safe."""
    match = _ATTRIBUTE.search(message)
    attribute = match[1].split(".") if match else ["os"]
    base = ["context"] if not match or match[2] == "in context" else ["context", "device"]
    *above, last = base + attribute
    test = f"{'.'.join(above)} has {last}"
    return f"context has {above[1]} && {test} && ..." if above[1:] else f"{test} && ..."


def _is_negated(template: pst.Template, message: str) -> bool:
    """Tell whether a policy asks whether the attribute that it reads is absent, and reads it where it is not."""
    match = re.search(r"optional attribute `(?:\w+\.)*(\w+)", message)
    return match is not None and any(
        isinstance(each, pst.BinaryOp)
        and each.op == "or"
        and any(
            isinstance(node, pst.UnaryOp)
            and node.op == "not"
            and isinstance(node.arg, pst.HasAttr)
            and node.arg.attrs[-1] == match[1]
            for node in nodes.walk(each.left)
        )
        for each in nodes.walk(template)
    )


def _is_a_group(template: pst.Template) -> bool:
    match template.principal:
        case pst.ScopeEq(pst.EntityUid(kind)):
            return str(kind) == "ClientVpn::Group"
    return False


def _named(text: str, message: str) -> places.Place | None:
    """Return where what a message names stands."""
    if match := _ATTRIBUTE.search(message):
        whole = f"context.{match[1]}" if match[2] == "in context" else f".{match[1]}"
        found = places.find(text, whole)
        if found and match[2] != "in context":
            return places.Place(found.start + 1, found.end)
        return found
    match = _QUOTED.search(message)
    return places.find(text, match[1]) if match else None
