"""Devices and waivers as the inventory's tables hold them: the one place that knows the format of the items.

A device, in the table of devices::

    {"commonName": "laptop-17", "compliant": true, "lastSeen": "2026-11-22T09:00:00Z", "os": "10.0.22631",
     "tags": {"owner": "bob"}}

Only ``commonName`` is required; attributes that are not known are ignored. With ``"removed": true`` the item is only a
mark of a device that the device manager no longer knows; a policy sees it as ``unknown``. The waivers of a device
(``device:laptop-17``) or of a user (``user:bob``, in lower case), in the table of waivers::

    {"holder": "user:bob", "waivers": {"minimum-windows": {"until": "2026-12-01T00:00:00Z",
     "reason": "new laptop ordered", "approvedBy": "carol", "grantedBy": "arn:aws:sts::...", "grantedAt":
     "2026-11-22T09:00:00Z"}}, "expiresAt": 1830643200}

``grantedBy`` and ``grantedAt`` may be missing. ``expiresAt`` is 400 days after the last of them ends, in seconds since
1970: until DynamoDB then removes the item, it shows who granted what.

In the table of waivers there are blocks too, under keys of their own, as ``client_connect.blocks`` has them::

    {"holder": "blocked:user:bob", "blocks": {"bob@corp.example": {"name": "user:Bob@corp.example", "until":
     "2026-12-01T00:00:00Z", "reason": "dismissed", "by": "carol", "grantedBy": "arn:aws:sts::...", "grantedAt": ...,
     "message": "Please call 4711."}}, "expiresAt": 1830643200}

A block without ``until`` has no end, and its item no ``expiresAt``. One that cannot be read holds all the same.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from client_connect.blocks import Block
from client_connect.device import Device
from client_connect.versions import OsVersion
from client_connect.waiver import Waiver

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# An item as the low-level API has it: {"commonName": {"S": "laptop-17"}}.
Item = dict[str, dict[str, Any]]

COMMON_NAME = "commonName"
HOLDER = "holder"
EXPIRES_AT = "expiresAt"
# How long what has ended can still be looked up.
KEPT = timedelta(days=400)


_LAST_YEAR = 9990


class Key(NamedTuple):
    """Where an item is: a table, and the name and value of its partition key."""

    table: str
    name: str
    value: str


class MalformedItem(ValueError):
    """An item does not keep to the format; the message names the attribute."""


def device_item(common_name: str, device: Device) -> Item:
    """Return the item of a device; what is not known of it is left out."""
    item: Item = {COMMON_NAME: {"S": common_name}}
    if device.compliant is not None:
        item["compliant"] = {"BOOL": device.compliant}
    if device.last_seen is not None:
        item["lastSeen"] = {"S": _text_of(device.last_seen)}
    if device.os is not None:
        item["os"] = {"S": str(device.os)}
    if device.tags:
        item["tags"] = {"M": {name: {"S": tag} for name, tag in device.tags.items()}}
    return item


def device_of(item: Item) -> Device:
    """Read a device.

    Raises:
        MalformedItem: When an attribute is of a wrong type, or not of its form.
    """
    last_seen, os = _read(item, "lastSeen", "S"), _read(item, "os", "S")
    return Device(
        compliant=_read(item, "compliant", "BOOL"),
        last_seen=None if last_seen is None else _instant(last_seen, "lastSeen"),
        os=None if os is None else _version(os),
        tags=_texts(_read(item, "tags", "M") or {}),
    )


def is_removed(item: Item) -> bool:
    """Tell whether an item is only the mark of a device that was removed.

    Raises:
        MalformedItem: When the attribute is of a wrong type.
    """
    return _read(item, "removed", "BOOL") is True


def waivers_item(waivers: Sequence[Waiver]) -> Item:
    """Return the item of a device's or a user's waivers(at least one)."""
    return {
        HOLDER: {"S": waivers[0].holder},
        "waivers": {"M": {waiver.policy_id: {"M": waiver_attributes(waiver)} for waiver in waivers}},
        EXPIRES_AT: {"N": str(kept_until(max(waiver.until for waiver in waivers)))},
    }


def waiver_attributes(waiver: Waiver) -> Item:
    """Return what an item holds of one waiver."""
    item: Item = {
        "until": {"S": _text_of(waiver.until)},
        "reason": {"S": waiver.reason},
        "approvedBy": {"S": waiver.approved_by},
    }
    if waiver.granted_by:
        item["grantedBy"] = {"S": waiver.granted_by}
    if waiver.granted_at is not None:
        item["grantedAt"] = {"S": _text_of(waiver.granted_at)}
    return item


def block_attributes(block: Block) -> Item:
    """Return what an item holds of one block."""
    item: Item = {"name": {"S": block.holder}, "reason": {"S": block.reason}, "by": {"S": block.by}}
    if block.until is not None:
        item["until"] = {"S": _text_of(block.until)}
    if block.granted_by:
        item["grantedBy"] = {"S": block.granted_by}
    if block.granted_at is not None:
        item["grantedAt"] = {"S": _text_of(block.granted_at)}
    if block.message:
        item["message"] = {"S": block.message}
    return item


def blocks_of(item: Item) -> tuple[dict[str, Block], str]:
    """Return the blocks that an item holds, by their keys in it, and what is wrong with one that cannot be read.

    That one holds without an end, and for each name that has the key: it was meant to keep a user or device out.
    """
    kind = item[HOLDER]["S"].split(":")[1]
    blocks = item.get("blocks", {}).get("M")
    if not isinstance(blocks, dict):
        return {"": Block(f"{kind}:")}, '"blocks" is no map'
    found, problem = {}, ""
    for key in sorted(blocks):
        try:
            found[key] = block_of(_require(blocks, key, "M"))
        except MalformedItem as error:
            found[key], problem = Block(f"{kind}:{key}"), problem or str(error)
    return found, problem


def block_of(item: Item) -> Block:
    """Read a block.

    Raises:
        MalformedItem: When an attribute is missing, of a wrong type, or not of its form.
    """
    until, granted_at = _read(item, "until", "S"), _read(item, "grantedAt", "S")
    return Block(
        holder=_require(item, "name", "S"),
        until=None if until is None else _instant(until, "until"),
        reason=_read(item, "reason", "S") or "",
        by=_read(item, "by", "S") or "",
        granted_by=_read(item, "grantedBy", "S") or "",
        granted_at=None if granted_at is None else _instant(granted_at, "grantedAt"),
        message=_read(item, "message", "S") or "",
    )


def kept_until(end: datetime) -> int:
    """Return when DynamoDB may remove the trace of what ends then, in seconds since 1970."""
    return math.ceil((end + KEPT).timestamp() if end.year < _LAST_YEAR else end.timestamp())


def waivers_of(item: Item) -> tuple[Waiver, ...]:
    """Read waivers, in the order of their policies' ids; those that have expired too.

    Raises:
        MalformedItem: When an attribute is missing, of a wrong type or not of its form.
    """
    waivers, problem = readable_waivers_of(item)
    if problem:
        raise MalformedItem(problem)
    return tuple(waivers)


def readable_waivers_of(item: Item) -> tuple[list[Waiver], str]:
    """Read those waivers that can be read, and say what is wrong with the first of the others, if any."""
    found: list[Waiver] = []
    problem = ""
    try:
        holder, waivers = _require(item, HOLDER, "S"), _require(item, "waivers", "M")
    except MalformedItem as error:
        return found, str(error)
    for policy_id in sorted(waivers):
        try:
            found.append(_waiver(holder, policy_id, _require(waivers, policy_id, "M")))
        except MalformedItem as error:
            problem = problem or str(error)
    return found, problem


def _waiver(holder: str, policy_id: str, item: Item) -> Waiver:
    granted_at = _read(item, "grantedAt", "S")
    return Waiver(
        holder=holder,
        policy_id=policy_id,
        until=_instant(_require(item, "until", "S"), "until"),
        reason=_require(item, "reason", "S"),
        approved_by=_require(item, "approvedBy", "S"),
        granted_by=_read(item, "grantedBy", "S") or "",
        granted_at=None if granted_at is None else _instant(granted_at, "grantedAt"),
    )


def _texts(item: Item) -> dict[str, str]:
    return {name: _require(item, name, "S") for name in item}


def _require(item: Item, name: str, kind: str) -> Any:  # noqa: ANN401 - the kind says
    value = _read(item, name, kind)
    if value is None:
        raise MalformedItem(f'"{name}" is missing')
    return value


def _read(item: Mapping[str, dict[str, Any]], name: str, kind: str) -> Any:  # noqa: ANN401 - the kind says
    """Return an attribute; ``None`` when it is missing or null."""
    typed = item.get(name)
    if typed is None or "NULL" in typed:
        return None
    if kind not in typed:
        raise MalformedItem(f'"{name}" is of type {", ".join(typed)}, not {kind}')
    return typed[kind]


def _instant(text: str, name: str) -> datetime:
    try:
        time = datetime.fromisoformat(text)
        utc = time.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise MalformedItem(f'"{name}" is not a time: {text!r:.40}') from error
    if time.tzinfo is None:
        raise MalformedItem(f'"{name}" has no time zone: {text!r:.40}')
    return utc


def _version(text: str) -> OsVersion:
    version = OsVersion.from_numbers(text)
    if version is None:
        raise MalformedItem(f'"os" is not a version such as "10.0.22631": {text!r:.40}')
    return version


def _text_of(time: datetime) -> str:
    return time.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
