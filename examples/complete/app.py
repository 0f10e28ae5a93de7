"""A complete VPN: SAML and certificates, devices of Intune, re-authorization, monitoring, and a gradual rollout."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk import aws_secretsmanager as secretsmanager
from aws_cdk import aws_sns as sns

from cdk_client_connect import (
    ClientConnectHandler,
    ConnectionMonitoring,
    ConnectionReauthorizer,
    ConnectionRegistry,
    DeviceInventory,
    DeviceSync,
    GradualDeployment,
    Intune,
    Policies,
)


class VpnStack(cdk.Stack):
    """One stack: start with it, and split it when teams share it (docs/composition.md)."""

    def __init__(self, scope: cdk.App, id: str) -> None:
        super().__init__(scope, id)
        self.inventory = DeviceInventory(self, "Inventory")
        self.handler = ClientConnectHandler(
            self,
            "Handler",
            policies=Policies.from_directory("policies"),
            time_zone="Europe/Berlin",
            device_inventory=self.inventory,
            connection_registry=ConnectionRegistry(self, "Registry"),
        )
        connection_log = logs.LogGroup(self, "ConnectionLog", retention=logs.RetentionDays.ONE_YEAR)
        endpoint = self._endpoint(connection_log)
        reauthorizer = ConnectionReauthorizer(
            self, "Reauthorizer", handler=self.handler, endpoints=[endpoint.endpoint_id]
        )
        sync = DeviceSync(
            self,
            "Sync",
            inventory=self.inventory,
            source=Intune(
                tenant=str(self.node.get_context("tenant")),
                secret=secretsmanager.Secret.from_secret_name_v2(self, "IntuneSecret", "vpn/intune"),
                tags={"owner": "userPrincipalName"},
            ),
            reauthorizer=reauthorizer,  # a device that is no longer compliant loses its connections at once
        )
        topic = sns.Topic(self, "Alarms", enforce_ssl=True)
        monitoring = ConnectionMonitoring(
            self,
            "Monitoring",
            handler=self.handler,
            endpoints=[endpoint],
            connection_log_group=connection_log,
            device_syncs=[sync],
            reauthorizer=reauthorizer,
            alarm_topic=topic,
        )
        GradualDeployment(self, "Rollout", handler=self.handler, monitoring=monitoring)

    def _endpoint(self, connection_log: logs.ILogGroup) -> ec2.ClientVpnEndpoint:
        certificate = str(self.node.get_context("certificate"))
        provider = iam.SamlProvider.from_saml_provider_arn(
            self, "Provider", str(self.node.get_context("samlProvider"))
        )
        return ec2.ClientVpnEndpoint(
            self,
            "Endpoint",
            vpc=ec2.Vpc(self, "Vpc", max_azs=2, nat_gateways=0),
            cidr="10.100.0.0/16",
            server_certificate_arn=certificate,
            client_certificate_arn=certificate,
            user_based_authentication=ec2.ClientVpnUserBasedAuthentication.federated(provider),
            client_connection_handler=self.handler,
            log_group=connection_log,
            split_tunnel=True,
        )


app = cdk.App()
VpnStack(app, "Vpn")
app.synth()
