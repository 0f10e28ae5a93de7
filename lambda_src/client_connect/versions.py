"""Versions as clients spell them, read into numbers that policies can compare."""

from __future__ import annotations

import re
from typing import NamedTuple

# At most nine digits, so that no client can send a number that Cedar's 64-bit Long cannot hold.
_NUMBER = "([0-9]{1,9})"

# OpenVPN 2.5 "10.0 64bit", 2.6 "10.0, amd64 executable" (also "... running on arm64 host"),
# 2.7 "10.0.22631,amd64". Only the last carries a build.
_WINDOWS = re.compile(
    rf"{_NUMBER}\.{_NUMBER}"
    r"(?: (?:32|64)bit"
    r"|, [a-z0-9_]+ executable(?: running on [a-z0-9_]+ host)?"
    rf"|\.{_NUMBER},[a-z0-9_]+)",
    re.ASCII,
)
_NUMBERS = re.compile(rf"{_NUMBER}\.{_NUMBER}(?:\.{_NUMBER}(?:\.[0-9]{{1,9}})?)?", re.ASCII)
_CLIENT = re.compile(rf"{_NUMBER}(?:\.{_NUMBER})?(?:\.{_NUMBER})?(?![0-9])", re.ASCII)


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
        """Read a Windows version as OpenVPN 2.5, 2.6 or 2.7 and later spells it.

        Returns ``None`` for any other text, and for 0.0, by which OpenVPN says that it does not know.
        """
        version = cls._of(_WINDOWS.fullmatch(platform_version or ""))
        return version if version and version.major else None

    @classmethod
    def from_numbers(cls, text: str) -> OsVersion | None:
        """Read two or three numbers, such as ``10.0.19045``; ``None`` for any other text.

        A fourth one, by which device managers name the revision of a build, is not kept.
        """
        return cls._of(_NUMBERS.fullmatch(text))

    @classmethod
    def _of(cls, match: re.Match[str] | None) -> OsVersion | None:
        if match is None:
            return None
        major, minor, build = match.groups()
        return cls(int(major), int(minor), None if build is None else int(build))


class Version(NamedTuple):
    """The version of a client program; parts that it leaves out are 0."""

    major: int
    minor: int = 0
    patch: int = 0

    def to_record(self) -> dict[str, int]:
        """Return the numbers by name, as policies have them."""
        return {"major": self.major, "minor": self.minor, "patch": self.patch}

    @classmethod
    def of_client(cls, text: str | None) -> Version | None:
        """Read up to three numbers at the beginning of a client's version, such as ``2.6_rc2``.

        Returns ``None`` for text that does not begin with a number.
        """
        match = _CLIENT.match(text or "")
        if match is None:
            return None
        major, minor, patch = match.groups()
        return cls(int(major), int(minor or 0), int(patch or 0))
