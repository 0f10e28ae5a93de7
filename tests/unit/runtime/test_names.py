"""Names without regard to case, and whose name they are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from client_connect.names import is_name_of, lower_case
from client_connect.waiver import user_holder
from tests.unit.runtime.test_facts import context

KELVIN, ANGSTROM, OHM, DOTTED_I, SHARP_S = "\u212a", "\u212b", "\u2126", "\u0130", "\u1e9e"


@pytest.mark.parametrize(
    ("text", "lower"),
    [
        ("Bob@Example.COM", "bob@example.com"),
        ("MÜLLER", "müller"),
        ("ΓΣ", "\u03b3\u03c3"),
        (KELVIN, KELVIN),
        (ANGSTROM, ANGSTROM),
        (OHM, OHM),
        (DOTTED_I, DOTTED_I),
        (SHARP_S, SHARP_S),
        (f"Al{KELVIN}A", f"al{KELVIN}a"),
    ],
)
def test_only_letters_that_upper_case_restores_are_lower_cased(text: str, lower: str) -> None:
    """Another character must not become a letter of another name."""
    assert lower_case(text) == lower


@given(st.text(max_size=20))
def test_equal_names_differ_in_case_only(text: str) -> None:
    """Upper case of what became lower case is the character it was made of, so no two names fall together by more."""
    lower = lower_case(text)
    assert lower_case(lower) == lower
    assert len(lower) == len(text)
    assert all(
        new in (old, old.lower()) and new.upper() in (old, old.upper())
        for old, new in zip(text, lower, strict=True)
    )


@pytest.mark.parametrize("impostor", [KELVIN + "im", "\uff2bim", "k\u0131m"])
def test_a_name_that_looks_alike_inherits_nothing(impostor: str) -> None:
    """Neither the waivers of kim, nor her name in policies, nor her certificate."""
    assert user_holder(impostor) != user_holder("Kim") == "user:kim"
    assert context(username=impostor)["username"] != "kim"
    assert context(username=impostor, common_name="kim")["ownCertificate"] is False


@pytest.mark.parametrize(
    ("username", "text"),
    [
        ("bob", "bob"),
        ("Bob@Example.com", "bob@EXAMPLE.com"),
        ("CORP\\bob", "corp\\BOB"),
        ("Müller", "MÜLLER"),
        (" bob", " bob"),
    ],
)
def test_a_name_is_equal_whatever_the_case(username: str, text: str) -> None:
    """Directories and device managers do not agree on it."""
    assert is_name_of(username, text)


@pytest.mark.parametrize(
    ("username", "text"),
    [
        (None, None), ("", ""), (" ", " "), ("\u2003", "\u2003"), ("bob", None), (None, "bob"), ("bob", ""),
        ("alice", "alice@corp.example"), ("alice@corp.example", "alice"), ("CORP\\alice", "alice"),
        ("CORP\\alice", "alice@corp.example"), ("alice@corp.example", "alice@partner.example"),
        ("bob", "bob "), ("bob", "b\u00adob"), ("kim", f"{KELVIN}im"), ("e\u0301", "\u00e9"), ("x" * 255, "x" * 255),
    ],
)  # fmt: skip
def test_nothing_else_is_equal(username: str | None, text: str | None) -> None:
    """Two that are missing or blank, another domain, or a name that the service may have cut, name no one."""
    assert not is_name_of(username, text)
