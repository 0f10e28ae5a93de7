"""A permission for an action that AWS cannot restrict to resources."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Acknowledgment, Validations
from aws_cdk import aws_iam as iam

if TYPE_CHECKING:
    from aws_cdk import aws_lambda as lambda_


def allow_everywhere(function: lambda_.Function, action: str) -> None:
    """Allow a function an action that has no resource-level permissions, and acknowledge what cdk-nag says of it.

    Args:
        function: The function; the only one of its role.
        action: The action, besides those on network interfaces the only one that its role may on every resource.
    """
    # In the role's own policy, which the function waits for, whatever the feature flags.
    function.grant_principal.add_to_principal_policy(iam.PolicyStatement(actions=[action], resources=["*"]))
    # There is no policy where the app customizes its roles, by iam.Role.customize_roles.
    policy = function.role and function.role.node.try_find_child("DefaultPolicy")
    if policy is not None:
        reason = f"{action} has no resource-level permissions"
        Validations.of(policy).acknowledge(Acknowledgment(id="AwsSolutions-IAM5[Resource::*]", reason=reason))
