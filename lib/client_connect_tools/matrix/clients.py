"""Clients: platforms, and the versions on both sides of each that policies compare with."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

from client_connect import OsVersion
from client_connect.versions import Version
from client_connect_tools.inputs.client_spellings import PLATFORMS
from client_connect_tools.matrix.axis import Axis, Value

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from client_connect_tools.cedar.constants import Constants

_USUAL = ("win", "mac", "linux", "ios", "android")
_WINDOWS_11 = (10, 0, 26100)
_USUAL_VERSION = (2, 7, 0)


def axes(constants: Constants) -> Iterator[Axis]:
    """Yield the axes of what policies ask about the client."""
    asks_version = constants.reads("os") or constants.reads("platformVersion")
    if constants.reads("platform") or asks_version:
        named = [each for each in constants.texts("platform") if each not in _USUAL]
        windows = _windows(constants) if asks_version else [Value("Windows", {"platform": "win"})]
        others = [Value(PLATFORMS.get(each, each), {"platform": each}) for each in (*_USUAL[1:], *named)]
        other = Value("any other platform", {"platform": "another-platform"})
        yield Axis("platform", (*windows, *others, other))
    for attribute, name, key in (
        ("openvpn", "OpenVPN", "client-openvpn-version"),
        ("awsClient", "AWS client", "aws-client-version"),
    ):
        if constants.reads(attribute):
            numbers = [constants.numbers(attribute, part) for part in ("major", "minor", "patch")]
            versions = _versions(numbers, _USUAL_VERSION)
            values = [
                Value(text, {key: text}, order=key)
                for text in map(_joined, versions)
                if Version.of_client(text)
            ]
            yield Axis(name, (*reversed(values), Value("version unknown", {key: ""})))


def _windows(constants: Constants) -> list[Value]:
    """Return the versions of Windows, the newest first."""
    numbers = [constants.numbers("os", part) for part in ("major", "minor", "build")]
    versions = [each for each in map(_joined, _versions(numbers, _WINDOWS_11)) if OsVersion.of_windows(each)]
    texts = constants.texts("platformVersion")
    values = [_a_windows(text, order="Windows") for text in reversed(versions)] + [
        _a_windows(text) for text in texts
    ]
    if constants.reads("os", "build"):
        values.append(Value("Windows 10.0 without a build", {"platform": "win", "platform-version": "10.0"}))
    return [*values, Value("Windows of an unknown version", {"platform": "win", "platform-version": ""})]


def _a_windows(version: str, *, order: str = "") -> Value:
    return Value(f"Windows {version}", {"platform": "win", "platform-version": version}, order=order)


def _versions(numbers: Iterable[list[int]], usual: tuple[int, ...]) -> list[tuple[int, ...]]:
    """Return versions on both sides of each number, and a usual one."""
    sides = [
        sorted({usual_part, *(each + step for each in part for step in (-1, 0, 1) if each + step >= 0)})
        for part, usual_part in zip(numbers, usual, strict=True)
    ]
    return list(product(*sides))


def _joined(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))
