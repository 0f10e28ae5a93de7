"""Findings in the forms that pipelines read."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest
from typer.testing import CliRunner

from client_connect_tools.cli import main

if TYPE_CHECKING:
    from pathlib import Path

TEXT = """\
@id("all") permit (principal, action, resource);
@id("old") @message("100% sure: no,\\nreally") forbid (principal, action, resource)
  when { context.platfrom == "win" };
"""
TESTS = """\
[[test]]
name = "windows"
request = { platform = "win" }
expect = "deny"

[[test]]
name = "mac"
request = { platform = "mac" }
expect = "allow"
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a policy that has a mistake, which is where the command runs."""
    (tmp_path / "p o.cedar").write_text(TEXT)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str, given: str | None = None) -> tuple[int, str, str]:
    """Run the command; return its status, output and errors."""
    result = CliRunner().invoke(main, list(arguments), input=given)
    return result.exit_code, result.stdout, result.stderr


def reported(form: str) -> str:
    """Return what is found, in a form."""
    status, output, _ = run("check", "p o.cedar", "--output-format", form)
    assert status == 1
    return output


@pytest.mark.usefixtures("folder")
def test_github_annotates_the_part_of_the_line() -> None:
    """It is one command, whatever the file is called."""
    (command,) = reported("github").splitlines()
    assert command.startswith(
        "::error file=p o.cedar,line=3,col=10,endColumn=26,title=type::[old] attribute `platfrom` in context"
    )


def test_nothing_that_is_reported_is_another_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither by its file's name nor by its own text."""
    (tmp_path / "a,b=c%0A::warning.cedar").write_text(
        '@id("::error::x\\u{a}") permit (principal, action, resource) when { 1 };'
    )
    monkeypatch.chdir(tmp_path)
    status, output, _ = run("check", ".", "--output-format", "github")
    assert status == 1
    for line in output.splitlines():
        name, place, said = line[2:].split("::", 2) if line.count("::") > 1 else ("", "", "")
        assert line.startswith("::error file=a%2Cb=c%250A%3A%3Awarning.cedar,line=1")
        assert said or place or name


@pytest.mark.usefixtures("folder")
def test_gitlab_keeps_the_fingerprint_when_lines_move(folder: Path) -> None:
    """So it can see the changes of a merge request."""
    (issue,) = json.loads(reported("gitlab"))
    assert issue["check_name"] == "type"
    assert issue["severity"] == "major"
    assert issue["location"] == {"path": "p o.cedar", "lines": {"begin": 3}}
    (folder / "p o.cedar").write_text(f"// new\n{TEXT}")
    (moved,) = json.loads(reported("gitlab"))
    assert (moved["location"]["lines"]["begin"], moved["fingerprint"]) == (4, issue["fingerprint"])


@pytest.mark.usefixtures("folder")
def test_sarif_names_the_rule_and_the_region() -> None:
    """The file is a relative URI, which code scanning resolves in the repository."""
    log: dict[str, Any] = json.loads(reported("sarif"))
    (run_,) = log["runs"]
    (result,) = run_["results"]
    assert log["version"] == "2.1.0"
    assert run_["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"] == "type"
    location = result["locations"][0]["physicalLocation"]
    assert location["artifactLocation"]["uri"] == "p%20o.cedar"
    assert location["region"] == {"startLine": 3, "startColumn": 10, "endColumn": 26}


@pytest.mark.usefixtures("folder")
def test_junit_has_a_case_for_each_policy() -> None:
    """Those without findings pass."""
    root = ET.fromstring(reported("junit").encode())  # noqa: S314 - our own
    assert (root.get("tests"), root.get("failures")) == ("2", "1")
    passed, failed = root.iter("testcase")
    assert (passed.get("name"), passed.find("failure")) == ("all", None)
    assert failed.get("name") == "old: type"
    failure = failed.find("failure")
    assert failure is not None
    assert "platfrom" in failure.get("message", "")


@pytest.mark.parametrize(
    ("form", "passed", "failed"),
    [
        ("github", "", "::error file=p.tests.toml,line=1,col=1,title=policy-test-failed::windows%3A expect"),
        ("gitlab", "", '"check_name": "policy-test-failed"'),
        ("sarif", "", '"ruleId": "policy-test-failed"'),
        ("junit", 'name="mac"', "<failure message="),
        ("text", "passed p.tests.toml:6: mac", "FAILED p.tests.toml:1: windows"),
        ("json", '"name": "mac"', '"failed": 1'),
    ],
)
def test_a_test_that_fails_is_reported(folder: Path, form: str, passed: str, failed: str) -> None:
    """With why, in each form."""
    (folder / "p o.cedar").unlink()
    (folder / "p.cedar").write_text('@id("all") permit (principal, action, resource);\n')
    (folder / "p.tests.toml").write_text(TESTS)
    status, output, _ = run("test", ".", "--output-format", form)
    assert status == 1
    assert failed.replace("%3A", ":") in output
    assert passed in output
    if form == "junit":
        assert ET.fromstring(output.encode()).get("tests") == "2"  # noqa: S314 - our own


def test_standard_input_is_checked() -> None:
    """As an editor gives it, before it is saved."""
    status, output, _ = run("check", "-", given=TEXT)
    assert status == 1
    assert output.startswith("error: <stdin>:3:10: [old] attribute `platfrom`")


def test_two_forms_are_refused() -> None:
    """One of them would be lost."""
    status, output, errors = run("check", "-", "--json", "--output-format", "sarif", given=TEXT)
    assert (status, output) == (2, "")
    assert errors == "--json is short for --output-format json, and not for sarif; give one of them\n"


def test_a_line_that_is_long_is_shown_in_part() -> None:
    """The part that is meant is always there."""
    policy = f'@id("{"a" * 300}") permit (principal, action, resource) when {{ context.platfrom == "win" }};'
    _, output, _ = run("check", "-", given=policy)
    _, code, mark, _ = output.splitlines()
    assert len(code) <= 170
    assert code[mark.index("^") :].startswith("context.platfrom")
