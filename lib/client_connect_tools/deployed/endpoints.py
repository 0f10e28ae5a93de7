"""Client VPN endpoints as they are configured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from client_connect_tools.deployed.aws import aws_errors, client

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from client_connect_tools.deployed.finding import DeployedHandler


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """An endpoint; ``None`` is what it does not have.

    Attributes:
        id: Its id.
        handler: The ARN of its client connect handler.
        connection_log_group: Where it logs connections.
        server_certificate: The ARN of its certificate.
        client_authority: The ARN of the certificate that it checks clients' certificates with.
        saml_providers: The ARNs of its identity providers.
    """

    id: str
    handler: str | None
    connection_log_group: str | None
    server_certificate: str | None
    client_authority: str | None
    saml_providers: tuple[str, ...]

    @staticmethod
    def of_answer(answer: Mapping[str, Any]) -> Endpoint:
        """Return what EC2 says of an endpoint."""
        connect, log = answer.get("ClientConnectOptions", {}), answer.get("ConnectionLogOptions", {})
        options = answer.get("AuthenticationOptions", ())
        authorities = [
            each.get("MutualAuthentication", {}).get("ClientRootCertificateChain") for each in options
        ]
        federated = [each.get("FederatedAuthentication", {}) for each in options]
        providers = [
            each.get(name) for each in federated for name in ("SamlProviderArn", "SelfServiceSamlProviderArn")
        ]
        return Endpoint(
            id=answer["ClientVpnEndpointId"],
            handler=(connect.get("LambdaFunctionArn") or None) if connect.get("Enabled") else None,
            connection_log_group=(log.get("CloudwatchLogGroup") or None) if log.get("Enabled") else None,
            server_certificate=answer.get("ServerCertificateArn") or None,
            client_authority=next(filter(None, authorities), None),
            saml_providers=tuple(dict.fromkeys(filter(None, providers))),
        )


def describe_endpoints(region: str | None, ids: Sequence[str] = ()) -> list[Endpoint]:
    """Return endpoints.

    Args:
        region: Their Region; ``None`` for that of the environment.
        ids: Which. Default: all of the account and Region.

    Raises:
        AwsFailed: When EC2 cannot be asked, refuses, or does not know one.
    """
    pages: Any
    with aws_errors():
        pages = client("ec2", region).get_paginator("describe_client_vpn_endpoints")
        asked = {"ClientVpnEndpointIds": list(ids)} if ids else {}
        return [
            Endpoint.of_answer(each)
            for page in pages.paginate(**asked)
            for each in page["ClientVpnEndpoints"]
        ]


def endpoints_of(handler: DeployedHandler) -> list[Endpoint]:
    """Return the endpoints that ask a handler.

    Raises:
        AwsFailed: When EC2 cannot be asked, or refuses.
    """
    arn = handler.alias.function_arn
    return [
        endpoint
        for endpoint in describe_endpoints(handler.region)
        if endpoint.handler is not None
        and (endpoint.handler == arn or endpoint.handler.startswith(f"{arn}:"))
    ]
