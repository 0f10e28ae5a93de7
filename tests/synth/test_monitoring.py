"""The resources of a monitoring, their options, and the refused arguments."""

from __future__ import annotations

import json
import re
from contextlib import nullcontext
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import aws_cdk as cdk
import jsii
import pytest
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_events as events
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_secretsmanager as secretsmanager
from aws_cdk import aws_sns as sns
from aws_cdk.assertions import Annotations, Match, Template
from constructs import Construct

from cdk_client_connect import (
    AlarmSettings,
    ClientConnectHandler,
    ConnectionMonitoring,
    ConnectionReauthorizer,
    ConnectionRegistry,
    DeviceInventory,
    DeviceSync,
    FunctionReference,
    Intune,
    InvalidArgument,
    MonitoringAlarms,
    Notifications,
    Policies,
    ProvisionedConcurrency,
)
from cdk_client_connect.monitoring import _queries as queries
from cdk_client_connect.monitoring._alarm_definitions import DEFINITIONS
from client_connect_notifications import forwarder
from client_connect_tools.costs import estimate
from tests.support.events import PERMIT, connect_handler, event
from tests.support.log_lines import captured

from .conftest import CERTIFICATE, NO_BUNDLING, endpoint, l2_endpoint, only, template

if TYPE_CHECKING:
    from collections.abc import Callable

ALARM = "AWS::CloudWatch::Alarm"
DASHBOARD = "AWS::CloudWatch::Dashboard"
QUERY = "AWS::Logs::QueryDefinition"
FILTER = "AWS::Logs::MetricFilter"
SUBSCRIPTION = "AWS::Logs::SubscriptionFilter"
ENDPOINT_ID = "cvpn-endpoint-0123456789abcdef0"
SHADOW = '@id("try") @shadow forbid (principal, action, resource) when { context.platform == "mac" };'

# Namespace, metric, statistic, threshold and period in seconds of each alarm.
ALARMS: dict[str, tuple[str, str, str, float, int]] = {
    "HandlerErrors": ("AWS/Lambda", "Errors", "Sum", 1, 300),
    "HandlerThrottles": ("AWS/Lambda", "Throttles", "Sum", 1, 300),
    "HandlerLatency": ("AWS/Lambda", "Duration", "Maximum", 8000, 300),
    "HandlerTimeouts": ("AWS/ClientVPN", "ClientConnectHandlerTimeouts", "Sum", 1, 300),
    "ExecutionErrors": ("AWS/ClientVPN", "ClientConnectHandlerOtherExecutionErrors", "Sum", 1, 300),
    "InvalidResponses": ("AWS/ClientVPN", "ClientConnectHandlerInvalidResponses", "Sum", 1, 300),
    "ServiceErrors": ("AWS/ClientVPN", "ClientConnectHandlerFailedServiceErrors", "Sum", 1, 300),
    "Spillover": ("AWS/Lambda", "ProvisionedConcurrencySpilloverInvocations", "Sum", 10, 300),
    "DecisionErrors": ("ClientConnect", "Errors", "Sum", 1, 300),
    "CrlExpiry": ("AWS/ClientVPN", "CrlDaysToExpiry", "Minimum", 30, 3600),
    "IdpCertificateExpiry": ("AWS/ClientVPN", "IdpCertDaysToExpiry", "Minimum", 30, 3600),
    "CertificateExpiry": ("AWS/CertificateManager", "DaysToExpiry", "Minimum", 30, 86_400),
    "InventoryErrors": ("ClientConnect", "InventoryErrors", "Sum", 1, 300),
    "WaiverErrors": ("ClientConnect", "WaiverErrors", "Sum", 1, 300),
    "RegistryErrors": ("ClientConnect", "RegistryErrors", "Sum", 1, 300),
    "OpenConnectionsErrors": ("ClientConnect", "OpenConnectionsErrors", "Sum", 1, 300),
    "CapExceeded": ("ClientConnect", "CapExceeded", "Maximum", 1, 300),
    "UnexpectedShadowMode": ("ClientConnect", "ShadowMode", "Sum", 1, 300),
    "MassTermination": ("ClientConnect", "TerminatedByPolicies", "Sum", 5, 300),
    "Undecided": ("ClientConnect", "Undecided", "Maximum", 1, 300),
    "TerminationFailures": ("ClientConnect", "TerminationFailures", "Sum", 1, 300),
    "ReauthorizerIncomplete": ("ClientConnect", "MissingEndpoints", "Maximum", 1, 300),
    "ReauthorizerErrors": ("AWS/Lambda", "Errors", "Sum", 1, 300),
    "DeviceSyncBrake": ("ClientConnect", "SyncBrakeEngaged", "Maximum", 1, 900),
    "DeviceSyncCredentials": ("ClientConnect", "SyncCredentialsRejected", "Maximum", 1, 900),
    "DeviceSyncSecretExpiry": ("ClientConnect", "SyncSecretDaysToExpiry", "Minimum", 14, 3600),
    "AuthorizationPolicyTerminations": (
        *("AWS/ClientVPN", "AuthorizationPolicyTerminatedConnections", "Sum", 10, 300),
    ),
}
# Alarms that watch several metrics or an expression; each has its own test.
OF_SEVERAL_METRICS = {
    "DenialBurst",
    "AuthorizationPolicyDenials",
    "DeviceSyncStopped",
    "EveryoneDenied",
    "NotificationErrors",
    "ReauthorizerStopped",
    "RecordsLost",
}
# Of the others one period is enough.
PERIODS = {"Undecided": 3, "TerminationFailures": 3, "ReauthorizerErrors": 3}
OF_THE_ALIAS = ("HandlerErrors", "HandlerThrottles", "HandlerLatency", "Spillover")


def monitored(
    stack: cdk.Stack, handler: ClientConnectHandler | None = None, **changes: Any
) -> ConnectionMonitoring:
    """Define a monitoring of a handler and one endpoint; without a handler, of one with all that can be watched."""
    reauthorizer, syncs = None, []
    if handler is None:
        handler = full_handler(stack)
        syncs = [device_sync(stack, handler)]
        reauthorizer = ConnectionReauthorizer(stack, "Reauthorizer", handler=handler, endpoints=[ENDPOINT_ID])
    arguments: dict[str, Any] = {
        "handler": handler,
        "reauthorizer": reauthorizer,
        "endpoints": [ENDPOINT_ID],
        "connection_log_group": None,
        "device_syncs": syncs,
        "certificates": {"Server": CERTIFICATE} if syncs else None,
    }
    return ConnectionMonitoring(stack, "Monitoring", **{**arguments, **changes})


def device_sync(stack: cdk.Stack, handler: ClientConnectHandler) -> DeviceSync:
    """Define a sync of the handler's inventory with Intune."""
    assert handler.device_inventory is not None
    secret = secretsmanager.Secret(stack, "Credentials")
    source = Intune(tenant="contoso.example", secret=secret)
    return DeviceSync(stack, "Sync", inventory=handler.device_inventory, source=source)


def full_handler(stack: cdk.Stack, **arguments: Any) -> ClientConnectHandler:
    """Define a handler with all that can be watched."""
    inventory, registry = DeviceInventory(stack, "Inventory"), ConnectionRegistry(stack, "Registry")
    return ClientConnectHandler(
        stack, "Handler", device_inventory=inventory, connection_registry=registry, **arguments
    )


def new_stack(name: str = "Stack", **arguments: Any) -> cdk.Stack:
    """Return a stack in its own app."""
    return cdk.Stack(cdk.App(context=NO_BUNDLING), name, **arguments)


@pytest.fixture(scope="module")
def whole() -> Template:
    """The template of everything: a handler, an L1 and an L2 endpoint, their log and a topic."""
    stack = new_stack()
    policies = Policies.from_string(PERMIT + SHADOW)
    handler = full_handler(stack, policies=policies)
    endpoints = [endpoint(stack, handler), l2_endpoint(ec2.Vpc(stack, "Vpc"), handler), ENDPOINT_ID]
    monitored(
        stack,
        handler,
        reauthorizer=ConnectionReauthorizer(stack, "Reauthorizer", handler=handler, endpoints=endpoints),
        endpoints=endpoints,
        connection_log_group=logs.LogGroup(stack, "ConnectionLog"),
        alarm_topic=sns.Topic(stack, "Topic"),
        device_syncs=[device_sync(stack, handler)],
    )
    return template(stack)


def alarms(synthesized: Template) -> dict[str, dict[str, Any]]:
    """Return the properties of the alarms by their logical ids without hash and scope."""
    found = synthesized.find_resources(ALARM)
    return {id_[len("Monitoring") : -8]: alarm["Properties"] for id_, alarm in found.items()}


def joined(text: Any) -> str:
    """Return a text whose references are the logical ids."""
    parts = [text] if isinstance(text, str) else text["Fn::Join"][1]
    return "".join(part if isinstance(part, str) else f"<{part['Ref']}>" for part in parts)


def test_the_texts_of_alarms_name_their_resources(whole: Template) -> None:
    """No word in capitals is left that stands for a name, so each command can be run as it is."""
    left = re.compile(
        r"\b(FUNCTION|LOG_GROUP|ENDPOINT|CERTIFICATE|[A-Z]+_TABLE|REAUTHORIZER\w*|SYNC\w*|FORWARDER\w*)\b"
    )
    texts = {id_: joined(alarm["AlarmDescription"]) for id_, alarm in alarms(whole).items()}
    assert {id_: left.findall(text) for id_, text in texts.items() if left.search(text)} == {}
    assert "aws events describe-rule --name <ReauthorizerSchedule" in texts["ReauthorizerStopped"]
    assert "--client-vpn-endpoint-id <Endpoint>" in texts["CrlExpiryStackEndpoint"]


def names_and_values(alarm: dict[str, Any]) -> dict[str, Any]:
    """Return an alarm's dimensions."""
    return {dimension["Name"]: dimension["Value"] for dimension in alarm["Dimensions"]}


def test_the_alarms_are_these(whole: Template) -> None:
    """One for the handler or one for each endpoint, by a name that is the endpoint's."""
    of_endpoints = ("StackEndpoint", "StackVpcL2Endpoint", ENDPOINT_ID.replace("-", ""))
    expected = {
        f"{name}{suffix}"
        for name, (namespace, *_) in ALARMS.items()
        for suffix in _suffixes(name, of_endpoints if namespace == "AWS/ClientVPN" else ("",))
    }
    expected |= {f"AuthorizationPolicyDenials{suffix}" for suffix in of_endpoints}
    expected |= OF_SEVERAL_METRICS - {"AuthorizationPolicyDenials", "DeviceSyncStopped"}
    expected |= {"DeviceSyncStoppedintune"}
    expiring = [name for name in expected if name.startswith(("CrlExpiry", "Idp", "CertificateExpiry"))]
    expected |= {f"{name}{days}Days" for name in expiring for days in (14, 5, 1)}
    assert alarms(whole).keys() == expected
    assert {definition.name for definition in DEFINITIONS} - ALARMS.keys() == OF_SEVERAL_METRICS


def _suffixes(name: str, others: tuple[str, ...]) -> tuple[str, ...]:
    if name == "CertificateExpiry":
        return (
            "StackEndpointServer",
        )  # all endpoints use the same certificate, for all that it can be used for
    return ("intune",) if name.startswith("DeviceSync") else others


def test_whoever_gets_the_alarms_is_reminded(whole: Template) -> None:
    """At 14, 5 and 1 days, each with its own message, and the text of the first."""
    for name, alarm in alarms(whole).items():
        days = re.search(r"(14|5|1)Days$", name)
        if days is None:
            continue
        first = alarms(whole)[name.removesuffix(days[0])]
        changed = {"Threshold": int(days[1])}
        assert alarm == first | changed
        assert alarm["ComparisonOperator"] == "LessThanOrEqualToThreshold"


def test_there_are_no_reminders_without_a_topic_nor_of_what_comes_earlier(stack: cdk.Stack) -> None:
    """On the dashboard, they would say the same as the first alarm."""
    settings = MonitoringAlarms(crl_expiry=AlarmSettings(threshold=5))
    monitored(stack, alarms=settings)
    assert not [name for name in alarms(template(stack)) if name.endswith("Days")]
    other = new_stack()
    monitored(other, alarms=settings, alarm_topic=sns.Topic(other, "Topic"))
    found = alarms(template(other))
    thresholds = sorted(alarm["Threshold"] for name, alarm in found.items() if name.startswith("CrlExpiry"))
    assert thresholds == [1, 5]


ARN = "arn:aws:acm:eu-central-1:111111111111:certificate/{}"


def expiring(synthesized: Template) -> dict[str, Any]:
    """Return the certificates that are watched, by the names of their alarms."""
    return {
        name.removeprefix("CertificateExpiry"): names_and_values(alarm)["CertificateArn"]
        for name, alarm in alarms(synthesized).items()
        if name.startswith("CertificateExpiry") and not name.endswith("Days")
    }


def endpoint_with(stack: cdk.Stack, id_: str, server: str, authority: Any) -> ec2.CfnClientVpnEndpoint:
    """Define an endpoint with certificates."""
    return ec2.CfnClientVpnEndpoint(
        stack,
        id_,
        authentication_options=authority
        if not isinstance(authority, str)
        else [
            ec2.CfnClientVpnEndpoint.ClientAuthenticationRequestProperty(
                type="certificate-authentication",
                mutual_authentication=ec2.CfnClientVpnEndpoint.CertificateAuthenticationRequestProperty(
                    client_root_certificate_chain_arn=authority
                ),
            )
        ],
        client_cidr_block="10.100.0.0/16",
        connection_log_options=ec2.CfnClientVpnEndpoint.ConnectionLogOptionsProperty(enabled=False),
        server_certificate_arn=server,
    )


def test_the_certificates_of_endpoints_are_watched_once_each(stack: cdk.Stack) -> None:
    """The server's and that of the authority, even those that only the deployment knows, and those given by name."""
    given = cdk.CfnParameter(stack, "Server").value_as_string
    saml = [
        ec2.CfnClientVpnEndpoint.ClientAuthenticationRequestProperty(
            type="federated-authentication",
            federated_authentication=ec2.CfnClientVpnEndpoint.FederatedAuthenticationRequestProperty(
                saml_provider_arn="arn:aws:iam::111111111111:saml-provider/idp"
            ),
        )
    ]
    one = endpoint_with(stack, "One", given, ARN.format("authority"))
    two = endpoint_with(stack, "Two", ARN.format("server"), ARN.format("authority"))
    three = endpoint_with(stack, "Three", given, saml)
    lazy = endpoint_with(stack, "Lazy", ARN.format("lazy"), cdk.Lazy.any(_Saml()))
    monitoring = monitored(
        stack, endpoints=[one, three, lazy, ENDPOINT_ID], certificates={"Portal": ARN.format("server")}
    )
    monitoring.add_endpoint(two)
    monitoring.add_endpoint(endpoint_with(stack, "Four", ARN.format("four"), saml))
    synthesized = template(stack)
    assert expiring(synthesized) == {
        "Portal": ARN.format("server"),
        "StackOneServer": {"Ref": "Server"},
        "StackOneClientAuthority": ARN.format("authority"),
        "StackLazyServer": ARN.format("lazy"),
        "StackFourServer": ARN.format("four"),
    }
    assert "CertificateExpiry-Stack-One-ClientAuthority" in monitoring.alarms
    (graph,) = [
        each
        for each in dashboard(synthesized)
        if each["properties"].get("title") == "Days until certificates expire"
    ]
    assert str(graph).count("AWS/CertificateManager") == 5
    text = joined(alarms(synthesized)["CertificateExpiryPortal"]["AlarmDescription"])
    assert f"--certificate-arn {ARN.format('server')}" in text


@jsii.implements(cdk.IStableAnyProducer)
class _Saml:
    def produce(self) -> Any:
        return [{"type": "federated-authentication"}]


def test_an_endpoint_is_added_to_a_monitoring_with_a_device_sync(stack: cdk.Stack) -> None:
    """The alarms of the sync are there already."""
    monitoring = monitored(stack)
    monitoring.add_endpoint("cvpn-endpoint-0fedcba9876543210")
    assert len([name for name in alarms(template(stack)) if name.startswith("DeviceSync")]) == 4


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([ARN], r"certificates=.* must be a dictionary, such as"),
        ("arn", r"certificates='arn' must be a dictionary"),
        ({"a b": ARN.format("x")}, "certificates has the name 'a b'; give letters, digits and hyphens"),
        ({7: ARN.format("x")}, "certificates has the name 7;"),
        (
            {"A": "arn:aws:iam::111111111111:server-certificate/x"},
            "as A, which is no ARN of a certificate in ACM",
        ),
        ({"A": None}, "certificates has None as A, which is no ARN"),
    ],
)
def test_fails_for_certificates_that_are_none(stack: cdk.Stack, given: Any, message: str) -> None:
    """An alarm on a metric that never comes would never fire."""
    with pytest.raises(InvalidArgument, match=message):
        monitored(stack, certificates=given)


def test_the_alarm_on_a_stopped_device_sync_fires_without_data(whole: Template) -> None:
    """After four times its schedule, and does not trust our namespace alone."""
    alarm = alarms(whole)["DeviceSyncStoppedintune"]
    assert (alarm["TreatMissingData"], alarm["EvaluationPeriods"], alarm["Threshold"]) == ("breaching", 4, 0)
    expression, *metrics = alarm["Metrics"]
    assert expression["Expression"] == "MIN([FILL(complete, 0), FILL(invocations, 0) - FILL(errors, 0)])"
    found = {each["MetricStat"]["Metric"]["MetricName"]: each["MetricStat"]["Period"] for each in metrics}
    assert found == {"SyncComplete": 900, "Invocations": 900, "Errors": 900}


def test_a_sync_of_another_inventory_is_refused() -> None:
    """Its alarms would say nothing of what the handler reads."""
    stack = new_stack()
    handler = full_handler(stack)
    others = Construct(stack, "Others")
    other = ClientConnectHandler(others, "Handler", device_inventory=DeviceInventory(others, "Inventory"))
    sync = device_sync(stack, other)
    with pytest.raises(InvalidArgument, match="device sync Stack/Sync writes inventory Stack/Others/Inv"):
        monitored(stack, handler, device_syncs=[sync])
    with pytest.raises(InvalidArgument, match="must be a list of DeviceSync"):
        monitored(stack, handler, device_syncs=sync)


@pytest.mark.parametrize("name", ALARMS)
def test_each_alarm_watches_its_metric_and_says_what_to_do(whole: Template, name: str) -> None:
    """Each watches its metric with its threshold, is quiet without data, and says what to do."""
    namespace, metric, statistic, threshold, period = ALARMS[name]
    found = {
        id_: alarm
        for id_, alarm in alarms(whole).items()
        if id_.startswith(name) and not id_.endswith("Days")
    }
    assert len(found) == (3 if namespace == "AWS/ClientVPN" else 1)
    for alarm in found.values():
        assert (alarm["Namespace"], alarm["MetricName"], alarm["Statistic"]) == (namespace, metric, statistic)
        assert (alarm["Threshold"], alarm["Period"]) == (threshold, period)
        assert alarm["EvaluationPeriods"] == PERIODS.get(name, 1)
        assert alarm["TreatMissingData"] == ("ignore" if name == "CertificateExpiry" else "notBreaching")
        assert alarm["ComparisonOperator"] == (
            "LessThanOrEqualToThreshold" if "Expiry" in name else "GreaterThanOrEqualToThreshold"
        )
        said = joined(alarm["AlarmDescription"])
        assert said.startswith("First: ")
        assert "\n1. " in said
        assert said.endswith(f"More: client-connect explain {name}")
        assert len(said) <= 1024


def test_the_alarm_on_a_stopped_reauthorizer_does_not_trust_our_namespace_alone(whole: Template) -> None:
    """Whoever may put metrics into it could report runs that never were; no one can put one into Lambda's."""
    alarm = alarms(whole)["ReauthorizerStopped"]
    expression, *metrics = alarm["Metrics"]
    assert expression["Expression"] == "MIN([FILL(finished, 0), FILL(invocations, 0) - FILL(errors, 0)])"
    found = {
        each["Id"]: (
            each["MetricStat"]["Metric"]["Namespace"],
            each["MetricStat"]["Metric"]["MetricName"],
            each["MetricStat"]["Stat"],
            each["MetricStat"]["Period"],
        )
        for each in metrics
    }
    assert found == {
        "finished": ("ClientConnect", "Reauthorized", "SampleCount", 300),
        "invocations": ("AWS/Lambda", "Invocations", "Sum", 300),
        "errors": ("AWS/Lambda", "Errors", "Sum", 300),
    }
    assert (alarm["Threshold"], alarm["EvaluationPeriods"], alarm["TreatMissingData"]) == (0, 6, "breaching")
    assert alarm["ComparisonOperator"] == "LessThanOrEqualToThreshold"


@pytest.mark.parametrize("name", OF_THE_ALIAS)
def test_alarms_of_the_function_watch_the_alias(whole: Template, name: str) -> None:
    """Those on the function alone would miss what goes through the alias."""
    assert names_and_values(alarms(whole)[name]) == {
        "FunctionName": "AWSClientVPN-Stack-Handler-EC3124C7",
        "Resource": "AWSClientVPN-Stack-Handler-EC3124C7:live",
    }


def test_alarms_of_endpoints_watch_each_endpoint(whole: Template) -> None:
    """L1 and L2 endpoints by reference, others by their id."""
    dimensions = [
        names_and_values(alarm) for id_, alarm in alarms(whole).items() if id_.startswith("HandlerTimeouts")
    ]
    (l2_id,) = (id_ for id_ in whole.find_resources("AWS::EC2::ClientVpnEndpoint") if id_ != "Endpoint")
    assert dimensions == [
        {"Endpoint": {"Ref": "Endpoint"}},
        {"Endpoint": {"Ref": l2_id}},
        {"Endpoint": ENDPOINT_ID},
    ]


def test_the_burst_of_denials_is_measured_by_its_usual_level(whole: Template) -> None:
    """Three periods in a row above the band of four standard deviations."""
    whole.has_resource_properties(
        ALARM,
        {
            "ComparisonOperator": "GreaterThanUpperThreshold",
            "EvaluationPeriods": 3,
            "Threshold": Match.absent(),
            "ThresholdMetricId": "expr_1",
            "TreatMissingData": "notBreaching",
            "Metrics": [
                Match.object_like({"Id": "expr_1", "Expression": "ANOMALY_DETECTION_BAND(m0, 4)"}),
                Match.object_like(
                    {
                        "Id": "m0",
                        "MetricStat": {
                            "Metric": {
                                "Namespace": "ClientConnect",
                                "MetricName": "Denied",
                                "Dimensions": [{"Name": "FunctionName", "Value": Match.any_value()}],
                            },
                            "Period": 300,
                            "Stat": "Sum",
                        },
                    }
                ),
            ],
        },
    )


LOST = {
    ("AWS/Lambda", "Errors"),
    ("AWS/Lambda", "Throttles"),
    ("AWS/Lambda", "AsyncEventsDropped"),
    ("AWS/Logs", "DeliveryErrors"),
    ("AWS/Logs", "DeliveryThrottling"),
}


def test_lost_notifications_are_seen_wherever_they_are_lost(whole: Template) -> None:
    """The subscription's delivery, Lambda's queue and the forwarder itself: one without data hides no other."""
    alarm = alarms(whole)["NotificationErrors"]
    total, *metrics = sorted(alarm["Metrics"], key=lambda metric: "Expression" not in metric)
    filled = ", ".join(f"FILL({each['Id']}, 0)" for each in metrics)
    assert total["Expression"] == f"SUM([{filled}])"
    assert (alarm["Threshold"], alarm["TreatMissingData"]) == (1, "notBreaching")
    found = {}
    for each in metrics:
        stat = each["MetricStat"]
        assert (stat["Period"], stat["Stat"], each["ReturnData"]) == (300, "Sum", False)
        found[stat["Metric"]["Namespace"], stat["Metric"]["MetricName"]] = names_and_values(stat["Metric"])
    assert found.keys() == LOST
    (forwarder_id,) = (
        id_
        for id_ in whole.find_resources("AWS::Lambda::Function")
        if id_.startswith("MonitoringNotifications")
    )
    (subscription,) = whole.find_resources(SUBSCRIPTION)
    log_group = whole.find_resources(SUBSCRIPTION)[subscription]["Properties"]["LogGroupName"]
    for (namespace, _), dimensions in found.items():
        assert dimensions == (
            {"FunctionName": {"Ref": forwarder_id}}
            if namespace == "AWS/Lambda"
            else {
                "LogGroupName": log_group,
                "DestinationType": "Lambda",
                "FilterName": {"Ref": subscription},
            }
        )


def test_alarms_tell_the_topic_and_when_they_are_over(whole: Template) -> None:
    """With a topic, every alarm has it; without one, none has an action."""
    (topic,) = whole.find_resources("AWS::SNS::Topic")
    for alarm in alarms(whole).values():
        assert alarm["AlarmActions"] == alarm["OKActions"] == [{"Ref": topic}]
    stack = new_stack()
    monitored(stack)
    for alarm in alarms(template(stack)).values():
        assert alarm.keys().isdisjoint({"AlarmActions", "OKActions", "InsufficientDataActions"})


def test_alarms_may_tell_a_topic_that_has_a_policy(stack: cdk.Stack) -> None:
    """Its policy takes the place of the default one, which permits CloudWatch; a topic without one stays as it is."""
    for id_, secure in (("Secure", True), ("Plain", False)):
        topic = sns.Topic(stack, f"{id_}Topic", enforce_ssl=secure)
        for name in ("One", "Two"):
            handler = ClientConnectHandler(stack, f"{id_}{name}Handler")
            arguments: dict[str, Any] = {"handler": handler, "endpoints": [], "connection_log_group": None}
            ConnectionMonitoring(stack, f"{id_}{name}", alarm_topic=topic, **arguments)
    policy = only(template(stack).find_resources("AWS::SNS::TopicPolicy"))["Properties"]
    (statement,) = (each for each in policy["PolicyDocument"]["Statement"] if each["Effect"] == "Allow")
    assert statement["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    assert statement["Action"] == "sns:Publish"
    assert statement["Resource"] == policy["Topics"][0]
    assert statement["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}


def test_each_alarm_has_settings_of_its_name() -> None:
    """A new alarm is one entry in the table and one field of the settings."""
    assert [definition.field for definition in DEFINITIONS] == [
        field.name for field in fields(MonitoringAlarms)
    ]


def test_alarms_can_be_tuned_and_left_out(stack: cdk.Stack) -> None:
    """A threshold, a number of periods or the alarm itself; the others stay as they are."""
    settings = MonitoringAlarms(
        handler_throttles=AlarmSettings(threshold=5),
        handler_latency=AlarmSettings(threshold=500, evaluation_periods=2),
        denial_burst=AlarmSettings(threshold=2.5, evaluation_periods=1),
        crl_expiry=AlarmSettings(threshold=0),
        idp_certificate_expiry=AlarmSettings.off(),
    )
    monitoring = monitored(stack, alarms=settings)
    found = alarms(template(stack))
    assert found["HandlerThrottles"]["Threshold"] == 5
    assert (found["HandlerLatency"]["Threshold"], found["HandlerLatency"]["EvaluationPeriods"]) == (500, 2)
    assert found["DenialBurst"]["Metrics"][0]["Expression"] == "ANOMALY_DETECTION_BAND(m0, 2.5)"
    assert found["DenialBurst"]["EvaluationPeriods"] == 1
    assert found["CrlExpirycvpnendpoint0123456789abcdef0"]["Threshold"] == 0
    assert not [name for name in found if name.startswith("Idp")]
    assert found["HandlerErrors"]["Threshold"] == 1
    assert f"CrlExpiry-{ENDPOINT_ID}" in monitoring.alarms
    assert len(monitoring.alarms) == len(found)


@pytest.mark.parametrize("field", [field.name for field in fields(MonitoringAlarms)])
def test_each_alarm_can_be_left_out(stack: cdk.Stack, field: str) -> None:
    """One that is off takes nothing with it but itself."""
    monitoring = monitored(stack, alarms=MonitoringAlarms(**{field: AlarmSettings.off()}))
    left = {re.sub(r"-.*", "", name) for name in monitoring.alarms}
    assert left == {definition.name for definition in DEFINITIONS if definition.field != field}


@pytest.mark.parametrize(
    ("field", "periods", "message"),
    [
        ("handler_errors", 289, "289 evaluation_periods of 5 minutes, .* 1 days .*; give at most 288"),
        ("denial_burst", 289, ".*give at most 288"),
        ("crl_expiry", 169, "169 evaluation_periods of 60 minutes, .* 7 days .*; give at most 168"),
        ("reauthorizer_errors", 49, "49 evaluation_periods of 30 minutes, .*; give at most 48"),
    ],
)
def test_alarms_look_back_as_far_as_cloudwatch_does(
    stack: cdk.Stack, field: str, periods: int, message: str
) -> None:
    """One period more would fail at deployment; how many there may be depends on how long one is."""
    handler = full_handler(stack)
    reauthorizer = ConnectionReauthorizer(
        stack, "Reauthorizer", handler=handler, endpoints=[ENDPOINT_ID], schedule=cdk.Duration.minutes(30)
    )
    for number, fails in ((periods, True), (periods - 1, False)):
        alarms = MonitoringAlarms(**{field: AlarmSettings(evaluation_periods=number)})
        there = cdk.Stack(cdk.Stage.of(stack), f"Periods{number}")
        expectation = (
            pytest.raises(InvalidArgument, match=f"{field} has {message}") if fails else nullcontext()
        )
        with expectation:
            monitored(there, handler, alarms=alarms, reauthorizer=reauthorizer)


@pytest.mark.parametrize("endpoints", [16, 17, 34])
def test_a_widget_shows_at_most_a_hundred_alarms(stack: cdk.Stack, endpoints: int) -> None:
    """CloudWatch refuses a dashboard with more in one."""
    ids = [f"cvpn-endpoint-{number:x}" for number in range(endpoints)]
    handler = ClientConnectHandler(stack, "Handler")
    monitoring = monitored(stack, handler, endpoints=ids, notifications=Notifications.none())
    widgets = [each for each in dashboard(template(stack)) if each["type"] == "alarm"]
    shown = [alarm for each in widgets for alarm in each["properties"]["alarms"]]
    assert len(shown) == len({json.dumps(alarm) for alarm in shown}) == len(monitoring.alarms)
    assert len(widgets) == -(-len(shown) // 100)
    assert all(len(each["properties"]["alarms"]) <= 100 for each in widgets)


def test_latency_follows_the_timeout(stack: cdk.Stack) -> None:
    """By default the alarm comes at 80 percent of the handler's timeout."""
    monitored(stack, ClientConnectHandler(stack, "Handler", timeout=cdk.Duration.seconds(4)))
    assert alarms(template(stack))["HandlerLatency"]["Threshold"] == 3200


def test_no_alarms_on_tables_that_are_not_there(stack: cdk.Stack) -> None:
    """A handler without an inventory and a registry has no such metrics."""
    names = monitored(stack, ClientConnectHandler(stack, "Handler")).alarms.keys()
    assert names.isdisjoint({"InventoryErrors", "RegistryErrors", "OpenConnectionsErrors"})


@pytest.mark.parametrize(("minutes", "period"), [(1, 300), (30, 1800)])
def test_alarms_of_runs_see_a_run_in_each_period(stack: cdk.Stack, minutes: int, period: int) -> None:
    """There is no data between two runs, which would end an alarm on three shorter periods."""
    handler = full_handler(stack)
    reauthorizer = ConnectionReauthorizer(
        stack,
        "Reauthorizer",
        handler=handler,
        endpoints=[ENDPOINT_ID],
        schedule=cdk.Duration.minutes(minutes),
    )
    monitored(stack, handler, reauthorizer=reauthorizer)
    found = alarms(template(stack))
    of_runs = ("CapExceeded", "Undecided", "ReauthorizerIncomplete", "ReauthorizerErrors")
    assert {found[name]["Period"] for name in of_runs} == {period}
    stopped = found["ReauthorizerStopped"]["Metrics"]
    assert {each["MetricStat"]["Period"] for each in stopped if "MetricStat" in each} == {period}


def test_no_spillover_where_provisioned_concurrency_has_no_effect(stack: cdk.Stack) -> None:
    """The unqualified ARN never finds a provisioned environment, so the alarm would never go off."""
    handler = ClientConnectHandler(stack, "Handler", function_reference=FunctionReference.UNQUALIFIED)
    assert "Spillover" not in monitored(stack, handler).alarms


def test_no_spillover_without_provisioned_concurrency(stack: cdk.Stack) -> None:
    """There is no such metric then."""
    handler = ClientConnectHandler(stack, "Handler", provisioned_concurrency=ProvisionedConcurrency.none())
    assert "Spillover" not in monitored(stack, handler).alarms
    assert "Spillover" not in json.dumps(dashboard(template(stack)))


def test_the_function_is_watched_where_it_is_called(stack: cdk.Stack) -> None:
    """With the unqualified ARN, its metrics have no alias."""
    handler = ClientConnectHandler(
        stack,
        "Handler",
        function_reference=FunctionReference.UNQUALIFIED,
        provisioned_concurrency=ProvisionedConcurrency.none(),
    )
    monitored(stack, handler)
    assert names_and_values(alarms(template(stack))["HandlerErrors"]).keys() == {"FunctionName"}


def dashboard(synthesized: Template) -> list[dict[str, Any]]:
    """Return the widgets, with references as their names."""
    body = only(synthesized.find_resources(DASHBOARD))["Properties"]["DashboardBody"]
    text = "".join(part if isinstance(part, str) else _reference(part) for part in body["Fn::Join"][1])
    widgets: list[dict[str, Any]] = json.loads(text)["widgets"]
    return widgets


def _reference(part: dict[str, Any]) -> str:
    ((_, target),) = part.items()
    return target if isinstance(target, str) else ".".join(target)


def titles(widgets: list[dict[str, Any]]) -> list[str]:
    """Return the titles in reading order."""
    ordered = sorted(widgets, key=lambda widget: (widget["y"], widget["x"]))
    return [widget["properties"].get("title", widget["properties"].get("markdown", "")) for widget in ordered]


def test_the_dashboard_has_the_important_at_the_top(whole: Template) -> None:
    """The alarms first, then numbers, decisions, reasons, margins, shadow mode, details."""
    assert titles(dashboard(whole)) == [
        "Alarms",
        "In the time range",
        "Active connections",
        "Decisions",
        "Connections that failed, by reason",
        "Denials by policy",
        "Denials by reason",
        "Latency in milliseconds",
        "Concurrency",
        "### In shadow mode\n\n- `try` (forbid)",
        "Allowed by shadow mode only",
        "Shadow denials by policy",
        "Open connections decided again",
        "Open connections ended",
        "Connections ended by policy",
        "Devices of the device managers",
        "Device syncs",
        "Authorization policy of the endpoints",
        "Authorization policy shadow denials by reason",
        "Sessions that the authorization policy ended",
        "Errors",
        "Failed connections",
        "Days until certificates expire",
        "Authentications that failed",
    ]


def test_the_dashboard_charts_what_could_not_be_decided(whole: Template) -> None:
    """Next to the former charts, so an outage of a source is seen; without a re-authorizer there is no such chart."""
    (chart,) = (
        widget["properties"]
        for widget in dashboard(whole)
        if widget["properties"].get("title") == "Open connections decided again"
    )
    assert [metric[1] for metric in chart["metrics"]] == ["Reauthorized", "Undecided", "LeftAlone"]
    stack = new_stack()
    monitored(stack, ClientConnectHandler(stack, "Handler"))
    assert not [title for title in titles(dashboard(template(stack))) if title.startswith("Open connections")]


def test_the_dashboard_fills_its_grid(whole: Template) -> None:
    """No two widgets overlap, and each row is 24 wide."""
    cells = [
        (x, y)
        for widget in dashboard(whole)
        for x in range(widget["x"], widget["x"] + widget["width"])
        for y in range(widget["y"], widget["y"] + widget["height"])
    ]
    assert len(cells) == len(set(cells))
    assert {x for x, _ in cells} == set(range(24))
    assert len(cells) == 24 * len({y for _, y in cells})


def test_the_dashboard_shows_every_alarm(whole: Template) -> None:
    """The first widget has all of them but reminders, which say the same again."""
    shown = dashboard(whole)[0]["properties"]["alarms"]
    wanted = [id_ for id_ in whole.find_resources(ALARM) if not re.search(r"Days[0-9A-F]{8}$", id_)]
    assert sorted(shown) == sorted(f"{id_}.Arn" for id_ in wanted)


def test_failures_are_searched_by_reason(whole: Template) -> None:
    """AWS may add reasons, so the graph asks for whatever there is for these endpoints."""
    (graph,) = (
        each
        for each in dashboard(whole)
        if each["properties"].get("title") == "Connections that failed, by reason"
    )
    ((expression,),) = graph["properties"]["metrics"]
    assert expression["expression"].startswith(
        'SEARCH(\'{ClientConnect,EndpointId,Reason} MetricName="FailedConnections" EndpointId=("Endpoint" OR '
    )
    assert ENDPOINT_ID in expression["expression"]


def test_without_a_connection_log_the_service_counts_failures(stack: cdk.Stack) -> None:
    """Nothing of the log is defined, and the graph has Client VPN's own metrics."""
    monitored(stack)
    synthesized = template(stack)
    synthesized.resource_count_is(FILTER, 0)
    assert "Failed connections" not in titles(dashboard(synthesized))
    queries = saved(synthesized)
    assert not queries.keys() & {"Failed connections by reason", "Failed connections", *OF_THE_POLICY}
    assert "ConnectionLog" not in str(queries["History of a user"]["LogGroupNames"])
    (graph,) = (
        each
        for each in dashboard(synthesized)
        if each["properties"].get("title") == "Connections that failed, by reason"
    )
    names = {metric[1] for metric in graph["properties"]["metrics"]}
    assert {"ClientConnectHandlerTimeouts", "AuthorizationPolicyDeniedConnections"} < names


@pytest.mark.parametrize(
    ("arguments", "text", "query"),
    [
        ({"shadow_mode": True}, "The whole handler", "record.decision.determining"),
        ({}, "Nothing.", "record.decision.shadowDenied"),
        (
            {"code": lambda_.Code.from_inline("def handler(event, context): ...")},
            "The policies are not known here",
            "record.decision.shadowDenied",
        ),
    ],
    ids=["handler", "nothing", "prebuilt code"],
)
def test_the_dashboard_says_what_is_in_shadow_mode(
    stack: cdk.Stack, arguments: dict[str, Any], text: str, query: str
) -> None:
    """The whole handler, some policies or nothing; and asks for what that would deny."""
    monitored(stack, ClientConnectHandler(stack, "Handler", **arguments))
    widgets = dashboard(template(stack))
    assert any(text in each["properties"].get("markdown", "") for each in widgets)
    assert any(
        "ShadowDenied = 1" in each["properties"].get("query", "") and query in each["properties"]["query"]
        for each in widgets
    )


def test_a_handler_without_endpoints(stack: cdk.Stack) -> None:
    """Everything about endpoints is left out, and the rest is there."""
    monitoring = monitored(
        stack, endpoints=[], certificates={}, connection_log_group=logs.LogGroup(stack, "Log")
    )
    assert "HandlerErrors" in monitoring.alarms
    assert not [name for name in monitoring.alarms if re.search("Endpoint|(Crl|Certificate)Expiry", name)]
    assert "Active connections" not in titles(dashboard(template(stack)))


def test_everything_can_be_left_out(stack: cdk.Stack) -> None:
    """Without its parts a monitoring defines nothing."""
    handler = ClientConnectHandler(stack, "Handler")
    before = [child.node.path for child in stack.node.find_all()]
    monitoring = monitored(
        stack,
        handler,
        alarms=MonitoringAlarms.none(),
        notifications=Notifications.none(),
        dashboard=False,
        saved_queries=False,
    )
    assert [child.node.path for child in stack.node.find_all()] == [*before, monitoring.node.path]
    assert (monitoring.alarms, monitoring.dashboard, monitoring.notification_function) == ({}, None, None)


def test_the_dashboard_without_alarms(stack: cdk.Stack) -> None:
    """An empty list of alarms is not shown: CloudWatch would refuse it."""
    monitored(stack, alarms=MonitoringAlarms.none())
    assert titles(dashboard(template(stack)))[0] == "In the time range"


def saved(synthesized: Template) -> dict[str, dict[str, Any]]:
    """Return the saved queries by their names without the folder."""
    found = [each["Properties"] for each in synthesized.find_resources(QUERY).values()]
    return {query["Name"].partition("/")[2]: query for query in found}


OF_THE_REAUTHORIZER = {"Connections ended by policy", "Connections ended"}
OF_THE_POLICY = {
    "Authorization policy shadow denials",
    "Authorization policy shadow denials by reason",
    "Authorization policy denials",
    "Sessions that the authorization policy ended",
    "Device token failures",
}


def test_the_saved_queries_are_these(whole: Template) -> None:
    """In a folder named after the function, each on the log that has its answer."""
    queries = saved(whole)
    connection = {"Failed connections by reason", "Failed connections", *OF_THE_POLICY}
    assert queries.keys() == connection | {
        "Denials by policy",
        "Denials by reason",
        "Denials by user",
        "Denials by device",
        "History of a user",
        "Errors",
        "Unavailable sources",
        "Slowest decisions",
        "Shadow denials",
        "Shadow denials by policy",
        "Waivers used",
        "Connections let in by waivers",
        *OF_THE_REAUTHORIZER,
    }
    for name, query in queries.items():
        assert query["Name"].startswith("AWSClientVPN-Stack-Handler-")
        read = [log["Ref"] for log in query["LogGroupNames"]]
        others = "ReauthorizerLogGroup" if name in OF_THE_REAUTHORIZER else "HandlerLogGroup"
        expected = ["ConnectionLog" if name in connection else others]
        if name == "History of a user":
            expected += ["ConnectionLog", "ReauthorizerLogGroup"]
        assert all(log.startswith(start) for log, start in zip(read, expected, strict=True))


def test_users_are_found_in_whatever_case_they_wrote_their_names(whole: Template) -> None:
    """Active Directory takes "ALICE" for "alice"; who writes it so must not be missing from the history."""
    queries = saved(whole)
    assert 'filter tolower(user) = "alice"' in queries["History of a user"]["QueryString"]
    by_user = queries["Denials by user"]["QueryString"]
    assert "fields at, tolower(request.username) as user" in by_user
    assert by_user.count("by user") == 1


CONNECTION = {
    "connection-log-type": "connection-attempt",
    "connection-attempt-status": "failed",
    "connection-attempt-failure-reason": "client-connect-handler-timed-out",
    "connection-id": "cvpn-connection-0123456789abcdef0",
    "client-vpn-endpoint-id": ENDPOINT_ID,
    "connection-start-time": "2026-11-22 08:00:00",
    "common-name": "laptop-1",
    "device-type": "win",
    "device-ip": "198.51.100.7",
    "username": "bob",
}
# AWS documents the values, but not what the status of a token looks like where it failed.
TOKEN_FORMS: list[dict[str, Any]] = [
    {"crowdstrike": "validated", "jamf": "token-expired"},
    {
        "crowdstrike": {"status": "failed", "reason": "signature-invalid"},
        "jumpcloud": {"status": "validated"},
    },
]


def evaluated(
    result: str,
    *,
    shadow: object,
    kind: str = "connection-attempt",
    tokens: dict[str, Any] | None = None,
    **log: Any,
) -> str:
    """Return a line of the connection log with an evaluation of the authorization policy."""
    evaluation = {
        "result": result,
        "evaluation-type": kind,
        "shadow-mode": shadow,
        "reason": "policy-deny",
        "device-token-status": tokens or TOKEN_FORMS[result == "error"],
        "context": {"saml": {"memberOf": [f"group-{n}" for n in range(300)]}, "x": '"result": "deny"'},
    }
    return json.dumps({**CONNECTION, **log, "authorization-policy-evaluation": evaluation})


ATTEMPT = {"connection-attempt-status": "successful", "connection-attempt-failure-reason": "NA"}
RESET = {
    "connection-log-type": "connection-reset",
    "connection-attempt-status": "NA",
    "kind": "periodic",
    "connection-attempt-failure-reason": "NA",
}
LINES = {
    "permitted": evaluated("permit", shadow=True, **ATTEMPT),
    "permitted by an enforced policy": evaluated("permit", shadow="disabled", **ATTEMPT),
    "shadow denial": evaluated("deny", shadow="enabled", **ATTEMPT),
    "shadow error": evaluated("error", shadow=True, **ATTEMPT),
    "denial": evaluated(
        "deny", shadow=False, **{"connection-attempt-failure-reason": "authorization-policy-deny"}
    ),
    "ended": evaluated("deny", shadow=False, **RESET),
    "ended by an error": evaluated("error", shadow="disabled", **RESET),
    "closed by the user": evaluated("permit", shadow=False, **RESET),
    "closed in shadow mode": evaluated("deny", shadow="enabled", **RESET),
    "no policy": json.dumps(CONNECTION),
    "validated": evaluated("permit", shadow=True, tokens={"jamf": "validated"}, **ATTEMPT),
}
FOUND = {
    "Authorization policy shadow denials": {"shadow denial", "shadow error", "closed in shadow mode"},
    "Authorization policy denials": {"denial"},
    "Sessions that the authorization policy ended": {"ended", "ended by an error"},
    "Device token failures": LINES.keys() - {"no policy", "validated"},
}


def matches(condition: str, line: str) -> bool:
    """Tell whether a line meets a condition of Logs Insights, as far as these queries use them."""
    for word, combine in ((" or ", any), (" and ", all)):
        if word in condition:
            return combine(matches(each, line) for each in condition.split(word))
    if negated := re.fullmatch(r"not \((.*)\)", condition):
        return not matches(negated[1], line)
    if like := re.fullmatch(r"(@message|tokens) like /(.*)/", condition):
        text = line if like[1] == "@message" else parsed(line, TOKENS) or ""
        return re.search(like[2], text) is not None
    equal = re.fullmatch(r'`([\w-]+)` = "([\w-]+)"', condition)
    assert equal is not None
    return bool(json.loads(line)[equal[1]] == equal[2])


def parsed(line: str, command: str) -> str | None:
    """Return what a command takes out of a line."""
    pattern = re.fullmatch(r"parse @message /(.*)/", command)
    assert pattern is not None
    found = re.search(pattern[1].replace("(?<", "(?P<"), line)
    return found and found[1]


TOKENS = next(line for line in queries.TOKEN_FAILURES.lines if "tokens>" in line)


@pytest.mark.parametrize("name", FOUND)
def test_queries_of_the_authorization_policy_find_their_lines(whole: Template, name: str) -> None:
    """Whatever form a flag has, and behind an evaluation context of hundreds of fields."""
    lines = saved(whole)[name]["QueryString"].split("\n| ")
    conditions = [line.removeprefix("filter ") for line in lines if line.startswith("filter ")]
    assert conditions
    found = {key for key, line in LINES.items() if all(matches(each, line) for each in conditions)}
    assert found == FOUND[name]


def test_queries_of_the_authorization_policy_say_why(whole: Template) -> None:
    """The result, the reason and the tokens are taken out of the line, in either form."""
    lines = saved(whole)["Authorization policy shadow denials by reason"]["QueryString"].split("\n| ")
    result, reason, tokens = (line for line in lines if line.startswith("parse "))
    for text, form in (("deny", TOKEN_FORMS[0]), ("error", TOKEN_FORMS[1])):
        line = evaluated(text, shadow=True, **ATTEMPT)
        assert (parsed(line, result), parsed(line, reason)) == (text, "policy-deny")
        assert json.loads(parsed(line, tokens) or "") == form


WAIVER = {
    "policyId": "p",
    "until": "2026-12-01T00:00:00+00:00",
    "reason": "r",
    "approvedBy": "a",
    "holder": "user:b",
    "grantedBy": "arn",
    "grantedAt": "2026-11-22T09:00:00+00:00",
}


def test_the_queries_read_fields_that_records_have(whole: Template) -> None:
    """Every field is in a real record, or in a line of the connection log as AWS documents it."""
    errs = '@id("e") forbid (principal, action, resource) when { context.activeConnections > 1 };'
    with captured() as log:
        connect_handler(
            PERMIT + errs + '@id("s") @shadow forbid (principal, action, resource);', shadow_mode=True
        )(event())
        connect_handler()({})
        connect_handler(PERMIT + '@id("no") forbid (principal, action, resource);')(event())
        unavailable = dict.fromkeys(
            ("inventory", "waivers", "registry", "openConnections", "customFacts"), "why"
        )
        # as tests of its records have it
        ended = {
            "connection": "c",
            "reason": "policies",
            "told": {"username": "alice", "commonName": "laptop-1"},
        }
        records = [ended, *log.records(), {"waiversUsed": [WAIVER], "unavailable": unavailable}, CONNECTION]
    known = {path for record in records for path in paths(record)}
    made = {
        "result",
        "reason",
        "tokens",
        "devices",
        "evaluations",
        "record",
        "policy",
        "denials",
        "user",
        "users",
        "last",
        "connections",
        "@timestamp",
        "@message",
        *("unreadable", "what", "attempt", "why", "device", "address", "id"),
    }
    words = "fields|filter|stats|sort|limit|unnest|into|by|as|desc|count|count_distinct|latest|ispresent|jsonParse|or"
    words += "|tolower|and|not|like|coalesce|parse"
    for name, query in saved(whole).items():
        text = re.sub(r"/.*/|parse @message", "", query["QueryString"])
        text = re.sub(r'"[^"]*"', "", text)
        found = re.findall(r"`([^`]+)`|(@?[A-Za-z_][\w.]*)", text)
        names = {quoted or plain for quoted, plain in found} - made - set(words.split("|"))
        names = {each.removeprefix("record.") for each in names}
        names = {re.sub(r"^waiver(?=\.|$)", "waiversUsed.0", each) for each in names}
        assert names, name
        assert names <= known, (name, names - known)


def rows(query: str, lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return what Logs Insights finds, as far as the history of a user needs it."""
    found = [{path: value for path, value in values(line).items() if value is not None} for line in lines]
    shown: dict[str, None] = {}
    for command in query.split("\n| "):
        verb, _, rest = command.partition(" ")
        if verb == "parse":
            name, _, pattern = rest.partition(" ")
            compiled = re.compile(pattern.strip("/").replace("(?<", "(?P<"))
            for row in found:
                if match := compiled.search(str(row.get(name, ""))):
                    row.update(match.groupdict())
        elif verb == "fields":
            for each in re.findall(r"(?:[^,(]|\([^)]*\))+", rest):
                text, _, alias = each.strip().partition(" as ")
                names = [name.strip("` ") for name in re.sub(r"^coalesce\((.*)\)$", r"\1", text).split(",")]
                shown[alias or names[0]] = None
                for row in found:
                    value = next((row[name] for name in names if name in row), None)
                    if value is not None:
                        row[alias or names[0]] = value
        elif verb == "filter":
            wanted = re.fullmatch(r'tolower\((\w+)\) = "(\w+)"', rest)
            assert wanted is not None
            found = [row for row in found if str(row.get(wanted[1], "")).lower() == wanted[2]]
    return [{name: row[name] for name in shown if name in row} for row in found]


def values(value: object, prefix: str = "") -> dict[str, Any]:
    """Return what Logs Insights finds in a line of JSON, by its name."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    found: dict[str, Any] = {}
    for key, item in pairs:
        found |= values(item, f"{prefix}{key}.") or {f"{prefix}{key}": item}
    return found


def test_the_history_of_a_user_has_all_logs(whole: Template) -> None:
    """Decisions, errors, what the re-authorizer ended, and who was throttled; of no other user."""
    with captured() as log:
        handler = connect_handler(
            PERMIT + '@id("no-macs") forbid (principal, action, resource) when { context.platform == "mac" };'
        )
        handler(event(username="ALICE", platform="mac", connection_id="c1"))
        handler({**event(username="alice", connection_id="c2"), "public-ip": "nowhere"})
        handler(event(username="bob", connection_id="c3"))
        ended = {
            "message": "connection was terminated",
            "reason": "policies",
            "connection": "c4",
            "told": {"username": "Alice", "commonName": "laptop-1"},
        }
        throttled = {
            **CONNECTION,
            "username": "alice",
            "connection-attempt-failure-reason": "client-connect-handler-throttled",
        }
        lines = [*log.records(), ended, throttled, CONNECTION]
    query = saved(whole)["History of a user"]["QueryString"]
    found = rows(query, lines)
    assert [(row.get("id"), row["what"], row.get("policy"), row.get("why")) for row in found] == [
        ("c1", "connection denied", "no-macs", None),
        (None, "connection denied", None, "InvalidRequest"),
        ("c4", "connection was terminated", None, "policies"),
        (CONNECTION["connection-id"], "connection-attempt", None, "client-connect-handler-throttled"),
    ]


def paths(value: object, prefix: str = "") -> set[str]:
    """Return the names under which Logs Insights finds what a line of JSON holds, and those on the way."""
    if isinstance(value, dict):
        pairs = [(str(key), item) for key, item in value.items()]
    elif isinstance(value, list):
        pairs = [(str(number), item) for number, item in enumerate(value)]
    else:
        return set()
    return {path for key, item in pairs for path in ({f"{prefix}{key}"} | paths(item, f"{prefix}{key}."))}


def announced(condition: str) -> Match:
    """Match the pattern of a subscription: the records of one function, where this is true."""
    pattern = r'^\{ \(\$\.FunctionName = "AWSClientVPN-[\w-]+"\) && \(' + re.escape(condition) + r"\) \}$"
    return Match.string_like_regexp(pattern)


def test_denials_are_found_by_what_records_say(whole: Template) -> None:
    """The message that queries ask for, and the key that the subscription does, are those of a real denial."""
    with captured() as log:
        connect_handler(PERMIT + '@id("no") forbid (principal, action, resource);')(event())
        record = log.record()
    assert record["FunctionName"] == "local"
    assert f'filter message = "{record["message"]}"' in saved(whole)["Denials by policy"]["QueryString"]
    assert record["allow"] is False
    whole.has_resource_properties(SUBSCRIPTION, {"FilterPattern": announced("$.allow IS FALSE")})


def test_failed_connections_are_counted_by_reason(whole: Template) -> None:
    """One metric with the endpoint and the reason, taken from the log as they come."""
    metric_filter = only(whole.find_resources(FILTER))["Properties"]
    assert metric_filter["FilterPattern"] == (
        '{ ($.connection-attempt-status = "failed") && ($.connection-attempt-failure-reason = "*") '
        '&& ($.client-vpn-endpoint-id = "*") }'
    )
    assert metric_filter["MetricTransformations"] == [
        {
            "MetricNamespace": "ClientConnect",
            "MetricName": "FailedConnections",
            "MetricValue": "1",
            "Unit": "Count",
            "Dimensions": [
                {"Key": "EndpointId", "Value": "$.client-vpn-endpoint-id"},
                {"Key": "Reason", "Value": "$.connection-attempt-failure-reason"},
            ],
        }
    ]


def test_failed_connections_are_counted_once_for_a_log(stack: cdk.Stack) -> None:
    """Two monitorings of one log, imported by each, would count each failure twice."""
    logs.MetricFilter(
        stack,
        "FailedConnections",
        log_group=logs.LogGroup.from_log_group_name(stack, "OwnLog", "vpn"),
        filter_pattern=logs.FilterPattern.all_events(),
        metric_namespace="Own",
        metric_name="FailedConnections",
    )
    for id_, name in (("One", "vpn"), ("Two", "vpn"), ("Three", "other")):
        ConnectionMonitoring(
            stack,
            id_,
            handler=ClientConnectHandler(stack, f"{id_}Handler"),
            endpoints=[],
            connection_log_group=logs.LogGroup.from_log_group_name(stack, f"{id_}Log", name),
        )
    filters = template(stack).find_resources(FILTER).values()
    ours = [each["Properties"] for each in filters if "'ClientConnect'" in str(each)]
    assert sorted(each["LogGroupName"] for each in ours) == ["other", "vpn"]


def test_the_pattern_is_of_the_documented_form(whole: Template) -> None:
    """Selectors of letters, digits, hyphens and underscores, each a key of the connection log."""
    metric_filter = only(whole.find_resources(FILTER))["Properties"]
    selectors = re.findall(r"\$\.([^ ]+)", metric_filter["FilterPattern"])
    assert all(re.fullmatch(r"[A-Za-z0-9_-]+", selector) for selector in selectors)
    assert set(selectors) <= CONNECTION.keys()
    dimensions = metric_filter["MetricTransformations"][0]["Dimensions"]
    assert {each["Value"] for each in dimensions} <= {f"$.{selector}" for selector in selectors}


def forwarder_policy(synthesized: Template) -> list[dict[str, Any]]:
    """Return the statements of the forwarder's role."""
    found = synthesized.find_resources("AWS::IAM::Policy")
    (policy,) = (each for id_, each in found.items() if id_.startswith("MonitoringNotifications"))
    statements: list[dict[str, Any]] = policy["Properties"]["PolicyDocument"]["Statement"]
    return statements


def forwarder_function(synthesized: Template) -> dict[str, Any]:
    """Return the forwarder's properties."""
    found = synthesized.find_resources("AWS::Lambda::Function")
    (function,) = (each for id_, each in found.items() if id_.startswith("MonitoringNotifications"))
    properties: dict[str, Any] = function["Properties"]
    return properties


DEFAULT_BUS = {
    "Fn::Join": [
        "",
        [
            *("arn:", {"Ref": "AWS::Partition"}, ":events:", {"Ref": "AWS::Region"}, ":"),
            *({"Ref": "AWS::AccountId"}, ":event-bus/default"),
        ],
    ]
}


def test_denials_go_to_the_default_bus(whole: Template) -> None:
    """By default: the log's subscription invokes the forwarder, which may write to that bus and its own log."""
    log, put = forwarder_policy(whole)
    assert put == {"Action": "events:PutEvents", "Effect": "Allow", "Resource": DEFAULT_BUS}
    assert log["Action"] == ["logs:CreateLogStream", "logs:PutLogEvents"]
    function = forwarder_function(whole)
    assert function["Environment"] == {"Variables": {forwarder.DESTINATION_ARN: DEFAULT_BUS}}
    assert function["Handler"] == f"{forwarder.__name__.rpartition('.')[2]}.handler"
    whole.has_resource_properties(
        "AWS::Lambda::Permission",
        {"Principal": "logs.amazonaws.com", "SourceArn": {"Fn::GetAtt": [Match.any_value(), "Arn"]}},
    )


def test_denials_go_to_a_bus_that_is_given(stack: cdk.Stack) -> None:
    """And to no other."""
    monitored(stack, notifications=Notifications.event_bridge(events.EventBus(stack, "Bus")))
    _, put = forwarder_policy(synthesized := template(stack))
    assert put["Resource"] == {"Fn::GetAtt": ["BusEA82B648", "Arn"]}
    assert forwarder_function(synthesized)["Environment"]["Variables"]["DESTINATION_ARN"] == put["Resource"]


@pytest.mark.parametrize("to_topic", [False, True])
def test_allowed_connections_are_announced_only_on_demand(stack: cdk.Stack, *, to_topic: bool) -> None:
    """The subscription then takes both; by default the denials alone."""
    notifications = (
        Notifications.sns(sns.Topic(stack, "Topic"), allowed_connections=True)
        if to_topic
        else Notifications.event_bridge(allowed_connections=True)
    )
    monitored(stack, ClientConnectHandler(stack, "Handler"), notifications=notifications)
    template(stack).has_resource_properties(
        SUBSCRIPTION, {"FilterPattern": announced("($.allow IS FALSE) || ($.allow IS TRUE)")}
    )


BREAK_GLASS = """
@id("staff") permit (principal in ClientVpn::Group::"staff", action, resource);
@id("break-glass") permit (principal in ClientVpn::Group::"oncall", action, resource);
@id("later") @shadow permit (principal, action, resource);
@id("no") @message("No.") forbid (principal, action, resource) when { context.platform == "x" };
"""


def test_connections_that_some_permits_allow_are_announced_alone(stack: cdk.Stack) -> None:
    """All that are allowed come to the forwarder, which knows the permits."""
    defined = ClientConnectHandler(stack, "Handler", policies=Policies.from_string(BREAK_GLASS))
    monitored(stack, defined, notifications=Notifications.event_bridge(allowed_connections=["break-glass"]))
    whole = template(stack)
    whole.has_resource_properties(
        SUBSCRIPTION, {"FilterPattern": announced("($.allow IS FALSE) || ($.allow IS TRUE)")}
    )
    assert forwarder_function(whole)["Environment"]["Variables"]["ALLOWED_BY"] == '["break-glass"]'


@pytest.mark.parametrize(
    ("name", "instead"), [("breakglass", 'write "break-glass"'), ("later", "there are"), ("no", "there are")]
)
def test_fails_for_what_permits_nothing(stack: cdk.Stack, name: str, instead: str) -> None:
    """A name that no permit has, one in shadow mode, or a forbid: nothing would ever be announced."""
    defined = ClientConnectHandler(stack, "Handler", policies=Policies.from_string(BREAK_GLASS))
    with pytest.raises(InvalidArgument, match=f'allowed_connections has "{name}", which is no .*; {instead}'):
        monitored(stack, defined, notifications=Notifications.event_bridge(allowed_connections=[name]))


@pytest.mark.parametrize(
    "make",
    [
        lambda: Notifications.event_bridge(allowed_connections="no"),  # type: ignore[arg-type]
        lambda: Notifications(allowed_connections=None),  # type: ignore[arg-type]
        lambda: Notifications(allowed_connections=[]),
        lambda: Notifications(allowed_connections=[7]),  # type: ignore[list-item]
        lambda: Notifications(allowed_connections=[cdk.Aws.REGION]),
    ],
)
def test_fails_when_allowed_connections_is_no_flag(make: Callable[[], Notifications]) -> None:
    """A string would count as true."""
    with pytest.raises(InvalidArgument, match=r"allowed_connections=.+ must be True or False, or a list"):
        make()


def test_denials_go_to_a_topic(stack: cdk.Stack) -> None:
    """Instead of a bus."""
    monitored(stack, notifications=Notifications.sns(sns.Topic(stack, "Denials")))
    _, publish = forwarder_policy(synthesized := template(stack))
    (topic,) = synthesized.find_resources("AWS::SNS::Topic")
    assert publish == {"Action": "sns:Publish", "Effect": "Allow", "Resource": {"Ref": topic}}
    assert forwarder_function(synthesized)["Environment"]["Variables"]["DESTINATION_ARN"] == {"Ref": topic}


def test_denials_go_to_an_encrypted_topic(stack: cdk.Stack) -> None:
    """The forwarder may use its key for that, and nothing else with it."""
    topic = sns.Topic(stack, "Denials", master_key=kms.Key(stack, "Key"))
    monitored(stack, notifications=Notifications.sns(topic))
    _, _, key = forwarder_policy(template(stack))
    assert key["Action"] == ["kms:Decrypt", "kms:GenerateDataKey"]
    via = {"Fn::Join": ["", ["sns.", {"Ref": "AWS::Region"}, ".amazonaws.com"]]}
    assert key["Condition"] == {"StringEquals": {"kms:ViaService": via}}
    assert key["Resource"]["Fn::GetAtt"][0].startswith("Key")


def test_warns_of_a_topic_whose_key_cannot_be_granted(stack: cdk.Stack) -> None:
    """An alias that is imported grants nothing, so no denial would be announced."""
    topic = sns.Topic(stack, "Denials", master_key=kms.Alias.from_alias_name(stack, "Key", "alias/vpn"))
    monitored(stack, notifications=Notifications.sns(topic))
    (warning,) = Annotations.from_stack(stack).find_warning("*", Match.any_value())
    assert "the key of Stack/Denials is an imported alias" in str(warning.entry.data)


def test_the_handler_stays_as_it_is(stack: cdk.Stack) -> None:
    """Monitoring reads: the handler's function, its role and its alias are the same with it and without."""
    handler = ClientConnectHandler(stack, "Handler")
    alone = new_stack()
    ClientConnectHandler(alone, "Handler")
    monitored(stack, handler)
    expected = template(alone).to_json()["Resources"]
    found = template(stack).to_json()["Resources"]
    assert {id_: found[id_] for id_ in expected} == expected


def test_two_handlers_in_one_stack(stack: cdk.Stack) -> None:
    """Each has its own monitoring; the log that their endpoints share is counted once."""
    log = logs.LogGroup(stack, "Log")
    for name in ("One", "Two"):
        handler = ClientConnectHandler(stack, name)
        ConnectionMonitoring(
            stack, f"Monitoring{name}", handler=handler, endpoints=[endpoint(stack, handler, f"Endpoint{name}")],
            connection_log_group=log,
        )  # fmt: skip
    synthesized = template(stack)
    synthesized.resource_count_is(FILTER, 1)
    synthesized.resource_count_is(SUBSCRIPTION, 2)
    synthesized.resource_count_is(DASHBOARD, 2)
    names = [query["Properties"]["Name"] for query in synthesized.find_resources(QUERY).values()]
    assert len(names) == len(set(names))


def test_endpoints_and_handler_in_other_stacks() -> None:
    """The monitoring refers to them, wherever in the app they are."""
    app = cdk.App(context=NO_BUNDLING)
    environment = cdk.Environment(account="111111111111", region="eu-central-1")
    one, two, three = (cdk.Stack(app, name, env=environment) for name in ("One", "Two", "Three"))
    handler = ClientConnectHandler(one, "Handler")
    monitored(three, handler, endpoints=[endpoint(one, handler), endpoint(two, handler)])
    app.synth()
    names = [name for name in alarms(template(three)) if name.startswith("CrlExpiry")]
    assert names == ["CrlExpiryOneEndpoint", "CrlExpiryTwoEndpoint"]


def test_ids_are_the_same_in_every_stage() -> None:
    """Logical ids do not hold the stage, so templates of stages can be compared."""
    app = cdk.App(context=NO_BUNDLING)
    found = []
    for name in ("Test", "Production"):
        stack = cdk.Stack(cdk.Stage(app, name), "Stack")
        handler = ClientConnectHandler(stack, "Handler")
        monitored(stack, handler, endpoints=[endpoint(stack, handler)])
        found.append(sorted(template(stack).to_json()["Resources"]))
    assert [id_ for id_ in found[0] if id_.startswith("Mon")] == [
        id_ for id_ in found[1] if id_.startswith("Mon")
    ]


def test_an_id_that_is_a_token_is_named_by_its_place(stack: cdk.Stack) -> None:
    """As of a parameter or another stack's output."""
    parameter = cdk.CfnParameter(stack, "EndpointId")
    monitoring = monitored(stack, endpoints=[ENDPOINT_ID, parameter.value_as_string])
    assert "HandlerTimeouts-Endpoint2" in monitoring.alarms


def test_endpoints_whose_names_are_alike_are_told_apart(stack: cdk.Stack) -> None:
    """Whatever their order, and without a change of other names."""
    first, second = (
        ec2.ClientVpnEndpoint.from_endpoint_attributes(
            scope, id_, endpoint_id=f"cvpn-endpoint-{number}", security_groups=[]
        )
        for scope, id_, number in ((stack, "Eu-West", 1), (Construct(stack, "Eu"), "West", 2))
    )
    handlers = [ClientConnectHandler(stack, f"Handler{number}") for number in (1, 2)]
    arguments: dict[str, Any] = {"connection_log_group": None, "dashboard": False}
    found = [
        sorted(name for name in monitoring.alarms if name.startswith("CrlExpiry"))
        for monitoring in (
            ConnectionMonitoring(
                stack, "One", handler=handlers[0], endpoints=[first, second, ENDPOINT_ID], **arguments
            ),
            ConnectionMonitoring(
                stack, "Two", handler=handlers[1], endpoints=[ENDPOINT_ID, second, first], **arguments
            ),
        )
    ]
    assert found[0] == found[1]
    one, two, other = found[0]
    assert re.fullmatch("CrlExpiry-Stack-Eu-West-[0-9a-f]{8}", one)
    assert re.fullmatch("CrlExpiry-Stack-Eu-West-[0-9a-f]{8}", two)
    assert other == f"CrlExpiry-{ENDPOINT_ID}"


def test_everything_may_be_imported(stack: cdk.Stack) -> None:
    """Imported resources work like defined ones."""
    imported = ec2.ClientVpnEndpoint.from_endpoint_attributes(
        stack, "Imported", endpoint_id=ENDPOINT_ID, security_groups=[]
    )
    topic = "arn:aws:sns:eu-central-1:111111111111:topic"
    monitored(
        stack,
        endpoints=[imported],
        connection_log_group=logs.LogGroup.from_log_group_name(stack, "Log", "vpn"),
        alarm_topic=sns.Topic.from_topic_arn(stack, "Topic", topic),
        notifications=Notifications.event_bridge(
            events.EventBus.from_event_bus_name(stack, "Bus", "security")
        ),
    )
    synthesized = template(stack)
    alarm = alarms(synthesized)["HandlerTimeoutsStackImported"]
    assert names_and_values(alarm) == {"Endpoint": ENDPOINT_ID}
    assert alarm["AlarmActions"] == [topic]
    synthesized.has_resource_properties(FILTER, {"LogGroupName": "vpn"})
    assert "event-bus/security" in json.dumps(forwarder_policy(synthesized))


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"handler": "x"}, "handler='x' must be a ClientConnectHandler"),
    ({"endpoints": ENDPOINT_ID}, r"must be a list; write \[endpoint\]"),
    ({"endpoints": ["vpn"]}, "endpoints has 'vpn'; give an ec2.ClientVpnEndpoint"),
    ({"endpoints": [None]}, "endpoints has None"),
    ({"endpoints": [ENDPOINT_ID, ENDPOINT_ID]}, f"has {ENDPOINT_ID} more than once"),
    ({"connection_log_group": "log"}, "connection_log_group='log' must be a logs.LogGroup or None"),
    ({"alarm_topic": "topic"}, "alarm_topic='topic' must be an sns.Topic or None"),
    ({"alarms": {"handler_errors": 1}}, "alarms=.* must be MonitoringAlarms"),
    ({"alarms": {}}, "alarms={} must be MonitoringAlarms"),
    ({"dashboard": "no"}, "dashboard='no' must be True or False"),
    ({"saved_queries": 0}, "saved_queries=0 must be True or False"),
    ({"alarms": 1, "notifications": "bus"}, "(?s)alarms=1 must.*notifications='bus' must"),
    ({"notifications": "bus"}, "notifications='bus' must be Notifications.event_bridge"),
]


@pytest.mark.parametrize(("changes", "message"), REFUSED, ids=[str(index) for index in range(len(REFUSED))])
def test_fails_when_an_argument_is_wrong(stack: cdk.Stack, changes: dict[str, Any], message: str) -> None:
    """The error names the argument, and nothing was defined."""
    handler = ClientConnectHandler(stack, "Handler")
    with pytest.raises(InvalidArgument, match=message):
        ConnectionMonitoring(
            stack,
            "Monitoring",
            **{"handler": handler, "endpoints": [ENDPOINT_ID], "connection_log_group": None, **changes},
        )
    assert stack.node.try_find_child("Monitoring") is None


@pytest.mark.parametrize("which", ["decisions", "connections", "reauthorizer"])
def test_fails_for_a_log_group_without_metrics(stack: cdk.Stack, which: str) -> None:
    """Infrequent access is cheaper, but alarms on it would be silent, and its filters fail at deployment."""

    def log_group(of: str) -> logs.LogGroup:
        class_ = logs.LogGroupClass.INFREQUENT_ACCESS if of == which else logs.LogGroupClass.STANDARD
        return logs.LogGroup(stack, of, log_group_class=class_)

    handler = full_handler(stack, log_group=log_group("decisions"))
    reauthorizer = ConnectionReauthorizer(
        stack, "Reauthorizer", handler=handler, endpoints=[ENDPOINT_ID], log_group=log_group("reauthorizer")
    )
    message = f"log group Stack/{which} is of the class INFREQUENT_ACCESS: .* give one of the class STANDARD"
    with pytest.raises(InvalidArgument, match=message):
        monitored(stack, handler, reauthorizer=reauthorizer, connection_log_group=log_group("connections"))
    assert stack.node.try_find_child("Monitoring") is None


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda _: AlarmSettings(threshold=-1), "threshold=-1 must be a number, 0 or more"),
        (lambda _: AlarmSettings(threshold=True), "threshold=True must be"),
        (lambda _: AlarmSettings(evaluation_periods=0), "evaluation_periods=0 must be a whole number"),
        (lambda _: AlarmSettings(evaluation_periods=1.5), "evaluation_periods=1.5 must be"),  # type: ignore[arg-type]
        (lambda _: AlarmSettings(enabled="no"), "enabled='no' must be True or False"),  # type: ignore[arg-type]
        (lambda _: MonitoringAlarms(spillover=3), r"spillover=3 must be AlarmSettings\(...\), or"),  # type: ignore[arg-type]
        (
            lambda _: MonitoringAlarms(denial_burst=AlarmSettings(threshold=0)),
            "denial_burst has the threshold 0.*give more than 0",
        ),
        (lambda _: Notifications.event_bridge("bus"), "bus='bus' must be an events.EventBus"),  # type: ignore[arg-type]
        (lambda _: Notifications.sns("topic"), "topic='topic' must be an sns.Topic"),  # type: ignore[arg-type]
        (lambda stack: Notifications.sns(sns.Topic(stack, "T", fifo=True)), "topic Stack/T is a FIFO topic"),
    ],
)
def test_fails_when_a_value_is_wrong(
    stack: cdk.Stack, make: Callable[[cdk.Stack], object], message: str
) -> None:
    """Settings are checked where they are made."""
    with pytest.raises(InvalidArgument, match=message):
        make(stack)


def test_fails_for_the_reauthorizer_of_another_handler(stack: cdk.Stack) -> None:
    """Its alarms would look like those of the handler that is watched."""
    reauthorizer = ConnectionReauthorizer(
        stack, "Reauthorizer", handler=full_handler(stack), endpoints=[ENDPOINT_ID]
    )
    with pytest.raises(
        InvalidArgument,
        match=r"^reauthorizer Stack/Reauthorizer decides as Stack/Handler does, but Stack/Other is watched; give",
    ):
        monitored(stack, ClientConnectHandler(stack, "Other"), reauthorizer=reauthorizer)
    assert stack.node.try_find_child("Monitoring") is None


@pytest.mark.parametrize("what", ["handler", "endpoint"])
def test_fails_when_something_is_elsewhere(what: str) -> None:
    """A monitoring in another Region would look for metrics that are not there."""
    app = cdk.App(context=NO_BUNDLING)
    here = cdk.Stack(app, "Here", env=cdk.Environment(account="111111111111", region="eu-central-1"))
    there = cdk.Stack(app, "There", env=cdk.Environment(account="111111111111", region="us-east-1"))
    handler = ClientConnectHandler(here if what == "endpoint" else there, "Handler")
    endpoints = [endpoint(there, handler)] if what == "endpoint" else []
    with pytest.raises(
        InvalidArgument, match=r"There/.* is in aws://111111111111/us-east-1, but what uses it"
    ):
        monitored(here, handler, endpoints=endpoints)


@pytest.mark.parametrize("environment", ["us-east-1:111111111111", "eu-central-1:222222222222"])
@pytest.mark.parametrize(
    ("argument", "target"),
    [
        (
            "connection_log_group",
            lambda stack, where: logs.LogGroup.from_log_group_arn(
                stack, "There", f"arn:aws:logs:{where}:log-group:vpn:*"
            ),
        ),
        (
            "alarm_topic",
            lambda stack, where: sns.Topic.from_topic_arn(stack, "There", f"arn:aws:sns:{where}:desk"),
        ),
        (
            "notifications",
            lambda stack, where: Notifications.sns(
                sns.Topic.from_topic_arn(stack, "There", f"arn:aws:sns:{where}:desk")
            ),
        ),
        (
            "notifications",
            lambda stack, where: Notifications.event_bridge(
                events.EventBus.from_event_bus_arn(stack, "There", f"arn:aws:events:{where}:event-bus/desk")
            ),
        ),
    ],
    ids=["connection log", "alarm topic", "topic", "bus"],
)
def test_fails_when_what_it_reads_or_tells_is_elsewhere(
    argument: str, target: Callable[[cdk.Stack, str], object], environment: str
) -> None:
    """Imported by an ARN that says so; resources of this Region are accepted, even as tokens."""
    stack = new_stack(env=cdk.Environment(account="111111111111", region="eu-central-1"))
    handler = ClientConnectHandler(stack, "Handler")
    region, account = environment.split(":")
    with pytest.raises(
        InvalidArgument, match=rf"^Stack/There is in aws://{account}/{region}, but what uses it"
    ):
        monitored(stack, handler, **{argument: target(stack, environment)})
    assert stack.node.try_find_child("Monitoring") is None
    stack.node.try_remove_child("There")
    monitored(stack, handler, **{argument: target(stack, f"eu-central-1:{cdk.Aws.ACCOUNT_ID}")})


def test_the_estimate_of_costs_counts_these_alarms() -> None:
    """Each metric that an alarm looks at is charged; one that detects anomalies is charged as three."""

    def metrics(endpoints: int) -> int:
        stack = new_stack()
        ids = [f"cvpn-endpoint-{number:017x}" for number in range(endpoints)]
        handler = full_handler(stack)
        certificates = [
            (f"{use}{number}", ARN.format(f"{use}{number}"))
            for number in range(endpoints)
            for use in ("Server", "Authority")
        ]
        monitored(
            stack,
            handler,
            reauthorizer=ConnectionReauthorizer(stack, "Reauthorizer", handler=handler, endpoints=ids),
            endpoints=ids,
            certificates=dict(certificates),
            alarm_topic=sns.Topic(stack, "Topic"),
        )
        return sum(
            sum("MetricStat" in each for each in alarm.get("Metrics", [{"MetricStat": {}}]))
            + (2 if "ANOMALY" in str(alarm) else 0)
            for alarm in alarms(template(stack)).values()
        )

    assert metrics(1) == estimate.ALARM_METRICS + estimate.ENDPOINT_ALARM_METRICS
    assert metrics(2) == estimate.ALARM_METRICS + 2 * estimate.ENDPOINT_ALARM_METRICS


@pytest.mark.parametrize("first", ["the monitoring", "the re-authorizer"])
def test_the_reauthorizer_of_the_stack_is_watched_without_being_given(first: str) -> None:
    """Whichever is defined first: its alarms, its part of the dashboard and its queries are there."""
    found = []
    for given in (True, False):
        stack = new_stack()
        handler = full_handler(stack)

        def reauthorizer(stack: cdk.Stack = stack, handler: Any = handler) -> ConnectionReauthorizer:
            return ConnectionReauthorizer(stack, "Reauthorizer", handler=handler, endpoints=[ENDPOINT_ID])

        if given:
            monitored(stack, handler, reauthorizer=reauthorizer())
        elif first == "the monitoring":
            monitored(stack, handler)
            reauthorizer()
        else:
            reauthorizer()
            monitored(stack, handler)
        synthesized = template(stack)
        found.append((alarms(synthesized), saved(synthesized), titles(dashboard(synthesized))))
    assert found[0] == found[1]
    assert "ReauthorizerStopped" in found[0][0]


def test_a_reauthorizer_of_another_stack_is_left_to_the_caller() -> None:
    """Its stack may wait for that of the monitoring."""
    app = cdk.App(context=NO_BUNDLING)
    stack, later = cdk.Stack(app, "Stack"), cdk.Stack(app, "Later")
    handler = full_handler(stack)
    monitored(stack, handler)
    ConnectionReauthorizer(later, "Reauthorizer", handler=handler, endpoints=[ENDPOINT_ID])
    assert "ReauthorizerStopped" not in alarms(template(stack))
