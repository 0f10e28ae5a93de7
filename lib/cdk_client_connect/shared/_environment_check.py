"""The checks that what belongs together is in the same Region and account."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import jsii
from aws_cdk import ArnFormat, IResolveContext, IStringProducer, Lazy, Reference, Stack, Token
from aws_cdk import aws_ec2 as ec2
from constructs import Construct, IConstruct, IValidation

from cdk_client_connect.errors import InvalidArgument
from cdk_client_connect.final_templates._templates import top_level

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aws_cdk import aws_lambda as lambda_


def checked_arn(handler: Construct, target: lambda_.IFunction, name: str) -> str:
    """Return the ARN of what endpoints invoke, in a form that depends on the stack that it is used in.

    Within the handler's stack it is a reference. Other stacks have it as text, and wait for the handler's stack: of a
    weak reference (``Fn::GetStackOutput``), CloudFormation reads the value only when the template changes, so after a
    rename the endpoint would keep the ARN of a deleted function.

    An endpoint in another Region or account would never reach the function. CDK lets one be defined all the
    same, so each use is compared when it is resolved, and the synthesis fails with every mismatch.

    Args:
        handler: The handler.
        target: What endpoints invoke.
        name: Its name as text, with the alias, if it is one.
    """
    text = Stack.of(handler).format_arn(
        service="lambda", resource="function", resource_name=name, arn_format=ArnFormat.COLON_RESOURCE_NAME
    )
    check = _EnvironmentCheck(handler, target.function_arn, text)
    handler.node.add_validation(check)
    return Token.as_string(_ArnReference(check, target))


def arn_of_other_app(handler: Construct, arn: str) -> str:
    """Return the ARN of a handler that another app deployed, in a form that is compared with each endpoint.

    Args:
        handler: The imported handler, which knows where the function is.
        arn: Its ARN, which may be a token.
    """
    check = _EnvironmentCheck(handler, arn, arn, is_defined_here=False)
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


def require_client_vpn(scope: Construct) -> None:
    """Check that a stack is not where AWS offers no Client VPN: in China.

    Raises:
        InvalidArgument: When it is.
    """
    region = Stack.of(scope).region
    if not Token.is_unresolved(region) and region.startswith("cn-"):
        raise InvalidArgument(
            f"stack {Stack.of(scope).node.path} is in {region}, but AWS offers no Client VPN in China, so nothing "
            "would invoke the handler; define it in the account and Region of an endpoint"
        )


class _Environment(NamedTuple):
    """An account and a Region; either may be a token."""

    account: str
    region: str

    @classmethod
    def of(cls, construct: IConstruct) -> _Environment:
        """Return where a construct is: where its stack is, unless it was imported from elsewhere."""
        # Of an imported table or alarm, the CDK does not read the ARN; a part of it may be a token, or the whole.
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


class _ArnReference(Reference):
    """A reference by its kind, so ``stack.export_value`` takes it."""

    def __init__(self, check: _EnvironmentCheck, target: lambda_.IFunction) -> None:
        super().__init__(target.function_arn, target, "FunctionArn")
        self._check = check

    @jsii.member(jsii_name="resolve")
    def resolve(self, context: IResolveContext) -> str | None:
        """Return the ARN for the stack that uses it."""
        return self._check.produce(context)


@jsii.implements(IStringProducer, IValidation)
class _EnvironmentCheck:
    def __init__(
        self, handler: Construct, reference: str, text: str, *, is_defined_here: bool = True
    ) -> None:
        self._handler = handler
        self._is_defined_here = is_defined_here
        self._stack = Stack.of(handler)
        self._top = top_level(self._stack)
        self._reference = reference
        self._text = text
        self._problems: dict[str, str] = {}

    def produce(self, context: IResolveContext) -> str | None:
        """Give the ARN, and remember an endpoint elsewhere."""
        theirs = Stack.of(context.scope)
        if self._is_defined_here and top_level(theirs).node.addr == self._top.node.addr:
            return self._reference
        if isinstance(context.scope, ec2.CfnClientVpnEndpoint) and self._is_elsewhere(context.scope):
            return self._text
        if not self._is_defined_here:
            return self._text
        theirs.add_stack_dependency(self._stack)
        return self._text

    def validate(self) -> list[str]:
        """Return what was noticed."""
        return list(self._problems.values())

    def _is_elsewhere(self, endpoint: ec2.CfnClientVpnEndpoint) -> bool:
        ours, theirs = _Environment.of(self._handler), _Environment.of(endpoint)
        if not theirs.differs_from(ours):
            return False
        path = endpoint.node.path
        self._problems[path] = (
            f"endpoint {path} is in {theirs}, but its client connect handler is in {ours}; "
            "Client VPN invokes only functions of the endpoint's own account and Region; define one there"
        )
        return True
