"""README's examples run, and its statements hold; tests/e2e/test_quick_start.py follows its quick start."""

from __future__ import annotations

import inspect
import json
import re
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from cdk_client_connect import ClientConnectHandler, MinimumVersion, Rules
from client_connect import Authorizer, ConnectionRequest, Facts
from client_connect_tools import Policies, check, lint
from client_connect_tools.cli import main
from tests.support.connection_logs import record
from tests.support.programs import run_program

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")
HANDLER = (ROOT / "docs" / "handler.md").read_text("utf-8")
COMMANDS = (ROOT / "docs" / "command-line.md").read_text("utf-8")
BY_HAND, APP = range(2)


def examples(language: str) -> list[str]:
    """Return the examples in one language."""
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.DOTALL | re.MULTILINE)


def sent(**changes: object) -> dict[str, Any]:
    """Return an event under mutual authentication; changes name fields with underscores."""
    fields: dict[str, Any] = {
        "connection-id": "cvpn-connection-1",
        "endpoint-id": "cvpn-endpoint-1",
        "common-name": "laptop-1",
        "username": "",
        "platform": "win",
        "platform-version": "10.0.22631,amd64",
        "public-ip": "198.51.100.7",
        "client-openvpn-version": "2.7.0",
        "groups": [],
        "schema-version": "v3",
    }
    return fields | {name.replace("_", "-"): value for name, value in changes.items()}


@pytest.mark.parametrize("example", examples("python"), ids=["by hand", "an app"])
def test_each_python_example_runs_as_it_stands(example: str, tmp_path: Path) -> None:
    """Each example in Python runs as it stands, in its own folder."""
    result = run_program(example, folder=tmp_path)
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.parametrize(
    ("changes", "allowed"),
    [
        ({}, True),
        ({"common_name": "lost"}, False),
        ({"platform": "linux"}, False),
        ({"platform_version": "10.0.17763,amd64"}, False),
    ],
    ids=["a laptop", "a lost one", "another platform", "an old Windows"],
)
def test_the_app_decides_what_its_endpoint_sends(changes: dict[str, str], allowed: bool) -> None:  # noqa: FBT001
    """Each of its rules denies a user under mutual authentication alone, where there are no users."""
    example = examples("python")[APP]
    assert "user_based_authentication" not in example
    definition = example[example.index("rules = ") : example.index("ec2.Vpc")]
    names: dict[str, Any] = {"Rules": Rules, "MinimumVersion": MinimumVersion}
    exec(definition, names)  # noqa: S102 - the documented text itself
    authorizer = Authorizer(Policies.from_rules(names["rules"]).text)
    decision = authorizer.decide(Facts(ConnectionRequest.from_event(sent(**changes))))
    assert (decision.allowed, decision.errors) == (allowed, ())


def test_the_pitfalls_of_the_function_by_hand_are_real() -> None:
    """It lets Windows 7 in, takes the clock of Lambda, names a key of v1, and raises; the policies do not."""
    names: dict[str, Any] = {}
    exec(examples("python")[BY_HAND].replace("7 <= datetime.now().hour < 19", "True"), names)  # noqa: S102 - the documented text itself
    old = sent(platform_version="6.1 64bit")
    response = names["handler"](old, None)
    assert response["allow"]
    assert "error-msg-on-denied-connection" not in response
    with pytest.raises(KeyError):
        names["handler"]({}, None)
    (cedar,) = examples("cedar")
    decision = Authorizer(cedar).decide(Facts(ConnectionRequest.from_event(old)))
    assert (decision.allowed, "windows" in decision.determining) == (False, True)


def test_the_policies_are_eight_lines_without_findings() -> None:
    """They pass the checks and the lints, and are as short as promised."""
    (cedar,) = examples("cedar")
    policies = Policies.from_string(cedar)
    assert check(policies) + lint(policies) == []
    assert len(cedar.splitlines()) == 8


def test_the_app_is_short() -> None:
    """It has at most 15 lines of code."""
    lines = [line for line in examples("python")[APP].splitlines() if line.strip()]
    assert len(lines) <= 15


@pytest.mark.parametrize("name", ["README", "docs/handler", "docs/command-line", "docs/index"])
def test_the_commands_are_targets_of_the_makefile(name: str) -> None:
    """Each `make ...` is a target of the Makefile."""
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    named = re.findall(r"`(?:sudo )?make ([a-z]+)`", (ROOT / f"{name}.md").read_text("utf-8"))
    assert set(named) <= set(targets)


def test_the_replay_command_writes_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """README's command reports a connection that would newly be denied, with status 1, and writes the page."""
    (command,) = [text for text in examples("sh") if "replay" in text]
    (tmp_path / "new.cedar").write_text(examples("cedar")[0], "utf-8")
    (tmp_path / "logs").mkdir()
    old = record(platform_version="10.0.17763,amd64")
    (tmp_path / "logs" / "log.json").write_text(json.dumps(old), "utf-8")
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(main, command.split()[1:])
    assert (result.exit_code, (tmp_path / "report.html").is_file()) == (1, True), result.output


def test_table_of_defaults_is_complete() -> None:
    """The table of defaults names every keyword, and no other."""
    (table,) = re.findall(r"## Defaults\n\n(.*?)\n\n", HANDLER, re.DOTALL)
    rows = table.splitlines()[2:]
    named = {name for row in rows for name in re.findall(r"`(\w+)`", row.split("|")[1])}
    keywords = set(inspect.signature(ClientConnectHandler.__init__).parameters) - {"self", "scope", "id"}
    assert named == keywords


def test_table_of_commands_is_complete() -> None:
    """It names every command, and no other."""
    rows = re.findall(r"^\| (`.*?) \|", COMMANDS, re.MULTILINE)
    named = {name.split()[0] for row in rows for name in re.findall(r"`([^`]+)`", row)}
    commands: Any = get_command(main)
    assert named == set(commands.commands)


def test_links_within_the_project_lead_somewhere() -> None:
    """Links within the project lead somewhere."""
    links = [link for link in re.findall(r"\]\(([^)]+)\)", README) if not link.startswith("https://")]
    assert links
    assert [link for link in links if not (ROOT / link.partition("#")[0]).exists()] == []
