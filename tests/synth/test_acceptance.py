"""The stack that ``make acceptance`` deploys to AWS: all of it is tagged, named by the run, and valid."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from acceptance.naming import TAG, stack_of
from acceptance.policies import policies
from local_aws.emulator import REGION, ROOT
from tests.support.apps import synthesize

if TYPE_CHECKING:
    from collections.abc import Iterator

RUN = "12010327d60a67"
CERTIFICATE = "arn:aws:acm:us-east-1:000000000000:certificate/11111111-1111-1111-1111-111111111111"
# CloudFormation gives these no tags of their own: they go with the stack.
UNTAGGED = {
    *(
        "AWS::Lambda::Version",
        "AWS::Lambda::Alias",
        "AWS::Lambda::Permission",
        "AWS::Lambda::EventInvokeConfig",
    ),
    *(
        "AWS::IAM::Policy",
        "AWS::Logs::MetricFilter",
        "AWS::Logs::SubscriptionFilter",
        "AWS::Logs::QueryDefinition",
    ),
    *("AWS::EC2::SubnetRouteTableAssociation", "AWS::EC2::ClientVpnTargetNetworkAssociation"),
    *("AWS::EC2::ClientVpnAuthorizationRule", "AWS::SNS::Subscription", "AWS::SQS::QueuePolicy"),
    *("AWS::CodeDeploy::DeploymentConfig", "AWS::CloudWatch::Dashboard", "AWS::CDK::Metadata"),
    *("Custom::AWS", "Custom::ClientConnectAttachment"),
}


@pytest.fixture(scope="module")
def template_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The template, with everything that a run turns on."""
    folder = tmp_path_factory.mktemp("acceptance")
    file = folder / "acceptance.cedar"
    file.write_text(policies(), "utf-8")
    context: dict[str, Any] = {"run": RUN, "policies": str(file), "certificate": CERTIFICATE}
    context |= {"attached": "true", "native": "true", "aws:cdk:bundling-stacks": []}
    assembly = synthesize(ROOT / "acceptance" / "app.py", folder / "cdk.out", context)
    return Path(assembly) / f"{stack_of(RUN)}.template.json"


@pytest.fixture(scope="module")
def resources(template_file: Path) -> dict[str, Any]:
    """The template's resources."""
    found: dict[str, Any] = json.loads(template_file.read_text("utf-8"))["Resources"]
    return found


def tags(properties: dict[str, Any]) -> dict[str, str]:
    """Return a resource's tags, whatever form they have."""
    found: Any = properties.get("Tags", {})
    if isinstance(found, list):
        return {each["Key"]: each["Value"] for each in found}
    return dict(found)


def of_type(resources: dict[str, Any], type_: str) -> Iterator[dict[str, Any]]:
    """Return the properties of the resources of a type."""
    return (each["Properties"] for each in resources.values() if each["Type"] == type_)


def test_everything_has_the_tag_of_its_run(resources: dict[str, Any]) -> None:
    """But for what cannot have one, and what AWS's endpoints get from the stack."""
    without = {
        each["Type"] for each in resources.values() if tags(each.get("Properties", {})).get(TAG) != RUN
    } - UNTAGGED
    assert without <= {
        "AWS::EC2::ClientVpnEndpoint",
        "AWS::Events::Rule",
    }  # the stack's own tags go on to these


def test_names_are_those_of_the_run(resources: dict[str, Any]) -> None:
    """Everything with a name has the run in it, so two runs can go on at the same time."""
    named = re.compile(r"(Function|Role|Group|Table|Topic|Queue|Alarm)Name$")
    names = [
        value
        for each in resources.values()
        if each["Type"] not in ("AWS::Lambda::Alias", "AWS::IAM::Policy")
        for key, value in each.get("Properties", {}).items()
        if named.search(key) and isinstance(value, str)
    ]
    assert [name for name in names if RUN not in name] == []
    functions = [name for name in names if name.startswith("AWSClientVPN-")]
    assert sorted(functions) == [
        f"AWSClientVPN-acceptance-{RUN}",
        f"AWSClientVPN-acceptance-recorder-{RUN}",
        f"AWSClientVPN-acceptance-snapshot-{RUN}",
    ]


def test_the_endpoint_asks_the_handler_and_costs_one_association(resources: dict[str, Any]) -> None:
    """The other one has no association, and no handler in the template: that is for the attachment."""
    with_handler = [
        each for each in of_type(resources, "AWS::EC2::ClientVpnEndpoint") if "ClientConnectOptions" in each
    ]
    (endpoint,) = with_handler
    assert endpoint["ClientConnectOptions"]["LambdaFunctionArn"]["Ref"].startswith("HandlerAlias")
    assert endpoint["AuthorizationPolicy"]["ShadowMode"] == "enabled"
    assert endpoint["ServerCertificateArn"] == CERTIFICATE
    assert len(list(of_type(resources, "AWS::EC2::ClientVpnEndpoint"))) == 2
    assert len(list(of_type(resources, "AWS::EC2::ClientVpnTargetNetworkAssociation"))) == 1
    assert list(of_type(resources, "AWS::EC2::NatGateway")) == []


def test_the_template_is_valid(template_file: Path) -> None:
    """By cfn-lint, which also finds circular dependencies."""
    command = [
        str(Path(sys.executable).with_name("cfn-lint")),
        "--regions",
        REGION,
        "--non-zero-exit-code",
        "error",
    ]
    done = subprocess.run([*command, "--", str(template_file)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
