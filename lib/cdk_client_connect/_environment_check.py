"""The checks that endpoints and tables are in the Region and account of their handler."""

from __future__ import annotations

from typing import TYPE_CHECKING

import jsii
from aws_cdk import IResolveContext, IStringProducer, Lazy, Stack, Token
from aws_cdk import aws_ec2 as ec2
from constructs import Construct, IConstruct, IValidation

from cdk_client_connect.errors import InvalidArgument

if TYPE_CHECKING:
    from collections.abc import Sequence


def checked_arn(handler: Construct, arn: str) -> str:
    """Return the ARN in a form that notices which endpoints use it.

    An endpoint in another Region or account would never reach the function. CDK lets one be defined all the
    same, so each use is compared when it is resolved, and the synthesis fails with every mismatch.
    """
    check = _EnvironmentCheck(handler, arn)
    handler.node.add_validation(check)
    return Lazy.uncached_string(check)


def require_same_environment(scope: Construct, others: Sequence[IConstruct], *, because: str) -> None:
    """Check that what a construct uses is where the construct is.

    Args:
        scope: Where the construct is defined.
        others: What it uses.
        because: Why that must be in the same account and Region.

    Raises:
        InvalidArgument: When something is in another account or Region.
    """
    ours = Stack.of(scope)
    for other in others:
        theirs = Stack.of(other)
        if environments_differ(ours, theirs):
            raise InvalidArgument(
                f"{other.node.path} is in {theirs.environment}, but what uses it in {ours.environment}; {because}"
            )


@jsii.implements(IStringProducer, IValidation)
class _EnvironmentCheck:
    def __init__(self, handler: Construct, arn: str) -> None:
        self._stack = Stack.of(handler)
        self._arn = arn
        self._problems: dict[str, str] = {}

    def produce(self, context: IResolveContext) -> str | None:
        """Give the ARN, and remember an endpoint elsewhere."""
        if isinstance(context.scope, ec2.CfnClientVpnEndpoint):
            self._compare(context.scope)
        return self._arn

    def validate(self) -> list[str]:
        """Return what was noticed."""
        return list(self._problems.values())

    def _compare(self, endpoint: ec2.CfnClientVpnEndpoint) -> None:
        ours, theirs = self._stack, Stack.of(endpoint)
        if ours.environment == theirs.environment:
            return
        if environments_differ(ours, theirs):
            path = endpoint.node.path
            self._problems[path] = (
                f"endpoint {path} is in {theirs.environment}, but its client connect handler is in {ours.environment}; "
                "Client VPN invokes only functions of the endpoint's own account and Region; define one there"
            )
        else:
            # Where one of them names no environment, the CDK refers by name and sees no dependency.
            theirs.add_dependency(ours)


def environments_differ(ours: Stack, theirs: Stack) -> bool:
    """Whether two stacks are known to be in different accounts or Regions."""
    return _differ(ours.account, theirs.account) or _differ(ours.region, theirs.region)


def _differ(ours: str, theirs: str) -> bool:
    return not Token.is_unresolved(ours) and not Token.is_unresolved(theirs) and ours != theirs
