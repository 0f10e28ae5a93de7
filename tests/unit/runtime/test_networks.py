"""Named networks at run time: an address is looked up in the table of a bundle."""

from __future__ import annotations

import json
from ipaddress import ip_address

import pytest

from client_connect import Authorizer, ConnectionRequest, Facts
from client_connect.networks import MAGIC, InvalidNetworks, Networks, digest

V4 = [("10.0.0.0", 1), ("10.0.0.128", 2), ("10.0.1.0", 0)]
V6 = [("2001:db8::", 1), ("2001:db9::", 0)]


def table(**header: object) -> bytes:
    """Return a table of two lists: `a` has 10.0.0.0/24 and 2001:db8::/32, `b` the upper half of the former."""
    head = {"names": ["a", "b"], "sets": [[], [0], [0, 1]], "v4": len(V4), "v6": len(V6), **header}
    parts = [MAGIC, json.dumps(head).encode(), b"\n"]
    for intervals in (V4, V6):
        parts += [ip_address(begin).packed for begin, _ in intervals]
        parts += [number.to_bytes(2, "big") for _, number in intervals]
    return b"".join(parts)


@pytest.mark.parametrize(
    ("address", "names"),
    [
        ("9.255.255.255", ""),
        ("10.0.0.0", "a"),
        ("10.0.0.127", "a"),
        ("10.0.0.128", "ab"),
        ("10.0.0.255", "ab"),
        ("10.0.1.0", ""),
        ("255.255.255.255", ""),
        ("::ffff:10.0.0.128", "ab"),
        ("::1", ""),
        ("2001:db8::", "a"),
        ("2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", "a"),
        ("2001:db9::", ""),
    ],
)
def test_an_address_is_in_the_lists_of_its_interval(address: str, names: str) -> None:
    """At the ends of each interval; an address that is mapped into IPv6 is the IPv4 address."""
    assert Networks(table()).names_of(ip_address(address)) == frozenset(names)


def test_the_authorizer_looks_up_what_facts_do_not_say() -> None:
    """Networks that facts name are theirs; without a table no network has a name."""
    policies = '@id("a") permit (principal, action, resource) when { context.networks.contains("a") };'
    request = ConnectionRequest("c", "e", "win", ip_address("10.0.0.7"), username="bob")
    facts = Facts(request)
    with_table, without = Authorizer(policies, networks=table()), Authorizer(policies)
    assert with_table.networks is not None
    assert with_table.networks.names == ("a", "b")
    assert with_table.decide(facts).allowed
    assert not with_table.decide(facts._replace(networks=frozenset("b"))).allowed
    assert not without.decide(facts).allowed
    assert without.located(facts) is facts
    assert with_table.located(facts).to_record()["networks"] == ["a"]


@pytest.mark.parametrize(
    "wrong", [b"", b"x" + table(), MAGIC, table()[:-1], table() + b"\0", table(v4=len(V4) - 1), table(v6=3)]
)
def test_fails_for_a_table_that_is_not_complete(wrong: bytes) -> None:
    """Whatever is missing or too much."""
    with pytest.raises(InvalidNetworks, match="build the bundle again"):
        Networks(wrong)


def test_each_table_has_a_digest_of_its_own() -> None:
    """It is SHA-256, which other programs compute too."""
    assert digest(b"") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
