"""Named networks: which lists a public address is in, found by bisection in a table that needs no parsing.

For each kind of address, the table has the beginnings of the intervals where the lists do not change, and the index
of the lists' set in each. Addresses are looked up as they are packed: big-endian, so bytes sort as addresses do.

Imported only where there are lists, because others would pay for it at each cold start.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from hashlib import sha256
from ipaddress import IPv4Address, IPv6Address
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    Address = IPv4Address | IPv6Address

MAGIC = b"client-connect networks 1\n"
INDEX_BYTES = 2


class InvalidNetworks(ValueError):
    """The table of the networks is not one that was built with these policies."""


class Networks:
    """Finds the names of the lists that an address is in.

    Args:
        table: As ``client_connect_tools`` packs it: ``MAGIC``, a line of JSON, then for IPv4 and IPv6 the beginnings of
            the intervals and the indexes of their sets.

    Raises:
        InvalidNetworks: When it is not complete.
    """

    def __init__(self, table: bytes) -> None:
        end = table.find(b"\n", len(MAGIC))
        if not table.startswith(MAGIC) or end < 0:
            raise InvalidNetworks("the table of the networks is not one; build the bundle again")
        header = json.loads(table[len(MAGIC) : end])
        self.names: tuple[str, ...] = tuple(header["names"])
        self._sets = [frozenset(self.names[number] for number in numbers) for numbers in header["sets"]]
        self._table = table
        self._parts: dict[int, tuple[int, int, int, int]] = {}
        position = end + 1
        for version, width in ((4, 4), (6, 16)):
            count = header[f"v{version}"]
            self._parts[version] = position, position + count * width, count, width
            position += count * (width + INDEX_BYTES)
        if position != len(table):
            raise InvalidNetworks("the table of the networks is cut off; build the bundle again")

    def names_of(self, address: IPv4Address | IPv6Address) -> frozenset[str]:
        """Return the names of the lists that have an address. One that is mapped into IPv6 is the IPv4 address."""
        if isinstance(address, IPv6Address) and (mapped := address.ipv4_mapped):
            address = mapped
        keys, indexes, count, width = self._parts[address.version]
        table = self._table

        def key(number: int) -> bytes:
            begin = keys + number * width
            return table[begin : begin + width]

        found = bisect_right(range(count), address.packed, key=key) - 1
        if found < 0:
            return frozenset()
        return self._set(indexes, found)

    def intervals(self) -> Iterator[tuple[Address, Address, frozenset[str]]]:
        """Yield the first and the last address of each interval, with the names of the lists that have it."""
        for kind, version in ((IPv4Address, 4), (IPv6Address, 6)):
            keys, indexes, count, width = self._parts[version]
            begins = [
                self._table[keys + number * width : keys + (number + 1) * width] for number in range(count)
            ]
            ends = [*(int.from_bytes(each, "big") - 1 for each in begins[1:]), 2 ** (8 * width) - 1]
            for number, (begin, end) in enumerate(zip(begins, ends, strict=False)):
                yield kind(begin), kind(end), self._set(indexes, number)

    def _set(self, indexes: int, number: int) -> frozenset[str]:
        begin = indexes + number * INDEX_BYTES
        return self._sets[int.from_bytes(self._table[begin : begin + INDEX_BYTES], "big")]


def digest(table: bytes) -> str:
    """Return what the policies of a bundle say of the table that belongs to them."""
    return sha256(table).hexdigest()
