"""docs/tutorial.md, as far as it needs no AWS: its commands print what it shows, and its app synthesizes."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from client_connect_tools import Policies, lint
from client_connect_tools.cli import main
from tests.support.programs import CONTEXT, OUTDIR, run_program

PAGE = (Path(__file__).parents[2] / "docs" / "tutorial.md").read_text("utf-8")
CERTIFICATE = "arn:aws:acm:eu-central-1:111111111111:certificate/11111111-1111-1111-1111-111111111111"


def block(language: str, number: int = 0) -> str:
    """Return an example of the page."""
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)[number]


def run(command: str) -> list[str]:
    """Run a command of the page, and return the lines that it printed."""
    name, *arguments = shlex.split(command)
    assert name == "client-connect"
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.output
    return [line for line in result.output.splitlines() if line]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project of steps 1 to 4."""
    folder = tmp_path_factory.mktemp("tutorial")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        run(block("sh").splitlines()[2])
    project = folder / "vpn"
    (project / "policies" / "vpn.cedar").write_text(block("cedar"), "utf-8")
    (project / "policies" / "vpn.tests.toml").write_text(block("toml"), "utf-8")
    (project / "app.py").write_text(block("python"), "utf-8")
    return project


@pytest.mark.parametrize("step", [1, 2], ids=["certificates", "tests"])
def test_commands_print_what_the_page_shows(
    project: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    """Each command with its output below it."""
    monkeypatch.chdir(project)
    assert run(block("sh", step)) == [line for line in block("text", step - 1).splitlines() if line]


def test_the_policies_have_no_findings(project: Path) -> None:
    """A tutorial sets an example."""
    assert lint(Policies.from_directory(project / "policies")) == []


def test_the_app_synthesizes_with_the_certificate(project: Path, tmp_path: Path) -> None:
    """The endpoint has the certificate twice, the handler, and one subnet, which is what is paid for."""
    context = {"certificate": CERTIFICATE, "aws:cdk:bundling-stacks": []}
    variables = {CONTEXT: json.dumps(context), OUTDIR: str(tmp_path)}
    result = run_program(project / "app.py", folder=project, variables=variables)
    assert (result.returncode, result.stderr) == (0, "")
    template = json.loads((tmp_path / "Vpn.template.json").read_text("utf-8"))
    resources = list(template["Resources"].values())
    (endpoint,) = [each["Properties"] for each in resources if each["Type"] == "AWS::EC2::ClientVpnEndpoint"]
    assert endpoint["ServerCertificateArn"] == CERTIFICATE
    assert endpoint["AuthenticationOptions"][0]["MutualAuthentication"] == {
        "ClientRootCertificateChainArn": CERTIFICATE
    }
    assert endpoint["ClientConnectOptions"]["Enabled"] is True
    assert sum(each["Type"] == "AWS::EC2::ClientVpnTargetNetworkAssociation" for each in resources) == 1
    assert {"EndpointId", "LogGroup"} <= template["Outputs"].keys()
