"""The page on what policies decide: its outputs and its commands."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from client_connect_tools.cli import main

DOCS = (Path(__file__).parents[4] / "docs" / "matrix.md").read_text("utf-8")
SESSIONS = re.findall(r"```console\n\$ client-connect ([^\n]+)\n(.*?)```", DOCS, re.DOTALL)
FILES = [yaml.safe_load(text) for text in re.findall(r"```yaml\n(.*?)```", DOCS, re.DOTALL)]
TEST = '[[test]]\nname = "staff"\nrequest = { username = "alice", groups = ["staff"] }\nexpect = "allow"\n'


@pytest.fixture(autouse=True)
def _folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The policies of the page, and of the branch before."""
    (text,) = re.findall(r"```cedar\n(.*?)```", DOCS, re.DOTALL)
    for folder, policies in {
        "policies": text,
        "new": text.replace("7 * 60", "8 * 60"),
        "base/policies": text,
    }.items():
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "vpn.cedar").write_text(policies, "utf-8")
        (tmp_path / folder / "vpn.tests.toml").write_text(TEST, "utf-8")
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(("command", "output"), SESSIONS)
def test_the_docs_show_what_is_printed(command: str, output: str) -> None:
    """Without the blanks at the ends of lines."""
    result = CliRunner().invoke(main, shlex.split(command), catch_exceptions=False)
    printed = "\n".join(line.rstrip() for line in result.stdout.splitlines())
    assert f"{printed}\n" == output


def commands() -> list[str]:
    """Return the commands of this library in the files of the page."""
    workflow, job, hooks = FILES
    steps = [step.get("run", "") for step in workflow["jobs"]["policies"]["steps"]]
    scripts = job["policies"]["script"]
    entries = [hook["entry"] for repository in hooks["repos"] for hook in repository["hooks"]]
    return [each for each in (*steps, *scripts, *entries) if each.startswith("client-connect ")]


@pytest.mark.parametrize("command", commands())
def test_the_commands_of_pipelines_run(command: str) -> None:
    """They pass, as nothing changes."""
    arguments = shlex.split(command.partition(" > ")[0])[1:]
    result = CliRunner().invoke(main, arguments, catch_exceptions=False)
    assert (result.exit_code, result.stderr) == (0, "")
