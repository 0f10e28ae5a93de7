"""examples/complete: everything in one stack."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from client_connect_tools.cli import main
from tests.support.programs import CONTEXT, OUTDIR, run_program

from .conftest import NO_BUNDLING, recommended_flags

EXAMPLE = Path(__file__).parents[2] / "examples" / "complete"
VALUES = {
    "certificate": "arn:aws:acm:eu-central-1:111111111111:certificate/11111111-1111-1111-1111-111111111111",
    "samlProvider": "arn:aws:iam::111111111111:saml-provider/okta",
    "tenant": "contoso.example",
}


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The stack, synthesized without a warning."""
    folder = tmp_path_factory.mktemp("complete")
    context = json.dumps(recommended_flags() | NO_BUNDLING | VALUES)
    result = run_program(
        EXAMPLE / "app.py", folder=EXAMPLE, variables={OUTDIR: str(folder), CONTEXT: context}
    )
    assert (result.returncode, result.stderr) == (0, "")
    found = "".join(path.read_text("utf-8") for path in folder.glob("*.json"))
    assert "aws:cdk:warning" not in found
    template: dict[str, Any] = json.loads((folder / "Vpn.template.json").read_text("utf-8"))
    return template


def test_the_endpoint_asks_the_handler_by_saml_and_certificates(template: dict[str, Any]) -> None:
    """Both kinds of authentication, and a connection log."""
    resources = template["Resources"].values()
    (endpoint,) = [each["Properties"] for each in resources if each["Type"] == "AWS::EC2::ClientVpnEndpoint"]
    kinds = {each["Type"] for each in endpoint["AuthenticationOptions"]}
    assert kinds == {"certificate-authentication", "federated-authentication"}
    assert endpoint["ClientConnectOptions"]["Enabled"] is True
    assert endpoint["ConnectionLogOptions"]["Enabled"] is True


def test_everything_is_in_the_stack(template: dict[str, Any]) -> None:
    """Three tables, alarms, a dashboard, and CodeDeploy's deployment group."""
    types = [each["Type"] for each in template["Resources"].values()]
    assert types.count("AWS::DynamoDB::Table") == 3
    assert {"AWS::CloudWatch::Dashboard", "AWS::CodeDeploy::DeploymentGroup", "AWS::SNS::Topic"} <= set(types)


def test_its_policies_pass_their_tests() -> None:
    """Each policy is reached by a test."""
    result = CliRunner().invoke(main, ["test", str(EXAMPLE / "policies"), "--require-coverage"])
    assert result.exit_code == 0, result.output
