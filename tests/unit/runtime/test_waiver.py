"""A waiver as the records have it, and texts that are not too long."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from client_connect.shortening import cut, length, shortened
from client_connect.waiver import Waiver

GRANTED = Waiver(
    policy_id="hours",
    until=datetime(2026, 12, 1, 9, tzinfo=timezone(timedelta(hours=1))),
    reason="on call",
    approved_by="carol",
    holder="user:bob",
    granted_by="arn:aws:iam::111111111111:user/carol",
    granted_at=datetime(2026, 11, 30, 8, 30, 15, 999, tzinfo=UTC),
)
IMPORTED = Waiver(
    policy_id="hours",
    until=datetime(2026, 12, 1, tzinfo=UTC),
    reason="a" * 1001,
    approved_by="carol",
    holder="user:bob",
)


def test_a_record_has_all_that_is_known_of_a_waiver() -> None:
    """Times to the second, in the zone that they came in."""
    assert GRANTED.to_record() == {
        "policyId": "hours",
        "until": "2026-12-01T09:00:00+01:00",
        "reason": "on call",
        "approvedBy": "carol",
        "holder": "user:bob",
        "grantedBy": "arn:aws:iam::111111111111:user/carol",
        "grantedAt": "2026-11-30T08:30:15+00:00",
    }


def test_a_record_leaves_out_who_granted_a_waiver_where_nobody_knows() -> None:
    """Its texts are cut, or whoever writes waivers could fill the log."""
    record = IMPORTED.to_record()
    assert record.keys() == {"policyId", "until", "reason", "approvedBy", "holder"}
    assert record["reason"] == "a" * 999 + "…"


@pytest.mark.parametrize(
    ("text", "units"), [("", 0), ("abc", 3), ("äöü", 3), ("\uffff", 1), ("🦊", 2), ("a🦊🦊", 5)]
)
def test_a_text_is_as_long_as_its_utf_16_form(text: str, units: int) -> None:
    """AWS does not say what its limits count; this is the larger number."""
    assert length(text) == units


@pytest.mark.parametrize(
    ("text", "limit", "head"), [("abc", 3, "abc"), ("abcd", 3, "abc"), ("a🦊", 2, "a"), ("🦊🦊🦊", 4, "🦊🦊")]
)
def test_a_cut_text_is_the_beginning_that_fits(text: str, limit: int, head: str) -> None:
    """No character is halved."""
    assert cut(text, limit) == head


@pytest.mark.parametrize(
    ("text", "limit", "shown"),
    [
        ("abc", 3, "abc"),
        ("abcd", 3, "ab…"),
        ("one two three", 11, "one two…"),
        ("one two three", 8, "one two…"),
        ("one two three", 9, "one two…"),
        ("one\ntwo\nthree", 11, "one\ntwo…"),
        ("one\ttwo\tthree", 11, "one\ttwo…"),
        ("one\ntwo three", 11, "one\ntwo…"),
        ("one two\nthree", 11, "one two…"),
        ("one two\tthree", 11, "one two…"),
        ("a bcdefghijkl", 9, "a bcdefg…"),
        ("abcd fghijklm", 9, "abcd fgh…"),
        ("abcde ghijklm", 9, "abcde…"),
        ("🦊🦊🦊", 5, "🦊🦊…"),
        ("abcdefgh", 4, "abc…"),
        ("abc  defgh", 5, "abc…"),
        (" abc", 3, " a…"),
        ("ab cdef gh", 6, "ab cd…"),
    ],
)
def test_a_shortened_text_ends_between_two_words_where_that_leaves_half(
    text: str, limit: int, shown: str
) -> None:
    """The ellipsis counts too."""
    assert shortened(text, limit) == shown
