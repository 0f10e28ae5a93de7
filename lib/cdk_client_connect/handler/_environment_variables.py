"""The environment variables of a handler: its own, and those that a team adds for its module of extra facts."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from aws_cdk import Token

from cdk_client_connect.errors import InvalidArgument
from cdk_client_connect.handler._answered_endpoints import environment_value
from cdk_client_connect.handler._prebuilt_code import prebuilt_module
from client_connect.settings import (
    ANSWERED_ENDPOINTS,
    CONNECTIONS_TABLE,
    DEFAULT_MESSAGE,
    DEVICES_TABLE,
    EXTRA_FACTS,
    LONGEST_WAIVER,
    SHADOW_MODE,
    SHARED_CERTIFICATES,
    TIME_ZONE,
    WAIVERS_TABLE,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aws_cdk import aws_lambda as lambda_

    from cdk_client_connect.handler._answered_endpoints import Endpoints
    from cdk_client_connect.handler._options import Options
    from cdk_client_connect.tables.i_connection_registry import IConnectionRegistry
    from cdk_client_connect.tables.i_device_inventory import IDeviceInventory

_MOST_BYTES = 4096
_OURS = "CLIENT_CONNECT_"
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]+")
_RESERVED = {
    "AWS_ACCESS_KEY",
    "AWS_ACCESS_KEY_ID",
    "AWS_DEFAULT_REGION",
    "AWS_EXECUTION_ENV",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_INITIALIZATION_TYPE",
    "AWS_LAMBDA_LOG_GROUP_NAME",
    "AWS_LAMBDA_LOG_STREAM_NAME",
    "AWS_LAMBDA_RUNTIME_API",
    "AWS_REGION",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "LAMBDA_RUNTIME_DIR",
    "LAMBDA_TASK_ROOT",
}


def require_environment(environment: Mapping[str, str], code: lambda_.Code | None) -> None:
    """Check the names of variables and that their values are texts.

    Of our own names there may be that of the module in prebuilt code whose folder is not there to be asked.

    Source: https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html

    Raises:
        InvalidArgument: With everything that is wrong.
    """
    has_unknown_module = code is not None and prebuilt_module(code) is None
    problems = [
        f"environment has {name!r}: {problem}"
        for name, value in environment.items()
        if (problem := _problem(name, value, has_unknown_module=has_unknown_module))
    ]
    if problems:
        raise InvalidArgument("\n".join(problems))


def require_size(variables: Mapping[str, str]) -> None:
    """Check that Lambda takes all variables of a function; the length of tokens is unknown.

    Source: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html

    Raises:
        InvalidArgument: When they are too large.
    """
    texts = [text for variable in variables.items() for text in variable]
    size = sum(len(text.encode(errors="replace")) for text in texts if not Token.is_unresolved(text))
    if size > _MOST_BYTES:
        raise InvalidArgument(
            f"environment and the handler's own variables have {size} bytes, but Lambda takes {_MOST_BYTES}; keep "
            "what is long in a store, such as a parameter, and give its name"
        )


def variables_of(options: Options) -> dict[str, str]:
    """Return all variables of a handler's function.

    Raises:
        InvalidArgument: When they are too large.
    """
    variables = {
        SHADOW_MODE: "true" if options.shadow_mode else "false",
        DEFAULT_MESSAGE: options.default_message,
        TIME_ZONE: options.time_zone,
        **_sources(options.device_inventory, options.connection_registry, options.extra_facts_module),
        **_restrictions(options.endpoints, shared_certificates=options.shared_certificates),
        **options.environment,
    }
    require_size(variables)
    return variables


def _sources(
    inventory: IDeviceInventory | None, registry: IConnectionRegistry | None, module: str | None
) -> dict[str, str]:
    """Return the environment variables that name what is asked; a handler that asks nothing has none."""
    variables = {}
    if inventory is not None:
        variables[DEVICES_TABLE] = inventory.devices_table.table_name
        variables[WAIVERS_TABLE] = inventory.waivers_table.table_name
        if (longest := inventory.longest_waiver) is not None:
            variables[LONGEST_WAIVER] = f"{longest.to_minutes():.0f}m"
    if registry is not None:
        variables[CONNECTIONS_TABLE] = registry.table.table_name
    if module is not None:
        variables[EXTRA_FACTS] = module
    return variables


def _restrictions(endpoints: Endpoints | None, *, shared_certificates: bool) -> dict[str, str]:
    """Return the environment variables for what differs from the default."""
    variables = {}
    if endpoints is not None:
        variables[ANSWERED_ENDPOINTS] = environment_value(endpoints)
    if shared_certificates:
        variables[SHARED_CERTIFICATES] = "true"
    return variables


def _problem(name: object, value: object, *, has_unknown_module: bool) -> str | None:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        return 'a name has two or more letters, digits and "_", and begins with a letter'
    if name in _RESERVED:
        return "Lambda sets it itself; choose another name"
    if name.startswith(_OURS) and not (name == EXTRA_FACTS and has_unknown_module):
        return f'names that begin with "{_OURS}" are the handler\'s own; set its arguments instead'
    if not isinstance(value, str):
        return f"its value {value!r} must be a text"
    return None
