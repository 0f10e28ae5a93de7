"""The deployable app: a client connect handler, and a Client VPN endpoint that uses it.

The stack ``ClientConnect`` needs no input. The stack ``ClientVpn`` is defined when a server certificate is
configured. Configure in the context of cdk.json or with ``-c key=value``; see README.md for the keys.
"""

from __future__ import annotations

import os
import sys
from ipaddress import ip_network
from typing import TYPE_CHECKING

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sns as sns

from app_context import Context, InvalidContext
from cdk_client_connect import (
    ClientConnectError,
    ClientConnectHandler,
    ConnectionMonitoring,
    ConnectionReauthorizer,
    ConnectionRegistry,
    DeviceInventory,
    GradualDeployment,
    Policies,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from constructs import Construct

ARCHITECTURES = {"arm64": lambda_.Architecture.ARM_64, "x86_64": lambda_.Architecture.X86_64}
CERTIFICATE = r"arn:aws[a-z-]*:acm:[a-z0-9-]+:[0-9]{12}:certificate/[a-zA-Z0-9-]+"
SAML_PROVIDER = r"arn:aws[a-z-]*:iam::[0-9]{12}:saml-provider/[\w.-]+"
TOPIC = r"arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:[\w-]+"
VPC_CIDR = "10.0.0.0/16"
# CDK shows a made-up VPC of this network until the CLI has looked the real one up and synthesizes again. It
# would clash with many a client network, and the synthesis that asks for the look-up would fail.
NOT_LOOKED_UP_YET = "1.2.3.4/5"
BESIDE_IT = "192.168.0.0/20"
AUTHENTICATIONS = ("clientCertificateArn", "samlProviderArn", "directoryId")
VPN_KEYS = (
    *AUTHENTICATIONS,
    "vpcId",
    "clientCidr",
    "authorizedGroups",
    "monitoring",
    "alarmTopicArn",
    "reauthorizer",
    "gradualDeployment",
)


class ClientConnectStack(cdk.Stack):
    """The handler alone."""

    def __init__(self, scope: Construct, id: str, *, context: Context, env: cdk.Environment) -> None:
        super().__init__(scope, id, env=env, description="Client connect handler of AWS Client VPN")
        inventory = DeviceInventory(self, "Inventory") if context.flag("deviceInventory") else None
        registry = ConnectionRegistry(self, "Registry") if context.flag("connectionRegistry") else None
        self.handler = ClientConnectHandler(
            self,
            "Handler",
            policies=_policies(context),
            architecture=ARCHITECTURES[context.choice("architecture", list(ARCHITECTURES), default="arm64")],
            runtime=lambda_.Runtime(
                context.text("runtime", r"python3\.\d+", example="python3.14", default="python3.14"),
                lambda_.RuntimeFamily.PYTHON,
            ),
            time_zone=context.text("timeZone", r"[\w/+-]+", example="Europe/Berlin", default="UTC"),
            shadow_mode=context.flag("shadowMode"),
            device_inventory=inventory,
            connection_registry=registry,
        )
        self.reauthorizer = self._reauthorizer(context)
        cdk.CfnOutput(
            self,
            "FunctionArn",
            value=self.handler.function_arn,
            description="What a Client VPN endpoint is given as its client connect handler",
        )
        if inventory is not None:
            cdk.CfnOutput(self, "DevicesTable", value=inventory.devices_table.table_name)
            cdk.CfnOutput(self, "WaiversTable", value=inventory.waivers_table.table_name)
        if registry is not None:
            cdk.CfnOutput(self, "ConnectionsTable", value=registry.table.table_name)

    def _reauthorizer(self, context: Context) -> ConnectionReauthorizer | None:
        ids = _reauthorized(context)
        if not ids or context.flag("reauthorizer"):
            return None  # or with the endpoint that is defined here, in its stack
        if not context.flag("connectionRegistry"):
            raise InvalidContext(
                'context "reauthorizedEndpoints" needs the connections: give -c connectionRegistry=true too'
            )
        return ConnectionReauthorizer(self, "Reauthorizer", handler=self.handler, endpoints=ids)


class ClientVpnStack(cdk.Stack):
    """A Client VPN endpoint that asks the handler, into its own VPC or one that exists."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        context: Context,
        env: cdk.Environment,
        asked: ClientConnectStack,
    ) -> None:
        super().__init__(
            scope, id, env=env, description="AWS Client VPN endpoint with a client connect handler"
        )
        vpc = self._vpc(context)
        connection_log = logs.LogGroup(self, "ConnectionLog")
        endpoint = ec2.ClientVpnEndpoint(
            self,
            "Endpoint",
            vpc=vpc,
            cidr=_client_cidr(context, vpc),
            server_certificate_arn=context.text(
                "serverCertificateArn", CERTIFICATE, example="arn:aws:acm:REGION:ACCOUNT:certificate/ID"
            ),
            client_certificate_arn=context.optional(
                "clientCertificateArn", CERTIFICATE, example="arn:aws:acm:REGION:ACCOUNT:certificate/ID"
            ),
            user_based_authentication=self._user_authentication(context),
            client_connection_handler=asked.handler,
            logging=True,
            log_group=connection_log,
            split_tunnel=True,
            authorize_all_users_to_vpc_cidr=False,
        )
        if context.has("authorizedGroups") and not (
            context.has("samlProviderArn") or context.has("directoryId")
        ):
            raise InvalidContext(
                'context "authorizedGroups" needs users, who have groups: give -c samlProviderArn=... or directoryId'
            )
        if context.has("alarmTopicArn") and not context.flag("monitoring"):
            raise InvalidContext('context "alarmTopicArn" needs alarms: give -c monitoring=true too')
        if context.flag("gradualDeployment") and not context.flag("monitoring"):
            raise InvalidContext(
                'context "gradualDeployment" needs alarms that roll back: give -c monitoring=true too'
            )
        if context.flag("reauthorizer") and not context.flag("connectionRegistry"):
            raise InvalidContext(
                'context "reauthorizer" needs the connections: give -c connectionRegistry=true too'
            )
        groups = context.texts("authorizedGroups", r"[^,]+", example="S-1-5-21-1-2-3-1001 or engineering")
        if not groups:
            endpoint.add_authorization_rule("Rule1", cidr=vpc.vpc_cidr_block)
        for group in groups:
            # By the group: a rule is replaced by creating the new one first, which must not be there already.
            endpoint.add_authorization_rule(f"Rule-{group}", cidr=vpc.vpc_cidr_block, group_id=group)
        reauthorizer = asked.reauthorizer
        if context.flag("reauthorizer"):
            # In this stack, which waits for the handler's: that one cannot refer to the endpoint.
            reauthorizer = ConnectionReauthorizer(
                self,
                "Reauthorizer",
                handler=asked.handler,
                endpoints=[endpoint, *_reauthorized(context)],
            )
        if context.flag("monitoring"):
            monitoring = ConnectionMonitoring(
                self,
                "Monitoring",
                handler=asked.handler,
                reauthorizer=reauthorizer,
                endpoints=[endpoint],
                connection_log_group=connection_log,
                alarm_topic=self._alarm_topic(context),
            )
            if context.flag("gradualDeployment"):
                GradualDeployment(asked, "Rollout", handler=asked.handler, monitoring=monitoring)
        cdk.CfnOutput(self, "EndpointId", value=endpoint.endpoint_id)

    def _vpc(self, context: Context) -> ec2.IVpc:
        vpc_id = context.optional("vpcId", r"vpc-[0-9a-f]+", example="vpc-0123456789abcdef0")
        if vpc_id is None:
            return ec2.Vpc(
                self,
                "Vpc",
                ip_addresses=ec2.IpAddresses.cidr(VPC_CIDR),
                max_azs=2,
                nat_gateways=0,
                restrict_default_security_group=False,  # nothing uses it, and emptying it takes a function
                subnet_configuration=[
                    ec2.SubnetConfiguration(name="Vpn", subnet_type=ec2.SubnetType.PRIVATE_ISOLATED)
                ],
                flow_logs={
                    "All": ec2.FlowLogOptions(destination=ec2.FlowLogDestination.to_cloud_watch_logs())
                },
            )
        if cdk.Token.is_unresolved(self.account) or cdk.Token.is_unresolved(self.region):
            context.fail(
                "vpcId", vpc_id, "to be found without an account and a Region", "sign in to AWS first"
            )
        return ec2.Vpc.from_lookup(self, "Vpc", vpc_id=vpc_id)

    def _alarm_topic(self, context: Context) -> sns.ITopic | None:
        arn = context.optional("alarmTopicArn", TOPIC, example="arn:aws:sns:REGION:ACCOUNT:NAME")
        return None if arn is None else sns.Topic.from_topic_arn(self, "AlarmTopic", arn)

    def _user_authentication(self, context: Context) -> ec2.ClientVpnUserBasedAuthentication | None:
        example = "arn:aws:iam::ACCOUNT:saml-provider/NAME"
        saml = context.optional("samlProviderArn", SAML_PROVIDER, example=example)
        directory = context.optional("directoryId", r"d-[0-9a-f]{10}", example="d-1234567890")
        if saml and directory:
            context.fail("directoryId", directory, "allowed next to samlProviderArn", "give one of them")
        if saml:
            return ec2.ClientVpnUserBasedAuthentication.federated(
                iam.SamlProvider.from_saml_provider_arn(self, "SamlProvider", saml)
            )
        if directory:
            return ec2.ClientVpnUserBasedAuthentication.active_directory(directory)
        return None


def _reauthorized(context: Context) -> Sequence[str]:
    return context.texts(
        "reauthorizedEndpoints", r"cvpn-endpoint-[0-9a-f]+", example="cvpn-endpoint-0123456789abcdef0"
    )


def _policies(context: Context) -> Policies | None:
    path = context.optional("policies", r".+", example="policies/")
    return None if path is None else Policies.from_path(path)


def _client_cidr(context: Context, vpc: ec2.IVpc) -> str:
    key = "clientCidr"
    cidr = context.cidr(key, shortest=12, longest=22, default="10.100.0.0/16")
    if vpc.vpc_cidr_block == NOT_LOOKED_UP_YET:
        return BESIDE_IT
    used = VPC_CIDR if cdk.Token.is_unresolved(vpc.vpc_cidr_block) else vpc.vpc_cidr_block
    if ip_network(cidr).overlaps(ip_network(used)):
        context.fail(key, cidr, f"outside of {used}, the network of the VPC", f"give -c {key}=172.27.0.0/16")
    return cidr


def define(app: cdk.App) -> None:
    """Define the stacks.

    Raises:
        InvalidContext: When a key of the context has a value that is not allowed.
        ClientConnectError: When the policies or another argument of the handler are wrong.
    """
    context = Context(app.node)
    env = cdk.Environment(
        account=os.environ.get("CDK_DEFAULT_ACCOUNT"), region=os.environ.get("CDK_DEFAULT_REGION")
    )
    asked = ClientConnectStack(app, "ClientConnect", context=context, env=env)
    if not context.has("serverCertificateArn"):
        if given := [key for key in VPN_KEYS if context.has(key)]:
            raise InvalidContext(
                f'context "{given[0]}" is for an endpoint, which needs -c serverCertificateArn=... too'
            )
        return
    if not any(context.has(key) for key in AUTHENTICATIONS):
        raise InvalidContext(
            "clients have no way to authenticate: give at least one of "
            + ", ".join(f"-c {key}=..." for key in AUTHENTICATIONS)
        )
    ClientVpnStack(app, "ClientVpn", context=context, env=env, asked=asked)


def main() -> None:
    """Synthesize the app; a wrong configuration ends it with its message alone."""
    app = cdk.App()
    try:
        define(app)
    except (InvalidContext, ClientConnectError) as error:
        sys.exit(f"error: {error}")
    app.synth()


if __name__ == "__main__":
    main()
