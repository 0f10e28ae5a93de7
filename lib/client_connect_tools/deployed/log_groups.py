"""The log groups with a handler's connections."""

from __future__ import annotations

from typing import TYPE_CHECKING

from client_connect_tools.deployed.aws import aws_errors
from client_connect_tools.deployed.endpoints import endpoints_of

if TYPE_CHECKING:
    from client_connect_tools.deployed.finding import DeployedHandler
    from client_connect_tools.deployed.functions import Function


def log_groups_of(handler: DeployedHandler) -> tuple[list[str], list[str]]:
    """Return the log groups of a handler, its re-authorizer and its endpoints, and the endpoints that log nothing.

    Raises:
        AwsFailed: When one of them cannot be read.
    """
    groups = [log_group_of(handler.function)]
    if (reauthorizer := handler.reauthorizer()) is not None:
        groups.append(log_group_of(reauthorizer))
    asking = endpoints_of(handler)
    groups += [
        endpoint.connection_log_group for endpoint in asking if endpoint.connection_log_group is not None
    ]
    silent = [endpoint.id for endpoint in asking if endpoint.connection_log_group is None]
    return list(dict.fromkeys(groups)), silent


def log_group_of(function: Function) -> str:
    """Return the log group of a function.

    Raises:
        AwsFailed: When it cannot be read.
    """
    with aws_errors():
        found = function.client.get_function_configuration(FunctionName=function.name)
    name: str = found.get("LoggingConfig", {}).get("LogGroup") or f"/aws/lambda/{function.name}"
    return name
