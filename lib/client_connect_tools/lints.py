"""What is allowed in a policy but is seldom meant; each lint has a name by which it is switched off."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cedarpy import pst

from client_connect_tools import _nodes
from client_connect_tools.finding import Finding, in_order, parse

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from client_connect_tools.policies import Policies

_CONTEXT = pst.Var("context")
_AWS_CLIENT = "awsClient"
_LOWER_CASE = ("username", "platform")


def lint(policies: Policies, *, ignore: Collection[str] = ()) -> list[Finding]:
    """Return what is doubtful in policies, as warnings.

    Args:
        policies: Policies without errors; those with errors are passed over.
        ignore: Names of lints that are switched off.

    Raises:
        ValueError: When a name in ``ignore`` is not that of a lint.
    """
    if unknown := sorted(set(ignore) - LINTS.keys()):
        raise ValueError(f'there is no lint "{unknown[0]}"; there are {", ".join(LINTS)}')
    parsed = [(each, each.template) for each in parse(policies) if each.template is not None]
    templates = [template for _, template in parsed]
    findings = [
        each.finding(name, message, "warning")
        for name, find in LINTS.items()
        if name not in ignore
        for each, template in parsed
        for message in find(template, templates)
    ]
    return in_order(policies, findings)


def attributes_read(policies: Policies) -> frozenset[str]:
    """Return the attributes of the context that policies read or test for."""
    nodes = (node for each in parse(policies) if each.template for node in _nodes.walk(each.template))
    found = set()
    for node in nodes:
        if isinstance(node, pst.GetAttr) and node.base == _CONTEXT:
            found.add(node.attr)
        elif isinstance(node, pst.HasAttr) and node.base == _CONTEXT:
            found.add(node.attrs[0])
    return frozenset(found)


def _forbid_without_message(template: pst.Template, _all: list[pst.Template]) -> Iterator[str]:
    if template.effect == "forbid" and not template.annotations.get("message"):
        yield 'the forbid has no @message, so the user is not told what to do; add @message("...")'


def _permit_without_conditions(template: pst.Template, everything: list[pst.Template]) -> Iterator[str]:
    others = [each for each in everything if each.effect == "permit" and each is not template]
    if template.effect == "permit" and others and not _is_shadow(template) and _is_unconditional(template):
        yield (
            "the permit has no conditions, so that the other permits change nothing; give it some, or remove "
            "the others"
        )


def _trusts_aws_client(template: pst.Template, _all: list[pst.Template]) -> Iterator[str]:
    if template.effect == "permit" and any(_reads(node, _AWS_CLIENT) for node in _nodes.walk(template)):
        yield (
            "the permit trusts context.awsClient, which the device's user can forge; permit by what cannot be "
            "forged (user, groups, common name), and use the client's version in forbids only"
        )


def _never_applies(template: pst.Template, _all: list[pst.Template]) -> Iterator[str]:
    if _nodes.never_applies(template):
        yield "the policy can never apply, as the types in the schema show; look for a condition that excludes another"


def _exact_user_name(template: pst.Template, _all: list[pst.Template]) -> Iterator[str]:
    if template.effect != "forbid":
        return
    for uid in sorted(pst.entity_uids(template), key=str):
        if str(uid.type) == "ClientVpn::User":
            yield (
                f"the forbid names {uid} exactly, but Active Directory takes other cases of the letters for the same "
                f'user; write context has username && context.username == "{uid.id.lower()}"'
            )


def _upper_case(template: pst.Template, _all: list[pst.Template]) -> Iterator[str]:
    for attribute, text in _compared(template):
        if text != text.lower():
            yield f'context.{attribute} is in lower case and never equals "{text}"; write "{text.lower()}"'


LINTS: dict[str, Callable[[pst.Template, list[pst.Template]], Iterator[str]]] = {
    "forbid-without-message": _forbid_without_message,
    "permit-without-conditions": _permit_without_conditions,
    "trusts-aws-client": _trusts_aws_client,
    "never-applies": _never_applies,
    "exact-user-name": _exact_user_name,
    "upper-case": _upper_case,
}


def _compared(template: pst.Template) -> Iterator[tuple[str, str]]:
    """Yield each text that an attribute in lower case is compared with, by `==` or in a set."""
    for node in _nodes.walk(template):
        if not (isinstance(node, pst.BinaryOp) and node.op in {"eq", "contains"}):
            continue
        for attribute in _LOWER_CASE:
            sides = (node.left, node.right)
            if any(_reads(side, attribute) for side in sides):
                literals = [
                    each for side in sides for each in _nodes.walk(side) if isinstance(each, pst.StringLit)
                ]
                yield from ((attribute, literal.value) for literal in literals)


def _reads(node: object, attribute: str) -> bool:
    """Tell whether a node is ``context.attribute`` or tests for it."""
    if isinstance(node, pst.GetAttr):
        return node.attr == attribute and node.base == _CONTEXT
    if isinstance(node, pst.HasAttr):
        return node.attrs[0] == attribute and node.base == _CONTEXT
    return False


def _is_unconditional(template: pst.Template) -> bool:
    scopes = (template.principal, template.resource)
    return not template.clauses and all(isinstance(scope, pst.ScopeAny) for scope in scopes)


def _is_shadow(template: pst.Template) -> bool:
    return "shadow" in template.annotations
