"""`client-connect diff --logs`: which logged connections and people a change of the policies concerns."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from client_connect_tools.cli import main
from tests.support.connection_logs import PERMIT, connection, forbid, lines, record

if TYPE_CHECKING:
    from pathlib import Path

    from typer.testing import Result

MAC = forbid("no-mac", 'when { context.platform == "mac" }')
OLD_OS = forbid("os", "when { context has os && context.os.major < 10 }")
HOSTILE = "@everyone | <img src=x> [a](https://evil.example) \x1b[2J\u202e`"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder with policies and a log."""
    write(tmp_path, old=PERMIT, new=PERMIT + MAC)
    log(tmp_path, record(), record(username="zoe", platform="mac", minutes=1))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(folder: Path, **policies: str) -> None:
    """Write sets of policies, each in its own folder."""
    for name, text in policies.items():
        (folder / name).mkdir(exist_ok=True)
        (folder / name / "p.cedar").write_text(text, "utf-8")


def log(folder: Path, *entries: dict[str, Any]) -> None:
    """Write a log."""
    (folder / "log.jsonl").write_bytes(lines(*entries))


def run(*arguments: str, stdin: bytes | None = None) -> Result:
    """Run the command."""
    return CliRunner().invoke(main, ["diff", "old", "new", *arguments], input=stdin, env={"COLUMNS": "160"})


SENTENCE = "50% of connections, 1 of 2 people, would lose access, by no-mac."


@pytest.mark.parametrize("form", ["text", "markdown", "html", "json"])
def test_it_tells_of_logged_people_in_every_form(form: str) -> None:
    """Below the table of cases, with status 1 because a user is newly denied."""
    result = run("--logs", "log.jsonl", "--output-format", form)
    assert (result.exit_code, result.stderr) == (1, "")
    for part in (SENTENCE, "no-mac", "zoe", "macOS"):
        assert part in result.stdout.replace("&#45;", "-")
    if form == "json":
        found = json.loads(result.stdout)
        assert found["rows"][0]["cases"] == {"platform": "macOS"}
        assert [row["user"] for row in found["logs"]["newlyDenied"]["byUser"]] == ["zoe"]


def test_users_are_not_named_where_that_is_not_wanted() -> None:
    """As in a comment that many read."""
    for form in ("text", "markdown", "html", "json"):
        result = run("--logs", "log.jsonl", "--no-names", "--output-format", form)
        assert "zoe" not in result.stdout
        assert SENTENCE in result.stdout


@pytest.mark.parametrize(
    ("sets", "entries", "options", "status"),
    [
        ((PERMIT, PERMIT), [record()], [], 0),
        ((PERMIT + MAC, PERMIT), [record(platform="mac", allowed=False)], [], 0),
        ((PERMIT, PERMIT + MAC), [record()], [], 1),
        ((PERMIT, PERMIT + MAC), [record(platform="mac")], ["--allow-denials"], 0),
        ((PERMIT + MAC, PERMIT + MAC), [record(platform="mac")], [], 0),
        ((PERMIT + OLD_OS, PERMIT + OLD_OS), [connection()], [], 0),
        ((PERMIT, PERMIT), [record(), record(minutes=1) | {"facts": 1}], [], 1),
    ],
    ids=["same", "gain", "loss of a case", "allowed", "denied before", "undecidable as before", "unreadable"],
)
def test_the_status_is_1_if_somebody_is_newly_denied(
    folder: Path, sets: tuple[str, str], entries: list[dict[str, Any]], options: list[str], status: int
) -> None:
    """Or may be; what was decided before does not count, but what the old policies decide."""
    write(folder, old=sets[0], new=sets[1])
    log(folder, *entries)
    assert run("--logs", "log.jsonl", *options).exit_code == status


def test_a_connection_that_may_be_newly_denied_is_told(folder: Path) -> None:
    """The new policies read what a connection log does not hold."""
    write(folder, new=PERMIT + OLD_OS)
    log(folder, connection())
    result = run("--logs", "log.jsonl")
    assert result.exit_code == 1
    assert "1 connection of the logs may be newly denied: the new policies read what is not" in result.stderr


def test_groups_of_a_file_decide_connection_logs(folder: Path) -> None:
    """As for replay."""
    group = '@id("staff") permit (principal in ClientVpn::Group::"staff", action, resource);'
    write(folder, new=group)
    log(folder, connection(), connection(username="zoe", connection_id="2"))
    (folder / "users.csv").write_text("user,groups,department\nbob,staff,IT\nzoe,,Sales\n", "utf-8")
    result = run("--logs", "log.jsonl", "--groups", "users.csv")
    assert "50% of connections, 1 of 2 people, would lose access, because no permit applies." in result.stdout
    assert "Sales" in result.stdout


def test_logs_are_read_from_standard_input_too() -> None:
    """As from a filter."""
    assert (
        SENTENCE
        in run("--logs", "-", stdin=lines(record(), record(platform="mac", minutes=1, username="e"))).stdout
    )


def test_nothing_in_a_name_acts_in_a_comment_or_a_page(folder: Path) -> None:
    """Users are whoever connects."""
    log(folder, record(username=HOSTILE, platform="mac", groups=[HOSTILE]))
    comment = run("--logs", "log.jsonl", "--output-format", "markdown").stdout
    for active in ("@everyone", "<img", "](http", "https://", "\x1b", "\u202e"):
        assert active not in comment
    (row,) = [line for line in comment.splitlines() if "everyone" in line and "yes" in line]
    assert row.count("|") == 7
    assert "<img" not in run("--logs", "log.jsonl", "--output-format", "html").stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--groups", "users.csv"], "--groups and --no-names are about logs; name these with --logs"),
        (["--no-names"], "--groups and --no-names are about logs; name these with --logs"),
        (["--logs", "missing"], 'cannot read the log "missing": No such file'),
        (["--logs", "old/p.cedar"], 'nothing was understood of "old/p.cedar"'),
        (["--logs", "empty"], "the logs hold no decision to replay"),
        (["--logs", "log.jsonl", "--groups", "missing.csv"], "missing.csv"),
    ],
)
def test_fails_for_logs_that_tell_nothing(folder: Path, arguments: list[str], message: str) -> None:
    """Status 2, because 1 means that a user is denied."""
    (folder / "empty").write_text("", "utf-8")
    result = run(*arguments)
    assert result.exit_code == 2
    assert message in result.stderr
