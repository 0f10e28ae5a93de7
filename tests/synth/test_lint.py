"""The templates under the rules that platform teams run."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import aws_cdk as cdk
import cdk_nag
import pytest
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_events as events
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns
from cfnlint.api import lint_file
from cfnlint.config import ManualArgs

from app import define
from cdk_client_connect import (
    AttachmentRemoval,
    ClientConnectHandler,
    ConnectionMonitoring,
    ConnectionReauthorizer,
    ConnectionRegistry,
    DeviceInventory,
    EndpointAttachment,
    EndpointAuthorizationPolicy,
    FunctionReference,
    GradualDeployment,
    Notifications,
    Policies,
    ProvisionedConcurrency,
    Rules,
    ServiceLinkedRole,
    TrafficShifting,
    TrustProvider,
)

from .conftest import CERTIFICATE, NO_BUNDLING, ROOT, endpoint, recommended_flags

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

VARIANTS: dict[str, dict[str, Any]] = {
    "default": {},
    "scaling": {"provisioned_concurrency": ProvisionedConcurrency.scaling(minimum=2, maximum=9)},
    "unqualified": {
        "function_reference": FunctionReference.UNQUALIFIED,
        "provisioned_concurrency": ProvisionedConcurrency.none(),
    },
    "role of CloudFormation": {"service_linked_role": ServiceLinkedRole.CLOUDFORMATION},
}


def variant(arguments: dict[str, Any]) -> Callable[[cdk.App], None]:
    """Return what defines a handler with these arguments."""

    def build(app: cdk.App) -> None:
        ClientConnectHandler(cdk.Stack(app, "Stack"), "Handler", **arguments)

    return build


@pytest.fixture
def synthesized(tmp_path: Path) -> Callable[..., Path]:
    """Synthesize an app into a folder, with cdk-nag's AwsSolutions pack."""

    def synthesize(build: Callable[[cdk.App], None], **context: Any) -> Path:
        app = cdk.App(outdir=str(tmp_path), context={**recommended_flags(), **NO_BUNDLING, **context})
        build(app)
        cdk.Validations.of(app).add_plugins(cdk_nag.AwsSolutionsChecks(app))
        app.synth()
        return tmp_path

    return synthesize


def nag_findings(folder: Path) -> list[dict[str, Any]]:
    """Return what the pack reported."""
    report = json.loads((folder / "validation-report.json").read_text("utf-8"))
    return [violation for plugin in report["pluginReports"] for violation in plugin["violations"]]


def suppressed(folder: Path) -> list[dict[str, Any]]:
    """Return what is acknowledged, of whatever pack."""
    report = json.loads((folder / "validation-report.json").read_text("utf-8"))
    return [each for plugin in report["pluginReports"] for each in plugin.get("suppressedViolations", ())]


def require_lint_clean(folder: Path) -> None:
    """Run cfn-lint over every template, in this process, because its start alone costs seconds."""
    templates = list(folder.glob("*.template.json"))
    assert templates
    for template in templates:
        assert lint_file(template, ManualArgs(regions=["eu-central-1"])) == []


@pytest.mark.parametrize("env", [None, cdk.Environment(account="111111111111", region="eu-central-1")])
def test_handler_that_counts_is_clean(synthesized: Callable[..., Path], env: cdk.Environment | None) -> None:
    """It may query all endpoints of the account and Region, which the construct acknowledges."""

    def build(app: cdk.App) -> None:
        stack = cdk.Stack(app, "Stack", env=env)
        policies = Policies.from_rules(Rules(connections_per_user=1))
        registry = ConnectionRegistry(stack, "Registry")
        handler = ClientConnectHandler(stack, "Handler", policies=policies, connection_registry=registry)
        ConnectionReauthorizer(stack, "Reauthorizer", handler=handler, endpoints=["cvpn-endpoint-0a"])

    folder = synthesized(build)
    assert nag_findings(folder) == []
    require_lint_clean(folder)


@pytest.mark.parametrize("arguments", VARIANTS.values(), ids=VARIANTS)
def test_handler_is_clean(synthesized: Callable[..., Path], arguments: dict[str, Any]) -> None:
    """A handler has no finding under AwsSolutions, with no acknowledgement, and none under cfn-lint."""
    folder = synthesized(variant(arguments))
    assert nag_findings(folder) == []
    require_lint_clean(folder)


@pytest.mark.parametrize(
    "context",
    [
        {"clientCertificateArn": CERTIFICATE},
        {"samlProviderArn": "arn:aws:iam::111111111111:saml-provider/Okta"},
        {"clientCertificateArn": CERTIFICATE, "directoryId": "d-1234567890"},
        {
            "clientCertificateArn": CERTIFICATE,
            "deviceInventory": "true",
            "connectionRegistry": "true",
            "reauthorizedEndpoints": "cvpn-endpoint-0123456789abcdef0",
            "monitoring": "true",
        },
    ],
    ids="+".join,
)
def test_whole_vpn_is_clean(synthesized: Callable[..., Path], context: dict[str, str]) -> None:
    """The app's VPN has no finding either, however its clients authenticate and with all that it can define."""
    folder = synthesized(define, serverCertificateArn=CERTIFICATE, **context)
    assert {path.name for path in folder.glob("*.template.json")} == {
        "ClientConnect.template.json",
        "ClientVpn.template.json",
    }
    assert nag_findings(folder) == []
    require_lint_clean(folder)


def test_tables_with_a_key_are_clean(synthesized: Callable[..., Path]) -> None:
    """Who uses tables with a key of their own is granted its actions by name, without a wildcard."""

    def build(app: cdk.App) -> None:
        stack = cdk.Stack(app, "Stack")
        key = kms.Key(stack, "Key", enable_key_rotation=True)
        ClientConnectHandler(
            stack,
            "Handler",
            device_inventory=DeviceInventory(stack, "Inventory", encryption_key=key),
            connection_registry=ConnectionRegistry(stack, "Registry", encryption_key=key),
        )

    folder = synthesized(build)
    assert nag_findings(folder) == []
    require_lint_clean(folder)


NOTIFICATIONS: dict[str, Callable[[cdk.Stack], Notifications]] = {
    "default bus": lambda _: Notifications.event_bridge(),
    "bus": lambda stack: Notifications.event_bridge(events.EventBus(stack, "Bus")),
    "encrypted topic": lambda stack: Notifications.sns(
        sns.Topic(
            stack, "Denials", enforce_ssl=True, master_key=kms.Key(stack, "Key", enable_key_rotation=True)
        )
    ),
}


@pytest.mark.parametrize("notifications", NOTIFICATIONS.values(), ids=NOTIFICATIONS)
def test_monitoring_is_clean(
    synthesized: Callable[..., Path], notifications: Callable[[cdk.Stack], Notifications]
) -> None:
    """A monitoring has no finding either, wherever denials are announced."""

    def build(app: cdk.App) -> None:
        stack = cdk.Stack(app, "Stack")
        handler = ClientConnectHandler(stack, "Handler")
        ConnectionMonitoring(
            stack,
            "Monitoring",
            handler=handler,
            endpoints=[endpoint(stack, handler), "cvpn-endpoint-0123456789abcdef0"],
            connection_log_group=logs.LogGroup(stack, "Log"),
            alarm_topic=sns.Topic(stack, "Alarms", enforce_ssl=True),
            notifications=notifications(stack),
        )

    folder = synthesized(build)
    assert nag_findings(folder) == []
    require_lint_clean(folder)


@pytest.mark.parametrize("removal", AttachmentRemoval)
def test_attachment_is_clean(synthesized: Callable[..., Path], removal: AttachmentRemoval) -> None:
    """An attachment acknowledges the one thing that AWS has no narrower permission for, and has no finding."""

    def build(app: cdk.App) -> None:
        stack = cdk.Stack(app, "Stack")
        EndpointAttachment(
            *(stack, "Attachment"),
            handler=ClientConnectHandler(stack, "Handler"),
            endpoint_id="cvpn-endpoint-0123456789abcdef0",
            on_removal=removal,
        )

    folder = synthesized(build)
    assert nag_findings(folder) == []
    require_lint_clean(folder)


@pytest.mark.parametrize("shifting", [None, TrafficShifting.linear(percent=20)], ids=["default", "own"])
def test_gradual_deployment_is_clean(
    synthesized: Callable[..., Path], shifting: TrafficShifting | None
) -> None:
    """A gradual deployment has no finding either, with an endpoint in the same stack."""

    def build(app: cdk.App) -> None:
        stack = cdk.Stack(app, "Stack")
        handler = ClientConnectHandler(stack, "Handler")
        monitoring = ConnectionMonitoring(
            stack,
            "Monitoring",
            handler=handler,
            endpoints=[endpoint(stack, handler)],
            connection_log_group=None,
        )
        GradualDeployment(stack, "Rollout", handler=handler, monitoring=monitoring, shifting=shifting)

    folder = synthesized(build)
    assert nag_findings(folder) == []
    require_lint_clean(folder)


def test_native_policy_is_clean(synthesized: Callable[..., Path]) -> None:
    """An endpoint with an authorization policy, trust providers and the evaluation context in its log has none."""

    def build(app: cdk.App) -> None:
        define(app)
        vpn = app.node.find_child("ClientVpn").node.find_child("Endpoint")
        assert isinstance(vpn, ec2.ClientVpnEndpoint)
        EndpointAuthorizationPolicy(
            cdk.Stack.of(vpn),
            "Policy",
            endpoint=vpn,
            policies=Policies.from_file(
                ROOT / "examples" / "native-policies" / "staff-on-healthy-devices.cedar"
            ),
            trust_providers=[
                TrustProvider.crowdstrike(tenant_id="c", public_signing_key_url="https://example.com/keys"),
                TrustProvider.jamf(tenant_id="j"),
            ],
            log_evaluation_context=True,
        )

    folder = synthesized(build, serverCertificateArn=CERTIFICATE, clientCertificateArn=CERTIFICATE)
    assert nag_findings(folder) == []
    require_lint_clean(folder)
    # All that is acknowledged is what the CDK's own schema does not know yet. Once it does, nothing needs to be.
    assert sorted(each["description"].partition(":")[0] for each in suppressed(folder)) == [
        "AuthorizationPolicy",
        "ConnectionLogOptions.IncludeAuthorizationPolicyContext",
        "DevicePostureOptions",
    ]


def test_the_checks_can_fail(synthesized: Callable[..., Path]) -> None:
    """A bucket without any protection is reported, so the silence above means something."""

    def build(app: cdk.App) -> None:
        s3.CfnBucket(cdk.Stack(app, "Stack"), "Bucket")

    with pytest.raises(RuntimeError, match="AwsSolutions-S1"):
        synthesized(build)
