"""The parts of a run on AWS only, because the emulator does not know it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs

from cdk_client_connect import (
    ClientConnectHandler,
    ConnectionMonitoring,
    EndpointAuthorizationPolicy,
    GradualDeployment,
    Policies,
    TrafficShifting,
)

if TYPE_CHECKING:
    from cdk_client_connect import ConnectionReauthorizer

# In shadow mode it may deny everybody: that is logged, and never enforced.
_NATIVE = """
permit (principal, action, resource) when { true };
forbid (principal, action, resource) when { true };
"""


def endpoint(
    stack: cdk.Stack, handler: ClientConnectHandler, certificate: str, log: logs.ILogGroup
) -> ec2.ClientVpnEndpoint:
    """Define a VPC, and an endpoint with one association, which is what costs."""
    vpc = ec2.Vpc(
        stack,
        "Vpc",
        max_azs=1,
        nat_gateways=0,
        restrict_default_security_group=False,
        subnet_configuration=[
            ec2.SubnetConfiguration(name="Vpn", subnet_type=ec2.SubnetType.PRIVATE_ISOLATED)
        ],
    )
    return ec2.ClientVpnEndpoint(
        stack,
        "Endpoint",
        vpc=vpc,
        cidr="10.100.0.0/16",
        server_certificate_arn=certificate,
        client_certificate_arn=certificate,  # of the same authority
        client_connection_handler=handler,
        logging=True,
        log_group=log,
        split_tunnel=True,
    )


def other_endpoint(stack: cdk.Stack, certificate: str) -> str:
    """Define an endpoint without an association, which costs nothing, for an attachment; return its id."""
    authentication = ec2.CfnClientVpnEndpoint.ClientAuthenticationRequestProperty(
        type="certificate-authentication",
        mutual_authentication=ec2.CfnClientVpnEndpoint.CertificateAuthenticationRequestProperty(
            client_root_certificate_chain_arn=certificate
        ),
    )
    defined = ec2.CfnClientVpnEndpoint(
        stack,
        "OtherEndpoint",
        client_cidr_block="10.104.0.0/22",
        server_certificate_arn=certificate,
        authentication_options=[authentication],
        connection_log_options=ec2.CfnClientVpnEndpoint.ConnectionLogOptionsProperty(enabled=False),
    )
    return defined.ref


def native_policy(stack: cdk.Stack, endpoint: ec2.ClientVpnEndpoint) -> None:
    """Give the endpoint a native policy in shadow mode, which is the default."""
    EndpointAuthorizationPolicy(
        stack, "NativePolicy", endpoint=endpoint, policies=Policies.from_string(_NATIVE), policy_tests=False
    )


def monitoring(
    stack: cdk.Stack,
    handler: ClientConnectHandler,
    endpoint: ec2.ClientVpnEndpoint,
    reauthorizer: ConnectionReauthorizer,
    log: logs.ILogGroup,
) -> dict[str, str]:
    """Define the monitoring, queues that get what it announces, and a gradual deployment; return outputs."""
    alarms, denials = (
        sqs.Queue(stack, id_, retention_period=cdk.Duration.hours(4), enforce_ssl=True)
        for id_ in ("AlarmQueue", "DenialQueue")
    )
    topic = sns.Topic(stack, "AlarmTopic")
    alarms.grant_send_messages(iam.ServicePrincipal("sns.amazonaws.com"))
    sns.Subscription(
        stack,
        "AlarmSubscription",
        topic=topic,
        protocol=sns.SubscriptionProtocol.SQS,
        endpoint=alarms.queue_arn,
    )
    events.Rule(
        stack,
        "DenialRule",
        event_pattern=events.EventPattern(
            source=["cdk-client-connect"],
            detail_type=["Client VPN Connection Denied"],
            detail={"endpoint": [endpoint.endpoint_id]},  # and not those of other handlers in the account
        ),
        targets=[targets.SqsQueue(denials)],
    )
    watching = ConnectionMonitoring(
        stack,
        "Monitoring",
        handler=handler,
        reauthorizer=reauthorizer,
        endpoints=[endpoint],
        connection_log_group=log,
        alarm_topic=topic,
    )
    rollout = GradualDeployment(
        stack,
        "Rollout",
        handler=handler,
        monitoring=watching,
        shifting=TrafficShifting.canary(percent=50, interval=cdk.Duration.minutes(1)),
    ).deployment_group
    return {
        "AlarmQueueUrl": alarms.queue_url,
        "DenialQueueUrl": denials.queue_url,
        "Application": rollout.application.application_name,
        "DeploymentGroup": rollout.deployment_group_name,
    }


def snapshot_handler(stack: cdk.Stack, name: str, policies: Policies) -> dict[str, str]:
    """Define a handler with SnapStart that no endpoint asks; return outputs."""
    handler = ClientConnectHandler(
        stack, "SnapshotHandler", function_name=name, policies=policies, snap_start=True
    )
    return {"SnapshotArn": handler.function_arn}
