"""Values in the JSON form that the Cedar engine takes."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv6Address
from typing import Any

_LONG = range(-(2**63), 2**63)


def instant(time: datetime) -> dict[str, dict[str, str]]:
    """Return a moment, of which Cedar keeps milliseconds."""
    text = time.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds")
    return _extension("datetime", f"{text}Z")


def address(ip: IPv4Address | IPv6Address) -> dict[str, dict[str, str]]:
    """Return an IP address."""
    return _extension("ip", str(ip))


def value(python: object) -> Any:  # noqa: ANN401 - whatever JSON can express
    """Return a Python value: a text, boolean, whole number, list, set, mapping, moment or IP address.

    Raises:
        ValueError: When Cedar has nothing like it, or when a moment has no time zone.
    """
    match python:
        case str():
            python.encode()  # lone surrogates are no Unicode
            return python
        case bool() | int() if python in _LONG:
            return python
        case datetime() if python.tzinfo is not None:
            return instant(python)
        case IPv4Address() | IPv6Address():
            return address(python)
        case Mapping():
            return {str(name): value(item) for name, item in python.items()}
        case list() | tuple() | AbstractSet():
            return [value(item) for item in python]
        case _:
            raise ValueError(f"{type(python).__name__} is nothing that a policy can read: {python!r:.100}")


def _extension(function: str, argument: str) -> dict[str, dict[str, str]]:
    return {"__extn": {"fn": function, "arg": argument}}
