"""A device in the form that all device managers have in common."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from client_connect_devices import values

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from client_connect_devices.source import Record, Source

LONGEST_ID = 256
LONGEST_TAG = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedDevice:
    """A device manager's data of a device.

    Attributes:
        id: Its id there.
        common_name: The common name of its certificate.
        compliant: The verdict; ``None`` without one.
        last_seen: When it last checked in, as the inventory has times; empty where it is not known.
        os: The version of its operating system; empty where it is not known.
        tags: What is copied.
        removed: Whether the manager says that it no longer manages the device.
    """

    id: str
    common_name: str
    compliant: bool | None = None
    last_seen: str = ""
    os: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    removed: bool = False

    @property
    def preference(self) -> tuple[bool, str, bool]:
        """The order that picks one of several records of a common name: managed, seen last, if equal the stricter."""
        return not self.removed, self.last_seen, self.compliant is not True


def device_id(source: Source, record: object) -> str:
    """Return a device's id.

    Raises:
        Unreadable: When it has none.
    """
    found = values.text(values.field(record, source.id_field))
    if not found or len(found) > LONGEST_ID or not found.isprintable():
        raise values.Unreadable("no id")
    return found


def listed_device(source: Source, record: Record, now: datetime) -> tuple[ListedDevice, bool]:
    """Read a record; return also whether its check-in is in the future, which counts as now.

    Raises:
        Unreadable: When it cannot become an item.
    """
    common = source.common
    name = values.common_name(values.field(record, common.common_name.field))
    name = values.common_name(common.common_name.of(name))
    seen, is_future = source.last_seen(record), False
    if seen is not None:
        seen, is_future = values.not_in_future(seen, now)
    device = ListedDevice(
        id=device_id(source, record),
        common_name=name,
        compliant=source.verdict(record, now) if common.judges else None,
        last_seen="" if seen is None else values.time_text(seen),
        os=source.os(record),
        tags=_tags(record, common.tags),
        removed=source.is_removed(record),
    )
    return (replace(device, compliant=False) if device.removed and common.judges else device), is_future


def _tags(record: Record, fields: Mapping[str, str]) -> dict[str, str]:
    found: dict[str, Any] = {name: values.text(values.field(record, path)) for name, path in fields.items()}
    if too_long := sorted(name for name, value in found.items() if len(value) > LONGEST_TAG):
        raise values.Unreadable(f'more than {LONGEST_TAG} characters for the tag "{too_long[0]}"')
    return {name: value for name, value in found.items() if value and _is_unicode(value)}


def _is_unicode(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)
