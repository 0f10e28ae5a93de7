"""`client-connect test`."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from client_connect_tools.cli import main

if TYPE_CHECKING:
    from typer.testing import Result

POLICIES = """
@id("all")
permit (principal, action, resource);

@id("night")
@message("Sleep well.")
forbid (principal, action, resource)
unless { context.time.minuteOfDay >= 420 };
"""
DAY = '[[test]]\nname = "by [bold]day[/bold]"\nexpect = "allow"\n\n'
NIGHT = '[[test]]\nname = "at night :moon:"\nat = 2026-01-05T02:00:00Z\nexpect = "deny"\nby = ["night"]\n\n'
WRONG = '[[test]]\nname = "wrong"\nexpect = "deny"\nrequest = { username = "[red]bob" }\n\n'


@pytest.fixture(autouse=True)
def policies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of the policies, in the working folder."""
    monkeypatch.chdir(tmp_path)
    folder = Path("policies")
    folder.mkdir()
    (folder / "vpn.cedar").write_text(POLICIES, "utf-8")
    return folder


def run(tests: str | None, *arguments: str, **environment: str) -> Result:
    """Run the command, on a narrow terminal's width."""
    if tests is not None:
        Path("policies/vpn.tests.toml").write_text(tests, "utf-8")
    return CliRunner().invoke(
        main, ["test", *(arguments or ("policies",))], env={"COLUMNS": "30", **environment}
    )


def test_each_passing_test_is_one_line() -> None:
    """One line per test, as its name is written, and a summary; status 0."""
    result = run(DAY + NIGHT)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == (
        "passed policies/vpn.tests.toml:1: by [bold]day[/bold]\n"
        "passed policies/vpn.tests.toml:5: at night :moon:\n"
        "\n2 tests passed\n"
    )


def test_failures_follow_in_full_with_status_1() -> None:
    """Failures follow in full; status 1."""
    result = run(DAY + WRONG + NIGHT)
    assert (result.exit_code, result.stderr) == (1, "")
    assert result.stdout == (
        "passed policies/vpn.tests.toml:1: by [bold]day[/bold]\n"
        "FAILED policies/vpn.tests.toml:5: wrong\n"
        "passed policies/vpn.tests.toml:10: at night :moon:\n"
        "\n"
        "policies/vpn.tests.toml:5: wrong\n"
        '  expect: expected "deny"\n'
        '               got "allow"\n'
        '  decision: allow, determined by "all"\n'
        '  request: username = "[red]bob", platform = "win", public-ip = "192.0.2.1"\n'
        "  at: 2026-01-05T12:00:00Z, Monday 12:00 in UTC\n"
        "  Decided by\n"
        "    all (permit)\n"
        "  Other policies\n"
        "    night (forbid) did not apply\n"
        "      unless: `context.time.minuteOfDay >= 420` is true (context.time.minuteOfDay is 720)\n"
        "\n1 of 3 tests failed\n"
    )


def test_colours_are_for_terminals() -> None:
    """Captured output has none; a terminal has them, and the same text."""
    plain, coloured = run(DAY + WRONG), run(DAY + WRONG, FORCE_COLOR="1", TERM="xterm")
    assert "\x1b[" not in plain.stdout
    assert "\x1b[32mpassed\x1b[0m" in coloured.stdout
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured.stdout) == plain.stdout


def test_policies_that_no_test_reaches_are_named() -> None:
    """Policies that no test reaches are named, which is a failure only when it is asked for."""
    result = run(DAY)
    assert (result.exit_code, result.stdout.splitlines()[-2:]) == (
        0,
        ["1 test passed", "no test reaches: night"],
    )
    assert run(DAY, "policies", "--require-coverage").exit_code == 1
    assert run(DAY + NIGHT, "policies", "--require-coverage").exit_code == 0
    assert run(DAY + NIGHT + WRONG, "policies", "--require-coverage").exit_code == 1


def test_json_has_every_result_with_the_same_status() -> None:
    """Everything is there for programs, with the same status."""
    result = run(DAY + WRONG, "policies", "--json")
    assert result.exit_code == 1
    content = json.loads(result.stdout)
    assert (content["passed"], content["failed"], content["uncovered"]) == (1, 1, ["night"])
    passed, failed = content["tests"]
    assert (passed["file"], passed["line"], passed["name"]) == (
        "policies/vpn.tests.toml", 1, "by [bold]day[/bold]",
    )  # fmt: skip
    assert (passed["passed"], passed["differences"]) == (True, [])
    assert failed["differences"] == [{"key": "expect", "expected": "deny", "actual": "allow"}]
    assert failed["request"]["username"] == "[red]bob"
    assert failed["decision"]["determining"] == ["all"]
    assert (failed["at"], failed["timeZone"]) == ("2026-01-05T12:00:00+00:00", "UTC")
    assert run(DAY, "policies", "--json").exit_code == 0


def test_json_of_all_circumstances() -> None:
    """Times, versions and zones are texts."""
    test = (
        '[[test]]\nname = "x"\nexpect = "allow"\nwaivers = ["night"]\nactive-connections = 1\n'
        'device = { last-seen = 2026-01-01T00:00:00Z, os = "10.0", tags = { a = "b" } }\n'
    )
    (content,) = json.loads(run(test, "policies", "--json", "--time-zone", "Asia/Tokyo").stdout)["tests"]
    assert content["device"] == {
        "compliant": None,
        "lastSeen": "2026-01-01T00:00:00+00:00",
        "os": "10.0",
        "tags": {"a": "b"},
    }
    assert (content["waivers"], content["activeConnections"]) == (["night"], 1)
    assert (content["inventory"], content["timeZone"]) == ("known", "Asia/Tokyo")


def test_the_option_names_the_zone_of_tests_without_one() -> None:
    """The zone of the tests that name none."""
    assert run(NIGHT, "policies", "--time-zone", "Asia/Tokyo").exit_code == 1
    result = run(NIGHT, "policies", "--time-zone", "Tokyo")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == 'time zone "Tokyo" is not known; write "Asia/Tokyo"\n'


def test_a_file_has_its_own_tests() -> None:
    """A file's tests are those of its name, and no other policies take part."""
    Path("policies/lock.cedar").write_text('@id("lock") forbid (principal, action, resource);', "utf-8")
    assert run(DAY, "policies/vpn.cedar").exit_code == 0
    assert run(DAY, "policies").exit_code == 1


@pytest.mark.parametrize("path", ["policies", "policies/vpn.cedar"])
def test_fails_without_tests(path: str) -> None:
    """Status 2, because a run of nothing must not look like success; it says where to write them."""
    result = run(None, path)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == f'there are no tests for "{path}"; write some in "policies/vpn.tests.toml"\n'


def test_fails_for_wrong_tests_and_policies() -> None:
    """Unreadable input is reported before anything runs: status 2 for tests and paths, 1 for policies."""
    result = run(DAY + '[[test]]\nname = "x"\nexpct = "deny"\n')
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.splitlines()[0] == "the policy tests have 2 problems:"
    assert (
        '  policies/vpn.tests.toml:5: test "x": "expct" is not known; write "expect"; allowed'
        in result.stderr
    )
    Path("policies/vpn.cedar").write_text("permit (principal, action, resource);", "utf-8")
    result = run(DAY)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "the permit has no @id" in result.stderr
    assert run(DAY, "missing").exit_code == 2
