"""A role for a function that may write to one log group, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import aws_iam as iam
from constructs import Construct, Dependable, IConstruct

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aws_cdk import aws_logs as logs


_VPC_ACCESS = "service-role/AWSLambdaVPCAccessExecutionRole"


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
        role.add_managed_policy(iam.ManagedPolicy.from_aws_managed_policy_name(_VPC_ACCESS))
    # There is none where the app customizes its roles, by iam.Role.customize_roles.
    if (policy := role.node.try_find_child("DefaultPolicy")) is not None:
        Dependable.implement(role, _Only([policy]))
    return role


class _Only(Dependable):
    """Makes a function wait for the role's policy, which waits for the role itself.

    The function names the role already, so that a dependency on it as well would be redundant, which
    cfn-lint reports.
    """

    def __init__(self, roots: Sequence[IConstruct]) -> None:
        super().__init__()
        self._roots = list(roots)

    @property
    def dependency_roots(self) -> list[IConstruct]:
        return self._roots
