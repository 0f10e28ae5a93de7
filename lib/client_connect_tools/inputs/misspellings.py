"""Values that no client spells this way, so policies see less than is meant."""

from __future__ import annotations

from typing import TYPE_CHECKING

from client_connect import OsVersion
from client_connect.names import lower_case
from client_connect_tools.files.toml_tables import literal
from client_connect_tools.inputs.client_spellings import OTHER_NAMES, is_unknown_windows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from client_connect import ConnectionRequest


def misspellings(request: ConnectionRequest) -> Iterator[tuple[str, str]]:
    """Yield each key with what is wrong with it and what to write."""
    platform, version = lower_case(request.platform), request.platform_version
    if name := OTHER_NAMES.get(platform):
        yield "platform", f'is {literal(request.platform)}, which no client calls itself; write "{name}"'
    if (
        platform == "win"
        and version
        and OsVersion.of_windows(version) is None
        and not is_unknown_windows(version)
    ):
        seen = "which no Windows client sends, so policies see no version"
        yield "platform-version", f'is {literal(version)}, {seen}; write "{_as_sent(version)}"'


def _as_sent(version: str) -> str:
    numbers = OsVersion.from_numbers(version)
    is_windows = numbers is not None and OsVersion.of_windows(str(numbers)) is not None
    return str(numbers) if is_windows else "10.0.22631,amd64"
