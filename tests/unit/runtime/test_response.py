"""The answer, as AWS documents it for each schema version."""

from __future__ import annotations

import pytest

from client_connect import response


@pytest.mark.parametrize(
    ("version", "message_key"),
    [
        ("v1", "error-msg-on-failed-posture-compliance"),
        ("v2", "error-msg-on-denied-connection"),
        ("v3", "error-msg-on-denied-connection"),
        ("v4", "error-msg-on-denied-connection"),
    ],
)
def test_the_version_is_echoed_and_chooses_the_key_of_the_message(version: str, message_key: str) -> None:
    """Exactly the four keys that AWS requires, and nothing else."""
    assert response(allow=False, message="No.", statuses=("a", "b"), schema_version=version) == {
        "allow": False,
        message_key: "No.",
        "posture-compliance-statuses": ["a", "b"],
        "schema-version": version,
    }


def test_a_permission_has_statuses_but_no_message() -> None:
    """There is no message for a client that may connect."""
    assert response(allow=True, message="No.", statuses=["compliant"], schema_version="v3") == {
        "allow": True,
        "error-msg-on-denied-connection": "",
        "posture-compliance-statuses": ["compliant"],
        "schema-version": "v3",
    }


def test_what_is_not_given_is_not_said() -> None:
    """An answer needs no message and no status."""
    assert response(allow=False, schema_version="v3") == {
        "allow": False,
        "error-msg-on-denied-connection": "",
        "posture-compliance-statuses": [],
        "schema-version": "v3",
    }


def test_the_limits_of_the_service_are_kept() -> None:
    """At most 255 UTF-16 code units of a message and of a status, at most 10 statuses, the first ones."""
    statuses = (f"{number:02}" + "🦊" * 254 for number in range(12))
    answer = response(allow=False, message="é" * 256, statuses=statuses, schema_version="v3")
    assert answer["error-msg-on-denied-connection"] == "é" * 254 + "…"
    assert answer["posture-compliance-statuses"] == [f"{number:02}" + "🦊" * 126 for number in range(10)]


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("word " * 60, "word " * 50 + "word…"),
        ("word " * 50 + "longer words", "word " * 49 + "word…"),
        ("a " + "x" * 300, "a " + "x" * 252 + "…"),
        ("🦊" * 128, "🦊" * 127 + "…"),
        ("Go to\nIT.\x85\x7f", "Go to IT.  "),
    ],
)
def test_a_message_is_cut_between_words(message: str, shown: str) -> None:
    """An ellipsis shows it; control characters, which make clients ignore a message, are spaces."""
    answer = response(allow=False, message=message, schema_version="v3")
    assert answer["error-msg-on-denied-connection"] == shown


def test_what_is_just_within_the_limits_is_left_alone() -> None:
    """Nothing is cut that fits."""
    answer = response(allow=False, message="m" * 255, statuses=["s" * 255] * 10, schema_version="v1")
    assert answer["error-msg-on-failed-posture-compliance"] == "m" * 255
    assert answer["posture-compliance-statuses"] == ["s" * 255] * 10
