"""The device inventory: what it holds of the devices and users of connections, in one round trip."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from client_connect import blocks
from client_connect.light_typing import TYPE_CHECKING, NamedTuple
from client_connect.sources.items import (
    COMMON_NAME,
    HOLDER,
    Key,
    MalformedItem,
    blocks_of,
    device_of,
    is_removed,
    readable_waivers_of,
)
from client_connect.waiver import Waiver, device_holder, user_holder

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import timedelta

    from client_connect.blocks import Block
    from client_connect.device import Device
    from client_connect.request import ConnectionRequest
    from client_connect.sources.dynamodb import Tables
    from client_connect.sources.items import Item
    from client_connect.states import Inventory


_LONGEST_PROBLEM = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class InventoryEntry:
    """The inventory's answer on one connection.

    Attributes:
        inventory: ``known``, ``unknown`` or ``unavailable``.
        device: The device, when it is ``known``.
        waivers: The waivers of the device and the user, expired ones too.
        long_waivers: Others, which do not count because they have longer to go than is allowed.
        problem: Why it is ``unavailable``.
        waiver_problem: Why a waiver cannot be read, which then is none.
        knows_waivers: Whether these are all waivers: not where those of a malformed device are left out.
        blocks: The blocks of the device and the user, expired ones too.
        block_problem: Why a block cannot be read, which holds all the same.
    """

    inventory: Inventory
    device: Device | None = None
    waivers: tuple[Waiver, ...] = ()
    long_waivers: tuple[Waiver, ...] = ()
    problem: str = ""
    waiver_problem: str = ""
    knows_waivers: bool = True
    blocks: tuple[Block, ...] = ()
    block_problem: str = ""


class _Blocks(NamedTuple):
    """The blocks of a connection, and why others cannot be read."""

    found: tuple[Block, ...]
    problem: str


class _Waivers(NamedTuple):
    """The waivers of a connection: those that count, those that are too long, and why others cannot be read."""

    counting: tuple[Waiver, ...]
    too_long: tuple[Waiver, ...]
    problem: str


class DeviceTable:
    """The tables of an inventory.

    Args:
        tables: DynamoDB.
        devices: The name of the table of devices.
        waivers: The name of the table of waivers.
        longest_waiver: A waiver that has longer to go does not count, whoever wrote it. Default: any counts.
    """

    def __init__(
        self, tables: Tables, *, devices: str, waivers: str, longest_waiver: timedelta | None = None
    ) -> None:
        self._tables = tables
        self._longest_waiver = longest_waiver
        self._devices = devices
        self._waivers = waivers

    def look_up(self, requests: Sequence[ConnectionRequest]) -> list[InventoryEntry]:
        """Return what is known of each connection. Up to 20 of them are one round trip.

        A malformed device makes its own connection ``unavailable``, because what it should have said is unknown. A
        malformed waiver is none.

        Raises:
            Exception: When the tables cannot be read, as ``Tables.get``.
        """
        items = self._tables.get(key for request in requests for key in self._keys(request))
        return [self._entry(request, items) for request in requests]

    def look_up_waivers(self, requests: Sequence[ConnectionRequest], *, problem: str) -> list[InventoryEntry]:
        """Return what is known of each connection while the table of devices cannot be read.

        Args:
            requests: The connections.
            problem: Why it cannot.

        Raises:
            Exception: When the table of waivers cannot be read either.
        """
        items = self._tables.get(key for request in requests for key in self._holder_keys(request))
        return [self._entry_without_device(request, items, problem) for request in requests]

    def _entry_without_device(
        self, request: ConnectionRequest, items: Mapping[Key, Item], problem: str
    ) -> InventoryEntry:
        waivers, blocked = self._waivers_of(request, items), self._blocks_of(request, items)
        return InventoryEntry(
            inventory="unavailable",
            waivers=waivers.counting,
            long_waivers=waivers.too_long,
            problem=problem,
            waiver_problem=waivers.problem,
            blocks=blocked.found,
            block_problem=blocked.problem,
        )

    def _keys(self, request: ConnectionRequest) -> list[Key]:
        holders = self._holder_keys(request)
        return holders if request.common_name is None else [self._device_key(request.common_name), *holders]

    def _holder_keys(self, request: ConnectionRequest) -> list[Key]:
        blocked = [Key(self._waivers, HOLDER, key) for key in blocks.keys_of(request)]
        return [*self._waiver_keys(request), *blocked]

    def _device_key(self, common_name: str) -> Key:
        return Key(self._devices, COMMON_NAME, common_name)

    def _waiver_keys(self, request: ConnectionRequest) -> list[Key]:
        holders = []
        if request.common_name is not None:
            holders.append(device_holder(request.common_name))
        if request.username is not None:
            holders.append(user_holder(request.username))
        return [Key(self._waivers, HOLDER, holder) for holder in holders]

    def _is_allowed(self, waiver: Waiver) -> bool:
        longest = self._longest_waiver
        return longest is None or waiver.until - datetime.now(UTC) <= longest

    def _entry(self, request: ConnectionRequest, items: Mapping[Key, Item]) -> InventoryEntry:
        waivers, blocked = self._waivers_of(request, items), self._blocks_of(request, items)
        item = request.common_name and items.get(self._device_key(request.common_name))
        try:
            device = device_of(item) if item and not is_removed(item) else None
        except MalformedItem as error:
            # The policies see no waivers of a device that they cannot see either.
            return InventoryEntry(
                inventory="unavailable",
                problem=_described(str(error)),
                waiver_problem=waivers.problem,
                knows_waivers=not waivers.counting,
                blocks=blocked.found,
                block_problem=blocked.problem,
            )
        return InventoryEntry(
            inventory="unknown" if device is None else "known",
            device=device,
            waivers=waivers.counting,
            long_waivers=waivers.too_long,
            waiver_problem=waivers.problem,
            blocks=blocked.found,
            block_problem=blocked.problem,
        )

    def _blocks_of(self, request: ConnectionRequest, items: Mapping[Key, Item]) -> _Blocks:
        found: list[Block] = []
        problem = ""
        for key in blocks.keys_of(request):
            item = items.get(Key(self._waivers, HOLDER, key))
            if item is not None:
                readable, wrong = blocks_of(item)
                found += blocks.covering(request, key, readable.values())
                problem = problem or (wrong and _described(f'blocks of "{key}": {wrong}'))
        return _Blocks(tuple(found), problem)

    def _waivers_of(self, request: ConnectionRequest, items: Mapping[Key, Item]) -> _Waivers:
        """Return the waivers, and what is wrong with one that cannot be read: it is none.

        Otherwise whoever may write only waivers could take the device from the policies that honor none.
        """
        found: list[Waiver] = []
        problem = ""
        for key in self._waiver_keys(request):
            if key in items:
                waivers, wrong = readable_waivers_of(items[key])
                found += waivers
                problem = problem or (wrong and _described(f'waivers of "{key.value}": {wrong}'))
        return _Waivers(
            counting=tuple(waiver for waiver in found if self._is_allowed(waiver)),
            too_long=tuple(waiver for waiver in found if not self._is_allowed(waiver)),
            problem=problem,
        )


def _described(problem: str) -> str:
    return f"MalformedItem: {problem}"[:_LONGEST_PROBLEM]
