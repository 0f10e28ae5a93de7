"""A scan of the re-authorizer: what it counts, keeps and forgets."""

from __future__ import annotations

from client_connect.client_vpn import Connection
from client_connect.scan import Scan


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
    """What its policies denied is forgotten; what was found of others, and beyond the limit, is kept."""
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
    one.begin_endpoint_again()
    assert (one.token, one.endpoints) == (None, ["e2"])
    assert (one.denied, sorted(one.candidates)) == ({"a": 1, "connection-limit": 1}, ["first", "old"])


def test_what_is_taken_of_a_page_is_that_of_the_next_page_no_more() -> None:
    """Nor of the page at which an endpoint is begun again."""
    one = scan(taken=["a"])
    one.go_on("token")
    assert one.taken == []
    one.taken = ["b"]
    one.begin_endpoint_again()
    assert one.taken == []


def test_a_user_keeps_the_newest_connections() -> None:
    """Also when an endpoint is begun again: who is seen twice has no more connections than before."""
    one = scan(per_user=2)
    connections = [connection(f"c{hour}", established=f"2026-11-22 0{hour}:00:00") for hour in (3, 1, 4, 2)]
    for _ in range(2):
        for each in connections:
            one.keep_newest("user:bob", each)
        assert (one.denials, sorted(one.candidates)) == (2, ["c1", "c2"])
        one.begin_endpoint_again()
    assert one.candidates["c1"].connection == connections[1]
    assert one.candidates["c1"].principal == "user:bob"
    assert [each.connection_id for each in one.kept("user:bob")] == ["c3", "c4"]
    assert one.kept("user:alice") == []


def test_more_candidates_than_are_kept_are_only_counted() -> None:
    """So that a scan stays small: above its cap a run terminates none of them anyway."""
    one = scan(keep=2)
    for name in ("a", "b", "c"):
        one.deny(connection(name), ["no"])
    assert (one.denials, sorted(one.candidates)) == (3, ["a", "b"])


def test_an_endpoint_of_which_nothing_was_counted_can_be_begun_again() -> None:
    """The service may refuse the token of its first page."""
    one = scan()
    one.begin_endpoint_again()
    assert (one.endpoints, one.denials) == (["e1", "e2"], 0)


def test_a_scan_comes_back_from_its_text() -> None:
    """Whole, so that the next run goes on as if it were the same."""
    one = scan(per_user=1)
    one.go_on("t")
    one.deny(connection("first"), [])
    one.keep_newest("user:bob", connection("old", established="2026-11-22 08:00:00"))
    one.keep_newest("user:bob", connection("new"))
    one.tally.left_alone += 1
    one.taken.append("new")
    assert Scan.from_json(one.to_json()) == one
    assert one.denied == {"connection-limit": 1, "no permit": 1}
