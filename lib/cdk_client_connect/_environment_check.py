"""The checks that what belongs together is in the same Region and account."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

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
    """Check that what a construct uses is where the construct is, as far as both are known.

    Args:
        scope: Where the construct is defined.
        others: What it uses: constructs, also imported ones.
        because: Why that must be in the same account and Region.

    Raises:
        InvalidArgument: When something is in another account or Region.
    """
    for other in others:
        ours, theirs = _Environment.of(scope), _Environment.of(other)
        if theirs.differs_from(ours):
            raise InvalidArgument(f"{other.node.path} is in {theirs}, but what uses it in {ours}; {because}")


class _Environment(NamedTuple):
    """An account and a Region, each of which may be a token."""

    account: str
    region: str

    @classmethod
    def of(cls, construct: IConstruct) -> _Environment:
        """Return where a construct is: where its stack is, unless it was imported from elsewhere."""
        # Of an imported table or alarm, the CDK does not read the ARN, of which each part may be a token, or the whole.
        arn: str = getattr(construct, "table_arn", "") or getattr(construct, "alarm_arn", "")
        match arn.split(":", 5):
            case [_, _, _, region, account, _]:
                return cls(account, region)
        where = getattr(construct, "env", None) or Stack.of(construct)
        return cls(where.account, where.region)

    def differs_from(self, other: _Environment) -> bool:
        """Whether the two are known to differ."""
        return any(
            not Token.is_unresolved(ours) and not Token.is_unresolved(theirs) and ours != theirs
            for ours, theirs in zip(self, other, strict=True)
        )

    def __str__(self) -> str:
        """Write it as the CDK does."""
        account, region = (
            f"unknown-{name}" if Token.is_unresolved(value) else value
            for name, value in zip(self._fields, self, strict=True)
        )
        return f"aws://{account}/{region}"


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
        if _Environment.of(endpoint).differs_from(_Environment.of(ours)):
            path = endpoint.node.path
            self._problems[path] = (
                f"endpoint {path} is in {theirs.environment}, but its client connect handler is in {ours.environment}; "
                "Client VPN invokes only functions of the endpoint's own account and Region; define one there"
            )
        else:
            # Where one of them names no environment, the CDK refers by name and sees no dependency.
            theirs.add_dependency(ours)
