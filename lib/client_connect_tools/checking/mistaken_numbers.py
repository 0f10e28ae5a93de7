"""Numbers that are probably something else, such as hours in place of minutes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cedarpy import pst

from client_connect_tools.cedar.comparisons import comparison
from client_connect_tools.cedar.nodes import path, walk
from client_connect_tools.cedar.text import expression_text

if TYPE_CHECKING:
    from collections.abc import Iterator

_MINUTES = 60
_LAST_HOUR = 24
_QUARTER = 15
_WINDOWS_11 = 11
_ON_THE_CLOCK = range(100, _LAST_HOUR * 100)


def mistaken_numbers(policy: pst.Template) -> Iterator[str]:
    """Yield what is wrong with each number that is compared with a time of day, or a version of Windows."""
    for node in walk(policy):
        if not isinstance(node, pst.BinaryOp) or (compared := comparison(node)) is None:
            continue
        numbers = [each for each in compared.literals if isinstance(each, int)]
        match path(compared.read):
            case ("time", "minuteOfDay"):
                yield from (_no_minute(expression_text(node), each) for each in numbers if _is_mistaken(each))
            case ("os", "major") if _WINDOWS_11 in numbers:
                yield (
                    "context.os.major is 10 on Windows 11 too, whose builds are 22000 and later; for what is older "
                    "write context.os.major < 10 || context.os has build && context.os.build < 22000"
                )


def _is_mistaken(number: int) -> bool:
    """Tell whether a number of minutes looks like an hour, or like a time of the clock without its colon."""
    if 0 < number <= _LAST_HOUR:
        return True
    if number not in _ON_THE_CLOCK or number >= _LAST_HOUR * _MINUTES:
        return False
    # 900 is 15:00 and looks like 09:00, and may well be meant; 800 is 13:20.
    return number % 100 in range(0, _MINUTES, _QUARTER) and number % _QUARTER != 0


def _no_minute(text: str, number: int) -> str:
    hour, minute = (number, 0) if number <= _LAST_HOUR else divmod(number, 100)
    return (
        f"context.time.minuteOfDay counts minutes since midnight, so {text} is about {_clock(number)}; "
        f"{hour:02}:{minute:02} is {hour * _MINUTES + minute}"
    )


def _clock(minutes: int) -> str:
    hour, minute = divmod(minutes, _MINUTES)
    return f"{hour:02}:{minute:02}"
