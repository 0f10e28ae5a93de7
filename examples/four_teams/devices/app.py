"""The device team's app: the inventory, which whatever synchronizes the device manager writes."""

from __future__ import annotations

import os

import aws_cdk as cdk
from aws_cdk import aws_ssm as ssm

from cdk_client_connect import DeviceInventory


class DevicesStack(cdk.Stack):
    """The tables, and the parameters for other teams to find them."""

    def __init__(self, scope: cdk.App, id: str, *, env: cdk.Environment) -> None:
        super().__init__(scope, id, env=env)
        inventory = DeviceInventory(self, "Inventory")
        for name, table in (
            ("devices-table-arn", inventory.devices_table),
            ("waivers-table-arn", inventory.waivers_table),
        ):
            ssm.StringParameter(self, name, parameter_name=f"/vpn/{name}", string_value=table.table_arn)


app = cdk.App()
DevicesStack(
    app,
    "VpnDevices",
    env=cdk.Environment(
        account=os.environ.get("CDK_DEFAULT_ACCOUNT"), region=os.environ.get("CDK_DEFAULT_REGION")
    ),
)
app.synth()
