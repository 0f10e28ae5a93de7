"""A re-authorizer deployed by the real CDK CLI: a deployment that changes the policies ends what they deny."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from local_aws import cdk_cli
from local_aws.client_vpn_api import ClientVpnApi
from local_aws.client_vpn_state import Connection
from local_aws.deployed_handler import handler_of
from local_aws.emulator import ROOT
from local_aws.live_connections import ENDPOINT, Client
from tests.support.apps import HERE, synthesize
from tests.support.waiting import wait_for

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

APP = ROOT / "tests" / "e2e" / "reauthorized_app.py"
PERMIT = '@id("all") permit (principal, action, resource);\n'
NO_MACS = '@id("no-macs") @message("No.") forbid (principal, action, resource) when { context.platform == "mac" };\n'


def test_a_deployment_ends_what_its_policies_deny(account: Emulator, tmp_path: Path) -> None:
    """The run that the deployment starts terminates the connection that the handler once allowed, and no other.

    Its schedule, disabled by hand, is enabled again.
    """
    events = account.client("events")
    policies = tmp_path / "vpn.cedar"
    policies.write_text(PERMIT, "utf-8")
    with ClientVpnApi(limits={}) as api:
        api.add_endpoint(ENDPOINT)
        context = {**HERE, "policies": str(policies), "endpoint": ENDPOINT, "ec2": api.endpoint}

        def deploy() -> DeployedHandler:
            app = synthesize(APP, tmp_path / "cdk.out", context)
            return handler_of(account, cdk_cli.deploy(account, stack="Reauthorized", app=app))

        handler = deploy()
        for platform in ("mac", "win"):
            client = Client(connection_id=f"cvpn-connection-{platform}", platform=platform)
            assert handler.invoke(client.request().to_event()).answer["allow"] is True
            api.connect(ENDPOINT, [Connection(connection_id=client.connection_id, username="bob")])
        wait_for(
            lambda: api.requests["DescribeClientVpnConnections"]
        )  # of the run after the first deployment
        assert api.terminations == []

        (rule,) = (
            each["Name"]
            for each in events.list_rules()["Rules"]
            if each["Name"].startswith("Reauthorized-ReauthorizerSchedule")
        )
        events.disable_rule(Name=rule)
        assert events.describe_rule(Name=rule)["State"] == "DISABLED"

        policies.write_text(PERMIT + NO_MACS, "utf-8")
        deploy()
        assert events.describe_rule(Name=rule)["State"] == "ENABLED"
        wait_for(lambda: api.terminations)
        assert api.terminations == ["cvpn-connection-mac"]
