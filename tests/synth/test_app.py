"""The deployable app: its stacks, and how it is configured."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import aws_cdk as cdk
import pytest
from aws_cdk.assertions import Match, Template
from syrupy.extensions.json import JSONSnapshotExtension

from app import define
from app_context import KEYS, InvalidContext
from cdk_client_connect import ClientConnectError
from tests.support.programs import CONTEXT, run_program

from .conftest import CERTIFICATE, NO_BUNDLING, ROOT, recommended_flags, without_hashes

if TYPE_CHECKING:
    from pathlib import Path

    from syrupy.assertion import SnapshotAssertion

SAML = "arn:aws:iam::111111111111:saml-provider/Okta"
VPN = {"serverCertificateArn": CERTIFICATE, "clientCertificateArn": CERTIFICATE}
TOPIC = "arn:aws:sns:eu-central-1:111111111111:alarms"
ENDPOINT = "AWS::EC2::ClientVpnEndpoint"
RULE = "AWS::EC2::ClientVpnAuthorizationRule"


def stacks(**context: Any) -> dict[str, Template]:
    """Define the app with these keys; return the templates by stack."""
    app = cdk.App(context={**recommended_flags(), **NO_BUNDLING, **context})
    define(app)
    found = [child for child in app.node.children if isinstance(child, cdk.Stack)]
    return {stack.stack_name: Template.from_stack(stack) for stack in found}


@pytest.fixture(autouse=True)
def no_account(monkeypatch: pytest.MonkeyPatch) -> None:
    """The CLI's values for the account are not set here."""
    for name in ("CDK_DEFAULT_ACCOUNT", "CDK_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)


def test_without_input_there_is_the_handlers_stack_only() -> None:
    """Without input there is the handler's stack only, which outputs what an endpoint needs."""
    (name, template), *others = stacks().items()
    assert name == "ClientConnect"
    assert others == []
    template.has_output("FunctionArn", {"Value": {"Ref": Match.string_like_regexp("^HandlerAlias")}})
    (alias,) = template.find_resources("AWS::Lambda::Alias")
    template.has_output("FunctionArn", {"Value": {"Ref": alias}})


def test_certificates_add_a_logged_split_tunnel_endpoint() -> None:
    """With certificates there is the endpoint: logged, split-tunnel, with an explicit authorization rule."""
    template = stacks(**VPN)["ClientVpn"]
    template.has_resource_properties(
        ENDPOINT,
        {
            "AuthenticationOptions": [
                {
                    "Type": "certificate-authentication",
                    "MutualAuthentication": {"ClientRootCertificateChainArn": CERTIFICATE},
                }
            ],
            "ServerCertificateArn": CERTIFICATE,
            "ClientCidrBlock": "10.100.0.0/16",
            "SplitTunnel": True,
            "ConnectionLogOptions": {"Enabled": True, "CloudwatchLogGroup": Match.any_value()},
            "ClientConnectOptions": {"Enabled": True, "LambdaFunctionArn": Match.any_value()},
            "VpcId": Match.any_value(),
        },
    )
    template.resource_count_is("AWS::EC2::ClientVpnTargetNetworkAssociation", 2)
    template.resource_count_is(RULE, 1)
    template.has_resource_properties(RULE, {"AuthorizeAllGroups": True})
    template.resource_count_is("AWS::EC2::FlowLog", 1)
    template.resource_count_is("AWS::EC2::NatGateway", 0)
    template.has_output("EndpointId", {})


@pytest.mark.parametrize(
    "groups", ["engineering, S-1-5-21-1", ["engineering", "S-1-5-21-1"]], ids=["text", "list"]
)
def test_each_named_group_gets_a_rule_and_nobody_else(groups: object) -> None:
    """Groups that are named get a rule each, and no one else gets one."""
    template = stacks(**VPN, samlProviderArn=SAML, authorizedGroups=groups)["ClientVpn"]
    rules = template.find_resources(RULE).values()
    assert sorted(rule["Properties"]["AccessGroupId"] for rule in rules) == ["S-1-5-21-1", "engineering"]
    assert not any(rule["Properties"].get("AuthorizeAllGroups") for rule in rules)


def test_a_group_keeps_its_rule() -> None:
    """CloudFormation creates a rule for another group before it deletes the old one, and EC2 refuses a second one."""

    def rules(groups: str) -> dict[str, str]:
        template = stacks(**VPN, samlProviderArn=SAML, authorizedGroups=groups)["ClientVpn"]
        return {
            rule["Properties"]["AccessGroupId"]: id_ for id_, rule in template.find_resources(RULE).items()
        }

    both, one = rules("engineering,S-1-5-21-1"), rules("S-1-5-21-1")
    assert len(set(both.values())) == 2
    assert one["S-1-5-21-1"] == both["S-1-5-21-1"]


@pytest.mark.parametrize(
    ("key", "value", "type_"),
    [
        ("samlProviderArn", SAML, "federated-authentication"),
        ("directoryId", "d-1234567890", "directory-service-authentication"),
    ],
)
def test_users_may_authenticate_without_a_client_certificate(key: str, value: str, type_: str) -> None:
    """Users may authenticate by SAML or a directory, without a client certificate."""
    template = stacks(serverCertificateArn=CERTIFICATE, **{key: value})["ClientVpn"]
    template.has_resource_properties(
        ENDPOINT, {"AuthenticationOptions": [Match.object_like({"Type": type_})]}
    )


LOOKED_UP = "vpc-provider:account=111111111111:filter.vpc-id=vpc-0123456789abcdef0:region=eu-central-1"


@pytest.fixture
def signed_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """The CLI passes to the app which account and Region it would deploy to."""
    monkeypatch.setenv("CDK_DEFAULT_ACCOUNT", "111111111111")
    monkeypatch.setenv("CDK_DEFAULT_REGION", "eu-central-1")


@pytest.mark.usefixtures("signed_in")
def test_a_named_vpc_is_looked_up() -> None:
    """A VPC that is named is looked up instead of defined."""
    found = {
        "vpcId": "vpc-0123456789abcdef0",
        "vpcCidrBlock": "10.50.0.0/16",
        "ownerAccountId": "111111111111",
        "availabilityZones": [],
        "subnetGroups": [
            {
                "name": "Private",
                "type": "Private",
                "subnets": [
                    {
                        "subnetId": "subnet-0123456789abcdef0",
                        "cidr": "10.50.0.0/24",
                        "availabilityZone": "eu-central-1a",
                        "routeTableId": "rtb-0123456789abcdef0",
                    }
                ],
            }
        ],
    }
    looked_up = {f"{LOOKED_UP}:returnAsymmetricSubnets=true": found}
    template = stacks(**VPN, vpcId="vpc-0123456789abcdef0", **looked_up)["ClientVpn"]
    template.resource_count_is("AWS::EC2::VPC", 0)
    template.has_resource_properties(ENDPOINT, {"VpcId": "vpc-0123456789abcdef0"})
    template.has_resource_properties(
        "AWS::EC2::ClientVpnTargetNetworkAssociation", {"SubnetId": "subnet-0123456789abcdef0"}
    )
    template.has_resource_properties(RULE, {"TargetNetworkCidr": "10.50.0.0/16"})


def test_the_full_vpn_with_monitoring(snapshot: SnapshotAssertion) -> None:
    """Everything that the app can define, as it is deployed: who changes it says so in the changelog."""
    templates = stacks(
        **VPN,
        deviceInventory="true",
        connectionRegistry="true",
        reauthorizedEndpoints="cvpn-endpoint-0123456789abcdef0",
        monitoring="true",
        alarmTopicArn=TOPIC,
    )
    found = {name: template.to_json() for name, template in templates.items()}
    assert without_hashes(found) == snapshot(extension_class=JSONSnapshotExtension)


def test_every_option_at_once() -> None:
    """The handler's stack is the first, with its gradual deployment; the endpoint's has all that needs the endpoint."""
    templates = stacks(
        **VPN,
        deviceInventory="true",
        connectionRegistry="true",
        reauthorizer="true",
        reauthorizedEndpoints="cvpn-endpoint-0123456789abcdef0",
        monitoring="true",
        gradualDeployment="true",
        alarmTopicArn=TOPIC,
    )
    first, second = templates["ClientConnect"], templates["ClientVpn"]
    first.resource_count_is("AWS::CodeDeploy::DeploymentGroup", 1)
    first.resource_count_is("AWS::CloudWatch::Alarm", 5)
    second.resource_count_is("AWS::Events::Rule", 2)
    second.has_resource_properties(
        "AWS::Lambda::Function",
        {
            "Environment": {
                "Variables": {
                    "CLIENT_CONNECT_ENDPOINTS": {
                        "Fn::Join": ["", [{"Ref": Match.any_value()}, ",cvpn-endpoint-0123456789abcdef0"]]
                    }
                }
            }
        },
    )


def test_the_handlers_keys_reach_the_function(tmp_path: Path) -> None:
    """The handler's own keys reach the function."""
    (tmp_path / "vpn.cedar").write_text('@id("all") permit (principal, action, resource);')
    template = stacks(
        policies=str(tmp_path),
        architecture="x86_64",
        runtime="python3.12",
        timeZone="Asia/Tokyo",
        shadowMode="true",
    )["ClientConnect"]
    template.has_resource_properties(
        "AWS::Lambda::Function",
        {
            "Architectures": ["x86_64"],
            "Runtime": "python3.12",
            "Environment": {
                "Variables": {"CLIENT_CONNECT_TIME_ZONE": "Asia/Tokyo", "CLIENT_CONNECT_SHADOW_MODE": "true"}
            },
        },
    )


@pytest.mark.parametrize(
    ("context", "message"),
    [
        ({"serverCertificateArn": "x", "clientCertificateArn": "y"}, 'context "serverCertificateArn" is "x"'),
        ({"serverCertificateArn": CERTIFICATE}, "give at least one of -c clientCertificateArn=.*directoryId"),
        ({**VPN, "clientCertificateArn": "y"}, 'context "clientCertificateArn" is "y"'),
        ({**VPN, "samlProviderArn": "okta"}, "-c samlProviderArn=arn:aws:iam::ACCOUNT:saml-provider/NAME"),
        ({**VPN, "directoryId": "d-1"}, "-c directoryId=d-1234567890"),
        ({**VPN, "samlProviderArn": SAML, "directoryId": "d-1234567890"}, "give one of them"),
        ({**VPN, "clientCidr": "10.0.0.0/8"}, "a prefix from /12 to /22"),
        ({**VPN, "clientCidr": "10.0.0.1/16"}, "has host bits set"),
        ({**VPN, "clientCidr": "10.0.128.0/20"}, "outside of 10.0.0.0/16"),
        ({**VPN, "vpcId": "main"}, 'context "vpcId" is "main"'),
        ({**VPN, "vpcId": "vpc-0123456789abcdef0"}, "sign in to AWS first"),
        (
            {**VPN, "samlProviderArn": SAML, "authorizedGroups": "a,,b"},
            'context "authorizedGroups" is "a,,b"',
        ),
        ({**VPN, "samlProviderArn": SAML, "authorizedGroups": ""}, 'context "authorizedGroups" is ""'),
        ({**VPN, "samlProviderArn": SAML, "authorizedGroups": " "}, 'context "authorizedGroups" is " "'),
        ({**VPN, "samlProviderArn": SAML, "authorizedGroups": []}, "leave the key out"),
        ({**VPN, "samlProviderArn": SAML, "authorizedGroups": "a, b,a"}, "different texts; give each once"),
        ({**VPN, "authorizedGroups": "staff"}, "needs users, who have groups"),
        ({"policies": ""}, 'context "policies" is ""'),
        ({"policie": "x"}, 'context "policie" is not known; write "policies"'),
        ({"clientCertificateArn": CERTIFICATE}, "which needs -c serverCertificateArn"),
        ({"vpcId": "vpc-0123456789abcdef0"}, 'context "vpcId" is for an endpoint'),
        (
            {"serverCertificateArn": "", "clientCertificateArn": CERTIFICATE},
            'context "serverCertificateArn" is ""',
        ),
        ({"serverCertificateARN": CERTIFICATE}, 'write "serverCertificateArn"'),
        ({**VPN, "alarmTopicArn": TOPIC}, "give -c monitoring=true too"),
        ({**VPN, "monitoring": "true", "alarmTopicArn": "alarms"}, 'context "alarmTopicArn" is "alarms"'),
        ({"monitoring": "true"}, 'context "monitoring" is for an endpoint'),
        ({"deviceInventory": "yes"}, "true|false"),
        ({"reauthorizedEndpoints": "cvpn-endpoint-0a"}, "give -c connectionRegistry=true too"),
        ({**VPN, "reauthorizer": "true"}, 'context "reauthorizer" needs.*-c connectionRegistry=true too'),
        ({**VPN, "gradualDeployment": "true"}, 'context "gradualDeployment" needs.*-c monitoring=true too'),
        (
            {"reauthorizedEndpoints": "vpn", "connectionRegistry": "true"},
            'context "reauthorizedEndpoints" is "vpn"',
        ),
        ({"shadow-mode": "true"}, 'write "shadowMode"'),
        ({"shadowMode": "yes"}, "true|false"),
        ({"architecture": "arm"}, 'context "architecture" is "arm"'),
        ({"runtime": "nodejs22.x"}, 'context "runtime"'),
        ({"policies": "no/such/folder"}, 'cannot read the policies "no/such/folder"'),
        ({"timeZone": "Mars/Olympus"}, "is not an IANA time zone"),
    ],
    ids=str,
)
def test_fails_for_a_wrong_value_with_the_name_of_its_key(context: dict[str, str], message: str) -> None:
    """A wrong value is refused by a message that names the key and what to give."""
    with pytest.raises((InvalidContext, ClientConnectError), match=message):
        stacks(**context)


def test_main_ends_with_the_message_alone() -> None:
    """`cdk synth` shows one line, not a traceback."""
    result = run_program(ROOT / "app.py", folder=ROOT, variables={CONTEXT: '{"timeZone": "Mars/Olympus"}'})
    assert result.returncode == 1
    assert result.stderr.splitlines() == [
        'error: time_zone "Mars/Olympus" is not an IANA time zone; use an IANA name such as "Europe/Berlin"'
    ]


def test_keys_are_documented() -> None:
    """The page of the handler names every key."""
    page = (ROOT / "docs" / "handler.md").read_text("utf-8")
    assert [key for key in KEYS if f"`{key}`" not in page] == []
