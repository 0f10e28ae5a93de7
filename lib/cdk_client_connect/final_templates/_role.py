"""Check that a function's role keeps the permissions that it was given."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from aws_cdk import Stack
from aws_cdk import aws_iam as iam

from cdk_client_connect.final_templates._templates import Deviation, check_templates

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cdk_client_connect.final_templates._templates import Templates


def check_role(owner: str, role: iam.Role) -> None:
    """Have the permissions checked that the role's own policy has when Aspects begin.

    There is nothing to check where the app customizes its roles, by ``iam.Role.customize_roles``.
    """
    policy = role.node.try_find_child("DefaultPolicy")
    resource = role.node.default_child
    if not isinstance(policy, iam.Policy) or not isinstance(resource, iam.CfnRole):
        return

    def check(templates: Templates) -> Iterator[Deviation]:
        properties = templates.properties(resource)
        if properties is None:
            return
        wanted = _allowed([Stack.of(role).resolve(policy.document)])
        deployed = [each.get("PolicyDocument") for each in _policies(templates, role, properties)]
        patterns = _allowed(deployed)
        missing = sorted(
            each for each in wanted if not any(fnmatchcase(each, pattern) for pattern in patterns)
        )
        if missing:
            yield Deviation(
                rule="missingPermission",
                resource=resource,
                location="Properties.Policies",
                found=f"the role of {owner} may no longer {', '.join(missing)} in the template; an Aspect or an "
                "override did this",
                fix="exclude the role's policy from it; or acknowledge this, if a managed policy allows it",
                is_error=False,
            )

    check_templates(role, check)


def _policies(templates: Templates, role: iam.Role, properties: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Return the inline policies of a role, in it and attached to it."""
    stack = Stack.of(role)
    yield from (each for each in properties.get("Policies", []) if isinstance(each, dict))
    name = stack.resolve(role.role_name)
    for resource in templates.all_of(stack).values():
        if resource["Type"] in {"AWS::IAM::Policy", "AWS::IAM::ManagedPolicy"}:
            attached = resource.get("Properties", {})
            if name in attached.get("Roles", []):
                yield attached


def _allowed(documents: Sequence[Any]) -> set[str]:
    """Return the actions that policy documents allow."""
    statements = [
        statement
        for document in documents
        if isinstance(document, dict)
        for statement in document.get("Statement", [])
        if isinstance(statement, dict) and statement.get("Effect") == "Allow"
    ]
    actions = [statement.get("Action", []) for statement in statements]
    return {
        action
        for each in actions
        for action in ([each] if isinstance(each, str) else each)
        if isinstance(action, str)
    }
