"""Time zones by their IANA names, wherever a user names one."""

from __future__ import annotations

import importlib.resources
from datetime import UTC, tzinfo
from functools import cache
from zoneinfo import ZoneInfo

from client_connect_tools.errors import ClientConnectError


def time_zone_named(name: str) -> tzinfo:
    """Return a time zone.

    Raises:
        ClientConnectError: When there is no such zone.
    """
    if name == "UTC":
        return UTC
    if name not in time_zone_names():
        raise ClientConnectError(f'time zone "{name}" is not known; use an IANA name such as "Europe/Berlin"')
    return ZoneInfo(name)


@cache
def time_zone_names() -> frozenset[str]:
    """Return the names of all time zones that the bundle carries."""
    return frozenset(importlib.resources.files("tzdata").joinpath("zones").read_text("utf-8").split())
