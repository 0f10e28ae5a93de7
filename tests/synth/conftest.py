"""Stacks for the synthesis tests. All tests of a file share one Node process, which is what costs seconds."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aws_cdk as cdk
import pytest
from aws_cdk import assertions
from aws_cdk import aws_ec2 as ec2

from cdk_client_connect import ClientConnectHandler

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[2]
CERTIFICATE = "arn:aws:acm:eu-central-1:111111111111:certificate/12345678-1234-1234-1234-123456789012"

# Nothing is installed for stacks that a test only looks at.
NO_BUNDLING: dict[str, Any] = {"aws:cdk:bundling-stacks": []}


def recommended_flags() -> dict[str, Any]:
    """Return the feature flags that `cdk init` sets, as this project's own app has them."""
    flags: dict[str, Any] = json.loads((ROOT / "cdk.json").read_text("utf-8"))["context"]
    return flags


@pytest.fixture
def stack() -> cdk.Stack:
    """A stack in its own app, without bundling."""
    return cdk.Stack(cdk.App(context=NO_BUNDLING), "Stack")


@pytest.fixture
def handler(stack: cdk.Stack) -> Callable[..., ClientConnectHandler]:
    """Define a handler in `stack`."""

    def define(id_: str = "Handler", **arguments: Any) -> ClientConnectHandler:
        return ClientConnectHandler(stack, id_, **arguments)

    return define


def template(stack: cdk.Stack) -> assertions.Template:
    """Synthesize a stack."""
    return assertions.Template.from_stack(stack)


def endpoint(
    scope: cdk.Stack, handler: ClientConnectHandler, id_: str = "Endpoint"
) -> ec2.CfnClientVpnEndpoint:
    """Define an L1 endpoint that uses the handler."""
    return ec2.CfnClientVpnEndpoint(
        scope,
        id_,
        authentication_options=[
            ec2.CfnClientVpnEndpoint.ClientAuthenticationRequestProperty(
                type="certificate-authentication",
                mutual_authentication=ec2.CfnClientVpnEndpoint.CertificateAuthenticationRequestProperty(
                    client_root_certificate_chain_arn=CERTIFICATE
                ),
            )
        ],
        client_cidr_block="10.100.0.0/16",
        client_connect_options=handler.client_connect_options,
        connection_log_options=ec2.CfnClientVpnEndpoint.ConnectionLogOptionsProperty(enabled=False),
        server_certificate_arn=CERTIFICATE,
    )


def l2_endpoint(
    vpc: ec2.IVpc, handler: ClientConnectHandler, id_: str = "L2Endpoint"
) -> ec2.ClientVpnEndpoint:
    """Define an L2 endpoint that uses the handler."""
    return vpc.add_client_vpn_endpoint(
        id_,
        cidr="10.100.0.0/16",
        server_certificate_arn=CERTIFICATE,
        client_certificate_arn=CERTIFICATE,
        client_connection_handler=handler,
    )


def only(resources: dict[str, Any]) -> dict[str, Any]:
    """Return the one resource of a search."""
    (resource,) = resources.values()
    found: dict[str, Any] = resource
    return found


# The hash of an asset, and that of a version, which is the asset's with the function's configuration.
_HASHES = re.compile(r"\b[0-9a-f]{64}\b|(?<=CurrentVersion)([0-9A-F]{8})[0-9a-f]{32}")


def without_hashes(templates: object) -> Any:
    """Return templates without the hashes, which each change of the code changes."""
    return json.loads(_HASHES.sub(lambda match: f"{match[1] or ''}<hash>", json.dumps(templates)))
