"""``client-connect matrix`` and ``client-connect diff``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from client_connect_tools.cli import main

if TYPE_CHECKING:
    from pathlib import Path

OLD = """
@id("staff") permit (principal in ClientVpn::Group::"staff", action, resource);
@id("hours") @message("Come back at 07:00.") forbid (principal, action, resource)
  when { context.time.minuteOfDay < 7 * 60 };
"""
LATER = OLD.replace("7 * 60", "8 * 60").replace("07:00", "08:00")


@pytest.fixture
def sets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with two sets of policies, which is where the commands run."""
    for name, text in {"old": OLD, "new": LATER}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "vpn.cedar").write_text(text)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str) -> tuple[int, str, str]:
    """Run a command; return its status, output and errors."""
    result = CliRunner().invoke(main, list(arguments), catch_exceptions=False)
    return result.exit_code, result.stdout, result.stderr


@pytest.mark.usefixtures("sets")
def test_the_matrix_is_a_table_with_the_messages() -> None:
    """Each policy's message is there once."""
    status, output, _ = run("matrix", "old")
    assert status == 0
    rows = [line.split() for line in output.splitlines() if " allow " in line or " deny " in line]
    assert rows == [
        ["any", "00:00", "to", "06:59", "deny", "hours"],
        ["staff", "07:00", "to", "23:59", "allow", "staff"],
        ["no", "named", "group", "07:00", "to", "23:59", "deny", "no", "policy", "permits", "it"],
    ]
    assert output.count("hours: Come back at 07:00.") == 1
    assert "nothing is waived" in output


@pytest.mark.usefixtures("sets")
def test_a_change_by_which_someone_is_denied_fails() -> None:
    """It says which policy changed, for which users, from when to when."""
    status, output, _ = run("diff", "old", "new")
    lines = output.splitlines()
    assert (status, lines[:2]) == (1, ["changed: hours", "1 row newly denied:"])
    (row,) = [line.split() for line in lines if "allow" in line]
    assert row == ["staff", "07:00", "to", "07:59", "allow", "deny", "staff", "→", "hours"]
    assert "hours: Come back at 08:00." in output
    assert run("diff", "old", "new", "--allow-denials")[0] == 0


@pytest.mark.usefixtures("sets")
def test_a_change_by_which_someone_is_allowed_passes() -> None:
    """It is shown, too."""
    status, output, _ = run("diff", "new", "old")
    assert (status, output.splitlines()[:2]) == (0, ["changed: hours", "1 row newly allowed:"])


def test_policies_that_came_and_went_are_named(sets: Path) -> None:
    """A policy is the same, however it is laid out."""
    (sets / "new" / "vpn.cedar").write_text(
        OLD.replace('@id("hours")', '@id("times")').replace("(principal in", "(\n  principal in")
    )
    status, output, _ = run("diff", "old", "new")
    assert (status, output) == (0, "added: times\nremoved: hours\nNo one is newly denied or allowed.\n\n")


@pytest.mark.usefixtures("sets")
def test_the_same_policies_have_no_difference() -> None:
    """In no form."""
    assert run("diff", "old", "old") == (0, "No one is newly denied or allowed.\n\n", "")
    status, output, _ = run("diff", "old", "old", "--output-format", "json")
    assert (status, json.loads(output)["rows"]) == (0, [])


@pytest.mark.usefixtures("sets")
def test_json_has_both_decisions() -> None:
    """With the policies and the message."""
    _, output, _ = run("diff", "old", "new", "--output-format", "json")
    (row,) = json.loads(output)["rows"]
    assert row == {
        "cases": {"group": "staff", "time of day": "07:00 to 07:59"},
        "cells": 2,
        "before": {"allow": True, "policies": "staff", "message": ""},
        "after": {"allow": False, "policies": "hours", "message": "Come back at 08:00."},
    }


@pytest.mark.parametrize("form", ["markdown", "html"])
def test_nothing_that_policies_say_acts_in_a_page(sets: Path, form: str) -> None:
    """Neither markup, nor a link, nor the mention of a user."""
    name = "<img src=x onerror=alert(1)>|@team [x](https://evil.example)"
    (sets / "old" / "vpn.cedar").write_text(OLD.replace("staff", name).replace("Come back", "<script>"))
    status, output, _ = run("matrix", "old", "--output-format", form)
    assert status == 0
    assert "<img" not in output
    assert "<script>" not in output
    if form == "markdown":
        rows = [line for line in output.splitlines() if line.startswith("|")]
        assert len({line.count("|") for line in rows}) == 1
        assert "@team" not in output
        assert "](" not in output


@pytest.mark.usefixtures("sets")
def test_an_axis_that_policies_do_not_have_is_wrong_use() -> None:
    """With those that they have."""
    assert run("matrix", "old", "--axis", "groups") == (
        2,
        "",
        'the policies have no axis "groups"; there are group, time of day\n',
    )
    status, output, _ = run("matrix", "old", "--axis", "group")
    assert (status, "In every row, time of day is 00:00." in output) == (0, True)


def test_policies_with_errors_have_no_matrix(sets: Path) -> None:
    """The errors in them are reported."""
    (sets / "new" / "vpn.cedar").write_text("permit (principal, action, resource);")
    for arguments in (("matrix", "new"), ("diff", "old", "new")):
        status, output, errors = run(*arguments)
        assert (status, output, "has no @id" in errors) == (1, "", True)


@pytest.mark.usefixtures("sets")
def test_an_unknown_time_zone_is_wrong_use() -> None:
    """Before anything is decided."""
    status, _, errors = run("matrix", "old", "--time-zone", "Berlin")
    assert (status, "Berlin" in errors) == (2, True)
