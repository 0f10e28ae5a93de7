"""The settings that another function needs to decide as a handler does."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from aws_cdk import CfnElement, Stack
from aws_cdk import aws_lambda as lambda_

from cdk_client_connect.errors import InvalidArgument
from cdk_client_connect.handler._function_code import bundle_of, bundled_code
from cdk_client_connect.handler._function_options import for_the_same_code
from cdk_client_connect.handler._imported_handler import ImportedHandler
from cdk_client_connect.handler._policy_metadata import digests_of
from cdk_client_connect.handler.client_connect_handler import ClientConnectHandler
from cdk_client_connect.shared._previous_versions import PreviousVersions
from cdk_client_connect.shared.function_settings import FunctionSettings
from client_connect_tools.deployed.description import describe_handler, describe_reauthorizer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from constructs import Construct

    from cdk_client_connect.handler.i_client_connect_handler import IClientConnectHandler


@dataclass(frozen=True, slots=True, kw_only=True)
class Deciding:
    """The settings that a re-authorizer takes over from its handler.

    Attributes:
        code: The handler's code, with its policies.
        environment: The variables of the handler's function.
        runtime: Its runtime.
        architecture: Its architecture.
        version: Another text for each change of the handler's code or configuration.
        arguments: What else its function has that its module of extra facts may need, such as layers.
        first: What must be deployed before the function, if it is in this app.
        description: What the function says of itself, and each of its versions.
        previous_versions: What keeps its versions.
    """

    code: lambda_.Code
    environment: Mapping[str, str]
    runtime: lambda_.Runtime
    architecture: lambda_.Architecture
    version: str
    arguments: Mapping[str, Any]
    first: Construct | None
    description: str
    previous_versions: PreviousVersions


def follow_variables(handler: IClientConnectHandler, follow: Callable[[str, str], None]) -> None:
    """Have a function called with each variable that is added to a handler later."""
    if isinstance(handler, ClientConnectHandler):
        handler._followers.append(follow)  # noqa: SLF001


def require_deciding(handler: IClientConnectHandler) -> None:
    """Check that enough is known of a handler to decide as it does.

    Raises:
        InvalidArgument: When its policies are not known.
    """
    if isinstance(handler, ClientConnectHandler):
        return
    if not isinstance(handler, ImportedHandler) or not (handler.known.policies or handler.known.options.code):
        raise InvalidArgument(
            f"handler {handler.node.path} is imported without its policies, so nothing can decide as it does; import "
            "it by ClientConnectHandler.from_attributes(..., policies=...), with the policies and settings that its "
            "own app deploys"
        )


def deciding(handler: IClientConnectHandler, scope: Construct) -> Deciding:
    """Return what a function in a scope without children, maybe in another stack, needs to decide as a handler does."""
    if isinstance(handler, ImportedHandler):
        return _as_imported(handler, scope)
    assert isinstance(handler, ClientConnectHandler)  # noqa: S101 - the check above
    function = handler.function
    return Deciding(
        code=_code(handler, scope),
        environment=handler._environment,  # noqa: SLF001 - no property, because nothing else needs it
        runtime=function.runtime,
        architecture=function.architecture,
        version=_version(handler, scope),
        arguments=for_the_same_code(handler._passed_on),  # noqa: SLF001
        first=handler.alias,
        description=_description(handler, scope),
        previous_versions=_previous_versions(handler, scope),
    )


def in_network_of(handler: IClientConnectHandler, settings: FunctionSettings) -> FunctionSettings:
    """Return settings with the handler's VPC, subnets and security groups, unless they name a VPC."""
    if isinstance(handler, ImportedHandler):
        vpc, subnets = handler.known.vpc, handler.known.vpc_subnets
        groups = handler.known.security_groups
    elif isinstance(handler, ClientConnectHandler) and handler._network.vpc is not None:  # noqa: SLF001
        vpc, subnets = handler._network  # noqa: SLF001
        groups = handler.function.connections.security_groups
    else:
        return settings
    if settings.vpc is not None or vpc is None:
        return settings
    return replace(settings, vpc=vpc, vpc_subnets=subnets, security_groups=groups)


def _as_imported(handler: ImportedHandler, scope: Construct) -> Deciding:
    options, policies = handler.known.options, handler.known.policies
    variables = handler.variables
    if options.code is not None:
        code, digest = options.code, json.dumps(policies.digests()) if policies else ""
    else:
        assert policies is not None  # noqa: S101 - the check above
        code, digest = bundled_code(scope, options, policies), bundle_of(options, policies).digest()
    text = json.dumps([digest, Stack.of(scope).resolve(variables)], sort_keys=True)
    return Deciding(
        code=code,
        environment=variables,
        runtime=options.runtime,
        architecture=options.architecture,
        version=sha256(text.encode()).hexdigest(),
        arguments={},
        first=None,
        description=describe_handler(
            *digests_of(policies, is_prebuilt=options.code is not None), is_unqualified=False
        ),
        # Which versions there are is not known here, so there is no pair to go back to.
        previous_versions=PreviousVersions(scope, 0, settings=FunctionSettings()),
    )


def _in_same_stack(handler: ClientConnectHandler, scope: Construct) -> bool:
    return Stack.of(handler).node.addr == Stack.of(scope).node.addr


def _description(handler: ClientConnectHandler, scope: Construct) -> str:
    """Return the description, which names the handler's version unless that would be an export."""
    described = handler._described  # noqa: SLF001
    if not _in_same_stack(handler, scope):
        return describe_handler(*described, is_unqualified=False)
    return describe_reauthorizer(handler.function_name, handler.function.current_version.version, *described)


def _previous_versions(handler: ClientConnectHandler, scope: Construct) -> PreviousVersions:
    """Return what keeps versions: the handler's own, or another one in another stack."""
    versions = handler._previous_versions  # noqa: SLF001
    return versions if _in_same_stack(handler, scope) else versions.elsewhere(scope)


def _code(handler: ClientConnectHandler, scope: Construct) -> lambda_.Code:
    """Return the code; of an asset, each stack has its own construct."""
    code = handler._code  # noqa: SLF001
    if _in_same_stack(handler, scope):
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
    if _in_same_stack(handler, scope) or not isinstance(resource, CfnElement):
        return version.function_arn
    return resource.logical_id
