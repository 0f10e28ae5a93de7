"""The page on guardrails: its outputs, its code and its example."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from client_connect_tools import Policies, check, lint
from client_connect_tools.cli import main

ROOT = Path(__file__).parents[3]
EXAMPLE = ROOT / "examples" / "guardrails"
DOCS = (ROOT / "docs" / "guardrails.md").read_text("utf-8")
SESSIONS = re.findall(r"```console\n\$ client-connect ([^\n]+)\n(.*?)```", DOCS, re.DOTALL)


@pytest.fixture(autouse=True)
def _folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The example that the page shows."""
    shutil.copytree(EXAMPLE, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(("command", "output"), SESSIONS)
def test_the_docs_show_what_is_printed(command: str, output: str) -> None:
    """Without the blanks at the ends of lines."""
    result = CliRunner().invoke(main, shlex.split(command), catch_exceptions=False)
    printed = "\n".join(line.rstrip() for line in result.stdout.splitlines())
    assert f"{printed}\n" == output


def test_the_example_is_sound() -> None:
    """Security's tests are about the baseline alone, and the team's about its policies within it."""
    for arguments in (
        ["test", "--require-coverage", "security"],
        ["test", "team", "--guardrails", "security"],
    ):
        result = CliRunner().invoke(main, arguments, catch_exceptions=False)
        assert (result.exit_code, result.output) == (0, result.output)
    policies = Policies.from_directory("team").guarded_by(Policies.from_directory("security"))
    assert check(policies) == []
    assert lint(policies) == []


def test_the_code_of_the_page_runs() -> None:
    """The last line of it is what replaces the argument."""
    blocks = re.findall(r"```python\n(.*?)```", DOCS, re.DOTALL)
    assert "guardrails=Policies.from_directory" in blocks[0]
    names: dict[str, object] = {"Policies": Policies}
    exec(blocks[1], names)  # noqa: S102 - the page's own
    policies = names["policies"]
    assert isinstance(policies, Policies)
    assert "shadow" in policies.digests()["guardrails"]
