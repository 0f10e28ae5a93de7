"""Named networks: lists of them, checked, packed, and looked up."""

from __future__ import annotations

import json
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from client_connect import Authorizer, ConnectionRequest, Facts
from client_connect.networks import InvalidNetworks, Networks
from client_connect_tools import (
    InvalidPolicies,
    InvalidPolicyTests,
    InvalidRules,
    Policies,
    Rules,
    check,
    read_policy_tests,
    require_passing,
)
from client_connect_tools.cli import main
from client_connect_tools.files.networks import lists_given, packed, unpacked

OFFICE = '@id("office") permit (principal, action, resource) when { context.networks.contains("office") };\n'
LISTS = {"office": ["198.51.100.0/24", "2001:db8:1::/48"], "home": ["198.51.100.7", "203.0.113.0/25"]}


def request(address: str) -> ConnectionRequest:
    """Return a request from an address."""
    return ConnectionRequest(
        "cvpn-connection-1", "cvpn-endpoint-1", "win", ip_address(address), username="bob"
    )


@pytest.mark.parametrize(
    ("address", "names"),
    [
        ("198.51.99.255", []),
        ("198.51.100.0", ["office"]),
        ("198.51.100.7", ["home", "office"]),
        ("198.51.100.8", ["office"]),
        ("198.51.100.255", ["office"]),
        ("198.51.101.0", []),
        ("203.0.113.127", ["home"]),
        ("203.0.113.128", []),
        ("::ffff:198.51.100.7", ["home", "office"]),
        ("2001:db8:1:ffff:ffff:ffff:ffff:ffff", ["office"]),
        ("2001:db8:2::", []),
        ("0.0.0.1", []),
        ("::", []),
    ],
)
def test_policies_see_the_names_of_the_networks_of_the_address(address: str, names: list[str]) -> None:
    """In the decision, in the context and in the record; an IPv4 address that is mapped into IPv6 is the same."""
    authorizer = Policies.from_string(OFFICE, networks=LISTS).authorizer()
    facts = authorizer.located(Facts(request(address)))
    assert facts.cedar_request()["context"]["networks"] == names
    assert facts.to_record().get("networks", []) == names
    assert authorizer.decide(Facts(request(address))).allowed is ("office" in names)
    assert authorizer.subset(["office"]).decide(Facts(request(address))).allowed is ("office" in names)


def _networks() -> st.SearchStrategy[str]:
    """Generate networks that often lie within or next to each other, at the ends of the space too."""
    near = st.tuples(
        st.sampled_from([0, 0x0A000000, 0xFFFFFF00]), st.integers(0, 255), st.integers(24, 32)
    ).map(lambda each: str(ip_network((each[0] + each[1], each[2]), strict=False)))
    far = st.tuples(
        st.sampled_from([0, 2**127, 2**128 - 256]), st.integers(0, 255), st.integers(120, 128)
    ).map(lambda each: str(ip_network((int(each[0] + each[1]).to_bytes(16, "big"), each[2]), strict=False)))
    return near | far.filter(lambda each: "ffff:0:0" not in each and each.count(".") == 0)


@given(st.dictionaries(st.sampled_from("abc"), st.lists(_networks(), min_size=1, unique=True), min_size=1))
def test_a_lookup_finds_what_looking_at_each_network_finds(lists: dict[str, list[str]]) -> None:
    """At, before and behind both ends of every network."""
    table = packed(lists_given(lists))
    assert table is not None
    networks = Networks(table)
    for network in (ip_network(text) for texts in lists.values() for text in texts):
        kind = IPv4Address if network.version == 4 else IPv6Address
        ends = (int(network.network_address), int(network.broadcast_address))
        for number in {each + step for each in ends for step in (-1, 0, 1)}:
            if not 0 <= number < 2**network.max_prefixlen:
                continue
            address = kind(number)
            if isinstance(address, IPv6Address) and address.ipv4_mapped:
                continue
            expected = {
                name for name, texts in lists.items() if any(address in ip_network(text) for text in texts)
            }
            assert networks.names_of(address) == expected


def test_the_table_depends_on_the_networks_alone(tmp_path: Path) -> None:
    """Not on comments, layout, order or line ends; and every digest changes with a network."""
    (tmp_path / "office.txt").write_bytes(
        b"\xef\xbb\xbf# Offices\r\n\r\n  2001:db8:1::/48 # HQ\r\n198.51.100.0/24\t\r\n"
    )
    (tmp_path / "home.txt").write_text("203.0.113.0/25\n198.51.100.7/32", "utf-8")
    (tmp_path / "README.md").write_text("Ours.", "utf-8")
    one, other = (Policies.from_string(OFFICE, networks=each) for each in (LISTS, tmp_path))
    assert one.network_table == other.network_table
    assert one.digests() == other.digests()
    more = Policies.from_string(OFFICE, networks={**LISTS, "office": [*LISTS["office"], "192.0.2.0/24"]})
    assert more.network_table != one.network_table
    changed = {key for key, digest in more.digests().items() if one.digests()[key] != digest}
    assert changed == {"networks/office"}


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ("", ["1:1: the list has no networks"]),
        ("# none\n\n", ["1:1: the list has no networks"]),
        ("198.51.100.7/24", ["1:1: '198.51.100.7/24' has bits set behind its prefix; write 198.51.100.0/24"]),
        (
            "x\n198.51.100.0/33\n10.0.0/8",
            ["1:1: 'x' is not a network", "2:1: '198", "3:1: '10.0.0/8' is not a"],
        ),
        ("198.51.100.0/24\n\n198.51.100.0/24 # again", ["3:1: 198.51.100.0/24 is on line 1 already"]),
        ("198.51.100.7\n198.51.100.7/32", ["2:1: 198.51.100.7/32 is on line 1 already"]),
        ("2001:DB8::/32\n2001:db8:0::/32", ["2:1: 2001:db8::/32 is on line 1 already"]),
        ("::ffff:198.51.100.0/120", ["1:1: '::ffff:198.51.100.0/120' maps IPv4 into IPv6"]),
        ("fe80::%eth0/64", ["1:1: 'fe80::%eth0/64' names a zone"]),
        ("198.51.100.0/255.255.255.0", ["1:1: '198.51.100.0/255.255.255.0' is not a network"]),
        ("198.51.100.0/24, 203.0.113.0/24", ["1:1: '198.51.100.0/24, 203.0.113.0/24' is not a network"]),
        ("198.51.100.0/24 HQ", ["1:1: '198.51.100.0/24 HQ' is not a network"]),
        ("0198.51.100.0/24", ["1:1: '0198.51.100.0/24' is not a network"]),
    ],
)
def test_fails_for_lines_that_are_no_networks(
    text: str, problems: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With file and line, all at once, and what to write."""
    monkeypatch.chdir(tmp_path)
    Path("networks").mkdir()
    Path("networks/office.txt").write_text(text, "utf-8")
    Path("vpn.cedar").write_text(OFFICE, "utf-8")
    for policies in (Policies.from_file("vpn.cedar"), Policies.from_directory(".")):
        findings = [str(each) for each in check(policies)]
        assert len(findings) == len(problems)
        for finding, problem in zip(findings, problems, strict=True):
            assert finding.startswith(f"networks/office.txt:{problem}")
        with pytest.raises(InvalidPolicies, match=r"networks/office\.txt:[0-9]: "):
            _ = policies.network_table


@pytest.mark.parametrize("name", ["1.2", "10", "-office", "büro", "of fice", "x" * 65])
def test_fails_for_names_that_are_none(name: str) -> None:
    """A name must not look like an address, and be spelled in one way only."""
    (finding, *_) = check(
        Policies.from_string(OFFICE, networks={"office": ["10.0.0.0/8"], name: ["10.0.0.0/8"]})
    )
    assert (finding.rule, finding.line) == ("network-list", 1)


def test_fails_for_lists_that_cannot_be_read(tmp_path: Path) -> None:
    """A missing or empty folder, other files in it, a string in place of a list, and two of one name."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "office.csv").write_text("10.0.0.0/8", "utf-8")
    for given_, problem in [
        (tmp_path / "missing", "cannot read the networks"),
        (tmp_path / "empty", r"has no NAME\.txt file"),
        (tmp_path, r'office\.csv" is no list of networks, NAME\.txt; rename or move it'),
        ({"office": "10.0.0.0/8"}, r'are the string "10.0.0.0/8"; give a list'),
        (
            {"office": ["10.0.0.0/8"], "Office": ["10.0.0.0/8"]},
            'different lists of networks with the name "Office"',
        ),
    ]:
        with pytest.raises(InvalidPolicies, match=problem):
            Policies.from_string(OFFICE, networks=given_)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ('context.networks.contains("ofice")', 'write "office"'),
        (
            '(if context.ownCertificate then context.networks else context.waivers).contains("ofice")',
            'write "office"',
        ),
        ('{a: context.networks}.a.contains("ofice")', 'write "office"'),
        (
            '(if context.ownCertificate then context else context).networks.contains("ofice")',
            'write "office"',
        ),
        ('[context.networks] == [["ofice"]]', 'write "office"'),
        ('context.networks.contains("OFFICE")', 'write "office"'),
        ('context.networks.containsAny(["home", "lab"])', "there are home, office"),
        ('context.networks == ["hone"]', 'write "home"'),
        ('["hme"].containsAll(context.networks)', 'write "home"'),
        (
            'context.networks.contains(if context.platform == "win" then "offic" else "home")',
            'write "office"',
        ),
    ],
)
def test_fails_for_names_that_no_list_has(condition: str, message: str) -> None:
    """A forbid of a misspelt name would never apply."""
    text = f'@id("x") permit (principal, action, resource) when {{ {condition} }};'
    findings = check(Policies.from_string(text, networks=LISTS))
    assert [(each.rule, each.policy) for each in findings if each.rule == "unknown-network"] == [
        ("unknown-network", "x")
    ]
    assert message in next(each.message for each in findings if each.rule == "unknown-network")
    without = check(Policies.from_string(text))
    assert "there are no named networks; list them in networks/" in without[0].message


@pytest.mark.parametrize("table", [b"", b"x", b"client-connect networks 1\n{}", None])
def test_fails_for_a_table_that_is_none(table: bytes | None) -> None:
    """Even for one that is cut off."""
    whole = packed(lists_given(LISTS)) or b""
    with pytest.raises((InvalidNetworks, KeyError)):
        Networks(whole[:-1] if table is None else table)


RULES: list[tuple[dict[str, Any], str, tuple[str, ...]]] = [
    ({"allowed_networks": ["office"]}, "203.0.113.1", ("allowed-networks",)),
    ({"allowed_networks": ["office"]}, "2001:db8:1::7", ("authenticated",)),
    ({"allowed_networks": ["office", "home"]}, "203.0.113.1", ("authenticated",)),
    ({"allowed_networks": ["home", "192.0.2.0/25", "192.0.2.128/25"]}, "192.0.2.200", ("authenticated",)),
    ({"blocked_networks": ["home"]}, "198.51.100.7", ("blocked-networks",)),
    ({"blocked_networks": ["home", "192.0.2.0/24"]}, "192.0.2.1", ("blocked-networks",)),
    ({"blocked_networks": ["home"]}, "198.51.100.8", ("authenticated",)),
]


@pytest.mark.parametrize(("rules", "address", "determining"), RULES)
def test_rules_name_networks(rules: dict[str, Any], address: str, determining: tuple[str, ...]) -> None:
    """A name is whatever is no address; adjacent networks are one."""
    policies = Policies.from_rules(Rules(**rules), networks=LISTS)
    assert check(policies) == []
    assert "/25" not in policies.text
    assert policies.authorizer().decide(Facts(request(address))).determining == determining


def test_fails_for_rules_with_unknown_or_contradictory_names() -> None:
    """At synthesis, with what was probably meant."""
    (finding,) = check(Policies.from_rules(Rules(allowed_networks=["ofice"]), networks=LISTS))
    assert (finding.policy, finding.rule) == ("allowed-networks", "unknown-network")
    assert 'write "office"' in finding.message
    with pytest.raises(InvalidRules, match="allowed_networks and blocked_networks both have office"):
        Rules(allowed_networks=["office"], blocked_networks=["office", "home"])


def test_many_inline_networks_render_as_they_did() -> None:
    """Beyond what is formatted, the text is laid out by us: it is the same policy, and decides the same."""
    networks = [f"5.{number // 128}.{number % 128 * 2}.0/24" for number in range(1000)]
    policies = Policies.from_rules(Rules(blocked_networks=networks))
    assert check(policies) == []
    assert max(map(len, policies.text.splitlines())) <= 100
    authorizer = Authorizer(policies.text)
    for address, allowed in (
        ("5.0.0.9", False),
        ("5.7.206.255", False),
        ("5.0.1.0", True),
        ("5.8.0.0", True),
    ):
        assert authorizer.decide(Facts(request(address))).allowed is allowed


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with policies that name networks."""
    monkeypatch.chdir(tmp_path)
    Path("policies/networks").mkdir(parents=True)
    Path("policies/vpn.cedar").write_text(OFFICE, "utf-8")
    for name, networks in LISTS.items():
        Path(f"policies/networks/{name}.txt").write_text("\n".join(networks), "utf-8")
    return Path("policies")


TESTS = """
[[test]]
name = "an address"
request = { public-ip = "198.51.100.9" }
expect = "allow"
variants = [{}, { request = { public-ip = "203.0.113.1" }, expect = "deny" }, { networks = ["home"], expect = "deny" }]

[[test]]
name = "the real list"
networks = ["office"]
expect = "allow"
variants = [
  {}, { networks = ["office", "home"] }, { networks = [], expect = "deny" },
  { request = { public-ip = "192.0.2.1" }, expect = "deny" },
]
"""


def test_policy_tests_use_the_real_lists(folder: Path) -> None:
    """By an address, or by the names of the lists that it is in: no test has an address that a list may lose."""
    (folder / "vpn.tests.toml").write_text(TESTS, "utf-8")
    policies = Policies.from_directory(folder)
    require_passing(policies)
    facts = {test.name: test.facts for test in read_policy_tests(policies)}
    assert {str(each.request.public_ip) for each in facts.values()} == {
        *("198.51.100.9", "203.0.113.1", "198.51.100.7", "198.51.100.0", "203.0.113.0", "192.0.2.1"),
    }
    (folder / "vpn.tests.toml").write_text(TESTS.replace('expect = "allow"', 'expect = "deny"'), "utf-8")
    failed = CliRunner().invoke(main, ["test", "policies"])
    assert failed.exit_code == 1
    assert 'networks: ["home", "office"]' in failed.stdout


@pytest.mark.parametrize(
    ("case", "problem"),
    [
        (
            'networks = ["ofice"]',
            '"networks" has "ofice", but no list of networks has this name; write "office"',
        ),
        ('networks = ["office"]\nrequest = { public-ip = "192.0.2.1" }', "and public-ip are both given"),
        ('networks = "office"', "give a list of texts"),
        ('networks = ["other"]', "no address is in just these; give a public-ip"),
    ],
)
def test_fails_for_policy_tests_with_networks_that_are_none(folder: Path, case: str, problem: str) -> None:
    """Unknown names, both an address and names, and lists that never occur alone."""
    (folder / "networks" / "other.txt").write_text("198.51.100.7", "utf-8")
    (folder / "vpn.tests.toml").write_text(f'[[test]]\nname = "x"\nexpect = "allow"\n{case}\n', "utf-8")
    with pytest.raises(InvalidPolicyTests) as caught:
        read_policy_tests(Policies.from_directory(folder))
    assert problem in str(caught.value)


def test_decide_and_replay_look_addresses_up(folder: Path) -> None:
    """In the lists next to the policies that are given, whatever was found when it was logged."""
    runner = CliRunner()
    decided = runner.invoke(
        main, ["decide", "policies", "--username", "bob", "--public-ip", "::ffff:198.51.100.7"]
    )
    assert decided.stdout.startswith("allowed: bob on win from 198.51.100.7 (home, office), ")
    denied = runner.invoke(main, ["decide", "policies", "--username", "bob", "--json"])
    assert json.loads(denied.stdout)["allow"] is False
    record = {
        "at": "2026-11-30T12:00:00Z",
        "request": request("198.51.100.7").to_event(),
        "facts": {"timeZone": "UTC", "networks": ["gone"]},
        "decision": {"allowed": True, "determining": ["office"]},
    }
    Path("log.json").write_text(json.dumps(record) + "\n", "utf-8")
    assert runner.invoke(main, ["replay", "log.json", "--policies", "policies"]).exit_code == 0
    (folder / "networks" / "office.txt").write_text("192.0.2.0/24", "utf-8")
    changed = runner.invoke(main, ["replay", "log.json", "--policies", "policies", "--json"])
    assert changed.exit_code == 1
    Path("old").mkdir()
    Path("old/vpn.cedar").write_text(OFFICE, "utf-8")
    Path("old/networks").mkdir()
    Path("old/networks/office.txt").write_text("192.0.2.0/24", "utf-8")
    same = runner.invoke(main, ["replay", "log.json", "--policies", "policies", "--against", "old"])
    assert same.exit_code == 0


EDGES = {
    "all4": ["0.0.0.0/0"],
    "ends": ["0.0.0.0/32", "255.255.255.255/32", "::/128", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128"],
    "odd": ["198.51.100.1/32", "198.51.100.2/31", "2001:db8::/33"],
}


@pytest.mark.parametrize("lists", [LISTS, EDGES, {"all6": ["::/0"]}])
def test_an_unpacked_table_packs_to_the_same(lists: dict[str, list[str]]) -> None:
    """So the lists in prebuilt code can be checked like those next to the policies."""
    table = packed(lists_given(lists))
    assert table
    assert packed(lists_given(unpacked(table))) == table
    assert unpacked(table).keys() == lists.keys()


def test_fails_to_unpack_a_table_that_is_cut_off() -> None:
    """By one byte."""
    table = packed(lists_given(LISTS))
    assert table
    with pytest.raises(InvalidNetworks, match="cut off"):
        unpacked(table[:-1])
