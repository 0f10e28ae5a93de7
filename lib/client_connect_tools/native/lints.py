"""Code that is allowed in a native authorization policy, but not documented by AWS or seldom meant."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

import cedarpy
from cedarpy import pst

from client_connect_tools.cedar import nodes
from client_connect_tools.cedar.comparisons import comparison
from client_connect_tools.cedar.nodes import path
from client_connect_tools.cedar.text import expression_text
from client_connect_tools.cedar.validation import UNGUARDED
from client_connect_tools.checking import lints
from client_connect_tools.checking.closed_values import ORDER, outcome_of_all
from client_connect_tools.native._absence import changes_outcome, turns_around
from client_connect_tools.native._documented import documented_part
from client_connect_tools.native._guards import guards, unguarded_paths
from client_connect_tools.native._types import validation_errors
from client_connect_tools.native.trust_data import (
    UNDOCUMENTED,
    Attribute,
    attribute,
    documented,
    schema,
    suggestion,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from client_connect_tools.cedar.comparisons import Comparison
    from client_connect_tools.checking.lints import Lint
    from client_connect_tools.finding import Finding
    from client_connect_tools.policies import Policies

_CONTEXT: pst.Expr = pst.Var("context")
# All that AWS's pages show of context.saml, and that only as context.saml.memberOf.contains(...).
_MEMBER_OF = ("saml", "memberOf")


def lint(policies: Policies, *, ignore: Collection[str] = ()) -> list[Finding]:
    """Return what is doubtful in a native authorization policy, as warnings.

    Args:
        policies: Policies without errors; those with errors are passed over.
        ignore: Names of lints that are switched off.

    Raises:
        ValueError: When a name in ``ignore`` is not that of a lint.
    """
    return lints.find(policies, LINTS, ignore)


def _undocumented_form(template: pst.Template, _all: list[pst.Template]) -> Iterator[str]:
    form = f"AWS documents {template.effect} (principal, action, resource) when {{ ... }}; alone"
    if template.annotations:
        names = ", ".join(f"@{name}" for name in sorted(template.annotations))
        yield f"{names} may be refused and changes nothing that is documented; {form}"
    if any(
        not isinstance(scope, pst.ScopeAny)
        for scope in (template.principal, template.action, template.resource)
    ):
        yield f"the types and names of the principal, the action and the resource are not documented; {form}"
    if [type(clause) for clause in template.clauses] != [pst.When]:
        yield f"the policy has not exactly one condition, a `when`; {form}, and others may be refused"


def _undocumented_attribute(template: pst.Template, _all: list[pst.Template]) -> Iterator[str]:
    for name, meant in dict(_undocumented_reads(template)).items():
        did_you_mean = f" (did you mean {_shown_path(meant)}?)" if meant else ""
        yield (
            f"AWS does not document {name}{did_you_mean}, so it is passed on as it is, unchecked; if it is absent, "
            "reading it denies; look for it in the connection log with the evaluation context before you enforce "
            "the policy"
        )


def _possibly_absent(template: pst.Template, everything: list[pst.Template]) -> Iterator[str]:
    for root, value in UNDOCUMENTED.items():
        read, test = _shown_path((root,)), expression_text(pst.HasAttr(_CONTEXT, (root,)))
        if not value.is_always_there and _is_unguarded(template, root):
            yield (
                f"{read} is read without a test, but AWS does not document whether it is always there, and an absent "
                f"attribute denies everybody; test it first, as in `{test} && ...`"
            )
    permits = [each for each in everything if each.effect == "permit"]
    with suppress(ValueError):  # too deep, which is an error
        unguarded = unguarded_paths(validation_errors(documented_part(template)))
        absent = [
            each for each in unguarded if turns_around(each, permits) and not changes_outcome(each, permits)
        ]
        for guard in guards(template, absent):
            yield (
                f"{guard.read} is read without a test in a negation, and a device without it is denied, not "
                f"permitted; if you mean that, write {guard.text}"
            )


def _impossible_value(template: pst.Template, _all: list[pst.Template]) -> Iterator[str]:
    yield from dict.fromkeys(message for node in nodes.walk(template) for message in _impossible_values(node))


def _impossible_values(node: object) -> Iterator[str]:
    if isinstance(node, pst.Like):
        values = _documented_values(node.base)
        if values and not any(_matches(node, str(value)) for value in values):
            yield f"{expression_text(node)} is never true; AWS documents {_all_of(values)}"
    elif isinstance(node, pst.BinaryOp) and (compared := comparison(node)):
        values = _documented_values(compared.read)
        for value in compared.literals if values else ():
            problem = _problem_of_value(node, compared, value, values)
            if problem:
                yield f"{problem}; AWS documents {_all_of(values)}"


def _documented_values(read: pst.Expr) -> range | tuple[str, ...]:
    found = attribute(path(read) or ())
    return found.values if isinstance(found, Attribute) else ()


def _problem_of_value(
    node: pst.BinaryOp, compared: Comparison, value: str | int, values: range | tuple[str, ...]
) -> str:
    if compared.op in ORDER and isinstance(values, range) and isinstance(value, int):
        always = outcome_of_all(compared.op, value, values)
        if always is not None:
            return f"{expression_text(node)} is always {str(always).lower()}"
    return "" if value in values else f"{expression_text(compared.read)} is never {_shown(value)}"


def _matches(node: pst.Like, value: str) -> bool:
    pattern = (re.escape(each.value) if isinstance(each, pst.Char) else ".*" for each in node.pattern)
    return re.fullmatch("".join(pattern), value) is not None


def _never_applies(template: pst.Template, _all: list[pst.Template]) -> Iterator[str]:
    with suppress(ValueError):  # too deep, which is an error
        if nodes.never_applies(documented_part(template), schema()):
            yield "the policy can never apply; look for a condition that excludes another"


LINTS: dict[str, Lint] = {
    "undocumented-form": _undocumented_form,
    "undocumented-attribute": _undocumented_attribute,
    "possibly-absent": _possibly_absent,
    "impossible-value": _impossible_value,
    "invisible-character": lints.LINTS["invisible-character"],
    "mixed-scripts": lints.LINTS["mixed-scripts"],
    "unusual-spelling": lints.LINTS["unusual-spelling"],
    "never-applies": _never_applies,
    "permit-without-conditions": lints.LINTS["permit-without-conditions"],
}
"""The lints, by the name that switches each of them off."""


def _undocumented_reads(node: object) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield everything that a policy reads or tests for and AWS does not document, with the path that was meant."""
    match node:
        case pst.BinaryOp("contains", left, right) if path(left) == _MEMBER_OF:
            yield from _undocumented_reads(right)
        case pst.Var(name):
            yield (f"{name} as a value" if name == "context" else name), ()
        case pst.GetAttr() | pst.HasAttr() if names := path(node):
            if not isinstance(node, pst.HasAttr) or names != _MEMBER_OF:
                yield from _undocumented_path(names, is_test=isinstance(node, pst.HasAttr))
        case _:
            for child in nodes.children(node):
                yield from _undocumented_reads(child)


def _undocumented_path(names: tuple[str, ...], *, is_test: bool) -> Iterator[tuple[str, tuple[str, ...]]]:
    known = documented(names)
    found = attribute(known)
    if isinstance(found, Mapping):
        if len(known) < len(names):
            # A tested attribute and those read below it are one.
            yield _shown_path(names[: len(known) + 1]), suggestion(names)
    elif found and found.type == "Undocumented" and (len(known) < len(names) or not is_test):
        yield _shown_path(names), ()


def _is_unguarded(template: pst.Template, root: str) -> bool:
    name = root if root.isidentifier() else f'["{root}"]'
    with suppress(ValueError):  # too deep, which is an error
        errors = cedarpy.validate_policies(nodes.cedar(documented_part(template, root=root)), schema()).errors
        return any(f"{UNGUARDED} `{name}` in context" in error.error for error in errors)
    return False


def _shown_path(names: tuple[str, ...]) -> str:
    return expression_text(nodes.read_of(names))


def _all_of(values: range | tuple[str, ...]) -> str:
    return f"{values[0]} to {values[-1]}" if isinstance(values, range) else ", ".join(map(_shown, values))


def _shown(value: int | str) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value)
