"""Numbers that are probably something else, such as hours in place of minutes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cedarpy import pst

from client_connect_tools.cedar.comparisons import comparison
from client_connect_tools.cedar.nodes import path, walk
from client_connect_tools.cedar.text import expression_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from client_connect_tools.cedar.comparisons import Comparison

_MINUTES = 60
_LAST_HOUR = 24
_QUARTER = 15
_WINDOWS_10, _WINDOWS_11 = 10, 11
# Windows Vista; release names such as 2009 and 22 of 22H2 are lower.
_FIRST_BUILD = 6000
# No OpenVPN has had a major version above 3.
_LAST_OPENVPN = 9
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
            case ("os", "major") if _WINDOWS_11 in numbers or _is_windows_10(policy, compared, numbers):
                yield (
                    "context.os.major is 10 on Windows 11 too, whose builds are 22000 and later; for what is older "
                    "write context.os.major < 10 || context.os has build && context.os.build < 22000"
                )
            case ("os", "build"):
                yield from (
                    f"context.os.build is a number such as 22631, and never near {each}; 22H2 is 19045 on Windows 10 "
                    "and 22621 on Windows 11"
                    for each in numbers
                    if 0 < each < _FIRST_BUILD
                )
            case ("openvpn", "major"):
                yield from (
                    f"context.openvpn.major is 2 in OpenVPN 2.6, and never near {each}; compare the minor version too"
                    for each in numbers
                    if each > _LAST_OPENVPN
                )


def _is_windows_10(policy: pst.Template, compared: Comparison, numbers: list[int]) -> bool:
    """Tell whether a comparison is to find Windows 10, and finds Windows 11 too: no build is compared."""
    return (
        _WINDOWS_10 in numbers
        and compared.op in ("eq", "contains", "less_eq", "not_eq", "greater")
        and not any(path(node) == ("os", "build") for node in walk(policy))
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
