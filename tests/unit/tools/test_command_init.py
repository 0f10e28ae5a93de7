"""``client-connect init``: a project that works as it is."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import pytest
import yaml
from typer.testing import CliRunner

from client_connect_tools.cli import main
from tests.support.programs import run_program

if TYPE_CHECKING:
    from pathlib import Path

FILES = {
    ".github/workflows/policies.yml", ".gitignore", ".vscode/settings.json", "app.py", "cdk.json",
    "client-connect.toml", "policies/vpn.cedar", "policies/vpn.tests.toml", "requirements.txt", "vpn.cedarschema",
}  # fmt: skip


def run(*arguments: object) -> tuple[int, str, str]:
    """Run a command; return its status, output and errors."""
    result = CliRunner().invoke(main, list(map(str, arguments)), catch_exceptions=False)
    return result.exit_code, result.stdout, result.stderr


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A new project, which is where the commands run."""
    status, output, _ = run("init", tmp_path / "vpn")
    assert (status, output.count("wrote ")) == (0, len(FILES))
    monkeypatch.chdir(tmp_path / "vpn")
    return tmp_path / "vpn"


def test_the_files_are_there(project: Path) -> None:
    """And no others, such as those that are half written."""
    found = {each.relative_to(project).as_posix() for each in project.rglob("*") if each.is_file()}
    assert found == FILES


def test_the_pipeline_passes(project: Path) -> None:
    """Each of its commands, without a finding."""
    workflow = yaml.safe_load((project / ".github" / "workflows" / "policies.yml").read_text("utf-8"))
    steps = [step.get("run", "") for step in workflow["jobs"]["policies"]["steps"]]
    commands = [each.split()[1:] for each in steps if each.startswith("client-connect ")]
    assert len(commands) == 3
    for command in commands:
        assert run(*command)[0] == 0


def test_the_editor_finds_the_schema(project: Path) -> None:
    """It is what the command prints."""
    settings = json.loads((project / ".vscode" / "settings.json").read_text())
    assert (project / settings["cedar.schemaFile"]).read_text() == run("schema")[1]


def test_the_app_synthesizes(project: Path) -> None:
    """With the endpoint and without it; in shadow mode."""
    for context in ({}, {"endpoint": "cvpn-endpoint-0123456789abcdef0"}):
        variables = {"CDK_CONTEXT_JSON": json.dumps({**context, "aws:cdk:bundling-stacks": []})}
        result = run_program((project / "app.py").read_text(), folder=project, variables=variables)
        assert result.returncode == 0, result.stderr
    assert json.loads((project / "cdk.json").read_text())["app"] == "python app.py"
    assert sys.version_info >= (3, 11)


def test_a_change_fails_its_test(project: Path) -> None:
    """As a newcomer's first mistake does."""
    policies = project / "policies" / "vpn.cedar"
    policies.write_text(policies.read_text().replace("weekday <= 5", "weekday <= 7"))
    status, output, _ = run("test", "policies")
    assert (status, "staff on a Sunday" in output) == (1, True)


def test_nothing_that_is_there_is_overwritten(project: Path) -> None:
    """Nor is anything else written then."""
    (project / "app.py").write_text("mine")
    (project / "cdk.json").unlink()
    status, output, errors = run("init", project)
    assert (status, output, "exists already, and nothing was written" in errors) == (2, "", True)
    assert (project / "app.py").read_text() == "mine"
    assert not (project / "cdk.json").exists()
