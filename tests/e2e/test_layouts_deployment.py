"""Layouts of docs/composition.md, deployed by the real CDK CLI as far as the emulator knows their resources."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from local_aws import cdk_cli
from local_aws.client_vpn_api import ClientVpnApi
from local_aws.client_vpn_state import Connection
from local_aws.deployed_handler import DeployedHandler, handler_of
from local_aws.emulator import ROOT
from local_aws.live_connections import ENDPOINT, Client
from tests.support.apps import HERE, synthesize
from tests.support.waiting import wait_for

if TYPE_CHECKING:
    from pathlib import Path

    from local_aws.emulator import Emulator

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(
        sys.platform != "linux", reason="the bundle is built for Lambda and runs on this machine"
    ),
]

PERMIT = '@id("all") permit (principal, action, resource);\n'
NO_MACS = '@id("no-macs") @message("No.") forbid (principal, action, resource) when { context.platform == "mac" };\n'
EXAMPLES = ROOT / "examples"


def test_a_re_authorizer_in_another_stack_follows_its_handler(account: Emulator, tmp_path: Path) -> None:
    """A deployment of both stacks ends what the new policies deny, and no export is in the way of the new version."""
    policies = tmp_path / "vpn.cedar"
    policies.write_text(PERMIT, "utf-8")
    with ClientVpnApi(limits={}) as api:
        api.add_endpoint(ENDPOINT)
        context = {**HERE, "policies": str(policies), "endpoint": ENDPOINT, "ec2": api.endpoint}

        def deploy() -> DeployedHandler:
            app = synthesize(ROOT / "tests" / "e2e" / "layered_app.py", tmp_path / "cdk.out", context)
            outputs = cdk_cli.deploy(account, stack="LayeredSecurity", app=app)
            cdk_cli.deploy(account, stack="LayeredOperations", app=app)
            return handler_of(account, outputs)

        handler = deploy()
        for platform in ("mac", "win"):
            client = Client(connection_id=f"cvpn-connection-{platform}", platform=platform)
            assert handler.invoke(client.request().to_event()).answer["allow"] is True
            api.connect(ENDPOINT, [Connection(connection_id=client.connection_id, username="bob")])
        policies.write_text(PERMIT + NO_MACS, "utf-8")
        deploy()
        wait_for(lambda: api.terminations)
        assert api.terminations == ["cvpn-connection-mac"]


def test_teams_find_each_other_by_parameters(account: Emulator, tmp_path: Path) -> None:
    """Each handler is invoked by its published ARN; that of the four teams knows the device team's devices."""
    context = {**HERE, "monitored": "false"}

    def deploy(example: str, stack: str) -> None:
        outdir = tmp_path / example.replace("/", "-")
        app = synthesize(EXAMPLES / example / "app.py", outdir, context)
        cdk_cli.deploy(account, stack=stack, app=app)

    def published(name: str) -> str:
        found = account.client("ssm").get_parameter(Name=f"/vpn/{name}")
        return str(found["Parameter"]["Value"])

    def allows(common_name: str) -> bool:
        handler = handler_of(account, {"FunctionArn": published("handler-arn")})
        assert handler.function_arn.endswith(":live")
        event = Client(connection_id="cvpn-connection-1", platform="win").request().to_event()
        return bool(handler.invoke(event | {"common-name": common_name}).answer["allow"])

    deploy("two_teams/security", "VpnSecurity")
    assert allows("laptop-1")
    assert not allows("lost-laptop-1")

    deploy("four_teams/devices", "VpnDevices")
    deploy("four_teams/security", "VpnSecurity")
    table = published("devices-table-arn").partition("/")[2]
    account.client("dynamodb").put_item(
        TableName=table, Item={"commonName": {"S": "laptop-1"}, "compliant": {"BOOL": True}}
    )
    assert allows("laptop-1")
    assert not allows("laptop-2")
