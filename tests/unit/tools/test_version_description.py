"""A version's own description."""

from __future__ import annotations

import pytest

from client_connect import Authorizer
from client_connect_tools import Policies
from client_connect_tools.bundling.bundle import policies_file
from client_connect_tools.deployed.description import (
    MOST_CHARACTERS,
    Described,
    describe_handler,
    describe_reauthorizer,
    parse_description,
    policies_digest,
)

DIGEST = "0123456789ab"
NAME = "AWSClientVPN-" + 51 * "x"
KNOWN = f"forbid {DIGEST}"
LONG, LONGER = [40 * f"{n}" for n in range(9)], [f"{300 * 'x'}{n}" for n in range(3)]
MANY = dict.fromkeys((f"policy-{n}" for n in range(100)), KNOWN)


def test_what_is_written_is_read_again() -> None:
    """Of a handler, and of a re-authorizer with the longest name and number."""
    known = {"a": "permit 0123456789ab", "b": "forbid, shadow ba9876543210"}
    assert parse_description(describe_handler(DIGEST, known, is_unqualified=False)) == Described(
        digest=DIGEST, ids="a 01234567, b (shadow) ba987654"
    )
    text = describe_reauthorizer(NAME, "9999999999", DIGEST, MANY)
    assert len(text) <= MOST_CHARACTERS
    found = parse_description(text)
    assert (found.handler, found.handler_version, found.digest) == (NAME, "9999999999", DIGEST)
    assert found.ids.startswith("policy-0, policy-1,")
    assert found.ids.endswith(" more")


@pytest.mark.parametrize(
    "ids",
    [
        [300 * "x"],
        ["😀" * 300],
        ["\n"],
        [],
        ["and 2 more"],
        [40 * f"{n}" for n in range(9)],
        [300 * "x" + f"{n}" for n in range(3)],
    ],
)
def test_whatever_the_ids_are_there_is_room(ids: list[str]) -> None:
    """An id is text of a policy's author: it neither makes the description too long nor changes what else it says."""
    text = describe_handler(DIGEST, dict.fromkeys(ids, KNOWN), is_unqualified=True)
    assert len(text.encode("utf-16-le")) // 2 <= MOST_CHARACTERS
    assert text.isprintable()
    found = parse_description(text)
    assert (found.digest, found.is_unqualified, found.handler) == (DIGEST, True, None)


@pytest.mark.parametrize(("number", "digits"), [(10, 8), (12, 6), (14, 4), (18, 0)])
def test_a_changed_policy_changes_the_description(number: int, digits: int) -> None:
    """The digests are as long as there is room for; without any, ids alone are left."""
    text = describe_handler(
        DIGEST, dict.fromkeys((f"policy-{n:02}" for n in range(number)), KNOWN), is_unqualified=False
    )
    assert f"policy-01{' ' if digits else ''}{DIGEST[:digits]}," in text
    assert f"policy-{number - 1:02}" in text
    assert len(text) <= MOST_CHARACTERS


def test_the_length_of_a_token_does_not_matter() -> None:
    """A description depends on no number that the CDK gives a token, or each synthesis would have another one."""
    short = describe_reauthorizer(NAME, "7", DIGEST, MANY)
    long = describe_reauthorizer(NAME, "${Token[TOKEN.1234567]}", DIGEST, MANY)
    assert long.replace("${Token[TOKEN.1234567]}", "7") == short


@pytest.mark.parametrize(
    "text",
    ["", "something else", "policies", "policies 0123", "for version 3 of x; other", "POLICIES " + DIGEST],
)
def test_what_others_wrote_says_nothing(text: str) -> None:
    """A version that was published by hand."""
    assert parse_description(text) == Described()


def test_unknown_policies_are_not_made_up() -> None:
    """Prebuilt code may be anywhere."""
    text = describe_handler(None, {}, is_unqualified=False)
    assert parse_description(text) == Described()
    assert text == "policies in prebuilt code"


@pytest.mark.parametrize("networks", [None, {"office": ["192.0.2.0/24"]}])
def test_the_digest_is_that_of_the_records(networks: dict[str, list[str]] | None) -> None:
    """With named networks too, whose digest is part of the bundled text."""
    reads = "" if networks is None else ' when { context.networks.contains("office") }'
    policies = Policies.from_string(
        f'@id("all") permit (principal, action, resource){reads};', networks=networks
    )
    text = policies_file(policies.text, policies.network_table)
    assert policies_digest(text) == Authorizer(text, networks=policies.network_table).policies.digest
