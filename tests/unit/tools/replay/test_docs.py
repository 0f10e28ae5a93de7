"""The examples of docs/replay.md run."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from client_connect_tools.cli import main
from client_connect_tools.commands._directory_file import read_directory
from tests.support.connection_logs import PERMIT, connection, forbid, lines, record
from tests.support.programs import run_program

DOCS = (Path(__file__).parents[4] / "docs" / "replay.md").read_text("utf-8")
COMMANDS = [
    line for block in re.findall(r"```sh\n(.*?)```", DOCS, re.DOTALL) for line in block.splitlines() if line
]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work where the examples' files are."""
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "a.jsonl").write_bytes(lines(record(), record(platform="mac"), connection()))
    (tmp_path / "old.cedar").write_text(PERMIT, "utf-8")
    (tmp_path / "new.cedar").write_text(PERMIT + forbid("mac", 'when { context.platform == "mac" }'), "utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    "command", [line for line in COMMANDS if line.startswith("client-connect ") and "--log-group" not in line]
)
def test_each_command_does_what_the_text_around_it_says(command: str) -> None:
    """Each does what the text around it says."""
    result = CliRunner().invoke(main, shlex.split(command)[1:])
    assert result.exit_code == (0 if "--allow-change" in command else 1), result.output
    # The files lie next to each other here, which the command mentions.
    assert all(line.startswith("note: ") for line in result.stderr.splitlines()), result.stderr
    assert Path("report.html").exists() is ("--html" in command)
    assert Path("affected.csv").exists() is ("--affected" in command)


def test_all_commands_are_known() -> None:
    """Nothing in the examples is passed over but the AWS command line."""
    assert {line.split()[0] for line in COMMANDS} == {"client-connect", "aws"}
    assert len(COMMANDS) == 7


def test_the_example_of_a_file_of_groups_is_one(folder: Path) -> None:
    """As it stands."""
    (example,) = re.findall(r"```text\n(user;.*?)```", DOCS, re.DOTALL)
    (folder / "users.csv").write_text(example, "utf-8")
    found = read_directory(folder / "users.csv")
    assert found.groups["alice@corp.example"] == ("staff", "vpn")
    assert found.departments["bob@corp.example"] == "IT"


def test_the_python_example_runs_as_it_stands(folder: Path) -> None:
    """The example in Python runs as it stands."""
    (example,) = re.findall(r"```python\n(.*?)```", DOCS, re.DOTALL)
    result = run_program(example, folder=folder)
    assert (result.returncode, result.stdout, result.stderr) == (0, "0 0 0\n", "")


def test_what_the_options_are_called() -> None:
    """Every option that the text names exists."""
    shown = CliRunner().invoke(main, ["replay", "--help"], env={"COLUMNS": "120"}).stdout
    named = set(re.findall(r"--[a-z][a-z-]+", re.sub(r"aws logs .*", "", DOCS)))
    assert {"--html", "--jobs", "--time-zone"} <= named
    assert named <= set(re.findall(r"--[a-z][a-z-]+", shown))
