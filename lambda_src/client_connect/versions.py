"""Versions as clients spell them, read into numbers that policies can compare."""

from __future__ import annotations

import re

from client_connect.light_typing import NamedTuple

# At most nine digits, so no client can send a number that Cedar's 64-bit Long cannot hold.
_NUMBER = "([0-9]{1,9})"

# Two numbers, a build and a revision if sent; after them, nothing or something that is not a part of the version. An
# OpenVPN server replaces white space and brackets by "_". tools/_client_spellings.py lists every spelling.
_WINDOWS = re.compile(
    r"[\s_]*(?:(?:Microsoft[\s_]+)?Windows[\s_]+NT[\s_]+)?"
    rf"{_NUMBER}\.{_NUMBER}(?:\.{_NUMBER}(?:\.[0-9]+)?)?"
    r"((?:_|[^\w.+-]).*)?",
    re.DOTALL | re.IGNORECASE,
)
_NUMBERS = re.compile(rf"{_NUMBER}\.{_NUMBER}(?:\.{_NUMBER}(?:\.[0-9]{{1,9}})?)?", re.ASCII)
# A part that is not a number, such as the "git" of "3.git", is not known. What follows "_" or "-" is not a part.
_LETTER = r"[^\W_]"
_CLIENT = re.compile(rf"{_NUMBER}(?:\.{_NUMBER}(?:\.{_NUMBER}(?!{_LETTER})|(?!{_LETTER}|\.))|\Z)")

# Windows 11 is 10.0.22000 and later. A higher number alone is something else, such as the kernel of macOS.
_LAST_WINDOWS = (10, 0)


class OsVersion(NamedTuple):
    """The version of an operating system; ``build`` is ``None`` where the client did not send it."""

    major: int
    minor: int
    build: int | None = None

    def __str__(self) -> str:
        numbers = (self.major, self.minor, self.build)
        return ".".join(str(number) for number in numbers if number is not None)

    def to_record(self) -> dict[str, int]:
        """Return the numbers by name, as policies and decision records have them."""
        numbers = {"major": self.major, "minor": self.minor}
        return numbers if self.build is None else {**numbers, "build": self.build}

    @classmethod
    def of_windows(cls, platform_version: str | None) -> OsVersion | None:
        """Read a Windows version as clients and OpenVPN servers spell it, such as ``10.0.22631,amd64``.

        Returns ``None`` for other text, for ``0.0``, which OpenVPN sends when it does not know the version, and for
        numbers above 10.0 without a processor.
        """
        match = _WINDOWS.fullmatch(platform_version or "")
        version = cls._of(match)
        if match is None or version is None or not version.major:
            return None
        return version if match[4] or version[:2] <= _LAST_WINDOWS else None

    @classmethod
    def from_numbers(cls, text: str) -> OsVersion | None:
        """Read two or three numbers, such as ``10.0.19045``; ``None`` for any other text.

        A fourth one, the revision of a build in device managers, is not kept.
        """
        return cls._of(_NUMBERS.fullmatch(text))

    @classmethod
    def _of(cls, match: re.Match[str] | None) -> OsVersion | None:
        if match is None:
            return None
        major, minor, build = match.group(1, 2, 3)
        return cls(int(major), int(minor), None if build is None else int(build))


class Version(NamedTuple):
    """The version of a client program; parts after the last number are 0."""

    major: int
    minor: int = 0
    patch: int = 0

    def to_record(self) -> dict[str, int]:
        """Return the numbers by name, as policies have them."""
        return {"major": self.major, "minor": self.minor, "patch": self.patch}

    @classmethod
    def of_client(cls, text: str | None) -> Version | None:
        """Read up to three numbers at the beginning of a client's version, such as ``2.6_rc2``.

        Returns ``None`` for text that does not begin with a number, or if a part is not a number (``3.git``).
        """
        match = _CLIENT.match(text or "")
        if match is None:
            return None
        major, minor, patch = match.groups()
        return cls(int(major), int(minor or 0), int(patch or 0))
