"""Groups without members: in policies, by a list of all groups, and in tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from client_connect_tools.cli import main

if TYPE_CHECKING:
    from pathlib import Path

POLICIES = """
@id("staff") permit (principal in ClientVpn::Group::"vpn-staff", action, resource);
@id("admins") permit (principal, action, resource) when { principal in [ClientVpn::Group::"admin"] };
@id("ignored") @ignore("unknown-group") permit (principal in ClientVpn::Group::"new", action, resource);
"""
TEST = """
[[test]]
name = "staff"
request = { username = "bob", groups = ["vpn-staf", "other"], platform = "win" }
expect = "deny"
"""


def checked(folder: Path, groups: str | None, *options: str, tests: str = "") -> tuple[list[str], str, int]:
    """Check the policies; return what is found, what is reported, and the status."""
    (folder / "vpn.cedar").write_text(POLICIES)
    (folder / "vpn.tests.toml").write_text(tests)
    arguments = ["check", str(folder / "vpn.cedar"), *options]
    if groups is not None:
        (folder / "groups.list").write_text(groups)
        arguments += ["--groups", str(folder / "groups.list")]
    result = CliRunner().invoke(main, arguments)
    lines = [line.partition("warning: ")[2] for line in result.stdout.splitlines()]
    found = [line.removeprefix(f"{folder}/") for line in lines if line]
    return found, result.stderr, result.exit_code


def test_groups_that_a_list_does_not_have_are_found(tmp_path: Path) -> None:
    """With the one that was probably meant; a policy can say that it knows better."""
    assert checked(tmp_path, "# of the directory\nvpn-staff\n\n admins \n") == (
        ['vpn.cedar:3:91: [admins] there is no group "admin"; write "admins" (unknown-group)'],
        "",
        1,
    )
    assert checked(tmp_path, "vpn-staff\nadmins\n", "--ignore", "unknown-group") == ([], "", 0)
    assert checked(tmp_path, "vpn-staff\nadmin\n") == ([], "", 0)
    assert checked(tmp_path, None) == ([], "", 0)


@pytest.mark.parametrize(("groups", "problem"), [("# none\n\n", "has no groups; give one a line")])
def test_fails_for_a_list_without_groups(tmp_path: Path, groups: str, problem: str) -> None:
    """Every group would be unknown."""
    found, reported, status = checked(tmp_path, groups)
    assert (found, status) == ([], 2)
    assert problem in reported


def test_fails_for_a_list_for_native_policies(tmp_path: Path) -> None:
    """In them, no group would be looked for."""
    found, reported, status = checked(tmp_path, "vpn-staff\n", "--native")
    assert (found, status) == ([], 2)
    assert "--groups has no meaning with --native" in reported


def test_fails_for_a_list_that_is_not_there(tmp_path: Path) -> None:
    """With the name of the file."""
    found, reported, status = checked(tmp_path, None, "--groups", str(tmp_path / "none"))
    assert (found, status) == ([], 2)
    assert f'cannot read the groups "{tmp_path / "none"}"' in reported


def test_groups_of_tests_that_are_misspelt_are_found(tmp_path: Path) -> None:
    """A test that expects a denial passes with any group without members."""
    found, _, status = checked(tmp_path, None, tests=TEST)
    message = 'the test has the group "vpn-staf", which is not "vpn-staff" in the policies; is one of them misspelt?'
    assert (found, status) == ([f"vpn.tests.toml:2:1: {message} (similar-name)"], 1)
    assert checked(tmp_path, None, "--ignore", "similar-name", tests=TEST)[0] == []
    assert checked(tmp_path, None, tests=TEST.replace("vpn-staf", "vpn-staff"))[0] == []
    assert checked(tmp_path, None, tests="[[test]]")[0] == []
