"""``client-connect decide --as-test`` writes the test of what it decided."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from client_connect_tools.cli import main
from local_aws.emulator import ROOT

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    "options",
    [
        [
            "--username",
            "bob",
            "--groups",
            "contractors",
            "--platform",
            "android",
            "--at",
            "2026-11-22T23:00:00Z",
        ],
        [
            "--username",
            "bob",
            "--groups",
            "staff",
            "--time-zone",
            "Europe/Berlin",
            "--at",
            "2026-11-22T23:00:00Z",
        ],
        ["--username", 'o"brien\\', "--groups", "contractors", "--public-ip", "203.0.113.7"],
        ["--common-name", "laptop-1", "--device", '{"compliant": true, "tags": {"owner": "bob"}}'],
        [
            "--username",
            "bob",
            "--groups",
            "contractors",
            "--waiver",
            "contractor-hours",
            "--inventory",
            "unknown",
        ],
    ],
)
def test_the_test_passes(tmp_path: Path, options: list[str]) -> None:
    """Beside the policies that decided, and it fails with the opposite expectation."""
    policies = tmp_path / "vpn.cedar"
    shutil.copyfile(ROOT / "examples" / "policies" / "contractors.cedar", policies)
    written = CliRunner().invoke(main, ["decide", str(policies), *options, "--as-test"])
    assert written.exit_code == 0, written.stderr
    tests = policies.with_suffix(".tests.toml")
    tests.write_text(written.stdout)
    assert CliRunner().invoke(main, ["test", str(policies)]).exit_code == 0
    opposite = {"allow": "deny", "deny": "allow"}
    (expected,) = (each for each in opposite if f'expect = "{each}"' in written.stdout)
    tests.write_text(written.stdout.replace(f'expect = "{expected}"', f'expect = "{opposite[expected]}"'))
    assert CliRunner().invoke(main, ["test", str(policies)]).exit_code == 1


def test_fails_for_a_test_as_json(tmp_path: Path) -> None:
    """It is one or the other."""
    policies = tmp_path / "vpn.cedar"
    policies.write_text('@id("all") permit (principal, action, resource);')
    result = CliRunner().invoke(main, ["decide", str(policies), "--username", "bob", "--as-test", "--json"])
    assert (result.exit_code, "leave --json out" in result.stderr) == (2, True)


def test_fails_for_what_no_client_sends(tmp_path: Path) -> None:
    """No test may be about it."""
    policies = tmp_path / "vpn.cedar"
    policies.write_text('@id("all") permit (principal, action, resource);')
    result = CliRunner().invoke(
        main, ["decide", str(policies), "--username", "bob", "--platform", "Windows", "--as-test"]
    )
    assert result.exit_code == 2
    assert "--as-test: no client sends such a request" in result.stderr
