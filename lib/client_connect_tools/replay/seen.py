"""Which connections were counted already: exports overlap, and a connection must count once."""

from __future__ import annotations

from array import array
from collections import OrderedDict
from typing import TYPE_CHECKING
from zlib import crc32

if TYPE_CHECKING:
    from collections.abc import Iterable

    from client_connect_tools.replay.reading.facts import Attempt

_HOURS_AT_HAND = 4
_SECONDS_OF_HOUR = 3600
_BITS = 32  # of what there may be in a second


def key_of(attempt: Attempt) -> int:
    """Return a number of 64 bits that only the same entry of the same log has: whose it is, and when it was."""
    request, now = attempt.facts.request, attempt.facts.now
    of_log = "log" if attempt.missing else now.microsecond
    what = f"{request.connection_id}\n{request.username}\n{request.common_name}\n{request.platform}\n{of_log}"
    return int(now.timestamp()) << _BITS | crc32(what.encode("utf-8", "surrogatepass"))


class Seen:
    """Remembers keys, in eight bytes each; those of the hours that came up last are at hand."""

    def __init__(self) -> None:
        self._packed: dict[int, array[int]] = {}
        self._at_hand: OrderedDict[int, set[int]] = OrderedDict()

    def known(self, keys: Iterable[int]) -> frozenset[int]:
        """Return which of the keys were there before, and remember the others."""
        known: set[int] = set()
        for hour, of_hour in _by_hour(keys).items():
            seen = self._hour(hour)
            known |= seen & of_hour
            seen |= of_hour
        return frozenset(known)

    def _hour(self, hour: int) -> set[int]:
        seen = self._at_hand.pop(hour, None)
        if seen is None:
            seen = set(self._packed.pop(hour, ()))
        self._at_hand[hour] = seen
        while len(self._at_hand) > _HOURS_AT_HAND:
            oldest, keys = self._at_hand.popitem(last=False)
            self._packed[oldest] = array("Q", keys)
        return seen


def _by_hour(keys: Iterable[int]) -> dict[int, set[int]]:
    hours: dict[int, set[int]] = {}
    for key in keys:
        hours.setdefault((key >> _BITS) // _SECONDS_OF_HOUR, set()).add(key)
    return hours
