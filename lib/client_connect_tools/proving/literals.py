"""The values of Cedar's texts for addresses, moments and durations."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from ipaddress import ip_interface

from client_connect_tools.proving.clock import DAY, MINUTE, milliseconds
from client_connect_tools.proving.values import Address, Unsupported

_HOUR = 60 * MINUTE
_DURATION = re.compile(r"(-?)(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+)s)?(?:(\d+)ms)?", re.ASCII)
_UNITS = (DAY, _HOUR, MINUTE, 1000, 1)
_MOMENT = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)(?:T(\d\d):(\d\d):(\d\d)(?:\.(\d{3}))?(?:Z|([+-])(\d\d)(\d\d)))?", re.ASCII
)


def duration(text: str) -> int:
    """Return the milliseconds of a duration such as ``1d12h``."""
    match = _DURATION.fullmatch(text)
    if match is None:
        raise Unsupported(f'duration("{text}")')
    sign, *numbers = match.groups()
    amount = sum(int(number or 0) * unit for number, unit in zip(numbers, _UNITS, strict=True))
    return -amount if sign else amount


def moment(text: str) -> int:
    """Return the milliseconds since 1970 of a date, or of a time with its offset."""
    match = _MOMENT.fullmatch(text)
    if match is None or match[1] == "0000":
        raise Unsupported(f'datetime("{text}")')
    year, month, day, hour, minute, second, part = (int(each or 0) for each in match.groups()[:7])
    local = milliseconds(datetime(year, month, day, hour, minute, second, tzinfo=UTC)) + part
    if match[8] is None:
        return local
    ahead = int(match[9]) * _HOUR + int(match[10]) * MINUTE
    return local - ahead if match[8] == "+" else local + ahead


def address(text: str) -> Address:
    """Return an address or a network, which keeps the bits behind its prefix."""
    interface = ip_interface(text)
    number, prefix = int(interface.ip), interface.network.prefixlen
    is_v4 = interface.version == 4  # noqa: PLR2004 - the version
    return Address(is_v4, number, number, None if prefix == interface.max_prefixlen else prefix)
