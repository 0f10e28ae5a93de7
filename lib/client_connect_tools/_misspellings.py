"""What looks like a connection, but is spelt as no client spells it, so that policies see less than is meant."""

from __future__ import annotations

from typing import TYPE_CHECKING

from client_connect import OsVersion
from client_connect_tools._platform_names import OTHER_NAMES
from client_connect_tools._toml_tables import literal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from client_connect import ConnectionRequest


def misspellings(request: ConnectionRequest) -> Iterator[tuple[str, str]]:
    """Yield each key with what is wrong with it and what to write."""
    platform, version = request.platform.lower(), request.platform_version
    if name := OTHER_NAMES.get(platform):
        yield "platform", f'is {literal(request.platform)}, which no client calls itself; write "{name}"'
    if platform == "win" and version and not _is_sent(version):
        seen = "which no Windows client sends, so that policies see no version"
        yield "platform-version", f'is {literal(version)}, {seen}; write "{_as_sent(version)}"'


def _is_sent(version: str) -> bool:
    # 0.0 instead of the numbers is how OpenVPN says that it does not know them.
    known = f"1{version[1:]}" if version.startswith("0.0") else version
    return OsVersion.of_windows(known) is not None


def _as_sent(version: str) -> str:
    numbers = OsVersion.from_numbers(version) or OsVersion(10, 0, 22631)
    return f"{numbers} 64bit" if numbers.build is None else f"{numbers},amd64"
