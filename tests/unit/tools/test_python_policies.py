"""Rules in a Python module, for every command that takes policies."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from client_connect_tools import InvalidPolicies, Policies, Rules
from client_connect_tools.cli import main

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MODULE = """
from client_connect_tools import Policies, Rules, Scope
rules = Rules(platforms=["win"], allowed_networks=["office"])
policies = Policies.from_string('@id("all") permit (principal, action, resource);')
number = 7
listed = [rules, Rules(blocked_users=["mallory"], scope=Scope("incident"))]
"""
TESTS = """
[[test]]
name = "a Mac"
request = { username = "bob", platform = "mac", public-ip = "198.51.100.7" }
expect = "deny"
by = ["platform"]
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The working directory, with a module of rules, its networks and its tests."""
    (tmp_path / "vpn_rules.py").write_text(MODULE)
    (tmp_path / "vpn_rules.tests.toml").write_text(TESTS)
    (tmp_path / "networks").mkdir()
    (tmp_path / "networks" / "office.txt").write_text("198.51.100.0/24\n")
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    sys.modules.pop("vpn_rules", None)


def run(*arguments: str) -> tuple[int, str]:
    """Run a command; return the status and everything that it printed."""
    result = CliRunner().invoke(main, arguments)
    return result.exit_code, result.stdout + result.stderr


@pytest.mark.usefixtures("folder")
def test_rules_are_checked_tested_decided_and_printed() -> None:
    """Like a folder of policies, with the files next to the module."""
    assert run("check", "vpn_rules:rules") == (0, "3 policies: nothing found\n")
    assert run("check", "vpn_rules:policies") == (0, "1 policy: nothing found\n")
    status, printed = run("test", "vpn_rules:rules")
    assert (status, "1 test passed" in printed) == (0, True), printed
    status, printed = run("decide", "vpn_rules:rules", "--platform", "mac", "--username", "bob")
    assert "platform" in printed
    status, printed = run("rules", "vpn_rules:rules")
    assert status == 0
    expected = Rules(platforms=["win"], allowed_networks=["office"])
    assert printed == Policies.from_rules(expected).text


@pytest.mark.usefixtures("folder")
def test_several_rules_and_files_are_one_set(folder: Path) -> None:
    """For every command, with one permit for all rules."""
    (folder / "team_rules.py").write_text(
        'from client_connect_tools import Rules, Scope\nrules = Rules(platforms=["mac"], scope=Scope("team"))'
    )
    (folder / "more.cedar").write_text(
        '@id("closed") @message("No.") forbid (principal in ClientVpn::Group::"interns", action, resource);'
    )
    every = ["vpn_rules:listed", "team_rules:rules", "more.cedar"]
    assert run("check", *every) == (0, "6 policies: nothing found\n")
    status, printed = run("rules", *every)
    assert (status, printed.count("permit (")) == (0, 1)
    for id_ in ("platform", "incident-blocked-users", "team-platform", "closed"):
        assert f'@id("{id_}")' in printed
    status, printed = run("test", *every)
    assert (status, "1 test passed" in printed) == (0, True), printed
    status, printed = run("decide", *every, "--username", "bob", "--groups", "interns", "--platform", "win")
    for id_ in ("closed", "team-platform"):
        assert f"  {id_} (forbid)" in printed.partition("Other policies")[0]
    sys.modules.pop("team_rules", None)


@pytest.mark.usefixtures("folder")
def test_tests_of_rules_are_beside_the_module(folder: Path) -> None:
    """The error says so, without any."""
    (folder / "vpn_rules.tests.toml").unlink()
    assert run("test", "vpn_rules:rules") == (
        2,
        'there are no tests for "vpn_rules:rules"; write some in "vpn_rules.tests.toml"\n',
    )


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("name", "problem"),
    [
        (
            "vpn_rules:none",
            '"none" in vpn_rules is not there; name Rules, a list of them, or Policies',
        ),
        ("vpn_rules:number", '"number" in vpn_rules is of the type int; name Rules'),
        ("missing:rules", "cannot import missing: ModuleNotFoundError: No module named"),
        ("broken:rules", "cannot import broken: ZeroDivisionError: division by zero"),
        ("leaving:rules", "cannot import leaving: SystemExit: 0"),
    ],
)
def test_fails_for_what_are_no_rules(folder: Path, name: str, problem: str) -> None:
    """With what came, and without a traceback."""
    (folder / "broken.py").write_text("1 / 0")
    (folder / "leaving.py").write_text("raise SystemExit(0)")
    status, printed = run("check", name)
    assert status == 2
    assert printed.startswith(problem)


@pytest.mark.usefixtures("folder")
def test_a_bundle_runs_no_code_of_the_working_directory(tmp_path: Path) -> None:
    """Whoever builds what is deployed need not trust it."""
    status, printed = run("bundle", "vpn_rules:rules", "--output", str(tmp_path / "out"))
    assert status == 2
    assert 'cannot read the policies "vpn_rules:rules"' in printed
    assert "vpn_rules" not in sys.modules


def test_fails_for_tests_that_are_not_there(tmp_path: Path) -> None:
    """They would pass without a word."""
    with pytest.raises(InvalidPolicies, match=r'there are no policy tests ".*none.tests.toml"'):
        Policies.from_rules(Rules(platforms=["win"]), tests=[tmp_path / "none.tests.toml"])
