"""People first: how many, who, in which groups and departments, and when."""

from __future__ import annotations

import csv
import io
import json
import sys
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from client_connect_tools.cli import main
from client_connect_tools.replay import Comparison, replay
from client_connect_tools.replay import people as peoples
from client_connect_tools.replay import tally as tallies
from client_connect_tools.replay.people import Directory, Person
from client_connect_tools.replay.report.affected import COLUMNS, write_affected
from client_connect_tools.replay.report.sections import by_department, by_group, sections
from client_connect_tools.replay.report.verdict import verdict
from tests.support.connection_logs import PERMIT, connection, forbid, lines, record, replayed

if TYPE_CHECKING:
    from pathlib import Path

    from client_connect_tools.replay import Tally

MAC = forbid("mac", 'when { context.platform == "mac" }')
STAFF_ONLY = '@id("staff") permit (principal in ClientVpn::Group::"staff", action, resource);'
FAILED = {"connection-attempt-failure-reason": "client-connect-failed"}
ATTACK = "\u202e\x1b[31m<b>"


def people(count: int, platform: str = "win", **changes: Any) -> list[dict[str, Any]]:
    """Return a record of each of some people; another platform has other people."""
    return [
        record(
            username=f"{platform}{number}", platform=platform, connection_id=f"{platform}{number}", **changes
        )
        for number in range(count)
    ]


def named(*users: str, **departments: str) -> Directory:
    """Return a directory with users, all of the staff."""
    names = {name.lower(): name for name in (*users, *departments)}
    return Directory(groups=dict.fromkeys(names, ("staff",)), departments=departments, names=names)


def found(new: str, *entries: object, directory: Directory | None = None) -> Tally:
    """Replay entries."""
    return replay(Comparison(new=new, directory=directory), [lines(*entries)])


@pytest.mark.parametrize(
    ("tally", "text"),
    [
        (
            replayed(PERMIT + MAC, *people(88), *people(12, "mac")),
            (
                "12% of connections, 12 of 100 people, would lose access, all of them by mac. "
                "All of those who lose access would be denied at each of their connections."
            ),
        ),
        (
            replayed(
                PERMIT + MAC + forbid("linux", 'when { context.platform == "linux" }'),
                *people(6),
                *people(3, "mac"),
                *people(1, "linux"),
                record(username="mac0", minutes=1),
            ),
            (
                "36.4% of connections, 4 of 10 people, would lose access, most of them by mac. "
                "3 of those who lose access would be denied at each of their connections."
            ),
        ),
        (
            replayed(PERMIT + MAC, record(platform="mac"), record(minutes=1)),
            "50% of connections, 1 of 1 person, would lose access, by mac.",
        ),
        (
            replayed(STAFF_ONLY, record(groups=[]), record(username="eve")),
            (
                "50% of connections, 1 of 2 people, would lose access, because no permit applies. "
                "The one who loses access would be denied at each connection."
            ),
        ),
        (
            replayed(PERMIT, *people(3), record(allowed=False, determining=["old"])),
            "25% of connections, 1 of 4 people, would gain access, denied before by old.",
        ),
        (
            replayed(PERMIT, connection(connection_attempt_status="failed") | FAILED, record(minutes=1)),
            (
                "50% of connections, 1 of 1 person, would gain access, denied before by policies that the log "
                "does not name."
            ),
        ),
        (
            replayed(PERMIT + MAC, record(platform="mac"), record(username="eve", allowed=False, minutes=1)),
            (
                "50% of connections, 1 of 2 people, would lose access, by mac; 50% of connections, 1 of 2 people, "
                "would gain access, denied before by all. The one who loses access would be denied at each connection."
            ),
        ),
        (
            replayed(PERMIT, *people(3), record(username="WIN0", minutes=1)),
            "No one would lose or gain access: 4 connections of 3 people would be decided as before.",
        ),
        (
            replayed(PERMIT + forbid("os", "when { context has os && context.os.major < 10 }"), connection()),
            (
                "Nothing is known of who would lose or gain access. 1 connection cannot be decided, so this "
                "is not all."
            ),
        ),
        (
            replayed(PERMIT, record(), record(minutes=1) | {"facts": 1}),
            (
                "No one is known to lose or gain access: 1 connection of 1 person would be decided as before. "
                "1 connection cannot be decided, so this is not all."
            ),
        ),
        (
            replayed(PERMIT + MAC, record(username="", platform="mac"), connection(username="NA")),
            "50% of connections, 1 of 1 device, would lose access, by mac.",
        ),
        (
            replayed(PERMIT + MAC, record(username="", platform="mac"), record()),
            (
                "50% of connections, 1 of 2 people and devices, would lose access, by mac. "
                "The one who loses access would be denied at each connection."
            ),
        ),
        (replayed(PERMIT), "Nothing is known of who would lose or gain access."),
    ],
)
def test_the_verdict_is_a_sentence_about_people(tally: Tally, text: str) -> None:
    """Losses, gains, both and neither."""
    assert verdict(tally) == text


def test_the_verdict_has_nothing_that_acts_on_a_screen() -> None:
    """The ids of policies are those of the logs where they denied before."""
    said = verdict(replayed(PERMIT, record(allowed=False, determining=[ATTACK])))
    assert r"denied before by \u202e\x1b[31m<b>" in said


def test_a_user_counts_once_whatever_the_case_of_the_name() -> None:
    """As policies compare names; another domain may be another user, and a device is no user."""
    tally = replayed(
        forbid("no"),
        *(
            record(username=name, minutes=minute)
            for minute, name in enumerate(["Bob", "BOB", "bob@corp.example", "\u212abob"])
        ),
        record(username="", common_name="bob", minutes=9),
    )
    assert tally.newly_denied.people == len(tally.people) == 4
    assert tally.people.name(Person("bob")) == "Bob"
    assert tally.people.label(Person("bob", is_device=True)) == "bob (device)"


def test_each_table_counts_distinct_people() -> None:
    """By policy, by weekday and hour; the local one of the record, or of the zone that is given."""
    entries = [record(platform="mac", minutes=minute) for minute in (0, 1, 60)]
    entries.append(record(platform="mac", username="eve", minutes=2))
    change = replayed(PERMIT + MAC, *entries).newly_denied
    row = change.by_policy.rows["mac"]
    assert (len(row.people), row.count) == (2, 4)
    assert {when: (len(row.people), row.count) for when, row in change.by_hour.rows.items()} == {
        (1, 12): (2, 3),
        (1, 13): (1, 1),
    }
    late = record(platform="mac", minutes=660) | {"facts": {"timeZone": "Asia/Tokyo"}}
    assert list(replayed(PERMIT + MAC, late).newly_denied.by_hour.rows) == [(2, 8)]


def test_whom_a_change_concerns_by_group() -> None:
    """With how many there are in the group; groups that a user had at another time are his too."""
    tally = replayed(
        PERMIT + MAC,
        record(platform="mac", groups=["staff", "sales"]),
        record(groups=["staff", "old"], minutes=1),
        record(username="eve", groups=["staff"], minutes=2),
    )
    parts = {part.name: tuple(part)[1:] for part in by_group(tally, tally.newly_denied, None)}
    assert parts == {"staff": (1, 2, 1), "sales": (1, 1, 1), "old": (1, 1, 1)}


def test_whom_a_change_concerns_by_department() -> None:
    """As the directory has them; unknown users are shown, too."""
    directory = named("eve", bob="Sales", win0="Sales", mac1="IT")
    tally = found(PERMIT + MAC, *people(3, "mac"), record(platform="mac"), *people(1), directory=directory)
    parts = by_department(tally, tally.newly_denied, directory)
    assert [tuple(part) for part in parts] == [
        ("(not in the file of groups)", 2, 2, 2),
        ("IT", 1, 1, 1),
        ("Sales", 1, 2, 1),
    ]


def test_a_connection_log_is_decided_by_the_groups_of_the_directory() -> None:
    """A record has its own; and who is not in the directory stays undecidable."""
    directory = named("BOB")
    tally = found(STAFF_ONLY, connection(), connection(username="eve"), directory=directory)
    assert (tally.allowed, tally.undecidable) == (1, 1)
    assert directory.unlisted(tally.people) == [Person("eve")]
    assert tally.misnamed_groups == []
    assert found(STAFF_ONLY, record(groups=[]), directory=directory).denied == 1
    others = Directory(groups={"bob": ("other",)}, departments={}, names={"bob": "bob"})
    tally = found(STAFF_ONLY, connection(), directory=others)
    assert (tally.denied, tally.misnamed_groups) == (1, ["staff"])


def test_more_people_than_are_kept_are_counted_as_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever comes up later is one row together, and the verdict says that there are more."""
    monkeypatch.setattr(peoples, "MOST_PEOPLE", 3)
    monkeypatch.setattr(tallies, "MOST_PEOPLE", 3)
    tally = replay(Comparison(new=forbid("no")), [lines(each) for each in people(5)])
    assert (len(tally.people), tally.people.is_cut, tally.newly_denied.by_person.others.count) == (3, True, 2)
    assert verdict(tally).startswith("100% of connections, 3 of more than 3 people, would lose access")
    assert tally.newly_denied.count == 5


def test_every_table_has_the_same_facts_in_the_terminal_in_json_and_on_the_page(tmp_path: Path) -> None:
    """Titles, names and numbers."""
    log, users, page = tmp_path / "log", tmp_path / "users.csv", tmp_path / "page.html"
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "p.cedar").write_text(PERMIT + MAC, "utf-8")
    log.write_bytes(lines(*people(3), *people(2, "mac", groups=["staff", "sales"])))
    users.write_text("user,department\nmac0,Finance\nwin0,Finance\n", "utf-8")
    arguments = [*map(str, ("replay", log, "--policies", tmp_path / "policies", "--groups", users))]
    text = CliRunner().invoke(main, [*arguments, "--html", str(page)], env={"COLUMNS": "140"})
    shown = json.loads(CliRunner().invoke(main, [*arguments, "--json"]).stdout)
    for output in (text.stdout, page.read_text("utf-8")):
        assert "40% of connections, 2 of 5 people, would lose access, all of them by mac." in output
        for part in ("Newly denied, by policy", "by group", "by department", "people by weekday and hour"):
            assert part in output
        for name in ("sales", "Finance", "(not in the file of groups)", "mac0", "mac1", "12:00"):
            assert name in output
    assert shown["verdict"] == text.stdout.splitlines()[0]
    assert shown["newlyDenied"]["byGroup"] == [
        {"group": "sales", "people": 2, "of": 2, "count": 2},
        {"group": "staff", "people": 2, "of": 5, "count": 2},
    ]
    assert {
        row["department"]: (row["people"], row["of"]) for row in shown["newlyDenied"]["byDepartment"]
    } == {
        "Finance": (1, 2),
        "(not in the file of groups)": (1, 3),
    }
    assert "3 users of the logs are not in the file of groups; it lacks" in text.stderr


def test_a_long_table_is_cut_and_says_so() -> None:
    """On a terminal; people of several groups are not added up."""
    entries = [record(groups=[f"g{number}" for number in range(30)])]
    shown = {
        section.title: section.rows for section in sections(replayed(forbid("no"), *entries), None, most=20)
    }
    assert shown["Newly denied, by group"][-1] == ("10 more", None, None, None)
    assert len(shown["Newly denied, by group"]) == 21


def cells_of(tally: Tally, directory: Directory | None = None) -> list[dict[str, str]]:
    """Return the rows of the file of the people that a replay affects."""
    stream = io.StringIO()
    write_affected(stream, tally, directory)
    return list(csv.DictReader(io.StringIO(stream.getvalue())))


def test_everybody_whom_it_concerns_is_in_the_file() -> None:
    """With groups and department, and whether it is so at every connection."""
    tally = found(
        PERMIT + MAC,
        *(
            record(platform="mac", username=name, minutes=minute)
            for minute, name in enumerate(("bob", "eve"))
        ),
        record(username="BOB", minutes=5),
        record(username="amy", allowed=False, determining=["gone"], minutes=6, groups=["a b", "c"]),
        record(username="", common_name="laptop", platform="mac", minutes=7),
    )
    rows = cells_of(tally, named(bob="IT"))
    assert list(rows[0]) == list(COLUMNS)
    assert [(row["change"], row["kind"], row["name"], row["every one"]) for row in rows] == [
        ("newly denied", "user", "bob", "no"),
        ("newly denied", "user", "eve", "yes"),
        ("newly denied", "device", "laptop", "yes"),
        ("newly allowed", "user", "amy", "yes"),
    ]
    assert (rows[0]["department"], rows[1]["department"], rows[3]["groups"]) == ("IT", "", "a b; c")
    assert (rows[0]["first seen"], rows[0]["policies"]) == ("2026-11-23 12:00:00", "mac")


@pytest.mark.parametrize(
    "name",
    [
        "=cmd|' /C calc'!A0", "+1", "-1+1", "@SUM(A1)", "  =1", "\t=1", "\r=1", "\n=1", "\uff1d1", "\u00a0=1",
        "\u200b=1", "\ufeff=1", '"=1', "'=1",
    ],
)  # fmt: skip
def test_no_cell_is_a_formula(name: str) -> None:
    """Whatever is in a name, a group or an id: a spreadsheet shows it, and computes nothing."""
    tally = replayed(
        PERMIT, record(username=name, groups=[name], allowed=False, determining=[name]), record(minutes=1)
    )
    (row,) = cells_of(tally, None)
    for key in ("name", "groups", "policies"):
        shown = row[key]
        assert shown.lstrip()[:1] not in ("=", "+", "-", "@", "\uff1d", "\t", "\r", "\n")
        assert shown.isprintable()


def test_the_file_of_those_whom_it_concerns_is_its_owner_s(tmp_path: Path) -> None:
    """And a link in its place is refused before anything is read."""
    log, file = tmp_path / "log", tmp_path / "affected.csv"
    (tmp_path / "p.cedar").write_text(PERMIT + MAC, "utf-8")
    log.write_bytes(lines(*people(30, "mac")))
    arguments = [*map(str, ("replay", log, "--policies", tmp_path / "p.cedar", "--affected", file))]
    assert CliRunner().invoke(main, arguments).exit_code == 1
    assert len(file.read_text("utf-8").splitlines()) == 31
    assert file.stat().st_mode & 0o777 == 0o600 or sys.platform == "win32"
    file.unlink()
    file.symlink_to(log)
    refused = CliRunner().invoke(main, arguments)
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert "it is a link to" in refused.stderr


def test_one_file_for_the_page_and_the_table_is_refused(tmp_path: Path) -> None:
    """The one would replace the other."""
    (tmp_path / "p.cedar").write_text(PERMIT, "utf-8")
    (tmp_path / "log").write_bytes(lines(record()))
    file = str(tmp_path / "out")
    arguments = ("replay", str(tmp_path / "log"), "--policies", str(tmp_path / "p.cedar"), "--html", file)
    result = CliRunner().invoke(main, [*arguments, "--affected", file])
    assert (result.exit_code, result.stdout) == (2, "")
    assert "--html and --affected are both" in result.stderr


def test_texts_that_are_no_text_do_not_end_the_command(tmp_path: Path) -> None:
    """Ids in a log may be bytes that are not UTF-8; every output escapes them."""
    (tmp_path / "p.cedar").write_text(PERMIT, "utf-8")
    entry = record(allowed=False, determining=["x\udc80\u202e"], username="\u05d0\u05d1")
    (tmp_path / "log").write_bytes(lines(entry))
    page, table = tmp_path / "page.html", tmp_path / "table.csv"
    arguments = [*map(str, ("replay", tmp_path / "log", "--policies", tmp_path / "p.cedar", "--html", page))]
    result = CliRunner().invoke(main, [*arguments, "--affected", str(table)])
    assert result.exit_code == 1
    for text in (result.stdout, page.read_text("utf-8"), table.read_text("utf-8")):
        assert r"x\udc80\u202e" in text
