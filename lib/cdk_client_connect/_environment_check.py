"""The check that an endpoint is in the Region and account of its handler."""

from __future__ import annotations

import jsii
from aws_cdk import IResolveContext, IStringProducer, Lazy, Stack, Token
from aws_cdk import aws_ec2 as ec2
from constructs import Construct, IValidation


def checked_arn(handler: Construct, arn: str) -> str:
    """Return the ARN in a form that notices which endpoints use it.

    An endpoint in another Region or account would never reach the function. CDK lets one be defined all the
    same, so each use is compared when it is resolved, and the synthesis fails with every mismatch.
    """
    check = _EnvironmentCheck(handler, arn)
    handler.node.add_validation(check)
    return Lazy.uncached_string(check)


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
