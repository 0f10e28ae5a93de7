"""Versions as clients spell them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from client_connect import OsVersion, Version

# Text near the real spellings, where a sloppy expression would fail.
near_versions = st.text(alphabet="0123456789., _-+abcdimrstxe٣\uff16\n", max_size=24) | st.text(max_size=24)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10.0 64bit", OsVersion(10, 0)),
        ("6.1 32bit", OsVersion(6, 1)),
        ("10.0, amd64 executable", OsVersion(10, 0)),
        ("10.0, x86 executable running on amd64 host", OsVersion(10, 0)),
        ("10.0.22631,amd64", OsVersion(10, 0, 22631)),
        ("10.0.26100,arm64", OsVersion(10, 0, 26100)),
        ("10.0.0,amd64", OsVersion(10, 0, 0)),
        ("999999999.999999999.999999999,amd64", OsVersion(999999999, 999999999, 999999999)),
        ("10.0.22631, amd64", OsVersion(10, 0, 22631)),
        ("10.0.22631.1,amd64", OsVersion(10, 0, 22631)),
        (" 10.0  64bit\n", OsVersion(10, 0)),
        ("_10.0\t64bit", OsVersion(10, 0)),
        ("6.1.7601_Service_Pack_1", OsVersion(6, 1, 7601)),
        ("6.1;x64", OsVersion(6, 1)),
        ("microsoft windows nt 6.1.7601", OsVersion(6, 1, 7601)),
        ("WINDOWS_NT_6.1_64BIT", OsVersion(6, 1)),
        ("7.0", OsVersion(7, 0)),
    ],
)
def test_a_windows_version_is_read_whatever_stands_after_it(text: str, expected: OsVersion) -> None:
    """A spelling that is not understood would let an old Windows pass; an unsent build is absent, not 0."""
    assert OsVersion.of_windows(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        None, "", "10", "10.", "10_0", "10.0.", "10.0beta", "10.0-beta", "10.0.22631beta", "10.0.0x1",
        "0.0 64bit", "0.0, amd64 executable", "0.0.0,amd64", "10.-1 64bit", "\uff11\uff10.0 64bit", "1e1.0 64bit",
        "10.0.2263\uff11,amd64", "10.0\u0663", "10.0.\u0661", "10.0.1\u00b2",
        "1234567890.0 64bit", "10.1234567890 64bit", "10.0.1234567890,amd64", "Windows", "Windows 11", "Windows_7",
        "10.1", "11.0.22631", "22.6.0", "999999999.0",
    ],
)  # fmt: skip
def test_any_other_windows_version_is_unknown(text: str | None) -> None:
    """Nothing is guessed from text that is no version, or from numbers that are too high or too long."""
    assert OsVersion.of_windows(text) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2.6.12", Version(2, 6, 12)),
        ("2.6_rc2", Version(2, 6, 0)),
        ("2.7_git", Version(2, 7, 0)),
        ("3", Version(3, 0, 0)),
        ("3.git::58b92569", None),
        ("5.2.1.9", Version(5, 2, 1)),
        ("2.4.9-beta", Version(2, 4, 9)),
        ("999999999.999999999.999999999", Version(999999999, 999999999, 999999999)),
        (None, None),
        ("", None),
        ("OpenVPN 2.6.12", None),
        (" 2.6.12", None),
        (".6", None),
        ("2.x", None),
        ("2.6.x", None),
        ("3.", None),
        ("2.6.", None),
        ("3_git", None),
        ("3\n", None),
        ("v2.6", None),
        ("2.6beta", None),
        ("2.6.12x", None),
        ("2.*", None),
        ("2.6.\uff11", None),
        ("2.6\u0663", None),
        ("2.6.1234567890", None),
        ("2.1234567890.1", None),
        ("2.6.12_x", Version(2, 6, 12)),
        ("2.6.12.git", Version(2, 6, 12)),
        ("3.12_git:master", Version(3, 12, 0)),
        ("-2.6", None),
        ("\uff12.6", None),
        ("1234567890", None),
        ("1234567890.1.1", None),
    ],
)
def test_a_client_version_is_read_from_the_beginning(text: str | None, expected: Version | None) -> None:
    """Parts that are left out are 0; a part that is not a number of at most nine digits is unknown, and not 0."""
    assert Version.of_client(text) == expected


@given(near_versions)
def test_no_text_raises_or_gives_a_number_that_cedar_cannot_hold(text: str) -> None:
    """A client may send anything."""
    for version in (OsVersion.of_windows(text), Version.of_client(text)):
        if version is not None:
            assert all(number is None or 0 <= number < 10**9 for number in version)
