"""A native authorization policy on an endpoint."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_logs as logs
from aws_cdk.assertions import Annotations, Match

from cdk_client_connect import (
    ClientConnectError,
    ClientConnectHandler,
    EndpointAuthorizationPolicy,
    InvalidArgument,
    InvalidAuthorizationPolicy,
    InvalidPolicies,
    InvalidTrustProvider,
    Policies,
    PolicyTestsFailed,
    TrustProvider,
)
from client_connect_tools import native

from .conftest import CERTIFICATE, ROOT, endpoint, only, template

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Define = Callable[..., EndpointAuthorizationPolicy]

ENDPOINT = "AWS::EC2::ClientVpnEndpoint"
EVERYBODY = Policies.from_string("permit (principal, action, resource) when { true };")
JAMF = Policies.from_file(ROOT / "examples" / "native-policies" / "jamf-risk.cedar")
PROVIDER = TrustProvider.jamf(tenant_id="tenant")


@pytest.fixture
def l1(stack: cdk.Stack) -> ec2.CfnClientVpnEndpoint:
    """An L1 endpoint without a connection log."""
    return endpoint(stack, ClientConnectHandler(stack, "Handler"))


@pytest.fixture
def define(stack: cdk.Stack, l1: ec2.CfnClientVpnEndpoint) -> Define:
    """Define a policy in `stack`, by default for `l1`."""

    def define(id_: str = "Policy", **arguments: Any) -> EndpointAuthorizationPolicy:
        given: dict[str, Any] = {"endpoint": l1, "policies": EVERYBODY, **arguments}
        return EndpointAuthorizationPolicy(stack, id_, **given)

    return define


def properties(stack: cdk.Stack) -> dict[str, Any]:
    """Return the properties of the one endpoint of a stack."""
    found: dict[str, Any] = only(template(stack).find_resources(ENDPOINT))["Properties"]
    return found


def test_an_l1_is_given_the_policy_in_shadow_mode(stack: cdk.Stack, define: Define) -> None:
    """Without more it is evaluated and logged only, and nothing else is set."""
    policy = define()
    synthesized = properties(stack)
    assert synthesized["AuthorizationPolicy"] == {
        "PolicyDocument": "permit (principal, action, resource) when { true };\n",
        "ShadowMode": "enabled",
    }
    assert policy.policy_document == EVERYBODY.text
    assert "DevicePostureOptions" not in synthesized
    assert synthesized["ConnectionLogOptions"] == {"Enabled": False}
    assert "ClientConnectOptions" in synthesized


def test_a_policy_is_enforced_when_disconnections_are_accepted(stack: cdk.Stack, define: Define) -> None:
    """Who knows that every session is disconnected may leave shadow mode."""
    define(shadow_mode=False, disconnect_all_sessions=True, description="Everybody")
    assert properties(stack)["AuthorizationPolicy"] == {
        "PolicyDocument": EVERYBODY.text,
        "Description": "Everybody",
        "ShadowMode": "disabled",
    }


def test_trust_providers_become_posture_options_in_their_order(stack: cdk.Stack, define: Define) -> None:
    """The providers become the device posture options, in their order, with what they were given."""
    define(
        trust_providers=[
            TrustProvider.jamf(tenant_id="j"),
            TrustProvider.crowdstrike(tenant_id="c", public_signing_key_url="https://example.com/keys"),
            TrustProvider.jumpcloud(tenant_id="p", public_signing_key_url="https://example.org/jwks"),
        ]
    )
    assert properties(stack)["DevicePostureOptions"] == {
        "Enabled": True,
        "TrustProviders": [
            {"TrustProviderType": "jamf", "TenantId": "j"},
            {
                "TrustProviderType": "crowdstrike",
                "TenantId": "c",
                "PublicSigningKeyUrl": "https://example.com/keys",
            },
            {
                "TrustProviderType": "jumpcloud",
                "TenantId": "p",
                "PublicSigningKeyUrl": "https://example.org/jwks",
            },
        ],
    }


def test_an_l2_endpoint_keeps_its_connection_log(stack: cdk.Stack) -> None:
    """The policy goes to the L1 within, and the log option next to those that are there."""
    vpc = ec2.Vpc(stack, "Vpc")
    log_group, stream = logs.LogGroup(stack, "Log"), "stream"
    l2 = vpc.add_client_vpn_endpoint(
        "Endpoint",
        cidr="10.100.0.0/16",
        server_certificate_arn=CERTIFICATE,
        client_certificate_arn=CERTIFICATE,
        log_group=log_group,
        log_stream=log_group.add_stream("Stream", log_stream_name=stream),
        client_connection_handler=ClientConnectHandler(stack, "Handler"),
    )
    EndpointAuthorizationPolicy(
        stack, "Policy", endpoint=l2, policies=JAMF, trust_providers=[PROVIDER], log_evaluation_context=True
    )
    synthesized = properties(stack)
    assert synthesized["AuthorizationPolicy"]["PolicyDocument"] == JAMF.text
    options = synthesized["ConnectionLogOptions"]
    assert set(options) == {
        "Enabled",
        "CloudwatchLogGroup",
        "CloudwatchLogStream",
        "IncludeAuthorizationPolicyContext",
    }
    assert (options["Enabled"], options["IncludeAuthorizationPolicyContext"]) == (True, True)
    assert "ClientConnectOptions" in synthesized


def test_log_options_that_are_a_token_stay(
    stack: cdk.Stack, l1: ec2.CfnClientVpnEndpoint, define: Define
) -> None:
    """Options that are known only later are left alone, and the log option is added to them."""
    l1.connection_log_options = cdk.Token.as_any({"enabled": True, "cloudwatchLogGroup": "group"})
    define(log_evaluation_context=True)
    assert properties(stack)["ConnectionLogOptions"] == {
        "Enabled": True,
        "CloudwatchLogGroup": "group",
        "IncludeAuthorizationPolicyContext": True,
    }


REFUSED: dict[str, tuple[dict[str, Any], type[ClientConnectError], str]] = {
    "enforced without knowing": (
        {"shadow_mode": False},
        InvalidAuthorizationPolicy,
        "disconnects every session",
    ),
    "no connection log": (
        {"log_evaluation_context": True},
        InvalidAuthorizationPolicy,
        "keeps no connection log",
    ),
    "a provider twice": (
        {"trust_providers": [PROVIDER, PROVIDER]},
        InvalidTrustProvider,
        "jamf is among .* twice",
    ),
    "a provider of a wrong type": (
        {"trust_providers": ["jamf"]},
        InvalidArgument,
        "trust_providers has 'jamf'",
    ),
    "one provider, no list": ({"trust_providers": PROVIDER}, InvalidArgument, "must be a list"),
    "a text for a flag": (
        {"shadow_mode": "false"},
        InvalidArgument,
        "shadow_mode='false' must be True or False",
    ),
    "no policies": ({"policies": None}, InvalidArgument, "policies=None must be Policies"),
    "no endpoint": ({"endpoint": "cvpn-endpoint-1"}, InvalidArgument, "endpoint='cvpn-endpoint-1' must be"),
    "a provider that is not configured": ({"policies": JAMF}, InvalidPolicies, "provider-not-configured"),
    "a token in the policy": (
        {"policies": Policies.from_string(f"// {cdk.Aws.ACCOUNT_ID}\n{EVERYBODY.text}")},
        InvalidAuthorizationPolicy,
        "hold a token",
    ),
    "a dynamic reference in the policy": (
        {"policies": Policies.from_string("// {{resolve:ssm:name}}\n" + EVERYBODY.text)},
        InvalidAuthorizationPolicy,
        "dynamic reference",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_fails_before_anything_is_set(
    stack: cdk.Stack, l1: ec2.CfnClientVpnEndpoint, define: Define, case: str
) -> None:
    """Invalid arguments are refused, and the endpoint stays as it was."""
    arguments, error, message = REFUSED[case]
    with pytest.raises(error, match=message):
        define(**arguments)
    assert stack.node.try_find_child("Policy") is None
    assert (l1.authorization_policy, l1.device_posture_options) == (None, None)


def test_fails_for_an_endpoint_of_another_app(stack: cdk.Stack, define: Define) -> None:
    """Only what this app defines can be given a policy."""
    imported = ec2.ClientVpnEndpoint.from_endpoint_attributes(
        stack, "Imported", endpoint_id="cvpn-endpoint-1", security_groups=[]
    )
    with pytest.raises(InvalidArgument, match="that is defined in this app"):
        define(endpoint=imported)


def test_fails_for_a_second_policy(define: Define) -> None:
    """An endpoint has one policy, with or without trust providers."""
    define("One")
    with pytest.raises(
        InvalidAuthorizationPolicy, match="Stack/Endpoint already has an authorization policy"
    ):
        define("Two")


def test_fails_for_an_endpoint_with_posture_options(l1: ec2.CfnClientVpnEndpoint, define: Define) -> None:
    """Options that the caller set are not overwritten."""
    l1.device_posture_options = ec2.CfnClientVpnEndpoint.DevicePostureOptionsProperty(
        enabled=False, trust_providers=[]
    )
    with pytest.raises(InvalidAuthorizationPolicy, match="already has device posture options"):
        define()


URL = "https://example.com/keys"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"tenant_id": " "}, "tenant_id=' ' of crowdstrike must be the id"),
        ({"public_signing_key_url": "http://example.com"}, 'must begin with "https://"'),
        ({"public_signing_key_url": "https://"}, 'must begin with "https://" and a host'),
        ({"public_signing_key_url": ""}, 'public_signing_key_url "" of crowdstrike must begin'),
        ({"public_signing_key_url": 5}, "public_signing_key_url=5 of crowdstrike must be a string"),
        ({"public_signing_key_url": None}, "needs it to verify .* such as https://assets-public.falcon"),
        ({"type": "jumpcloud", "public_signing_key_url": None}, "of jumpcloud is missing"),
        ({"type": "intune"}, "there is no trust provider 'intune'; there are crowdstrike, jamf, jumpcloud"),
    ],
)
def test_fails_for_an_unsafe_provider(arguments: dict[str, Any], message: str) -> None:
    """A provider has a tenant, and keys that no other host can replace."""
    given: dict[str, Any] = {"type": "crowdstrike", "tenant_id": "t", "public_signing_key_url": URL}
    with pytest.raises(InvalidTrustProvider, match=message):
        TrustProvider(**(given | arguments))


@pytest.mark.parametrize("factory", [TrustProvider.crowdstrike, TrustProvider.jumpcloud])
def test_the_keys_are_required(factory: Callable[..., TrustProvider]) -> None:
    """Only Jamf's keys are known to Client VPN."""
    with pytest.raises(TypeError, match="public_signing_key_url"):
        factory(tenant_id="t")
    assert factory(tenant_id="t", public_signing_key_url=URL).public_signing_key_url == URL
    assert TrustProvider.jamf(tenant_id="t").public_signing_key_url is None


def test_doubtful_policies_are_warned_of(stack: cdk.Stack, define: Define) -> None:
    """Types that AWS does not document are passed on, with a warning that can be acknowledged by its name."""
    text = "permit (principal, action, resource) when { context.connection.port == 443 };"
    define(policies=Policies.from_string(text, name="vpn.cedar"))
    assert properties(stack)["AuthorizationPolicy"]["PolicyDocument"] == text + "\n"
    warnings = Annotations.from_stack(stack).find_warning("/Stack/Policy", Match.any_value())
    assert [str(each.entry.data).partition(":1:45: ")[2].split(",")[0] for each in warnings] == [
        "AWS does not document context.connection.port"
    ]


WARNED = {
    "context.jamf has diskEncryptionEnabled && context.jamf.diskEncryptionEnabled": 1,
    "context.crowdstrike has assesment && context.crowdstrike.assesment.overall > 50": 1,
    "context.crowdstrike.assessment.overall > 50": 0,
}


@pytest.mark.parametrize("condition", WARNED)
def test_undocumented_attributes_can_be_acknowledged(
    stack: cdk.Stack, define: Define, condition: str
) -> None:
    """AWS's own examples are accepted; a warning where AWS's tables contradict them is acknowledged by its name."""
    policies = Policies.from_string(f"permit (principal, action, resource) when {{ {condition} }};")
    assert len(native.lint(policies)) == WARNED[condition]
    policy = define(
        policies=policies,
        trust_providers=[PROVIDER, TrustProvider.crowdstrike(tenant_id="c", public_signing_key_url=URL)],
    )
    matching = Match.string_like_regexp("AWS does not document")
    cdk.Annotations.of(policy).acknowledge_warning("cdk-client-connect:undocumented-attribute")
    assert Annotations.from_stack(stack).find_warning("/Stack/Policy", matching) == []


def test_policy_tests_run(define: Define, tmp_path: Path) -> None:
    """A failing test next to the policy is an error, unless they are switched off."""
    (tmp_path / "vpn.cedar").write_text(EVERYBODY.text, "utf-8")
    (tmp_path / "vpn.tests.toml").write_text('[[test]]\nname = "nobody"\nexpect = "deny"\n', "utf-8")
    policies = Policies.from_directory(tmp_path)
    with pytest.raises(PolicyTestsFailed, match=r'decision: allow, determined by ".*vpn.cedar:1"'):
        define(policies=policies)
    define(policies=policies, policy_tests=False)
