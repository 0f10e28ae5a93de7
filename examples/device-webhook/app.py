"""A device inventory that a device manager fills by its webhook."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import aws_cdk as cdk
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_secretsmanager as secretsmanager

from cdk_client_connect import ClientConnectHandler, DeviceInventory, Policies, Rules

if TYPE_CHECKING:
    from constructs import Construct


class Vpn(cdk.Stack):
    """A handler with an inventory, and the function that fills it."""

    def __init__(self, scope: Construct, id: str) -> None:
        super().__init__(scope, id)
        inventory = DeviceInventory(self, "Inventory")
        ClientConnectHandler(
            self,
            "Handler",
            policies=Policies.from_rules(Rules(compliant_devices=True)),
            device_inventory=inventory,
        )
        secret = secretsmanager.Secret(self, "Secret")
        webhook = lambda_.Function(
            self,
            "Webhook",
            runtime=lambda_.Runtime.PYTHON_3_14,
            handler="webhook.handler",
            code=lambda_.Code.from_asset(str(Path(__file__).parent / "function")),
            timeout=cdk.Duration.seconds(10),
            # Anybody can call the URL. Without a limit, a flood would take the concurrency that the handler needs.
            reserved_concurrent_executions=10,
            environment={
                "DEVICES_TABLE": inventory.devices_table.table_name,
                "SECRET": secret.secret_arn,
            },
        )
        # All that it does: a condition is part of PutItem, and a removed device is marked, not deleted.
        inventory.devices_table.grant(webhook, "dynamodb:PutItem")
        secret.grant_read(webhook)
        # Whoever knows the URL can call it; what counts is the signature.
        url = webhook.add_function_url(auth_type=lambda_.FunctionUrlAuthType.NONE)
        cdk.CfnOutput(self, "Url", value=url.url)
        cdk.CfnOutput(self, "SecretName", value=secret.secret_name)


def main() -> None:
    """Synthesize."""
    app = cdk.App()
    Vpn(app, "DeviceWebhook")
    app.synth()


if __name__ == "__main__":
    main()
