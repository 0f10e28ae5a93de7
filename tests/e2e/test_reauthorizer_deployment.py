"""A re-authorizer deployed by the real CDK CLI: a deployment that changes the policies ends what they deny."""

from __future__ import annotations

import shlex
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from local_aws import cdk_cli
from local_aws.client_vpn_api import ClientVpnApi
from local_aws.client_vpn_state import Connection
from local_aws.deployed_handler import DeployedHandler
from local_aws.emulator import ARCHITECTURE, ROOT, RUNTIME, Emulator
from local_aws.live_connections import ENDPOINT, Client

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(
        sys.platform != "linux", reason="the bundle is built for Lambda and runs on this machine"
    ),
]

APP = shlex.join((sys.executable, str(ROOT / "tests" / "e2e" / "reauthorized_app.py")))
PERMIT = '@id("all") permit (principal, action, resource);\n'
NO_MACS = '@id("no-macs") @message("No.") forbid (principal, action, resource) when { context.platform == "mac" };\n'


def test_a_deployment_ends_what_its_policies_deny(tmp_path: Path) -> None:
    """The run that the deployment starts terminates the connection that the handler once allowed, and no other."""
    policies = tmp_path / "vpn.cedar"
    policies.write_text(PERMIT, "utf-8")
    with Emulator() as emulator, ClientVpnApi(limits={}) as api:
        api.add_endpoint(ENDPOINT)
        context = {
            "policies": str(policies),
            "runtime": RUNTIME,
            "architecture": ARCHITECTURE,
            "endpoint": ENDPOINT,
            "ec2": api.endpoint,
        }
        cdk_cli.bootstrap(emulator)
        outputs = cdk_cli.deploy(emulator, stack="Reauthorized", app=APP, context=context)
        handler = DeployedHandler(
            emulator=emulator,
            function_name=outputs["FunctionName"],
            function_arn=outputs["FunctionArn"],
            outputs=outputs,
        )
        for platform in ("mac", "win"):
            client = Client(connection_id=f"cvpn-connection-{platform}", platform=platform)
            assert handler.invoke(client.request().to_event()).answer["allow"] is True
            api.connect(ENDPOINT, [Connection(connection_id=client.connection_id, username="bob")])
        wait_for(
            lambda: api.requests["DescribeClientVpnConnections"]
        )  # of the run after the first deployment
        assert api.terminations == []

        policies.write_text(PERMIT + NO_MACS, "utf-8")
        cdk_cli.deploy(emulator, stack="Reauthorized", app=APP, context=context)
        wait_for(lambda: api.terminations)
        assert api.terminations == ["cvpn-connection-mac"]


def wait_for(condition: Any) -> None:
    """Wait until something has happened, at most a minute."""
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)
