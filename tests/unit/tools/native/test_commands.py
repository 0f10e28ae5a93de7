"""The commands with `--native`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from client_connect_tools import native
from client_connect_tools.cli import main

if TYPE_CHECKING:
    from typer.testing import Result

SOUND = """\
permit (principal, action, resource)
when { context has jamf && context.jamf has risk && context.jamf.risk == "LOW" };
"""
TESTS = """\
[[test]]
name = "low"
jamf = { risk = "LOW" }
expect = "allow"
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in an empty folder."""
    monkeypatch.chdir(tmp_path)


def run(command: str, *arguments: str, policies: str = SOUND, tests: str | None = TESTS) -> Result:
    """Run a command with `--native` for `vpn.cedar`."""
    Path("vpn.cedar").write_text(policies, "utf-8")
    if tests is not None:
        Path("vpn.tests.toml").write_text(tests, "utf-8")
    return CliRunner().invoke(main, [command, "--native", "vpn.cedar", *arguments])


def test_check_prints_findings_only_with_status_1() -> None:
    """Nothing is printed of what is right; findings are, with status 1."""
    assert (run("check").exit_code, run("check").stdout) == (0, "1 policy: nothing found\n")
    result = run("check", policies=SOUND.replace('"LOW"', "1"))
    assert (result.exit_code, result.stdout.partition(":1:1: ")[0]) == (1, "error: vpn.cedar")
    assert "context.jamf.risk == 1: the types Long and String are not compatible" in result.stdout


def test_check_by_provider() -> None:
    """The providers that are named are those that the endpoint has."""
    assert run("check", "--trust-provider", "jamf").exit_code == 0
    assert run("check", "--trust-provider", "jumpcloud", "--trust-provider", "jamf").exit_code == 0
    result = run("check", "--trust-provider", "crowdstrike")
    assert (result.exit_code, result.stdout.count("provider-not-configured")) == (1, 1)


def test_check_as_json() -> None:
    """Findings have the same fields as those of the handler's policies."""
    result = run("check", "--json", policies='@id("x") ' + SOUND)
    assert result.exit_code == 1
    (finding,) = json.loads(result.stdout)
    assert (finding["rule"], finding["severity"], finding["policy"]) == ("undocumented-form", "warning", "x")
    assert (
        run("check", "--json", "--ignore", "undocumented-form", policies='@id("x") ' + SOUND).stdout == "[]\n"
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["check", "--native", "--ignore", "upper-case"], 'there is no lint "upper-case"; there are undocumented-form'),
        (["check", "--ignore", "possibly-absent"], 'there is no lint "possibly-absent"; there are forbid-without'),
        (["check", "--native", "--trust-provider", "intune"], 'no trust provider "intune"; there are crowdstrike'),
        (["check", "--trust-provider", "jamf"], "add --native, or leave it out"),
        (["test", "--trust-provider", "jamf"], "add --native, or leave it out"),
        (["test", "--native"], 'there are no tests for "vpn.cedar"; write some in "vpn.tests.toml"'),
        (["test", "--native", "--time-zone", "Europe/Berlin"], "--time-zone has no meaning with --native"),
    ],
)  # fmt: skip
def test_fails_with_status_2_for_wrong_use(arguments: list[str], message: str) -> None:
    """Options that cannot be meant is status 2, with what to give instead."""
    Path("vpn.cedar").write_text(SOUND, "utf-8")
    result = CliRunner().invoke(main, [*arguments, "vpn.cedar"])
    assert result.exit_code == 2
    assert message in result.stderr


def test_tests_run_as_those_of_the_handlers_policies() -> None:
    """Tests run as those of the handler's policies do."""
    result = run("test", "--require-coverage")
    assert (result.exit_code, result.stdout) == (0, "passed vpn.tests.toml:1: low\n\n1 test passed\n")
    result = run("test", tests=TESTS.replace("allow", "deny"))
    assert result.exit_code == 1
    assert 'decision: allow, determined by "vpn.cedar:1"' in result.stdout
    uncovered = run("test", "--require-coverage", tests=TESTS.replace("LOW", "HIGH").replace("allow", "deny"))
    assert uncovered.exit_code == 1
    assert "no test reaches: vpn.cedar:1" in uncovered.stdout


def test_test_as_json() -> None:
    """The context is in the place of the request."""
    content = json.loads(run("test", "--json").stdout)
    assert (content["passed"], content["failed"], content["uncovered"]) == (1, 0, [])
    (test,) = content["tests"]
    assert test["context"] == {"jamf": {"risk": "LOW"}}
    assert test["decision"]["determining"] == ["vpn.cedar:1"]


def test_test_of_what_is_not_right() -> None:
    """Policies with errors are status 1, tests with errors 2."""
    assert run("test", "--trust-provider", "crowdstrike").exit_code == 1
    assert run("test", tests=TESTS + "request = {}").exit_code == 2


def test_the_schema_is_that_of_what_aws_documents() -> None:
    """The schema is that of what AWS documents."""
    result = CliRunner().invoke(main, ["schema", "--native"])
    assert (result.exit_code, result.stdout) == (0, native.schema_text())
    assert "crowdstrike" not in CliRunner().invoke(main, ["schema"]).stdout
