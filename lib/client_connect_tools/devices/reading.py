"""Devices of a file as items of the inventory, and the lines that are none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from client_connect.sources.items import COMMON_NAME, device_item
from client_connect_devices.values import RESERVED
from client_connect_tools.devices.lines import RejectedLine
from client_connect_tools.inputs.device_json import (
    DEVICE_KEYS,
    MalformedDevice,
    is_in_future,
    is_unicode,
    read_device,
    shown,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import tzinfo

    from client_connect.sources.items import Item
    from client_connect_tools.devices.lines import Line

# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
_LONGEST_KEY = 2048
_LARGEST_ITEM = 400 * 1024

_MOST_PLACES = 10

_KEYS = (COMMON_NAME, *DEVICE_KEYS)


@dataclass(frozen=True, slots=True)
class DeviceLine:
    """A device to import.

    Attributes:
        line: Where it begins, counted from 1.
        item: Its item.
    """

    line: int
    item: Item


def repeated_names(lines: Iterable[Line]) -> dict[str, list[int]]:
    """Return the common names that are in a file more than once, each with its lines or entries.

    Raises:
        UnreadableFile: When the file cannot be understood as a whole.
    """
    first: dict[str, int] = {}
    repeated: dict[str, list[int]] = {}
    for line in lines:
        name = None if isinstance(line, RejectedLine) else line.value.get(COMMON_NAME)
        if not isinstance(name, str):
            continue
        # An array may have all of its entries in one line.
        place = line.line if line.entry is None else line.entry
        if name in first:
            repeated.setdefault(name, [first[name]]).append(place)
        else:
            first[name] = place
    return repeated


def read_devices(
    lines: Iterable[Line], *, zone: tzinfo | None, repeated: Mapping[str, Sequence[int]]
) -> Iterator[DeviceLine | RejectedLine]:
    """Check devices one by one.

    Args:
        lines: The objects.
        zone: The zone of times that have none; ``None`` where each must have its own.
        repeated: The names that are there more than once, with where: which one is right is unknown.
    """
    for line in lines:
        if isinstance(line, RejectedLine):
            yield line
            continue
        try:
            item = _item(line.value, zone)
        except MalformedDevice as error:
            yield RejectedLine(line.line, str(error), line.entry)
            continue
        name = item[COMMON_NAME]["S"]
        if name in repeated:
            where = f"{'lines' if line.entry is None else 'entries'} {_places(repeated[name])}"
            problem = f'"{COMMON_NAME}" is {shown(name)} in the {where}; leave one'
            yield RejectedLine(line.line, problem, line.entry)
        else:
            yield DeviceLine(line.line, item)


def _places(numbers: Sequence[int]) -> str:
    """Name the first of many, because each of them is reported with all."""
    first = ", ".join(map(str, numbers[:_MOST_PLACES]))
    more = len(numbers) - _MOST_PLACES
    return f"{first} and {more} more" if more > 0 else first


def _item(value: Mapping[str, object], zone: tzinfo | None) -> Item:
    if unknown := sorted(value.keys() - set(_KEYS)):
        raise MalformedDevice(f"{shown(unknown[0])} is not known; there are {', '.join(_KEYS)}")
    name = require_common_name(value.get(COMMON_NAME))
    device = read_device({key: value[key] for key in DEVICE_KEYS if key in value}, zone)
    if device.last_seen is not None and is_in_future(device.last_seen):
        raise MalformedDevice(
            f'"lastSeen" is {shown(value["lastSeen"])}, which is in the future; give when the device was seen, or '
            "leave it out"
        )
    if "" in device.tags:
        raise MalformedDevice('"tags" has a tag without a name; give it one')
    item = device_item(name, device)
    if (size := _size(item)) > _LARGEST_ITEM:
        raise MalformedDevice(f"has {size} bytes as an item; DynamoDB takes {_LARGEST_ITEM}: leave tags out")
    return item


def require_common_name(name: object) -> str:
    """Return a common name that can be a key.

    Raises:
        MalformedDevice: When it cannot.
    """
    if not (isinstance(name, str) and name and is_unicode(name)):
        came = "missing" if name is None else shown(name)
        raise MalformedDevice(f'"{COMMON_NAME}" is {came}; give the common name of the client certificate')
    if name.startswith(RESERVED):
        raise MalformedDevice(
            f'"{COMMON_NAME}" is {shown(name)}; names that begin with "{RESERVED}" are kept for the state of '
            "device syncs"
        )
    if (length := len(name.encode())) > _LONGEST_KEY:
        raise MalformedDevice(f'"{COMMON_NAME}" has {length} bytes; DynamoDB takes {_LONGEST_KEY} as a key')
    return name


def _size(item: Mapping[str, Mapping[str, object]]) -> int:
    """Return the bytes of an item as DynamoDB counts them, to the least part."""
    return sum(len(name.encode()) + sum(map(_value_size, typed.values())) for name, typed in item.items())


def _value_size(value: object) -> int:
    if isinstance(value, str):
        return len(value.encode())
    if isinstance(value, dict):
        return 3 + len(value) + _size(value)
    return 1
