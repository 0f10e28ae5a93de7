"""The whole list of a device manager, or an error: never a part of it."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING

from client_connect_devices.device import ListedDevice, device_id, listed_device
from client_connect_devices.errors import IncompleteList
from client_connect_devices.values import Unreadable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from client_connect_devices.deadline import Deadline
    from client_connect_devices.session import Session
    from client_connect_devices.source import Page, Source

# How many devices of a kind are named.
NAMED = 50
# How much a total may differ from what was listed, because devices come and go meanwhile.
_DRIFT, _DRIFT_PER_MILLE = 2, 1


@dataclass(slots=True)
class Listing:
    """All devices of a list, compact, by common name.

    Attributes:
        listed: How many devices the manager listed.
        rejected: How many cannot become items, by the reason.
        rejected_ids: Some of their ids, with the reason.
        duplicates: Common names of several devices, with how many there are.
        repeated: How many records came more than once.
        future: How many devices checked in in the future.
        trusts_newest: Whether the newest of several managed devices with one common name counts. Without, none of them
            has a verdict.
    """

    listed: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    rejected_ids: dict[str, str] = field(default_factory=dict)
    duplicates: Counter[str] = field(default_factory=Counter)
    repeated: int = 0
    future: int = 0
    trusts_newest: bool = True
    _devices: dict[str, bytes] = field(default_factory=dict)

    def __contains__(self, common_name: str) -> bool:
        return common_name in self._devices

    def __iter__(self) -> Iterator[str]:
        return iter(self._devices)

    def __len__(self) -> int:
        return len(self._devices)

    def get(self, common_name: str) -> ListedDevice | None:
        """Return a device; ``None`` where the list has none of this common name."""
        packed = self._devices.get(common_name)
        return None if packed is None else ListedDevice(**json.loads(packed))

    def add(self, device: ListedDevice) -> None:
        """Add a device; of several with one common name, the preferred one stays."""
        present = self.get(device.common_name)
        if present is not None:
            self.duplicates[device.common_name] += 1 if device.common_name in self.duplicates else 2
            is_ambiguous = not (present.removed or device.removed)
            device = max(present, device, key=lambda each: each.preference)
            if is_ambiguous and not self.trusts_newest:
                device = replace(device, compliant=None)
        self._put(device)

    def _put(self, device: ListedDevice) -> None:
        self._devices[device.common_name] = json.dumps(asdict(device), separators=(",", ":")).encode()

    def add_again(self, device: ListedDevice) -> None:
        """Add another record of a device that is there, as it comes when pages shift meanwhile."""
        present = self.get(device.common_name)
        if present is not None and present.id == device.id and present.compliant is not None:
            self._put(max(present, device, key=lambda each: each.preference))

    def reject(self, id_: str, reason: str) -> None:
        """Count a device that cannot become an item."""
        self.rejected[reason] += 1
        if len(self.rejected_ids) < NAMED:
            self.rejected_ids[id_] = reason


def list_devices(source: Source, session: Session, *, now: datetime, deadline: Deadline) -> Listing:
    """Read every page.

    Raises:
        SyncFailed: When a page cannot be had, pages repeat, an id stands for several devices, or the list is shorter
            than the total.
    """
    listing = Listing(trusts_newest=source.common.trusts_newest)
    seen: dict[str, str] = {}
    total = 0
    for page in source.pages(session):
        deadline.require()
        known = len(seen)
        _add_page(listing, source, page, seen, now)
        if len(page.records) > 1 and len(seen) == known:
            raise IncompleteList("a page has only devices that came before, so the list never ends")
        total = max(total, page.total or 0)
    listing.listed = len(seen)
    _require_total(len(seen), total)
    return listing


def _add_page(listing: Listing, source: Source, page: Page, seen: dict[str, str], now: datetime) -> None:
    """Add the devices of a page; ``seen`` has the common name, empty without, of each id that came before."""
    for record in page.records:
        try:
            id_ = device_id(source, record)
        except Unreadable as problem:
            # Counted, as one that the total counts too.
            id_ = f"(number {len(seen) + 1})"
            listing.reject(id_, str(problem))
            seen[id_] = ""
            continue
        before = seen.get(id_)
        listing.repeated += before is not None
        try:
            device, is_future = listed_device(source, record, now)
        except Unreadable as problem:
            if before is None:
                seen[id_] = ""
                listing.reject(id_, str(problem))
            continue
        if before:
            _require_same_device(source, before, device)
            listing.add_again(device)
            continue
        seen[id_] = device.common_name
        listing.future += is_future
        listing.add(device)


def _require_same_device(source: Source, before: str, device: ListedDevice) -> None:
    if device.common_name != before:
        raise IncompleteList(
            f'the id "{device.id}" stands for several devices, such as "{before[:200]}" and '
            f'"{device.common_name[:200]}", so devices would be left out; check that "{source.id_field}" is unique'
        )


def _require_total(listed: int, total: int) -> None:
    if listed < total - max(_DRIFT, total * _DRIFT_PER_MILLE // 1000):
        raise IncompleteList(
            f"the device manager says that there are {total} devices, but lists {listed}; nothing is changed"
        )
