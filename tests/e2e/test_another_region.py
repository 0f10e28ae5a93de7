"""A Region is lost: the stack in another one, with the waivers, blocks and devices of the first, decides the same."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from unittest import mock

import boto3
import pytest
from typer.testing import CliRunner

from client_connect_tools.cli import main
from local_aws.live_connections import Client
from tests.support.reauthorization import PERMIT

if TYPE_CHECKING:
    from pathlib import Path

    from local_aws.deployed_handler import DeployedHandler
    from local_aws.emulator import Emulator

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(
        sys.platform != "linux", reason="the bundle is built for Lambda and runs on this machine"
    ),
]

OTHER = "eu-west-1"
NOW = datetime.now(UTC).replace(microsecond=0)
CAROL = "arn:aws:iam::111111111111:user/carol"
LONG = "because " * 300
POLICIES = (
    PERMIT
    + """
@id("compliant") @message("No.") forbid (principal, action, resource)
unless { context has device && context.device has compliant && context.device.compliant
         || context.waivers.contains("compliant") };
@id("outage") forbid (principal, action, resource) when { context.inventory == "unavailable" };
"""
)


def run(emulator: Emulator, *arguments: str | Path, status: int = 0, **variables: str) -> str:
    """Run ``client-connect`` in this process, in the first Region; return what it printed."""
    with mock.patch.dict(os.environ, {**emulator.environment, **variables}, clear=True):
        result = CliRunner().invoke(main, [str(each) for each in arguments])
    assert result.exit_code == status, (result.output, result.exception)
    return result.output


@dataclass(frozen=True, slots=True, kw_only=True)
class Company:
    """The same stack, deployed in two Regions."""

    first: DeployedHandler
    other: DeployedHandler
    other_region: Emulator

    def ask(self, handler: DeployedHandler, name: str, device: str | None = None) -> dict[str, Any]:
        """Ask as Client VPN does; return the record."""
        asking = Client(connection_id=f"cvpn-connection-{name}", username=name, common_name=device)
        region = handler.function_arn.split(":")[3]
        client = session(handler.emulator, region).client("lambda", endpoint_url=handler.emulator.endpoint)
        answer = client.invoke(
            FunctionName=handler.function_arn, Payload=json.dumps(asking.request().to_event())
        )
        decided: dict[str, Any] = json.loads(answer["Payload"].read())
        return decided


def session(emulator: Emulator, region: str) -> boto3.Session:
    """Return a session of one of the Regions."""
    keys = emulator.environment
    return boto3.Session(keys["AWS_ACCESS_KEY_ID"], keys["AWS_SECRET_ACCESS_KEY"], region_name=region)


def dynamodb(emulator: Emulator, region: str) -> Any:
    """Return DynamoDB of one of the Regions."""
    return session(emulator, region).client("dynamodb", endpoint_url=emulator.endpoint)
