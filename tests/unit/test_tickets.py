"""The solutions of tickets: sound, tested, documented, and what their page claims of them."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from client_connect_tools.cli import main

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
TICKETS = ROOT / "examples" / "tickets"
PAGE = (ROOT / "docs" / "tickets.md").read_text("utf-8")
FOLDERS = sorted(each.name for each in TICKETS.iterdir() if each.is_dir())
PROOFS = re.findall(r"^client-connect (prove .*)$", PAGE, re.MULTILINE)
OF_PROOF = ["break-glass", "interns-at-night", "baseline-and-team"]


@pytest.fixture
def folder(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of a ticket, as the working directory."""
    path = TICKETS / request.param
    monkeypatch.chdir(path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    yield path
    for module in path.glob("*.py"):
        sys.modules.pop(module.stem, None)


def sets(folder: Path) -> list[str]:
    """Return what the policies of a ticket are for a command."""
    if modules := [f"{each.stem}:rules" for each in folder.glob("*.py")]:
        return modules
    return ["."] if any(folder.glob("*.cedar")) else ["team", "--guardrails", "baseline"]


@pytest.mark.parametrize("folder", FOLDERS, indirect=True)
def test_each_solution_is_sound_and_its_tests_reach_all_of_it(folder: Path) -> None:
    """Without a finding, but for blocks whose time is over when this runs."""
    checked = CliRunner().invoke(main, ["check", *sets(folder), "--ignore", "expired"])
    assert (checked.exit_code, "nothing found" in checked.stdout) == (0, True), checked.stdout
    for each in [sets(folder), ["baseline"]] if "baseline" in sets(folder) else [sets(folder)]:
        covers = [] if "--guardrails" in each else ["--require-coverage"]  # the baseline has its own tests
        tested = CliRunner().invoke(main, ["test", *covers, *each])
        assert tested.exit_code == 0, tested.stdout


@pytest.mark.parametrize("name", FOLDERS)
def test_the_page_leads_to_each_solution(name: str) -> None:
    """Sixteen of them."""
    assert len(FOLDERS) == 16
    (link,) = set(re.findall(rf"\(\.\./(examples/tickets/{name}/[^)]+)\)", PAGE))
    assert (ROOT / link).is_file()


@pytest.mark.parametrize(("folder", "command"), [*zip(OF_PROOF, PROOFS, strict=True)], indirect=["folder"])
@pytest.mark.usefixtures("folder")
def test_what_the_page_proves_is_proven(command: str) -> None:
    """With the command as it is there."""
    result = CliRunner().invoke(main, shlex.split(command))
    assert (result.exit_code, result.stdout.startswith("proven: ")) == (0, True), result.stdout
