"""The resources of a handler, by the words that the texts of alarms and the documentation use for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from client_connect.settings import ANSWERED_ENDPOINTS, CONNECTIONS_TABLE, DEVICES_TABLE, WAIVERS_TABLE
from client_connect_tools.deployed.aws import AwsFailed, Refused, aws_errors, client
from client_connect_tools.deployed.description import ANNOUNCES, WATCHED_ENDPOINTS
from client_connect_tools.deployed.endpoints import endpoints_of
from client_connect_tools.deployed.log_groups import log_group_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from client_connect_tools.deployed.finding import DeployedHandler


def names_of(handler: DeployedHandler) -> tuple[dict[str, str], list[str]]:
    """Return the names, and what could not be found out.

    ``ENDPOINT`` is the first of the endpoints, and ``ENDPOINTS`` are all of several.

    Raises:
        Refused: When the variables of the handler cannot be read without their key.
        AwsFailed: When the handler cannot be read.
    """
    variables = handler.function.environment()
    names = {
        "FUNCTION": handler.function.name,
        "LOG_GROUP": log_group_of(handler.function),
        "DEVICES_TABLE": variables.get(DEVICES_TABLE, ""),
        "WAIVERS_TABLE": variables.get(WAIVERS_TABLE, ""),
        "CONNECTIONS_TABLE": variables.get(CONNECTIONS_TABLE, ""),
    }
    endpoints = _split(variables.get(ANSWERED_ENDPOINTS, ""))
    problems: list[str] = []
    parts: dict[str, Callable[[DeployedHandler], tuple[dict[str, str], list[str]]]] = {
        "the re-authorizer": _of_reauthorizer,
        "the endpoints": _of_endpoints,
        "the forwarder of events": _of_forwarder,
    }
    for what, find in parts.items():
        try:
            found, more = find(handler)
        except (AwsFailed, Refused) as error:
            problems.append(f"{what}: {error}")
        else:
            names |= found
            endpoints += more
    endpoints = list(dict.fromkeys(endpoints))
    names["ENDPOINT"] = next(iter(endpoints), "")
    names["ENDPOINTS"] = " ".join(endpoints) if len(endpoints) > 1 else ""
    return {name: value for name, value in names.items() if value}, problems


def _of_reauthorizer(handler: DeployedHandler) -> tuple[dict[str, str], list[str]]:
    reauthorizer = handler.reauthorizer()
    alias = None if reauthorizer is None else reauthorizer.alias()
    if reauthorizer is None or alias is None:
        return {}, []
    names = {"REAUTHORIZER": reauthorizer.name, "REAUTHORIZER_LOG": log_group_of(reauthorizer)}
    events = client("events", handler.region)
    with aws_errors():
        rules: list[str] = events.list_rule_names_by_target(TargetArn=alias.arn)["RuleNames"]
    watched = _split(reauthorizer.environment().get(WATCHED_ENDPOINTS, ""))
    return names | {"REAUTHORIZER_RULE": next(iter(rules), "")}, watched


def _of_endpoints(handler: DeployedHandler) -> tuple[dict[str, str], list[str]]:
    asking = endpoints_of(handler)
    logs = [each.connection_log_group for each in asking if each.connection_log_group is not None]
    return {"CONNECTION_LOG": next(iter(logs), "")}, [endpoint.id for endpoint in asking]


def _of_forwarder(handler: DeployedHandler) -> tuple[dict[str, str], list[str]]:
    """Find it in the handler's stack, because its subscription is lost together with the log group."""
    found: Any
    for name in handler.functions_of_stack():
        with aws_errors():
            found = handler.function.client.get_function_configuration(FunctionName=name)
        if found.get("Description") == ANNOUNCES:
            return {"FORWARDER": name, "FORWARDER_ARN": found["FunctionArn"]}, []
    return {}, []


def _split(text: str) -> list[str]:
    return [each for each in text.split(",") if each]
