"""Time zones by their IANA names, wherever a user names one."""

from __future__ import annotations

import difflib
import importlib.resources
from datetime import UTC, tzinfo
from functools import cache
from zoneinfo import ZoneInfo

from client_connect_tools.errors import ClientConnectError

_LONGEST = 100


def time_zone_named(name: str) -> tzinfo:
    """Return a time zone.

    Raises:
        ClientConnectError: When there is no such zone.
    """
    if name == "UTC":
        return UTC
    if name not in time_zone_names():
        raise ClientConnectError(f'time zone "{name}" is not known; {time_zone_advice(str(name))}')
    return ZoneInfo(name)


def time_zone_advice(name: str) -> str:
    """Return what to write instead of a name that no zone has."""
    near = _nearest(name.strip().replace(" ", "_")) if len(name) <= _LONGEST else ""
    return f'write "{near}"' if near else 'use an IANA name such as "Europe/Berlin"'


def _nearest(name: str) -> str:
    """Return the zone that was probably meant; empty when none is like it, such as of CEST, which is no EST."""
    by_lower = {each.lower(): each for each in sorted(time_zone_names())}
    regional = {each: zone for each, zone in by_lower.items() if "/" in each}
    by_city = {each.rpartition("/")[2]: zone for each, zone in regional.items()}
    if found := by_lower.get(name.lower()) or by_city.get(name.lower()):
        return found
    for known in (regional, by_city):
        if near := difflib.get_close_matches(name.lower(), known, n=1, cutoff=0.8):
            return known[near[0]]
    return ""


@cache
def time_zone_names() -> frozenset[str]:
    """Return the names of all time zones that the bundle carries."""
    return frozenset(importlib.resources.files("tzdata").joinpath("zones").read_text("utf-8").split())
