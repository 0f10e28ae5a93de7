"""EC2's actions for Client VPN and its tags in the query protocol: from a request's parameters to the answer's XML.

Sources: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/OperationList-query-client-vpn.html,
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
"""

from __future__ import annotations

import re
import secrets
import time
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from local_aws.client_vpn_state import (
    ClientConnectOptions,
    Connection,
    ConnectionStatus,
    Endpoint,
    EndpointConfiguration,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    Parameters = Mapping[str, str]

_SMALLEST_PAGE = 5
_LARGEST_PAGE = 1000
_MOST_PER_USER = 5
_MOST_TAGS = 50
_LONGEST_TAG_KEY = 127
_LONGEST_TAG_VALUE = 256
_FLAGS = {"true": True, "false": False}

Filters = tuple[tuple[str, frozenset[str]], ...]
_FILTERED: dict[str, Callable[[Connection], str]] = {
    "connection-id": lambda connection: connection.connection_id,
    "username": lambda connection: connection.username,
}


class Refused(Exception):
    """EC2 answers with an error.

    Attributes:
        code: Such as ``InvalidParameterValue``.
        status: The status of the HTTP response.
    """

    def __init__(self, code: str, message: str, *, status: HTTPStatus = HTTPStatus.BAD_REQUEST) -> None:
        super().__init__(message)
        self.code = code
        self.status = status


@dataclass(frozen=True, slots=True, kw_only=True)
class _Position:
    """Where a page begins, and of what."""

    endpoint_id: str
    filters: Filters
    index: int


@dataclass(slots=True, kw_only=True)
class Service:
    """The state that the actions work on.

    Attributes:
        termination_seconds: How long a termination takes.
        stale_seconds: How long a connection is still described as active after a call to terminate it,
            and an endpoint with the tags of before they changed.
        endpoints: By their ids.
        terminations: The connections that were asked to be terminated, in that order; one that was asked
            twice is there twice.
    """

    termination_seconds: float
    stale_seconds: float
    endpoints: dict[str, Endpoint] = field(default_factory=dict)
    terminations: list[str] = field(default_factory=list)
    _tokens: dict[str, _Position] = field(default_factory=dict)

    def endpoint(self, parameters: Parameters) -> Endpoint:
        """Return the endpoint that a request names."""
        return self._known(_required(parameters, "ClientVpnEndpointId"))

    def describe_endpoints(self, parameters: Parameters, now: float) -> str:
        """Answer ``DescribeClientVpnEndpoints``."""
        ids = _values(parameters, "ClientVpnEndpointId")
        found = [self._known(endpoint_id) for endpoint_id in ids] if ids else self.endpoints.values()
        items = "".join(
            _endpoint_xml(endpoint, endpoint.shown_tags(now, stale_seconds=self.stale_seconds))
            for endpoint in found
        )
        return f"<clientVpnEndpoint>{items}</clientVpnEndpoint>"

    def export_revocation_list(self, parameters: Parameters, _now: float) -> str:
        """Answer ``ExportClientVpnClientCertificateRevocationList``."""
        text = self.endpoint(parameters).configuration.revocation_list
        found = f"<certificateRevocationList>{escape(text)}</certificateRevocationList>" if text else ""
        return f"{found}<status><code>active</code></status>"

    def export_configuration(self, parameters: Parameters, _now: float) -> str:
        """Answer ``ExportClientVpnClientConfiguration``."""
        profile = self.endpoint(parameters).configuration.profile
        return f"<clientConfiguration>{escape(profile)}</clientConfiguration>"

    def modify_endpoint(self, parameters: Parameters, _now: float) -> str:
        """Answer ``ModifyClientVpnEndpoint``; without an ARN the endpoint keeps the one that it had."""
        endpoint = self.endpoint(parameters)
        before = endpoint.client_connect_options
        options = ClientConnectOptions(
            enabled=_flag(parameters, "ClientConnectOptions.Enabled", default=before.enabled),
            function_arn=parameters.get("ClientConnectOptions.LambdaFunctionArn", before.function_arn),
        )
        if options.enabled and not options.function_arn:
            raise Refused(
                "MissingParameter", "ClientConnectOptions.LambdaFunctionArn is required with Enabled"
            )
        endpoint.client_connect_options = options
        return "<return>true</return>"

    def create_tags(self, parameters: Parameters, now: float) -> str:
        """Answer ``CreateTags``, which overwrites a tag of the same key."""
        tags = dict(_tags(parameters))
        if not tags:
            raise Refused("MissingParameter", "The request must contain the parameter Tag")
        for endpoint in self._tagged(parameters):
            together = endpoint.tags | {key: value or "" for key, value in tags.items()}
            if len(together) > _MOST_TAGS:
                raise Refused("TagLimitExceeded", f"An endpoint can have at most {_MOST_TAGS} tags")
            endpoint.tag(together, now)
        return "<return>true</return>"

    def delete_tags(self, parameters: Parameters, now: float) -> str:
        """Answer ``DeleteTags``: those that are named, with a value only where that is theirs, or all."""
        named = _tags(parameters)
        for endpoint in self._tagged(parameters):
            doomed = {key for key, value in named if value is None or endpoint.tags.get(key) == value}
            kept = {key: value for key, value in endpoint.tags.items() if named and key not in doomed}
            endpoint.tag(kept, now)
        return "<return>true</return>"

    def describe_connections(self, parameters: Parameters, now: float) -> str:
        """Answer ``DescribeClientVpnConnections``, with at most 1,000 connections."""
        endpoint, filters = self.endpoint(parameters), _filters(parameters)
        size = _page_size(parameters)
        begin = self._begin(endpoint, filters, parameters.get("NextToken"))
        page, end = _page(endpoint.connections, filters, begin=begin, size=size, now=now)
        token = "" if end is None else f"<nextToken>{self._token(endpoint, filters, end)}</nextToken>"
        at = _text_of(now)
        items = "".join(
            _connection_xml(endpoint, connection, self._seen(connection, now), at) for connection in page
        )
        return f"<connections>{items}</connections>{token}"

    def terminate_connections(self, parameters: Parameters, now: float) -> str:
        """Answer ``TerminateClientVpnConnections``.

        AWS does not say what happens to a connection that has ended. Here it cannot be found, as a user's
        that has none.
        """
        endpoint = self.endpoint(parameters)
        connection_id, username = parameters.get("ConnectionId"), parameters.get("Username")
        if connection_id is None and username is None:
            raise Refused("MissingParameter", "the request must contain ConnectionId or Username")
        if connection_id is not None and username is not None:
            raise Refused("InvalidParameterCombination", "ConnectionId and Username exclude each other")
        if connection_id is not None:
            chosen = [_open_connection(endpoint, connection_id, now)]
        else:
            chosen = _open_connections_of(endpoint, username or "", now)
        statuses = "".join(self._terminated_xml(connection, now) for connection in chosen)
        user = "" if username is None else f"<username>{escape(username)}</username>"
        return (
            f"<clientVpnEndpointId>{endpoint.endpoint_id}</clientVpnEndpointId>{user}"
            f"<connectionStatuses>{statuses}</connectionStatuses>"
        )

    def _known(self, endpoint_id: str) -> Endpoint:
        endpoint = self.endpoints.get(endpoint_id)
        if endpoint is None:
            raise Refused("InvalidClientVpnEndpointId.NotFound", f"Endpoint {endpoint_id} does not exist")
        return endpoint

    def _tagged(self, parameters: Parameters) -> list[Endpoint]:
        ids = _values(parameters, "ResourceId")
        if not ids:
            raise Refused("MissingParameter", "The request must contain the parameter ResourceId")
        return [self._known(endpoint_id) for endpoint_id in ids]

    def _begin(self, endpoint: Endpoint, filters: Filters, token: str | None) -> int:
        if token is None:
            return 0
        position = self._tokens.get(token)
        if position is None or (position.endpoint_id, position.filters) != (endpoint.endpoint_id, filters):
            raise Refused("InvalidNextToken", "NextToken is not one that was given for this request")
        return position.index

    def _token(self, endpoint: Endpoint, filters: Filters, index: int) -> str:
        token = secrets.token_urlsafe()
        self._tokens[token] = _Position(endpoint_id=endpoint.endpoint_id, filters=filters, index=index)
        return token

    def _seen(self, connection: Connection, now: float) -> ConnectionStatus:
        stale = connection.asked is not None and now < connection.asked + self.stale_seconds
        return "active" if stale else connection.status(now)

    def _terminated_xml(self, connection: Connection, now: float) -> str:
        before = connection.status(now)
        connection.terminate(now, seconds=self.termination_seconds)
        self.terminations.append(connection.connection_id)
        return (
            f"<item><connectionId>{escape(connection.connection_id)}</connectionId>"
            f"<previousStatus><code>{before}</code></previousStatus>"
            f"<currentStatus><code>{connection.status(now)}</code></currentStatus></item>"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """An action.

    Attributes:
        answer: Makes what the answer's XML has in it.
        parameters: The names that a request may have, with N for a number.
    """

    answer: Callable[[Service, Parameters, float], str]
    parameters: frozenset[str]

    def require_known(self, parameters: Parameters) -> None:
        """Check the names of a request's parameters."""
        for name in parameters:
            if re.sub(r"\.\d+(?=\.|$)", ".N", name) not in self.parameters:
                raise Refused("UnknownParameter", f"The parameter {name} is not recognized here")


def _action(answer: Callable[[Service, Parameters, float], str], *parameters: str) -> Action:
    return Action(answer=answer, parameters=frozenset({*parameters, "DryRun"}))


ACTIONS = {
    "DescribeClientVpnConnections": _action(
        Service.describe_connections,
        *("ClientVpnEndpointId", "Filter.N.Name", "Filter.N.Value.N", "MaxResults", "NextToken"),
    ),
    "TerminateClientVpnConnections": _action(
        Service.terminate_connections, "ClientVpnEndpointId", "ConnectionId", "Username"
    ),
    "DescribeClientVpnEndpoints": _action(Service.describe_endpoints, "ClientVpnEndpointId.N"),
    "ExportClientVpnClientCertificateRevocationList": _action(
        Service.export_revocation_list, "ClientVpnEndpointId"
    ),
    "ExportClientVpnClientConfiguration": _action(Service.export_configuration, "ClientVpnEndpointId"),
    "ModifyClientVpnEndpoint": _action(
        Service.modify_endpoint,
        *("ClientVpnEndpointId", "ClientConnectOptions.Enabled", "ClientConnectOptions.LambdaFunctionArn"),
    ),
    "CreateTags": _action(Service.create_tags, "ResourceId.N", "Tag.N.Key", "Tag.N.Value"),
    "DeleteTags": _action(Service.delete_tags, "ResourceId.N", "Tag.N.Key", "Tag.N.Value"),
}


def perform(service: Service, name: str, parameters: Parameters, *, now: float) -> str:
    """Return what the answer's XML has in it.

    Raises:
        Refused: When EC2 would answer with an error.
    """
    action = ACTIONS.get(name)
    if action is None:
        raise Refused("InvalidAction", f"The action {name} is not valid for this web service")
    action.require_known(parameters)
    if _flag(parameters, "DryRun", default=False):
        raise Refused(
            "DryRunOperation",
            "Request would have succeeded, but DryRun flag is set",
            status=HTTPStatus.PRECONDITION_FAILED,
        )
    return action.answer(service, parameters, now)


def _required(parameters: Parameters, name: str) -> str:
    if not parameters.get(name):
        raise Refused("MissingParameter", f"The request must contain the parameter {name}")
    return parameters[name]


def _values(parameters: Parameters, name: str) -> list[str]:
    """Return a list, which is ``name.1``, ``name.2`` and so on."""
    values: list[str] = []
    while (value := parameters.get(f"{name}.{len(values) + 1}")) is not None:
        values.append(value)
    return values


def _tags(parameters: Parameters) -> list[tuple[str, str | None]]:
    """Return tags; one without a value has none."""
    found: list[tuple[str, str | None]] = []
    while (key := parameters.get(f"Tag.{len(found) + 1}.Key")) is not None:
        value = parameters.get(f"Tag.{len(found) + 1}.Value")
        if not 0 < len(key) <= _LONGEST_TAG_KEY or len(value or "") > _LONGEST_TAG_VALUE:
            raise Refused(
                "InvalidParameterValue",
                f"A tag's key has 1 to {_LONGEST_TAG_KEY} characters, its value at most {_LONGEST_TAG_VALUE}",
            )
        found.append((key, value))
    return found


def _flag(parameters: Parameters, name: str, *, default: bool) -> bool:
    value = parameters.get(name)
    if value is None:
        return default
    if value not in _FLAGS:
        raise Refused("InvalidParameterValue", f"Value ({value}) for parameter {name} is not true or false")
    return _FLAGS[value]


def _filters(parameters: Parameters) -> Filters:
    found: list[tuple[str, frozenset[str]]] = []
    while (name := parameters.get(f"Filter.{len(found) + 1}.Name")) is not None:
        if name not in _FILTERED:
            raise Refused("InvalidParameterValue", f"The filter '{name}' is invalid")
        found.append((name, frozenset(_values(parameters, f"Filter.{len(found) + 1}.Value"))))
    return tuple(found)


def _page_size(parameters: Parameters) -> int:
    text = parameters.get("MaxResults", str(_LARGEST_PAGE))
    if not text.isdecimal() or not _SMALLEST_PAGE <= int(text) <= _LARGEST_PAGE:
        allowed = f"from {_SMALLEST_PAGE} to {_LARGEST_PAGE}"
        raise Refused(
            "InvalidParameterValue", f"Value ({text}) for parameter MaxResults is invalid: give {allowed}"
        )
    return int(text)


def _page(
    connections: Sequence[Connection], filters: Filters, *, begin: int, size: int, now: float
) -> tuple[list[Connection], int | None]:
    """Return a page, and where the next one begins if there is more."""
    page: list[Connection] = []
    for index in range(begin, len(connections)):
        connection = connections[index]
        if connection.is_shown(now) and all(
            _FILTERED[name](connection) in values for name, values in filters
        ):
            if len(page) == size:
                return page, index
            page.append(connection)
    return page, None


def _open_connection(endpoint: Endpoint, connection_id: str, now: float) -> Connection:
    connection = endpoint.find(connection_id)
    if connection is None or connection.status(now) == "terminated":
        raise Refused(
            "InvalidClientVpnConnection.IdNotFound",
            f"Connection {connection_id} is not an active one of endpoint {endpoint.endpoint_id}",
        )
    return connection


def _open_connections_of(endpoint: Endpoint, username: str, now: float) -> list[Connection]:
    found = [
        connection
        for connection in endpoint.connections
        if connection.username == username and connection.status(now) != "terminated"
    ]
    if not found:
        raise Refused(
            "InvalidClientVpnConnection.UserNotFound",
            f"User {username} has no active connection to endpoint {endpoint.endpoint_id}",
        )
    if len(found) > _MOST_PER_USER:
        raise Refused(
            "ClientVpnTerminateConnectionsLimitExceeded",
            f"User {username} has {len(found)} connections; at most {_MOST_PER_USER} can be terminated by Username",
        )
    return found


def _endpoint_xml(endpoint: Endpoint, tags: Mapping[str, str]) -> str:
    options = endpoint.client_connect_options
    items = "".join(
        f"<item><key>{escape(key)}</key><value>{escape(value)}</value></item>" for key, value in tags.items()
    )
    arn = (
        f"<lambdaFunctionArn>{escape(options.function_arn)}</lambdaFunctionArn>"
        if options.function_arn
        else ""
    )
    return (
        f"<item><clientVpnEndpointId>{endpoint.endpoint_id}</clientVpnEndpointId>"
        f"<status><code>available</code></status><creationTime>{_text_of(endpoint.created)}</creationTime>"
        "<vpnProtocol>openvpn</vpnProtocol><transportProtocol>udp</transportProtocol>"
        f"<clientConnectOptions><enabled>{str(options.enabled).lower()}</enabled>{arn}"
        f"<status><code>applied</code></status></clientConnectOptions>{_configuration_xml(endpoint.configuration)}"
        f"<tagSet>{items}</tagSet></item>"
    )


def _configuration_xml(configuration: EndpointConfiguration) -> str:
    group = configuration.connection_log_group
    log = f"<Enabled>{str(bool(group)).lower()}</Enabled>"
    log += f"<CloudwatchLogGroup>{escape(group)}</CloudwatchLogGroup>" if group else ""
    kinds = {
        "mutualAuthentication": ("clientRootCertificateChain", configuration.client_authority),
        "federatedAuthentication": ("samlProviderArn", configuration.saml_provider),
    }
    options = "".join(
        f"<item><{kind}><{name}>{escape(arn)}</{name}></{kind}></item>"
        for kind, (name, arn) in kinds.items()
        if arn
    )
    return (
        f"<serverCertificateArn>{escape(configuration.server_certificate)}</serverCertificateArn>"
        f"<authenticationOptions>{options}</authenticationOptions>"
        f"<connectionLogOptions>{log}</connectionLogOptions>"
    )


def _connection_xml(endpoint: Endpoint, connection: Connection, status: ConnectionStatus, at: str) -> str:
    user = f"<username>{escape(connection.username)}</username>" if connection.username else ""
    end = ""
    if status == "terminated" and connection.settled is not None:
        end = f"<connectionEndTime>{_text_of(connection.settled)}</connectionEndTime>"
    return (
        f"<item><clientVpnEndpointId>{endpoint.endpoint_id}</clientVpnEndpointId><timestamp>{at}</timestamp>"
        f"<connectionId>{escape(connection.connection_id)}</connectionId>{user}"
        f"<connectionEstablishedTime>{_text_of(connection.established)}</connectionEstablishedTime>"
        "<ingressBytes>0</ingressBytes><egressBytes>0</egressBytes>"
        "<ingressPackets>0</ingressPackets><egressPackets>0</egressPackets>"
        f"<clientIp>{connection.client_ip}</clientIp><commonName>{escape(connection.common_name)}</commonName>"
        f"<status><code>{status}</code></status>{end}</item>"
    )


def _text_of(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(seconds))
