"""A role for a function that may write to one log group, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Acknowledgment, Validations
from aws_cdk import aws_iam as iam
from constructs import Construct, Dependable, IConstruct

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aws_cdk import aws_logs as logs


# Those of AWSLambdaVPCAccessExecutionRole without the ones on logs, which are for every log group of the account.
# AWSLambdaENIManagementAccess lacks ec2:DescribeSubnets.
# Source: https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AWSLambdaVPCAccessExecutionRole.html
_NETWORK_ACTIONS = (
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:UnassignPrivateIpAddresses",
)


def function_role(scope: Construct, log_group: logs.ILogGroup, *, in_vpc: bool = False) -> iam.Role:
    """Define the role; the CDK's default one may write to every log group of the account.

    Args:
        scope: The construct to define it in.
        log_group: Where the function logs.
        in_vpc: Whether the function runs in a VPC, which takes network interfaces.
    """
    role = iam.Role(scope, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
    log_group.grant_write(role)
    if in_vpc:
        _allow_network_interfaces(role)
    # There is none where the app customizes its roles, by iam.Role.customize_roles.
    if (policy := role.node.try_find_child("DefaultPolicy")) is not None:
        Dependable.implement(role, _Only([policy]))
    return role


def _allow_network_interfaces(role: iam.Role) -> None:
    """Allow Lambda, which does so as the role, to manage network interfaces, and deny it to the function's own code.

    Source: https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html
    """
    by_code = {"Null": {"lambda:SourceFunctionArn": "false"}}
    for effect, conditions in ((iam.Effect.ALLOW, None), (iam.Effect.DENY, by_code)):
        role.add_to_policy(
            iam.PolicyStatement(
                effect=effect, actions=list(_NETWORK_ACTIONS), resources=["*"], conditions=conditions
            )
        )
    if (policy := role.node.try_find_child("DefaultPolicy")) is not None:
        reason = (
            "Lambda needs them on every resource to manage network interfaces; the code itself is denied them"
        )
        Validations.of(policy).acknowledge(Acknowledgment(id="AwsSolutions-IAM5[Resource::*]", reason=reason))


class _Only(Dependable):
    """Makes a function wait for the role's policy, which waits for the role itself.

    The function names the role already, so a dependency on it as well would be redundant, which
    cfn-lint reports.
    """

    def __init__(self, roots: Sequence[IConstruct]) -> None:
        super().__init__()
        self._roots = list(roots)

    @property
    def dependency_roots(self) -> list[IConstruct]:
        return self._roots
