"""The full VPN under every pack of cdk-nag, cfn-lint and an IAM linter, from a single synthesis."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from .conftest import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

PARTITION, REGION, ACCOUNT = "aws", "eu-central-1", "111111111111"
PSEUDO = {
    "AWS::Partition": PARTITION,
    "AWS::Region": REGION,
    "AWS::AccountId": ACCOUNT,
    "AWS::URLSuffix": "amazonaws.com",
    "AWS::StackId": f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/Vpn/12345678-1234-1234-1234-123456789012",
}
# Parliament finds its data by pkg_resources, which setuptools no longer has; it asks for the path of a file alone.
LINT = """
import json, os, sys, types
shim = sys.modules["pkg_resources"] = types.ModuleType("pkg_resources")
shim.resource_filename = lambda package, name: os.path.join(os.path.dirname(sys.modules[package].__file__), name)
import parliament
found = [
    [name, finding.issue, str(finding.detail)]
    for name, policy in json.load(sys.stdin).items()
    for finding in parliament.analyze_policy_string(json.dumps(policy)).findings
]
print(json.dumps(found))
"""


def program() -> Any:
    """Import the program that renders the page."""
    spec = importlib.util.spec_from_file_location("render_compliance", ROOT / "docs" / "render_compliance.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def render() -> Any:
    """The program that renders the page."""
    return program()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the synthesis."""
    return tmp_path_factory.mktemp("vpn")


@pytest.fixture(scope="module")
def reports(render: Any, folder: Path) -> list[dict[str, Any]]:
    """The findings of the packs for the full VPN."""
    found: list[dict[str, Any]] = render.synthesize(folder)
    return found


def test_the_page_is_current(render: Any, reports: list[dict[str, Any]]) -> None:
    """Where it is not, `python docs/render_compliance.py` renews it."""
    page = render.PAGE.read_text("utf-8")
    assert render.rendered(page, reports) == page


def test_all_advice_is_used(render: Any, reports: list[dict[str, Any]]) -> None:
    """No advice is left of a rule that fires no more, and AwsSolutions is silent."""
    fired = {violation["ruleName"] for report in reports for violation in report["violations"]}
    assert {name.rpartition("-")[2] for name in fired} == set(render.advice())
    assert not any(name.startswith("AwsSolutions") for name in fired)


def test_the_example_acknowledges_a_rule_that_fires(render: Any, reports: list[dict[str, Any]]) -> None:
    """Its id is the one that cdk-nag asks for."""
    ((pack, rule),) = re.findall(r'id="([\w.]+)::([\w.-]+)"', render.PAGE.read_text("utf-8"))
    (report,) = (each for each in reports if each["pluginName"] == pack)
    assert rule in {violation["ruleName"] for violation in report["violations"]}


@pytest.mark.usefixtures("reports")
def test_cfn_lint_is_clean(folder: Path) -> None:
    """The template of everything has no finding."""
    (template,) = folder.glob("*.template.json")
    command = [str(Path(sys.executable).with_name("cfn-lint")), "--regions", REGION, "--", str(template)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout) == (0, "")


def linted(policies: dict[str, Any]) -> list[list[str]]:
    """Return what parliament finds in policy documents: the name, the finding and its detail."""
    result = subprocess.run(
        [sys.executable, "-c", LINT], input=json.dumps(policies), capture_output=True, text=True, check=True
    )
    found: list[list[str]] = json.loads(result.stdout)
    return found


def identity_policies(resources: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield each policy document of a role, with the intrinsic functions resolved."""
    resolve = Resolver(resources).resolve
    for id_, resource in resources.items():
        properties = resource.get("Properties", {})
        if resource["Type"] in ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy"):
            yield id_, resolve(properties["PolicyDocument"])
        for policy in properties.get("Policies", ()) if resource["Type"] == "AWS::IAM::Role" else ():
            yield f"{id_}/{policy['PolicyName']}", resolve(policy["PolicyDocument"])


# An ARN of each type whose ARN is in a policy, as AWS makes it.
ARNS = {
    "AWS::Logs::LogGroup": "logs:{region}:{account}:log-group:{id}:*",
    "AWS::DynamoDB::Table": "dynamodb:{region}:{account}:table/{id}",
    "AWS::DynamoDB::GlobalTable": "dynamodb:{region}:{account}:table/{id}",
    "AWS::Lambda::Function": "lambda:{region}:{account}:function:{id}",
    "AWS::SNS::Topic": "sns:{region}:{account}:{id}",
    "AWS::SQS::Queue": "sqs:{region}:{account}:{id}",
    "AWS::KMS::Key": "kms:{region}:{account}:key/12345678-1234-1234-1234-123456789012",
    "AWS::CloudWatch::Alarm": "cloudwatch:{region}:{account}:alarm:{id}",
    "AWS::Events::Rule": "events:{region}:{account}:rule/{id}",
    "AWS::Events::EventBus": "events:{region}:{account}:event-bus/{id}",
    "AWS::IAM::Role": "iam::{account}:role/{id}",
    "AWS::StepFunctions::StateMachine": "states:{region}:{account}:stateMachine:{id}",
}
# Types whose `Ref` is the ARN or an id of a certain form.
REFS = {
    "AWS::SNS::Topic": "sns:{region}:{account}:{id}",
    "AWS::Lambda::Alias": "lambda:{region}:{account}:function:name:{id}",
    "AWS::Lambda::Version": "lambda:{region}:{account}:function:name:1",
}


class Resolver:
    """Replaces what CloudFormation replaces, by values of the right form."""

    def __init__(self, resources: dict[str, Any]) -> None:
        self._resources = resources

    def resolve(self, value: Any) -> Any:
        """Return a value without intrinsic functions."""
        match value:
            case {"Fn::Join": [separator, parts]}:
                return separator.join(map(str, map(self.resolve, parts)))
            case {"Fn::GetAtt": [id_, "Arn"]}:
                return self._arn(ARNS[self._resources[id_]["Type"]], id_)
            case {"Ref": name}:
                return PSEUDO.get(name) or self._ref(name)
            case dict():
                return {key: self.resolve(item) for key, item in value.items()}
            case list():
                return [self.resolve(item) for item in value]
        return value

    def _ref(self, id_: str) -> str:
        kind = self._resources[id_]["Type"]
        if kind == "AWS::EC2::ClientVpnEndpoint":
            return "cvpn-endpoint-0123456789abcdef0"
        return self._arn(REFS[kind], id_) if kind in REFS else id_

    @staticmethod
    def _arn(form: str, id_: str) -> str:
        return f"arn:{PARTITION}:" + form.format(region=REGION, account=ACCOUNT, id=id_)


@pytest.mark.usefixtures("reports")
def test_every_policy_document_is_sound(folder: Path) -> None:
    """Parliament knows every action, and finds no wrong resource, condition or privilege in any document."""
    (template,) = folder.glob("*.template.json")
    policies = dict(identity_policies(json.loads(template.read_text("utf-8"))["Resources"]))
    assert len(policies) >= 7
    assert linted(policies) == []


# An action that does not exist, and one on a resource of another service.
WRONG = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": "dynamodb:GetItems", "Resource": "*"},
        {"Effect": "Allow", "Action": "sns:Publish", "Resource": "arn:aws:s3:::bucket"},
    ],
}


def test_the_linter_can_fail() -> None:
    """So its silence above means something."""
    assert {finding for _, finding, _ in linted({"wrong": WRONG})} == {
        "UNKNOWN_ACTION",
        "RESOURCE_MISMATCH",
    }
