"""What is allowed in a policy but is seldom meant; each lint has a name by which it is switched off."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from cedarpy import pst

from client_connect_tools import _nodes
from client_connect_tools._outages import weakened_without
from client_connect_tools.custom_schema import check_custom_schema
from client_connect_tools.finding import Finding, in_order, parse, schema

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    import cedarpy

    from client_connect_tools.policies import Policies

    Lint = Callable[[pst.Template, list[pst.Template]], Iterator[str]]

_CONTEXT = pst.Var("context")
_AWS_CLIENT = "awsClient"
_LOWER_CASE = ("username", "platform")
_COMPARISONS = frozenset({"eq", "not_eq", "contains", "contains_any", "contains_all"})


def lint(policies: Policies, *, ignore: Collection[str] = ()) -> list[Finding]:
    """Return what is doubtful in policies, as warnings.

    Args:
        policies: Policies without errors; those with errors are passed over, and with an error in
            ``custom.cedarschema`` all of them.
        ignore: Names of lints that are switched off.

    Raises:
        ValueError: When a name in ``ignore`` is not that of a lint.
    """
    if check_custom_schema(policies):
        return []
    by_types = {"never-applies": partial(_never_applies, types=schema(policies.custom))}
    return find(policies, LINTS | by_types, ignore)


def find(policies: Policies, lints: Mapping[str, Lint], ignore: Collection[str]) -> list[Finding]:
    """Return what some lints find in policies.

    Raises:
        ValueError: When a name in ``ignore`` is not that of a lint.
    """
    if unknown := sorted(set(ignore) - lints.keys()):
        raise ValueError(f'there is no lint "{unknown[0]}"; there are {", ".join(lints)}')
    parsed = [(each, each.template) for each in parse(policies) if each.template is not None]
    templates = [template for _, template in parsed]
    findings = [
        each.finding(name, message, "warning")
        for name, find_in in lints.items()
        if name not in ignore
        for each, template in parsed
        for message in find_in(template, templates)
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
    enforced = [each for each in everything if each.effect == "permit" and not _is_shadow(each)]
    if template in enforced and len(enforced) > 1 and _is_unconditional(template):
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


def _never_applies(
    template: pst.Template, _all: list[pst.Template], *, types: cedarpy.Schema | None = None
) -> Iterator[str]:
    if _nodes.never_applies(template, types or schema()):
        yield "the policy can never apply, as the types in the schema show; look for a condition that excludes another"


def _exact_user_name(template: pst.Template, _all: list[pst.Template]) -> Iterator[str]:
    if template.effect != "forbid":
        return
    for uid in sorted(_named_to_be_denied(template), key=str):
        if str(uid.type) == "ClientVpn::User":
            yield (
                f"the forbid names {uid} exactly, but Active Directory takes other cases of the letters for the same "
                f'user; write context has username && context.username == "{uid.id.lower()}"'
            )


def _upper_case(template: pst.Template, _all: list[pst.Template]) -> Iterator[str]:
    for attribute, text in _compared(template):
        if text != text.lower():
            yield f'context.{attribute} is in lower case and never equals "{text}"; write "{text.lower()}"'


def _custom_facts_outage(template: pst.Template, everything: list[pst.Template]) -> Iterator[str]:
    if _overlooks_outage(template, everything, fact="custom", state="customFacts"):
        yield _outage("the module of extra facts", fact="custom", state="customFacts")


def _inventory_outage(template: pst.Template, everything: list[pst.Template]) -> Iterator[str]:
    if _overlooks_outage(template, everything, fact="device", state="inventory"):
        yield _outage("the device inventory", fact="device", state="inventory")


LINTS: dict[str, Lint] = {
    "forbid-without-message": _forbid_without_message,
    "permit-without-conditions": _permit_without_conditions,
    "trusts-aws-client": _trusts_aws_client,
    "never-applies": _never_applies,
    "exact-user-name": _exact_user_name,
    "upper-case": _upper_case,
    "custom-facts-outage": _custom_facts_outage,
    "inventory-outage": _inventory_outage,
}
"""The lints, by the name that switches each of them off."""


def _compared(template: pst.Template) -> Iterator[tuple[str, str]]:
    """Yield each text that an attribute in lower case is compared with."""
    for node in _nodes.walk(template):
        if isinstance(node, pst.Like):
            text = "".join(each.value for each in node.pattern if isinstance(each, pst.Char))
            yield from ((name, text) for name in _LOWER_CASE if _reads(node.base, name))
        if not (isinstance(node, pst.BinaryOp) and node.op in _COMPARISONS):
            continue
        for attribute in _LOWER_CASE:
            sides = (node.left, node.right)
            if any(_reads(each, attribute) for side in sides for each in _members(side)):
                literals = [
                    each for side in sides for each in _nodes.walk(side) if isinstance(each, pst.StringLit)
                ]
                yield from ((attribute, literal.value) for literal in literals)


def _overlooks_outage(
    template: pst.Template, everything: list[pst.Template], *, fact: str, state: str
) -> bool:
    enforced = [each for each in everything if not _is_shadow(each)]
    return (
        template in enforced
        and weakened_without(template, fact)
        and not any(_reads(node, state) for each in enforced for node in _nodes.walk(each))
    )


def _outage(source: str, *, fact: str, state: str) -> str:
    return (
        f"while {source} is unavailable, there is no context.{fact}, so that the policy lets in whom it would keep "
        f'out, and no policy says otherwise; add a forbid when {{ context.{state} == "unavailable" }}'
    )


def _members(node: pst.Expr) -> tuple[pst.Expr, ...]:
    return node.elements if isinstance(node, pst.Set) else (node,)


def _named_to_be_denied(forbid: pst.Template) -> frozenset[pst.EntityUid]:
    """Return the entities that a forbid names in its scope or its conditions, but not for an exception."""
    conditions = tuple(clause.expr for clause in forbid.clauses if isinstance(clause, pst.When))
    nodes = (each for node in (forbid.principal, *conditions) for each in _nodes.walk(node))
    negated = {
        each
        for node in nodes
        if isinstance(node, pst.UnaryOp) and node.op == "not"
        for each in pst.entity_uids(node)
    }
    return pst.entity_uids((forbid.principal, *conditions)) - negated


def _reads(node: object, attribute: str) -> bool:
    """Tell whether a node is ``context.attribute`` or tests for it."""
    if isinstance(node, pst.GetAttr):
        return node.attr == attribute and node.base == _CONTEXT
    if isinstance(node, pst.HasAttr):
        return node.attrs[0] == attribute and node.base == _CONTEXT
    return False


def _is_unconditional(template: pst.Template) -> bool:
    scopes = (template.principal, template.resource)
    always = (pst.When(pst.BoolLit(value=True)), pst.Unless(pst.BoolLit(value=False)))
    return all(clause in always for clause in template.clauses) and all(
        isinstance(scope, pst.ScopeAny) for scope in scopes
    )


def _is_shadow(template: pst.Template) -> bool:
    return "shadow" in template.annotations
