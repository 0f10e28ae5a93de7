"""docs/without-the-cdk.md, followed to the letter: its commands, its template, its variables."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

import boto3
import pytest
from cfnlint.api import lint
from cfnlint.config import ManualArgs

from client_connect import settings
from client_connect.sources import connection_registry
from local_aws.deployed_handler import DeployedHandler
from local_aws.emulator import ARCHITECTURE, REGION, ROOT, RUNTIME
from tests.support.events import event

if TYPE_CHECKING:
    from pathlib import Path

    from local_aws.emulator import Emulator

pytestmark = pytest.mark.e2e

PAGE = (ROOT / "docs" / "without-the-cdk.md").read_text("utf-8")
POLICIES = """
@id("windows") permit (principal, action, resource) when { context.platform == "win" };
@id("others") @message("Use Windows.") forbid (principal, action, resource) unless { context.platform == "win" };
"""


def blocks(language: str) -> list[str]:
    """Return the examples in one language."""
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


def test_the_template_of_the_page_admits_and_denies(emulator: Emulator, tmp_path: Path) -> None:
    """Nothing but what the page says is needed: bundle, archive, template."""
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "vpn.cedar").write_text(POLICIES, "utf-8")
    _install, build = blocks("sh")
    here = build.replace("3.14", RUNTIME.removeprefix("python")).replace("arm64", ARCHITECTURE)
    subprocess.run(["/bin/sh", "-ec", here], cwd=tmp_path, check=True, env=emulator.environment)
    s3 = boto3.client("s3", endpoint_url=emulator.endpoint, region_name=REGION, **_keys(emulator))
    s3.create_bucket(Bucket="without-the-cdk")
    s3.upload_file(str(tmp_path / "handler.zip"), "without-the-cdk", "handler.zip")
    template = blocks("yaml")[0].replace("python3.14", RUNTIME).replace("[arm64]", f"[{ARCHITECTURE}]")
    cloudformation = emulator.client("cloudformation")
    cloudformation.create_stack(
        StackName="without-the-cdk",
        TemplateBody=template,
        Parameters=[
            {"ParameterKey": "CodeBucket", "ParameterValue": "without-the-cdk"},
            {"ParameterKey": "CodeKey", "ParameterValue": "handler.zip"},
        ],
        Capabilities=["CAPABILITY_IAM"],
    )
    cloudformation.get_waiter("stack_create_complete").wait(
        StackName="without-the-cdk", WaiterConfig={"Delay": 1, "MaxAttempts": 60}
    )
    (stack,) = cloudformation.describe_stacks(StackName="without-the-cdk")["Stacks"]
    outputs = {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}
    handler = DeployedHandler(
        emulator=emulator,
        function_name="AWSClientVPN-handler",
        function_arn=outputs["HandlerArn"],
        outputs=outputs,
    )
    allowed, denied = handler.invoke(event(platform="win")), handler.invoke(event(platform="mac"))
    assert (allowed.answer["allow"], denied.answer["allow"]) == (True, False)
    assert denied.answer["error-msg-on-denied-connection"] == "Use Windows."
    assert allowed.record["facts"]["timeZone"] == "Europe/Berlin"
    assert allowed.version == "1"
    cloudformation.delete_stack(StackName="without-the-cdk")


def _keys(emulator: Emulator) -> dict[str, str]:
    environment = emulator.environment
    return {name.lower(): environment[name] for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")}


@pytest.mark.parametrize("template", blocks("yaml"), ids=["CloudFormation", "SAM"])
def test_the_templates_of_the_page_are_valid(template: str, tmp_path: Path) -> None:
    """As far as cfn-lint sees, which expands the transform of SAM."""
    (tmp_path / "bundle").mkdir()
    found = lint(template, config=ManualArgs(regions=["eu-central-1"]))
    assert [str(each) for each in found] == []


def test_the_page_has_every_variable() -> None:
    """With its name, as the handler reads it."""
    variables = {value for value in vars(settings).values() if str(value).startswith("CLIENT_CONNECT_")}
    table = PAGE.partition("### Environment variables")[2].partition("### ")[0]
    assert {*re.findall(r"`(CLIENT_CONNECT_\w+)`", table)} == variables


def test_the_page_has_the_index_of_the_registry() -> None:
    """With the attributes that the handler reads from it."""
    row = next(line for line in PAGE.splitlines() if line.startswith("| connections |"))
    names = ("CONNECTION_ID", "BY_PRINCIPAL", "PRINCIPAL", "ENDPOINT_ID", "AT", "CONFIRMED", "TERMINATED")
    for name in names:
        assert f"`{getattr(connection_registry, name)}`" in row


def test_the_dockerfile_copies_what_the_bundle_is() -> None:
    """It names the handler that all others name."""
    (dockerfile,) = blocks("dockerfile")
    assert '["client_connect.handler.handler"]' in dockerfile
    assert all("client_connect.handler.handler" in each for each in (*blocks("yaml"), *blocks("hcl")))
