"""The hooks of .pre-commit-hooks.yaml, each run as pre-commit does: its entry, in the folder of the repository."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from client_connect_tools.cli import main

HOOKS: list[dict[str, Any]] = yaml.safe_load(
    (Path(__file__).parents[3] / ".pre-commit-hooks.yaml").read_text("utf-8")
)
POLICY = Path("policies/vpn.cedar")


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in a new project."""
    assert CliRunner().invoke(main, ["init", str(tmp_path / "vpn")]).exit_code == 0
    monkeypatch.chdir(tmp_path / "vpn")


def run(id_: str) -> int:
    """Return the status of a hook."""
    (hook,) = (each for each in HOOKS if each["id"] == id_)
    return CliRunner().invoke(main, hook["entry"].split()[1:], catch_exceptions=False).exit_code


def test_they_pass_in_a_new_project() -> None:
    """By its settings, without a path; none changes a file."""
    before = POLICY.read_text("utf-8")
    assert [run(hook["id"]) for hook in HOOKS] == [0, 0, 0]
    assert POLICY.read_text("utf-8") == before


def test_they_find_what_is_wrong() -> None:
    """A wrong attribute, and a decision that a test does not expect; a format is repaired, which pre-commit sees."""
    text = POLICY.read_text("utf-8")
    POLICY.write_text(text.replace("weekday", "weekdy"), "utf-8")
    assert run("client-connect-check") == 1
    POLICY.write_text(text.replace("weekday <= 5", "weekday <= 7"), "utf-8")
    assert run("client-connect-test") == 1
    POLICY.write_text(text.replace("\n  principal", " principal"), "utf-8")
    assert run("client-connect-fmt") == 0
    assert POLICY.read_text("utf-8") == text


@pytest.mark.parametrize(
    ("file", "hooks"),
    [
        ("policies/vpn.cedar", 3),
        ("policies/vpn.tests.toml", 2),
        ("policies/networks/office.txt", 2),
        ("client-connect.toml", 2),
        ("policies/custom.cedarschema", 2),
        ("app.py", 0),
        ("requirements.txt", 0),
    ],
)
def test_they_run_when_something_changes_that_they_read(file: str, hooks: int) -> None:
    """And not otherwise."""
    assert sum(bool(re.search(hook["files"], file)) for hook in HOOKS) == hooks
    assert all(hook["pass_filenames"] is False and hook["language"] == "python" for hook in HOOKS)
