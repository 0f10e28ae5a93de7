"""``client-connect fmt``."""

from __future__ import annotations

import stat
import sys
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from client_connect_tools import Policies
from client_connect_tools.cedar.parsing import parse
from client_connect_tools.cli import main

if TYPE_CHECKING:
    from pathlib import Path

CROOKED = """// Why.
@id("a")   permit(principal,action,resource)when{context.platform=="win"&&// here
 true};  // to the end
// last"""
STRAIGHT = """// Why.
@id("a")
permit (principal, action, resource)
when
{
  context.platform == "win" && // here
  true
}; // to the end
// last
"""


def run(*arguments: object, given: str | None = None) -> tuple[int, str, str]:
    """Run the command; return its status, output and errors."""
    result = CliRunner().invoke(main, ["fmt", *map(str, arguments)], input=given, catch_exceptions=False)
    return result.exit_code, result.stdout, result.stderr


def test_files_are_formatted_in_place(tmp_path: Path) -> None:
    """In the folder and below it, once; what is formatted is not written."""
    (tmp_path / "below").mkdir()
    crooked, straight = tmp_path / "below" / "a.cedar", tmp_path / "b.cedar"
    crooked.write_text(CROOKED)
    crooked.chmod(0o640)
    straight.write_text(STRAIGHT.replace('"a"', '"b"'))
    before = straight.stat().st_mtime_ns
    assert run(tmp_path) == (0, f"formatted: {crooked.as_posix()}\n", "")
    assert crooked.read_text() == STRAIGHT
    assert stat.S_IMODE(crooked.stat().st_mode) == 0o640 or sys.platform == "win32"
    assert straight.stat().st_mtime_ns == before
    assert run(tmp_path, crooked) == (0, "", "")


def test_a_check_writes_nothing(tmp_path: Path) -> None:
    """Its status is 1 when a file would change."""
    file = tmp_path / "a.cedar"
    file.write_text(CROOKED)
    assert run("--check", file) == (1, f"not formatted: {file.as_posix()}\n", "")
    assert file.read_text() == CROOKED
    file.write_text(STRAIGHT)
    assert run("--check", file) == (0, "", "")


def test_standard_input_is_printed() -> None:
    """As editors format."""
    assert run("-", given=CROOKED) == (0, STRAIGHT, "")


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["-", "--check"], "- is standard input alone"),
        (["none.cedar"], 'cannot read the policies "none.cedar"'),
    ],
)
def test_wrong_use_is_refused(arguments: list[str], problem: str) -> None:
    """With what to do."""
    status, output, errors = run(*arguments, given=CROOKED)
    assert (status, output, problem in errors) == (2, "", True)


def test_what_cannot_be_parsed_stays_as_it_is(tmp_path: Path) -> None:
    """With the place of the mistake, whatever else is in the file."""
    file = tmp_path / "a.cedar"
    file.write_text(f"{CROOKED}\n@id('b') permit (principal, action, resource);")
    status, output, errors = run(file)
    assert (status, output) == (2, "")
    assert errors.startswith(
        f"cannot format {file.as_posix()}:5:5: Cedar cannot parse this policy: invalid token"
    )
    assert file.read_text().startswith(CROOKED)


def test_what_the_engine_does_not_survive_is_refused() -> None:
    """It would end the process."""
    status, _, errors = run(
        "-", given=f"permit (principal, action, resource) when {{ {'(' * 900}true{')' * 900} }};"
    )
    assert (status, "nests deeper" in errors) == (2, True)


@given(
    st.lists(
        st.sampled_from(['"win"', "// c\n", "\n", " ", "&&", "(", ")", "true", "context.platform ==", "\t"])
    )
)
def test_formatting_changes_no_meaning_and_is_stable(parts: list[str]) -> None:
    """Whatever is formatted means the same, and is formatted."""
    text = f'@id("a") permit (principal, action, resource) when {{ {" ".join(parts)} }};\n'
    status, output, _ = run("-", given=text)
    if status:
        assert output == ""
        return
    assert [each.template for each in parse(Policies.from_string(output).sources)] == [
        each.template for each in parse(Policies.from_string(text).sources)
    ]
    assert run("-", given=output) == (0, output, "")
