"""docs/extra-facts.md shows the example as it is, and its commands print what it says."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from client_connect.handler import GATHERING_S
from client_connect.sources.deadlines import _THREADS
from client_connect.sources.fact_sources import IMPORTING_S
from client_connect_tools import Policies, check, lint
from client_connect_tools.checking import custom_schema
from client_connect_tools.cli import main
from tests.support.programs import run_program

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "extra-facts"
DOCS = (ROOT / "docs" / "extra-facts.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    """Return the examples in one language."""
    return re.findall(rf"^```{language}\n(.*?)^```", DOCS, re.DOTALL | re.MULTILINE)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the working folder, with the example's files where the page has them."""
    shutil.copytree(EXAMPLE, tmp_path / "policies")
    (tmp_path / "policies" / "risk.py").rename(tmp_path / "risk.py")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("language", "name"),
    [
        ("python", "risk.py"),
        ("cedarschema", "custom.cedarschema"),
        ("cedar", "vpn.cedar"),
        ("toml", "vpn.tests.toml"),
    ],
)
def test_the_page_shows_the_files(language: str, name: str) -> None:
    """Each file of the example, as it is."""
    assert blocks(language)[0] == (EXAMPLE / name).read_text("utf-8")


def test_the_example_is_sound() -> None:
    """It has neither errors nor anything doubtful."""
    policies = Policies.from_directory(EXAMPLE)
    assert check(policies) + lint(policies) == []


@pytest.mark.usefixtures("folder")
def test_the_example_passes_its_tests() -> None:
    """Each of its policies is tested."""
    assert CliRunner().invoke(main, ["test", "policies", "--require-coverage"]).exit_code == 0


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("example", blocks("console"))
def test_each_command_prints_what_the_page_says(example: str) -> None:
    """Each command prints what the page says."""
    command, _, output = example.partition("\n")
    program, *arguments = shlex.split(command.removeprefix("$ "))
    assert program == "client-connect"
    assert CliRunner().invoke(main, arguments).stdout == output


def test_the_handler_is_defined_as_the_page_says(folder: Path) -> None:
    """The definition of the handler runs as it stands."""
    result = run_program(blocks("python")[1], folder=folder)
    assert (result.returncode, result.stderr) == (0, "")


def test_every_type_is_documented() -> None:
    """The table names each type that a fact may have."""
    (table,) = re.findall(r"\| in Cedar .*?\n\n", DOCS, re.DOTALL)
    named = "".join(row.split("|")[1] for row in table.strip().splitlines())
    assert set(re.findall(r"`(\w+)[<`]", named.replace("<...>`", "`"))) == set(custom_schema._TYPES)


def test_the_limits_are_these() -> None:
    """The page states the limits that the code has."""
    assert f"waits at most {IMPORTING_S:g} seconds" in DOCS
    assert f"have {GATHERING_S} seconds" in DOCS
    assert (_THREADS, "when four of them hang" in DOCS) == (4, True)
