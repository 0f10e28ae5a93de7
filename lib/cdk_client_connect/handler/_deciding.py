"""What another function needs to decide as a handler does."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from aws_cdk import CfnElement, Stack
from aws_cdk import aws_lambda as lambda_

from cdk_client_connect.handler._function_code import bundled_code

if TYPE_CHECKING:
    from collections.abc import Mapping

    from constructs import Construct

    from cdk_client_connect.handler.client_connect_handler import ClientConnectHandler
    from cdk_client_connect.shared.function_settings import FunctionSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Deciding:
    """What a re-authorizer takes over from its handler.

    Attributes:
        code: The handler's code, with its policies.
        environment: The variables of the handler's function.
        runtime: Its runtime.
        architecture: Its architecture.
        version: Another text for each change of the handler's code or configuration.
        arguments: What else its function has that its module of extra facts may need, such as layers.
    """

    code: lambda_.Code
    environment: Mapping[str, str]
    runtime: lambda_.Runtime
    architecture: lambda_.Architecture
    version: str
    arguments: Mapping[str, Any]


def deciding(handler: ClientConnectHandler, scope: Construct) -> Deciding:
    """Return what a function in a scope without children, maybe in another stack, needs to decide as a handler does."""
    function = handler.function
    return Deciding(
        code=_code(handler, scope),
        environment=handler._environment,  # noqa: SLF001 - no property, because nobody else needs it
        runtime=function.runtime,
        architecture=function.architecture,
        version=_version(handler, scope),
        arguments={},
    )


def in_network_of(handler: ClientConnectHandler, settings: FunctionSettings) -> FunctionSettings:
    """Return settings with the handler's VPC, subnets and security groups, unless they name a VPC."""
    network = handler._network  # noqa: SLF001 - as above
    if settings.vpc is not None or network.vpc is None:
        return settings
    return replace(
        settings,
        vpc=network.vpc,
        vpc_subnets=settings.vpc_subnets or network.subnets,
        security_groups=settings.security_groups or handler.function.connections.security_groups,
    )


def _code(handler: ClientConnectHandler, scope: Construct) -> lambda_.Code:
    """Return the code; of an asset, each stack has a construct of its own."""
    code = handler._code  # noqa: SLF001
    if Stack.of(handler).node.addr == Stack.of(scope).node.addr:
        return code
    if (bundled := handler._bundled) is not None:  # noqa: SLF001
        return bundled_code(scope, handler._options, bundled)  # noqa: SLF001
    return lambda_.Code.from_asset(code.path) if isinstance(code, lambda_.AssetCode) else code


def _version(handler: ClientConnectHandler, scope: Construct) -> str:
    """Return the ARN of the version, or for another stack its logical id.

    A reference from another stack would be an export, which CloudFormation does not change while it is used.
    """
    version = handler.function.current_version
    resource = version.node.default_child
    if Stack.of(handler).node.addr == Stack.of(scope).node.addr or not isinstance(resource, CfnElement):
        return version.function_arn
    return resource.logical_id
