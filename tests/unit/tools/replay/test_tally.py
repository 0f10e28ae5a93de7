"""The counts, and that they stay small."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from client_connect_tools.replay.people import Person
from client_connect_tools.replay.tally import NO_PERMIT, NOT_LOGGED, POLICY_ERROR, Change, Table
from client_connect_tools.replay.timeline import OTHERS, Timeline
from tests.support.connection_logs import (
    NOON,
    PERMIT,
    connection,
    denied_connection,
    forbid,
    record,
    replayed,
)

MAC = forbid("mac", 'when { context.platform == "mac" }')
OS = forbid("os", "when { context has os && context.os.major < 10 }")

if TYPE_CHECKING:
    from collections.abc import Iterable


def counted(table: Table[str]) -> dict[str, int]:
    """Return the counts of a table, in its order."""
    return {OTHERS if name is None else name: row.count for name, row in table.top()}


def users(change: Change) -> dict[str, int]:
    """Return how many connections of each person are decided otherwise; devices are in brackets."""
    return {
        f"[{person.name}]" if person.is_device else person.name: row.count
        for person, row in change.by_person.top()
        if person is not None
    }


def test_nothing_is_counted_when_the_new_policies_decide_alike() -> None:
    """When the new policies decide as the log says."""
    found = replayed(
        PERMIT + MAC, record(), record(platform="mac", allowed=False, determining=["mac"]), connection()
    )
    assert (found.lines, found.attempts, found.incomplete) == (3, 3, 1)
    assert (found.allowed, found.denied, found.undecidable, found.changes) == (2, 1, 0, 0)


def test_who_is_newly_denied() -> None:
    """By policy and by user, with when it was seen first and last, in whatever order the log is."""
    found = replayed(
        PERMIT + MAC + forbid("bob", 'when { context has username && context.username == "bob" }'),
        record(minutes=2, username="eve", platform="mac"),
        record(minutes=9, platform="mac"),
        record(minutes=5),
        record(minutes=7, username="eve"),
        connection(connection_start_time="2026-11-23 12:01:00", device_type="mac", username=""),
    ).newly_denied
    assert found.count == 4
    assert counted(found.by_policy) == {"mac": 3, "bob": 2}
    assert users(found) == {"bob": 2, "[laptop-1]": 1, "eve": 1}
    mac, bob = found.by_policy.rows["mac"], found.by_person.rows[Person("bob")]
    assert (mac.first, mac.last) == (NOON + timedelta(minutes=1), NOON + timedelta(minutes=9))
    assert (bob.first, bob.last) == (NOON + timedelta(minutes=5), NOON + timedelta(minutes=9))
    assert list(bob.notes) == ["bob", "mac"]


def test_denied_without_a_policy() -> None:
    """No permit applied, or a policy erred."""
    nobody = replayed(
        '@id("mac") permit (principal, action, resource) when { context.platform == "mac" };', record()
    )
    assert counted(nobody.newly_denied.by_policy) == {NO_PERMIT: 1}
    erred = replayed(PERMIT + forbid("x", "when { context.activeConnections > 1 }"), record())
    assert counted(erred.newly_denied.by_policy) == {POLICY_ERROR: 1}


def test_who_is_newly_allowed() -> None:
    """By what denied before, as far as the log says it."""
    found = replayed(
        PERMIT,
        record(allowed=False, determining=["b", "a"]),
        record(allowed=False, determining=[], username="eve"),
        denied_connection(),
        record(),
    ).newly_allowed
    assert found.count == 3
    assert counted(found.by_policy) == {NO_PERMIT: 1, NOT_LOGGED: 1, "a": 1, "b": 1}
    assert users(found) == {"bob": 2, "eve": 1}


def test_newly_allowed_after_an_error() -> None:
    """A policy that could not be evaluated had denied, whatever else applied."""
    entry = record(allowed=False, determining=[])
    entry["decision"]["errors"] = ["error while evaluating policy `x`"]
    assert counted(replayed(PERMIT, entry).newly_allowed.by_policy) == {POLICY_ERROR: 1}
    entry["decision"]["errors"] = []
    assert counted(replayed(PERMIT, entry).newly_allowed.by_policy) == {NO_PERMIT: 1}


def test_compared_with_old_policies() -> None:
    """The logged decision does not count then."""
    found = replayed(
        PERMIT,
        record(platform="mac"),
        record(platform="mac", allowed=False, minutes=1),
        record(allowed=False),
        old=PERMIT + MAC,
    )
    assert (found.newly_denied.count, found.newly_allowed.count) == (0, 2)
    assert counted(found.newly_allowed.by_policy) == {"mac": 2}


def test_what_is_undecidable_is_no_change() -> None:
    """It is counted by the policy to blame, of the new and the old ones, with what was missing."""
    found = replayed(
        PERMIT + OS, connection(), denied_connection(username="eve"), connection(device_type="mac"), record()
    )
    assert (found.allowed, found.undecidable, found.changes) == (2, 2, 0)
    assert counted(found.blamed["new"]) == {"os": 2}
    assert list(found.blamed["new"].rows["os"].notes) == ["os"]
    old = replayed(PERMIT, connection(), connection(device_type="mac"), old=PERMIT + OS)
    assert (old.undecidable, old.changes, counted(old.blamed["old"])) == (1, 0, {"os": 1})


def test_what_is_skipped_is_counted() -> None:
    """Beside what is replayed."""
    found = replayed(PERMIT, record(), {"type": "platform.start"}, {"type": "platform.start"}, 1)
    assert found.skipped == {"Lambda platform.start": 2, "not JSON": 1}
    assert (found.lines, found.attempts) == (4, 1)


def test_what_cannot_be_read_is_undecidable() -> None:
    """The counts of several processes are added up."""
    entry = record() | {"facts": {"device": 1}}
    found = replayed(PERMIT, record(), entry, connection(device_ip="NA"))
    found.merge(replayed(PERMIT, entry))
    assert found.unreadable == {
        'malformed decision record: "facts.device"': 2,
        "connection log without a valid device-ip": 1,
    }
    assert (found.attempts, found.allowed, found.undecidable, found.undecidable_by_new) == (4, 1, 3, 3)
    assert found.skipped == {}


def test_the_timeline_of_a_replay() -> None:
    """Decisions, changes, and denials by policy and by platform."""
    found = replayed(PERMIT + MAC + OS, record(), record(platform="MAC"), connection(device_type=""))
    counts: Counter[tuple[str, str]] = Counter()
    for (_, series, name), count in found.timeline.counts.items():
        counts[series, name] += count
    assert counts == {
        ("decisions", "allowed"): 1,
        ("decisions", "denied"): 1,
        ("decisions", "undecidable"): 1,
        ("changes", "newly denied"): 1,
        ("denials by policy", "mac"): 1,
        ("denials by platform", "mac"): 1,
    }


def test_tables_are_bounded() -> None:
    """Rows that are kept are exact, the rest is one row, and nothing is lost."""
    table = table_of(f"u{number % 10}" for number in range(25))
    assert counted(table) == {"u0": 3, "u1": 3, "u2": 3, OTHERS: 16}
    assert table.others.last == NOON + timedelta(minutes=24)
    assert [(name, row.count) for name, row in table.top(1)] == [("u0", 3), (None, 22)]
    total: Table[str] = Table(3)
    total.merge(table)
    total.merge(table_of(["new", "u1"]))
    assert counted(total) == {"u1": 4, "u0": 3, "u2": 3, OTHERS: 17}


def table_of(names: Iterable[str]) -> Table[str]:
    """Return a table of three rows at most, with a sighting a minute."""
    table: Table[str] = Table(3)
    for minute, name in enumerate(names):
        time = NOON + timedelta(minutes=minute)
        table.row(name).add(1, time, time)
    return table


@given(
    st.lists(st.tuples(st.integers(0, 250_000_000_000), st.sampled_from("abc")), min_size=1, max_size=40),
    st.integers(1, 5),
)
def test_a_timeline_covers_any_span_with_few_intervals(events: list[tuple[int, str]], parts: int) -> None:
    """Whatever order and however divided: the same intervals, as narrow as can be, and nothing lost."""
    whole, merged = Timeline(), Timeline()
    for second, name in events:
        whole.add(second, [("changes", name)])
    for part in range(parts):
        timeline = Timeline()
        for second, name in reversed(events[part::parts]):
            timeline.add(second, [("changes", name)])
        merged.merge(timeline)
    assert merged.counts == whole.counts
    assert merged.width == whole.width
    assert merged.intervals() == whole.intervals()
    assert 1 <= len(whole.intervals()) <= 120
    assert whole.width == 60 or (max(events)[0] - min(events)[0]) >= whole.width * 120 / 7 - whole.width
    assert whole.counts == Counter((second // whole.width, "changes", name) for second, name in events)


def test_a_series_has_few_names() -> None:
    """Platforms are whatever a client sends."""
    timeline = Timeline()
    for number in range(100):
        timeline.add(number * 1000, [("denials by platform", f"p{number}")])
    names = Counter(name for _, _, name in timeline.counts.elements())
    assert len(names) == 21
    assert names[OTHERS] == 80
