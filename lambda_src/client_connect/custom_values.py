"""The values that a module of extra facts returns, in the JSON form that the Cedar engine takes."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from datetime import datetime
from ipaddress import IPv4Address, IPv6Address
from typing import Any

from client_connect.cedar_json import Unreadable, address, instant

_LEAST, _GREATEST = -(2**63), 2**63 - 1

# The limits of one value with all values in it, which bound the time and the memory of the conversion.
MAX_VALUES = 2_000
MAX_CHARACTERS = 200_000
MAX_DEPTH = 32


def value(python: object) -> Any:  # noqa: ANN401 - whatever JSON can express
    """Return a Python value: a string, boolean, integer, list, set, mapping, time or IP address.

    Raises:
        Unreadable: When Cedar has nothing like it, when a time has no time zone or is beyond the calendar in UTC, or
            when the value is larger than 2,000 values, 200,000 characters or 32 levels.
    """
    return _Conversion().value(python, MAX_DEPTH)


class _Conversion:
    """The conversion of one value, with what is left of its limits."""

    def __init__(self) -> None:
        self._values = MAX_VALUES
        self._characters = MAX_CHARACTERS

    def value(self, python: object, levels: int) -> Any:  # noqa: ANN401 - as above
        self._values -= 1
        if self._values < 0:
            raise Unreadable(f"it holds more than {MAX_VALUES:,} values; return fewer")
        match python:
            case str():
                return self._text(python)
            case int() if _LEAST <= python <= _GREATEST:
                return python if isinstance(python, bool) else int(python)
            case datetime() if python.tzinfo is not None:
                return _instant(python)
            case IPv4Address() | IPv6Address():
                return address(python)
            case Mapping() | list() | tuple() | AbstractSet() if not levels:
                raise Unreadable(f"it is nested more than {MAX_DEPTH} levels deep; return a flatter value")
            case Mapping():
                return {self._name(name): self.value(item, levels - 1) for name, item in python.items()}
            case list() | tuple() | AbstractSet():
                return [self.value(item, levels - 1) for item in python]
            case _:
                raise Unreadable(f"{_described(python)} is nothing that a policy can read")

    def _name(self, name: object) -> str:
        if not isinstance(name, str):
            raise Unreadable(f"{_described(name)} is not the name of an attribute: it is not a string")
        return self._text(name)

    def _text(self, text: str) -> str:
        self._characters -= str.__len__(text)  # not what another class says
        if self._characters < 0:
            raise Unreadable(f"its strings have more than {MAX_CHARACTERS:,} characters; return shorter ones")
        try:
            str.encode(text)
        except UnicodeEncodeError:  # a lone surrogate
            raise Unreadable("a string that is not valid Unicode is nothing that a policy can read") from None
        return str.__str__(text)  # of an enumeration, its value


def _instant(time: datetime) -> dict[str, dict[str, str]]:
    try:
        return instant(time)
    except OverflowError:
        raise Unreadable("a time beyond the calendar in UTC is nothing that a policy can read") from None


def _described(python: object) -> str:
    """Return a value's type, and the value only of a float and a small number: others may be huge or secret."""
    name = type(python).__name__[:100]
    is_small = type(python) is float or (type(python) is int and abs(python) < 2**128)
    return f"{name} {python}" if is_small else name
