"""A device as a JSON object, as ``decide --device`` and ``devices import`` take it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from client_connect import Device, OsVersion
from client_connect_tools.inputs.timestamps import NotATime, instant

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import tzinfo

DEVICE_KEYS = ("compliant", "lastSeen", "os", "tags")
_OS_KEYS = ("major", "minor", "build")
_LONGEST_SHOWN = 60


class MalformedDevice(ValueError):
    """An object is no device; the message names the key, what came and what is allowed."""


def read_device(value: Mapping[str, object], zone: tzinfo | None) -> Device:
    """Read a device; what is missing or ``null`` is not known.

    Args:
        value: The object, without the common name.
        zone: The zone of a time that has none; ``None`` where each must have its own.

    Raises:
        MalformedDevice: When a key is not known, or its value is not allowed.
    """
    if unknown := sorted(value.keys() - set(DEVICE_KEYS)):
        raise MalformedDevice(f'"{unknown[0]}" is not known; there are {", ".join(DEVICE_KEYS)}')
    return Device(
        compliant=_compliant(value.get("compliant")),
        last_seen=_last_seen(value.get("lastSeen"), zone),
        os=_os(value.get("os")),
        tags=_tags(value.get("tags")),
    )


def is_in_future(last_seen: datetime) -> bool:
    """Return whether no one can have seen a device yet: exports write such a time for "never", or by mistake.

    Clocks and zones may be a day ahead.
    """
    return last_seen - datetime.now(UTC) > timedelta(days=1)


def is_unicode(text: str) -> bool:
    """Tell whether a text can be encoded: it has no lone surrogates."""
    return not any("\ud800" <= character <= "\udfff" for character in text)


def shown(value: object) -> str:
    """Return a value as JSON, shortened."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}..."


def _compliant(value: object) -> bool | None:
    if value is not None and not isinstance(value, bool):
        raise MalformedDevice(
            f'"compliant" is {shown(value)}, which is neither true nor false; give one, or leave it out'
        )
    return value


def _last_seen(value: object, zone: tzinfo | None) -> datetime | None:
    if value is None:
        return None
    if not isinstance(value, str):
        raise MalformedDevice(
            f'"lastSeen" is {shown(value)}, which is not a text; give a time such as "2026-11-22T09:00:00Z"'
        )
    try:
        return instant(value, zone, earlier=True)  # older counts against a device
    except NotATime as error:
        raise MalformedDevice(f'"lastSeen" {error}') from error


def _os(value: object) -> OsVersion | None:
    if value is None:
        return None
    text = value
    if isinstance(value, dict):
        if unknown := sorted(value.keys() - set(_OS_KEYS)):
            raise MalformedDevice(
                f'"os" has "{unknown[0]}", which is not known; there are {", ".join(_OS_KEYS)}'
            )
        numbers = [value.get("major", ""), value.get("minor", ""), value.get("build")]
        text = ".".join(str(number) for number in numbers if number is not None)
    if isinstance(text, str) and (version := OsVersion.from_numbers(text)):
        return version
    raise MalformedDevice(
        f'"os" is {shown(value)}, which is not a version; give numbers such as "10.0.19045"'
    )


def _tags(value: object) -> dict[str, str]:
    if value is None:
        return {}
    texts = [*value, *value.values()] if isinstance(value, dict) else [value]
    if not (isinstance(value, dict) and all(isinstance(text, str) and is_unicode(text) for text in texts)):
        raise MalformedDevice(
            f'"tags" is {shown(value)}, which is not an object of texts; give one such as {{"owner": "bob"}}'
        )
    return value
