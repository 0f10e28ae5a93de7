"""A scan of the re-authorizer: what it counts, keeps and forgets."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from client_connect.reauthorizer.client_vpn import Connection
from client_connect.reauthorizer.scan import DamagedScan, Scan, Tally, counted


def connection(name: str, *, endpoint: str = "e1", established: str = "2026-11-22 09:00:00") -> Connection:
    """Return a connection."""
    return Connection(
        connection_id=name,
        endpoint_id=endpoint,
        established=established,
        username="bob",
        common_name="laptop",
    )


def scan(**changes: object) -> Scan:
    """Return a scan of two endpoints that has not begun."""
    arguments = {"settings": "s", "started": 1.0, "endpoints": ["e1", "e2"], "keep": 9, **changes}
    return Scan(**arguments)  # type: ignore[arg-type]


def test_an_endpoint_that_is_begun_again_is_counted_anew() -> None:
    """Denials by its policies are forgotten; findings at other endpoints, and beyond the limit, are kept."""
    one = scan(per_user=1)
    one.deny(connection("first"), ["a"])
    one.go_on(None)
    one.keep_newest("user:bob", connection("old", endpoint="e2", established="2026-11-22 08:00:00"))
    one.keep_newest("user:bob", connection("new", endpoint="e2"))
    one.deny(connection("second", endpoint="e2"), ["a"])
    one.go_on("token")
    assert (one.denied, sorted(one.candidates)) == (
        {"a": 2, "connection-limit": 1},
        ["first", "old", "second"],
    )
    assert one.denied_users == {"unknown": 2, "user:bob": 1}
    one.begin_endpoint_again()
    assert (one.token, one.endpoints) == (None, ["e2"])
    assert (one.denied, sorted(one.candidates)) == ({"a": 1, "connection-limit": 1}, ["first", "old"])


def test_what_is_taken_of_an_endpoint_is_that_of_the_next_no_more() -> None:
    """EC2 may list a connection twice, on any of an endpoint's pages; an endpoint that is begun again is seen again."""
    one = scan(taken=["a"])
    one.go_on("token")
    assert (one.token, one.taken) == ("token", ["a"])
    one.go_on(None)
    assert (one.token, one.taken, one.endpoints) == (None, [], ["e2"])
    one.taken = ["b"]
    one.begin_endpoint_again()
    assert one.taken == []


def test_a_user_keeps_the_newest_connections() -> None:
    """Even when an endpoint is begun again: who is seen twice has no more connections than before."""
    one = scan(per_user=2)
    connections = [connection(f"c{hour}", established=f"2026-11-22 0{hour}:00:00") for hour in (3, 1, 4, 2)]
    for _ in range(2):
        for each in connections:
            one.keep_newest("user:bob", each)
        assert (one.denials, one.limit.denials, sorted(one.candidates)) == (0, 2, ["c1", "c2"])
        one.begin_endpoint_again()
    assert one.candidates["c1"].connection == connections[1]
    assert one.candidates["c1"].principal == "user:bob"
    assert [each.connection_id for each in one.kept("user:bob")] == ["c3", "c4"]
    assert one.kept("user:alice") == []


@pytest.mark.parametrize(
    "again",
    [{"common_name": "other"}, {"established": "2026-11-22 08:00:01"}, {"username": None}, {}],
    ids=["common name", "time", "user", "nothing"],
)
def test_a_connection_that_is_listed_again_with_other_details_is_the_same(again: dict[str, Any]) -> None:
    """It is no newer connection that would make it end."""
    one = scan(per_user=1)
    listed = connection("a", established="2026-11-22 08:00:00")
    for each in (listed, replace(listed, **again)):
        one.keep_newest("user:bob", each)
    assert (one.limit.denials, one.candidates) == (0, {})
    assert [each.connection_id for each in one.kept("user:bob")] == ["a"]


def test_more_candidates_than_are_kept_are_only_counted() -> None:
    """So that a scan stays small: above its cap a run terminates none of them anyway."""
    one = scan(keep=2)
    for name in ("a", "b", "c"):
        one.deny(connection(name), ["no"])
    assert (one.denials, sorted(one.candidates)) == (3, ["a", "b"])
    more = scan(keep=1, per_user=1)
    more.deny(connection("a"), ["no"], "user:bob")
    for hour in (1, 2, 3):
        more.keep_newest("user:bob", connection(f"c{hour}", established=f"2026-11-22 0{hour}:00:00"))
    assert (more.denials, more.limit.denials, sorted(more.candidates)) == (1, 2, ["a", "c1"])


def test_an_endpoint_of_which_nothing_was_counted_can_be_begun_again() -> None:
    """The service may refuse the token of its first page."""
    one = scan()
    one.begin_endpoint_again()
    assert (one.endpoints, one.denials) == (["e1", "e2"], 0)


def test_a_scan_comes_back_from_its_text() -> None:
    """Whole, so the next run goes on as if it were the same."""
    one = scan(per_user=1)
    one.go_on("t")
    one.deny(connection("first"), [])
    one.keep_newest("user:bob", connection("old", established="2026-11-22 08:00:00"))
    one.keep_newest("user:bob", connection("new"))
    one.tally.left_alone += 1
    one.taken.append("new")
    assert Scan.from_json(one.to_json()) == one
    assert one.denied == {"connection-limit": 1, "no permit": 1}


def test_an_open_connection_is_one_that_was_seen() -> None:
    """Whatever the result; the share of those that are denied is one of these."""
    tallies = {"e1": Tally(decided=5, left_alone=3, undecided=2, denials=4), "e2": Tally(decided=1)}
    assert scan(tallies=tallies).open == 11


@pytest.mark.parametrize(
    ("change", "fits"),
    [
        ({}, True),
        ({"endpoints": ["e2"]}, True),
        ({"endpoints": []}, True),
        ({"endpoints": ["e1"]}, False),  # e2 would never be seen
        ({"endpoints": ["e3", "e2"]}, False),
        ({"settings": "other"}, False),
        ({"keep": 99}, False),
        ({"per_user": 1}, False),
    ],
)
def test_a_scan_is_gone_on_with_only_by_what_began_it(change: dict[str, object], fits: bool) -> None:  # noqa: FBT001 - a table
    """By the same settings, and with the endpoints that are still to be seen."""
    assert scan(**change).is_part_of(scan()) is fits


@pytest.mark.parametrize(
    "change",
    [
        {"started": "yesterday"},
        {"started": 1e300},
        {"started": None},
        {"endpoints": 3},
        {"endpoints": "e1"},
        {"endpoints": [1]},
        {"taken": "x"},
        {"taken": [["x"]]},
        {"token": 5},
        {"keep": "9"},
        {"per_user": True},
        {"tallies": {"e1": {"decided": "many"}}},
        {"tallies": {"e1": {"denied": {"no": -1}}}},
        {"tallies": []},
        {"limit": {"users": {"user:bob": 1.5}}},
        {"candidates": {"x": {"connection": {}}}},
        {
            "candidates": {
                "x": {"connection": {"connection_id": "y", "endpoint_id": "e"}, "reason": "policies"}
            }
        },
        {"candidates": {"x": {"connection": {"connection_id": "x", "endpoint_id": "e"}, "reason": "a whim"}}},
        {"candidates": {"x": {"connection": {"connection_id": "x", "endpoint_id": 7}, "reason": "policies"}}},
        {"newest": {"user:bob": [["2026"]]}},
        {"newest": {"user:bob": [["2026", "c", "e", 1, None]]}},
        {"newest": {"user:bob": 5}},
        {"unheard-of": 1},
    ],
    ids=str,
)
def test_a_text_that_is_no_scan_is_refused(change: dict[str, object]) -> None:
    """At once, and not somewhere in the run that would go on with it, and in each run after that."""
    with pytest.raises(DamagedScan):
        Scan.from_json(json.dumps(json.loads(scan().to_json()) | change))


@pytest.mark.parametrize("text", ["", "[]", "null", "{}", "[" * 99_999, '{"settings": 1}'])
def test_no_other_text_is_a_scan(text: str) -> None:
    """As a scan of another version of the library is not."""
    with pytest.raises(DamagedScan):
        Scan.from_json(text)


@pytest.mark.parametrize(
    ("users", "shared", "expected"),
    [
        ({"user:bob": 25, "user:eve": 2}, False, 7),
        ({"device:laptop": 25, "device:pc": 2}, False, 7),
        ({"device:laptop": 25, "user:bob": 25}, True, 30),
        ({"unknown": 25}, False, 25),
    ],
)
def test_one_user_or_device_alone_exceeds_no_cap(
    users: dict[str, int], *, shared: bool, expected: int
) -> None:
    """Unless a device's name is that of many people, or the users of the connections are unknown."""
    assert counted(users, shared_certificates=shared) == expected
