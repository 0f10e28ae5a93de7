"""The result of a replay, in the forms that pipelines read."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from typer.testing import CliRunner

from client_connect_tools.cli import main
from tests.support.connection_logs import connection, lines, record

POLICIES = """\
@id("all") permit (principal, action, resource);
@id("no-mac") forbid (principal, action, resource)
  when { context.platform == "mac" };
@id("healthy") forbid (principal, action, resource)
  when { context has device && context.device has compliant && !context.device.compliant };
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, with policies and a log."""
    monkeypatch.chdir(tmp_path)
    Path("vpn.cedar").write_text(POLICIES, "utf-8")
    people = [
        record(username=name, platform="mac", minutes=n)
        for n, name in enumerate(["eve", "bob", "amy", "dan"])
    ]
    denied = record(allowed=False, determining=["no-mac"], platform="win", minutes=8)
    Path("log.jsonl").write_bytes(lines(*people, record(username="bob", platform="mac", minutes=9), denied))
    return tmp_path


def run(*arguments: str) -> tuple[int, str]:
    """Replay the log; return the status and the output."""
    result = CliRunner().invoke(
        main,
        ["replay", "log.jsonl", "--policies", "vpn.cedar", "--jobs", "1", *arguments],
        catch_exceptions=False,
    )
    return result.exit_code, result.stdout


def test_github_annotates_the_policy_that_denies() -> None:
    """With the number of connections and the people."""
    status, output = run("--output-format", "github")
    assert status == 1
    allowed, denied = output.splitlines()
    assert allowed == (
        "::error file=vpn.cedar,line=2,col=1,title=newly-allowed::[no-mac] 1 connection of bob that was denied would "
        "be allowed, which no-mac denied before"
    )
    assert denied == (
        "::error file=vpn.cedar,line=2,col=1,title=newly-denied::[no-mac] 5 connections of amy, bob, dan and 1 more "
        "that were allowed would be denied"
    )
    assert "::warning file=vpn.cedar,line=2" in run("--output-format", "github", "--allow-change")[1]


def test_junit_has_a_case_for_each_policy() -> None:
    """Those that change nothing pass, and what is allowed is no failure."""
    root = ET.fromstring(run("--output-format", "junit")[1].encode())  # noqa: S314 - our own
    failed = {each.get("name") for each in root.iter("testcase") if each.find("failure") is not None}
    assert {each.get("name") for each in root.iter("testcase")} == failed | {"all", "healthy"}
    assert failed == {"no-mac: newly-denied", "no-mac: newly-allowed"}
    status, output = run("--output-format", "junit", "--allow-change")
    assert (status, ET.fromstring(output.encode()).get("failures")) == (0, "0")  # noqa: S314 - our own


def test_sarif_and_gitlab_name_the_place() -> None:
    """They are what code scanning and code quality show."""
    (found,) = json.loads(run("--output-format", "sarif")[1])["runs"]
    assert {each["ruleId"] for each in found["results"]} == {"newly-denied", "newly-allowed"}
    assert {
        each["location"]["lines"]["begin"] for each in json.loads(run("--output-format", "gitlab")[1])
    } == {2}


def test_what_no_policy_names_is_found_at_the_first() -> None:
    """A permit that is missing; what cannot be decided is at the policy that a fact is missing for."""
    Path("vpn.cedar").write_text(
        POLICIES.replace("permit (principal,", "permit (principal is ClientVpn::Device,"), "utf-8"
    )
    Path("log.jsonl").write_bytes(lines(record(username="eve"), record(username="eve", minutes=1)))
    output = run("--output-format", "github")[1]
    assert (
        "line=1,col=1,title=newly-denied::2 connections of eve that were allowed would be denied (no"
        in output
    )
    Path("vpn.cedar").write_text(POLICIES, "utf-8")
    Path("log.jsonl").write_bytes(lines(connection()))
    output = run("--output-format", "github")[1]
    assert (
        "line=4,col=1,title=undecidable::[healthy] 1 connection cannot be decided, because the log lacks"
        in output
    )


def test_json_is_what_it_was() -> None:
    """Under both names; two forms at once are refused."""
    totals = [json.loads(run(*given)[1])["totals"] for given in (["--json"], ["--output-format", "json"])]
    assert totals[0] == totals[1]
    assert run("--json", "--output-format", "sarif") == (2, "")
