"""``client-connect audit``: every connection that a question is about."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from client_connect_tools.cli import main
from tests.support.connection_logs import connection, denied_connection, record

if TYPE_CHECKING:
    from pathlib import Path

INTERNS = 'principal in ClientVpn::Group::"interns"'


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, which is where the command runs."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def log(folder: Path, *entries: object, name: str = "log.jsonl") -> str:
    """Write a log; return its name."""
    (folder / name).write_text("".join(f"{json.dumps(entry)}\n" for entry in entries), "utf-8")
    return name


def run(*arguments: str) -> tuple[int, str, str]:
    """Run the command; return its status, output and errors."""
    result = CliRunner().invoke(main, ["audit", *arguments], catch_exceptions=False)
    return result.exit_code, result.stdout, result.stderr


def found(*arguments: str) -> list[dict[str, Any]]:
    """Return what it finds."""
    _, output, _ = run(*arguments, "--json")
    listed: list[dict[str, Any]] = json.loads(output)["found"]
    return listed


def test_it_lists_what_clients_were_answered(folder: Path) -> None:
    """Including those that only shadow mode let in, in the order of time."""
    shadow = record(allowed=False, determining=("no",), minutes=3, connection_id="c3", groups=["interns"])
    name = log(
        folder,
        record(minutes=2, connection_id="c2", groups=["interns"], username="Ann"),
        record(allowed=False, determining=("night",), minutes=1, connection_id="c1", groups=["interns"]),
        shadow | {"allow": True},
        record(connection_id="c4", groups=["staff"]),
    )
    status, output, _ = run(name, "--where", INTERNS)
    rows = [line.split() for line in map(str.rstrip, output.splitlines()) if line.endswith(tuple("1234"))]
    assert status == 0
    assert [row[-1] for row in rows] == ["c1", "c2", "c3"]
    assert "denied" in rows[0]
    assert "night" in rows[0]
    assert "let in by shadow mode" in output
    assert "3 of 4 connections, of 2 users or devices: 2 let in, 1 denied." in output
    assert [each["answered"] for each in found(name, "--where", INTERNS)] == ["denied", "allowed", "allowed"]


def test_the_connection_log_says_what_was_answered_and_until_when(folder: Path) -> None:
    """A decision that allows may still not become a session, and a session ends."""
    name = log(
        folder,
        record(connection_id="c1", groups=["interns"]),
        denied_connection(connection_id="c1"),
        record(connection_id="c2", groups=["interns"]),
        connection(connection_id="c2"),
        connection(
            connection_id="c2",
            connection_log_type="connection-reset",
            connection_end_time="2026-11-23 13:30:00",
        ),
    )
    first, second = sorted(found(name, "--where", INTERNS), key=lambda each: each["request"]["connection-id"])
    assert (first["answered"], first["decision"], first["ended"]) == ("denied", "allowed", None)
    assert (second["answered"], second["ended"]) == ("allowed", "2026-11-23T13:30:00+00:00")


def test_what_the_log_lacks_is_unknown_and_never_left_out(folder: Path) -> None:
    """The connection log has no groups. A decision record of the same connection does."""
    name = log(folder, connection(connection_id="c1"), connection(connection_id="c2"))
    status, output, _ = run(name, "--where", INTERNS)
    assert (status, output.count("unknown: the log lacks groups")) == (1, 2)
    assert "Of 2 more the logs lack what the question reads." in output
    more = log(
        folder, record(connection_id="c1", groups=["interns"]), record(connection_id="c2"), name="more.jsonl"
    )
    status, output, _ = run(name, more, "--where", INTERNS)
    assert (status, "unknown" in output) == (0, False)
    assert "1 of 2 connections" in output


def test_the_question_may_be_a_file_and_read_named_networks(folder: Path) -> None:
    """Those of the policies."""
    (folder / "policies" / "networks").mkdir(parents=True)
    (folder / "policies" / "vpn.cedar").write_text('@id("a") permit (principal, action, resource);')
    (folder / "policies" / "networks" / "office.txt").write_text("198.51.100.0/24\n")
    (folder / "question.cedar").write_text('// From the office\ncontext.networks.contains("office")\n')
    name = log(
        folder,
        record(connection_id="c1", public_ip="198.51.100.9"),
        record(connection_id="c2", public_ip="192.0.2.1"),
    )
    listed = found(name, "--question", "question.cedar", "--policies", "policies")
    assert [each["request"]["connection-id"] for each in listed] == ["c1"]


def test_the_clock_is_that_of_the_time_zone(folder: Path) -> None:
    """Which is shown next to UTC."""
    name = log(folder, record(connection_id="c1"))
    status, output, _ = run(
        name, "--where", "context.time.minuteOfDay >= 20 * 60", "--time-zone", "Asia/Seoul"
    )
    assert (status, "21:00:00 KST (2026-11-23 12:00:00Z)" in output) == (0, True)
    assert "0 of 1 connections" in run(name, "--where", "context.time.minuteOfDay >= 20 * 60")[1]


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ([], "give one question"),
        (["--where", "true", "--question", "q"], "give one question"),
        (["--question", "none"], 'cannot read the question "none"'),
        (["--where", "context.hour > 7"], "for 07:00, write 7 * 60"),
        (["--where", "true } when { true"], "is not one condition"),
        (["--where", "true", "--time-zone", "Mars"], "Mars"),
    ],
)
def test_a_wrong_question_is_refused(folder: Path, arguments: list[str], problem: str) -> None:
    """Before anything is read."""
    name = log(folder, record())
    status, output, errors = run(name, *arguments)
    assert (status in (1, 2), output, problem in errors) == (True, "", True)


@pytest.mark.parametrize(
    ("condition", "told"),
    [
        (f"{INTERNS} && context.time.minuteOfDay >= 1320 && context.time.minuteOfDay < 360", "over midnight"),
        ('context.platform == "Windows"', 'write "win"'),
        ('principal == ClientVpn::Group::"interns"', "can never apply"),
    ],
)
def test_a_question_that_no_connection_can_answer_is_refused(folder: Path, condition: str, told: str) -> None:
    """An auditor would accept the empty list as an answer."""
    status, output, errors = run(log(folder, record(groups=["interns"])), "--where", condition)
    assert (status, output) == (1, "")
    assert told in errors


def test_groups_that_no_record_has_are_told(folder: Path) -> None:
    """With the group that is probably meant; nothing is said where the logs cannot show it."""
    name = log(folder, record(groups=["interns"]))
    ask = 'principal in ClientVpn::Group::"%s"'
    _, _, errors = run(name, "--where", ask % "Interns")
    assert 'note: the logs have the group "interns", and not "Interns"; is one of them misspelt?\n' in errors
    _, _, errors = run(name, "--where", ask % "trainees")
    assert errors == 'note: no record has the group "trainees"\n'
    assert run(name, "--where", ask % "interns")[2] == ""
    _, _, errors = run(name, "--where", f"{INTERNS} && context.time.minuteOfDay >= 8")
    assert "08:00 is 480" in errors


def test_logs_without_a_connection_are_an_error(folder: Path) -> None:
    """An empty list would say that there was none."""
    name = log(folder, {"level": "INFO"})
    assert run(name, "--where", "true")[0] == 2
    broken = record(connection_id="c1")
    del broken["request"]
    status, output, _ = run(log(folder, broken, record(connection_id="c2")), "--where", "true")
    assert (status, "1 cannot be read." in output) == (1, True)


def test_nothing_of_a_log_acts_on_a_terminal(folder: Path) -> None:
    """A user's name may have control characters."""
    name = log(folder, record(connection_id="c1", username="bob\x1b[2Jx"))
    _, output, _ = run(name, "--where", "true")
    assert "\x1b[2J" not in output
    assert "\\x1b[2Jx" in output


def test_a_replay_names_groups_that_no_connection_had(folder: Path) -> None:
    """One is probably misspelt. A log without groups says nothing of it."""
    (folder / "p.cedar").write_text(
        '@id("all") permit (principal, action, resource);'
        '@id("x") @message("No.") forbid (principal in ClientVpn::Group::"intern", action, resource);'
        '@id("y") @message("No.") @shadow forbid (principal in ClientVpn::Group::"staff", action, resource);'
    )
    name = log(folder, record(groups=["interns"]), record(groups=["staff"], connection_id="c2"))
    for jobs in ("1", "2"):
        arguments = ["replay", name, "--policies", "p.cedar", "--jobs", jobs]
        result = CliRunner().invoke(main, arguments, catch_exceptions=False)
        assert "No connection had these groups of the new policies: intern\n" in result.stdout
    result = CliRunner().invoke(main, [*arguments, "--json"], catch_exceptions=False)
    assert json.loads(result.stdout)["groupsNeverSeen"] == ["intern"]
    name = log(folder, connection())
    result = CliRunner().invoke(
        main, ["replay", name, "--policies", "p.cedar", "--json"], catch_exceptions=False
    )
    assert json.loads(result.stdout)["groupsNeverSeen"] == []
