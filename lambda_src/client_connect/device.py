"""A device as an inventory knows it."""

from __future__ import annotations

from client_connect.light_typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from typing import Any

    from client_connect.versions import OsVersion

_NO_TAGS: Mapping[str, str] = {}


class Device(NamedTuple):
    """The inventory's data of a device.

    Attributes:
        compliant: Whether the device manager found it compliant; ``None`` when it did not say.
        last_seen: When the device manager last heard of it, with a time zone.
        os: Its operating system's version, as the device manager knows it.
        tags: Whatever else the inventory holds, as text.
    """

    compliant: bool | None = None
    last_seen: datetime | None = None
    os: OsVersion | None = None
    tags: Mapping[str, str] = _NO_TAGS

    def to_record(self) -> dict[str, Any]:
        """Return the device as decision records have it; what is not known is left out."""
        record: dict[str, Any] = {
            "compliant": self.compliant,
            "lastSeen": self.last_seen and self.last_seen.isoformat(timespec="milliseconds"),
            "os": self.os and self.os.to_record(),
            "tags": dict(self.tags) or None,
        }
        return {name: value for name, value in record.items() if value is not None}
