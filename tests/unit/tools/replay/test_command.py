"""The command `client-connect replay`."""

from __future__ import annotations

import gzip
import html
import json
import sys
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from client_connect_tools.cli import main
from tests.support.connection_logs import PERMIT, connection, forbid, lines, record

if TYPE_CHECKING:
    from pathlib import Path

    from typer.testing import Result

MAC = forbid("mac", 'when { context.platform == "mac" }')
ONE = "The one who loses access would be denied at each connection."
OS = forbid("os", "when { context has os && context.os.major < 10 }")


def run(*arguments: str | Path, given: bytes | None = None, columns: int = 120) -> Result:
    """Run the command."""
    environment = {"COLUMNS": str(columns)}
    return CliRunner().invoke(main, ["replay", *map(str, arguments)], input=given, env=environment)


def said(result: Result) -> str:
    """Return what went to standard error, without the notes on the other policies of the folder."""
    return "".join(line for line in result.stderr.splitlines(keepends=True) if not line.startswith("note: "))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with policies and a log."""
    (tmp_path / "all.cedar").write_text(PERMIT, "utf-8")
    (tmp_path / "mac.cedar").write_text(PERMIT + MAC, "utf-8")
    (tmp_path / "os.cedar").write_text(PERMIT + OS, "utf-8")
    (tmp_path / "log.jsonl").write_bytes(lines(record(), record(platform="mac", username="eve"), {"x": 1}))
    return tmp_path


def test_status_0_with_the_totals_when_nothing_changes(folder: Path) -> None:
    """Exit status 0, with the totals."""
    result = run(folder / "log.jsonl", "--policies", folder / "all.cedar")
    assert (result.exit_code, said(result)) == (0, "")
    assert "Newly" not in result.stdout
    assert "2 connections replayed" in result.stdout
    assert "other JSON" in result.stdout


def test_status_1_with_users_and_reasons_when_decisions_change(folder: Path) -> None:
    """Exit status 1, or 0 when that is what was meant, with the users and the reason."""
    result = run(folder / "log.jsonl", "--policies", folder / "mac.cedar")
    assert result.exit_code == 1
    for text in ("Newly denied, by policy", "by user", "eve", "mac", "2026-11-23 12:00:00", "50.0%"):
        assert text in result.stdout
    allowed = run(folder / "log.jsonl", "--policies", folder / "mac.cedar", "--allow-change")
    assert allowed.exit_code == 0
    assert "eve" in allowed.stdout


def test_against_old_policies(folder: Path) -> None:
    """The same policies change nothing; others may allow."""
    log, mac = folder / "log.jsonl", folder / "mac.cedar"
    assert run(log, "--policies", mac, "--against", mac).exit_code == 0
    result = run(log, "--policies", folder / "all.cedar", "--against", mac)
    assert result.exit_code == 1
    assert "Newly allowed, by policy" in result.stdout


def test_undecidable_is_no_change(folder: Path) -> None:
    """It is shown by policy, with what is missing."""
    (folder / "log.jsonl").write_bytes(lines(connection()))
    result = run(folder / "log.jsonl", "--policies", folder / "os.cedar", "--allow-undecidable")
    assert result.exit_code == 0
    assert "Newly" not in result.stdout
    assert "Undecidable by the new policies" in result.stdout


@pytest.mark.parametrize(
    ("entries", "options", "status"),
    [
        ([connection()], [], 1),
        ([connection()], ["--allow-change"], 1),
        ([connection()], ["--allow-undecidable"], 0),
        ([connection(), record(allowed=False)], ["--allow-undecidable"], 1),
        ([connection(), record(allowed=False)], ["--allow-undecidable", "--allow-change"], 0),
    ],
)
def test_undecidable_is_not_fine(
    folder: Path, entries: list[object], options: list[str], status: int
) -> None:
    """A policy that may deny must not pass, whether something changes or not, unless that was allowed."""
    (folder / "log.jsonl").write_bytes(lines(*entries))
    result = run(folder / "log.jsonl", "--policies", folder / "os.cedar", *options)
    assert result.exit_code == status
    assert said(result) == (
        "1 connection could not be decided, because the log lacks facts that the policies read\n"
    )


def test_undecidable_connections_are_counted_once(folder: Path) -> None:
    """Even when several policies are to blame."""
    (folder / "log.jsonl").write_bytes(
        lines(*(connection(connection_id=f"c-{number}") for number in range(1200)))
    )
    (folder / "two.cedar").write_text(PERMIT + OS + OS.replace('"os"', '"os-2"'), "utf-8")
    result = run(folder / "log.jsonl", "--policies", folder / "two.cedar")
    assert result.exit_code == 1
    assert said(result).startswith("1,200 connections could not be decided, because the log lacks facts")


BROKEN = record() | {"facts": {"inventory": "known", "device": {"os": "10.0.19045"}}}
WRONG_KEY = 'malformed decision record: "facts.device.os"'


@pytest.mark.parametrize(
    ("entries", "options", "status", "warning"),
    [
        ([record(), BROKEN], [], 1, "1 connection"),
        ([record(), *[BROKEN] * 50], ["--allow-change"], 1, "50 connections"),
        ([record(), BROKEN], ["--allow-undecidable"], 0, "1 connection"),
    ],
)
def test_a_decision_that_cannot_be_read_is_undecidable(
    folder: Path, entries: list[object], options: list[str], status: int, warning: str
) -> None:
    """The new policies' decision on it is unknown, so it must not pass; its error is shown."""
    (folder / "log.jsonl").write_bytes(lines(*entries))
    page = folder / "report.html"
    result = run(folder / "log.jsonl", "--policies", folder / "all.cedar", "--html", page, *options)
    assert result.exit_code == status
    assert said(result) == (
        f"{warning} could not be decided, because what is logged of them cannot be read\n"
    )
    assert "Undecidable, because they cannot be read" in result.stdout
    assert WRONG_KEY in result.stdout
    assert html.escape(WRONG_KEY) in page.read_text("utf-8")
    found = json.loads(
        run(folder / "log.jsonl", "--policies", folder / "all.cedar", "--json", *options).stdout
    )
    count = len(entries) - 1
    totals = found["totals"]
    assert (totals["decisions"], totals["undecidable"], totals["unreadable"]) == (count + 1, count, count)
    assert (totals["skipped"], found["unreadable"], found["skipped"]) == (0, {WRONG_KEY: count}, {})


def test_logs_of_which_no_decision_can_be_read_are_wrong(folder: Path) -> None:
    """Whatever is allowed: nothing was replayed."""
    (folder / "log.jsonl").write_bytes(lines(BROKEN))
    result = run(folder / "log.jsonl", "--policies", folder / "all.cedar", "--allow-undecidable")
    assert result.exit_code == 2
    assert "what is logged of them cannot be read\nthe logs hold no decision to replay" in said(result)
    assert WRONG_KEY in result.stdout


def test_what_only_the_old_policies_cannot_decide_is_fine(folder: Path) -> None:
    """The new ones decide it without the fact."""
    (folder / "log.jsonl").write_bytes(lines(connection()))
    arguments = ("--policies", folder / "all.cedar", "--against", folder / "os.cedar")
    result = run(folder / "log.jsonl", *arguments)
    assert (result.exit_code, said(result)) == (0, "")
    assert "Undecidable by the old policies" in result.stdout


def test_json_has_everything_that_the_tables_have(folder: Path) -> None:
    """Everything that the tables say, for programs."""
    result = run(folder / "log.jsonl", "--policies", folder / "mac.cedar", "--json", "--jobs", "2")
    assert result.exit_code == 1
    found = json.loads(result.stdout)
    assert found["totals"] == {
        "lines": 3,
        "decisions": 2,
        "fromConnectionLogs": 0,
        "allowed": 1,
        "denied": 1,
        "undecidable": 0,
        "unreadable": 0,
        "newlyDenied": 1,
        "newlyAllowed": 0,
        "skipped": 1,
        "duplicates": 0,
    }
    at = "2026-11-23T12:00:00.000+00:00"
    seen = {"count": 1, "first": at, "last": at}
    assert found["verdict"] == "50% of connections, 1 of 2 people, would lose access, by mac. " + ONE
    assert found["people"] == {
        "all": 2,
        "areMore": False,
        "allowed": 1,
        "denied": 1,
        "undecidable": 0,
        "newlyDenied": 1,
        "newlyDeniedAndNeverLetIn": 1,
        "newlyAllowed": 0,
    }
    assert found["newlyDenied"] == {
        "byPolicy": [{"policy": "mac", "people": 1, **seen}],
        "byUser": [{"user": "eve", **seen, "policies": ["mac"], "everyOne": True}],
        "byGroup": [{"group": "staff", "people": 1, "of": 2, "count": 1}],
        "byDepartment": [],
        "byWeekdayAndHour": [{"weekday": 1, "hour": 12, "people": 1, "count": 1}],
    }
    assert set(map(len, found["newlyAllowed"].values())) == {0}
    assert found["undecidable"] == []
    assert found["unreadable"] == {}
    assert found["skipped"] == {"other JSON": 1}
    assert found["seconds"] >= 0


def test_json_of_what_is_undecidable(folder: Path) -> None:
    """Whose policy it is, and what was missing."""
    (folder / "log.jsonl").write_bytes(lines(connection()))
    result = run(folder / "log.jsonl", "--policies", folder / "os.cedar", "--json")
    (row,) = json.loads(result.stdout)["undecidable"]
    assert (row["policies"], row["policy"], row["count"], row["missing"]) == ("new", "os", 1, ["os"])


def test_the_page_is_written_in_addition_to_the_output(folder: Path) -> None:
    """Is written next to the printed text."""
    file = folder / "report.html"
    result = run(folder / "log.jsonl", "--policies", folder / "mac.cedar", "--html", file)
    assert result.exit_code == 1
    assert "Newly denied, by user" in file.read_text("utf-8")
    assert file.stat().st_mode & 0o777 == 0o600 or sys.platform == "win32"


def test_fails_for_a_page_that_is_a_link(folder: Path) -> None:
    """Before anything is replayed; what it leads to stays as it is."""
    (folder / "other").write_text("mine", "utf-8")
    (folder / "report.html").symlink_to("other")
    result = run(folder / "log.jsonl", "--policies", folder / "mac.cedar", "--html", folder / "report.html")
    assert (result.exit_code, result.stdout) == (2, "")
    assert 'it is a link to "other"; name the file itself' in result.stderr
    assert (folder / "other").read_text("utf-8") == "mine"


def test_standard_input_and_folders(folder: Path) -> None:
    """Read together."""
    (folder / "logs" / "day").mkdir(parents=True)
    (folder / "logs" / "day" / "1.gz").write_bytes(gzip.compress(lines(record(minutes=1), record(minutes=2))))
    result = run("-", folder / "logs", "--policies", folder / "all.cedar", "--json", given=lines(record()))
    assert json.loads(result.stdout)["totals"]["decisions"] == 3


def test_the_time_zone(folder: Path) -> None:
    """Of the clock that policies see: noon in UTC is evening in Tokyo."""
    (folder / "late.cedar").write_text(
        PERMIT + forbid("late", "when { context.time.minuteOfDay >= 1200 }"), "utf-8"
    )
    arguments = (folder / "log.jsonl", "--policies", folder / "late.cedar")
    assert run(*arguments).exit_code == 0
    assert run(*arguments, "--time-zone", "Asia/Tokyo").exit_code == 1


def test_names_cannot_act_on_the_terminal(folder: Path) -> None:
    """Control characters and markup are shown as what they are, even in a narrow window."""
    name = "\x1b[2J\x1b]0;owned\x07[red]\u202e"
    entry = record(platform="mac")
    entry["requestJson"] = json.dumps(entry["request"] | {"username": name})
    (folder / "log.jsonl").write_bytes(lines(entry))
    for columns in (200, 40):
        result = run(folder / "log.jsonl", "--policies", folder / "mac.cedar", columns=columns)
        assert not set(name[:1] + "\x07\u202e") & set(result.stdout)
    assert r"\x1b[2J" in run(folder / "log.jsonl", "--policies", folder / "mac.cedar", columns=200).stdout


def test_progress_is_shown_on_a_terminal_only(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Next to the output, so JSON stays JSON."""
    arguments = (folder / "log.jsonl", "--policies", folder / "mac.cedar", "--json")
    assert said(run(*arguments)) == ""
    monkeypatch.setenv("FORCE_COLOR", "1")
    result = run(*arguments)
    assert "2 connections, 1 changes" in said(result)
    assert json.loads(result.stdout)["totals"]["decisions"] == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["missing.jsonl", "--policies", "all.cedar"], 'cannot read the log "missing.jsonl": No such file'),
        (["log.jsonl", "--policies", "missing.cedar"], 'cannot read the policies "missing.cedar"'),
        (["log.jsonl", "--policies", "bad.cedar"], "the policies have 1 problem:"),
        (["log.jsonl", "--policies", "all.cedar", "--against", "bad.cedar"], "the policies have 1 problem:"),
        (["log.jsonl", "--policies", "all.cedar", "--time-zone", "Mars"], 'time zone "Mars" is not known; use'),
        (["log.jsonl", "--policies", "all.cedar", "--html", "no/page"], 'cannot write "no/page"'),
        (["log.jsonl", "--policies", "all.cedar", "--html", "."], 'cannot write "."; name a file'),
        (["log.jsonl", "--policies", "all.cedar", "--jobs", "0"], ""),
        (["--policies", "all.cedar"], "no logs are named; give files or folders"),
        (["log.jsonl"], ""),
        (["cut.gz", "--policies", "all.cedar"], 'cannot read the log "cut.gz": Compressed file ended'),
        (["--log-group", "x", "--policies", "all.cedar"], "--log-group needs --since, such as --since 7d"),
        (["--log-group", "x", "--since", "soon", "--policies", "all.cedar"], '--since is "soon", which'),
        (["--log-group", "x", "--since", "1h", "--until", "2h", "--policies", "all.cedar"], "--since is not before"),
        (["log.jsonl", "--log-group", "x", "--since", "1h", "--policies", "all.cedar"], "files and --log-group are"),
        (["log.jsonl", "--since", "1h", "--policies", "all.cedar"], "--since is about a log group; name it with"),
        (["empty.jsonl", "--policies", "all.cedar"], "the logs hold no decision to replay; give decision records"),
    ],
)  # fmt: skip
def test_fails_for_wrong_use(
    folder: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str
) -> None:
    """Exit status 2: 1 means that something changes, and a pipeline must not mistake one for the other."""
    monkeypatch.chdir(folder)
    (folder / "bad.cedar").write_text(PERMIT + forbid("x", "when { context.os.major < 10 }"), "utf-8")
    (folder / "cut.gz").write_bytes(gzip.compress(lines(*[record()] * 2000))[:-20])
    (folder / "empty.jsonl").write_text("START RequestId: 1\n", "utf-8")
    result = run(*arguments)
    assert result.exit_code == 2
    assert message in said(result)
    assert "Traceback" not in result.output
