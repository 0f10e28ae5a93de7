"""Values in the JSON form that the Cedar engine takes."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv6Address
from typing import Any

_LEAST, _GREATEST = -(2**63), 2**63 - 1


def instant(time: datetime) -> dict[str, dict[str, str]]:
    """Return a moment, of which Cedar keeps milliseconds."""
    text = time.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00")
    return _extension("datetime", f"{text}Z")


def address(ip: IPv4Address | IPv6Address) -> dict[str, dict[str, str]]:
    """Return an IP address."""
    return _extension("ip", str(ip))


def value(python: object) -> Any:  # noqa: ANN401 - whatever JSON can express
    """Return a Python value: a text, boolean, whole number, list, set, mapping, moment or IP address.

    Raises:
        ValueError: When Cedar has nothing like it, or when a moment has no time zone.
        OverflowError: When a moment is beyond the calendar in UTC.
    """
    match python:
        case str():
            return _text(python)
        case int() if _LEAST <= python <= _GREATEST:
            return python if isinstance(python, bool) else int(python)
        case datetime() if python.tzinfo is not None:
            return instant(python)
        case IPv4Address() | IPv6Address():
            return address(python)
        case Mapping():
            return {_name(name): value(item) for name, item in python.items()}
        case list() | tuple() | AbstractSet():
            return [value(item) for item in python]
        case _:
            raise ValueError(f"{type(python).__name__} is nothing that a policy can read: {python!r:.100}")


def _text(text: str) -> str:
    text.encode()  # lone surrogates are no Unicode
    return str.__str__(text)  # of an enumeration, its value


def _name(name: object) -> str:
    if not isinstance(name, str):
        raise ValueError(f"{name!r:.100} is not the name of an attribute: it is no text")  # noqa: TRY004 - as above
    return _text(name)


def _extension(function: str, argument: str) -> dict[str, dict[str, str]]:
    return {"__extn": {"fn": function, "arg": argument}}
