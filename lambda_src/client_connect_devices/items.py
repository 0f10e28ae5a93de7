"""The items that syncs write: what each source says of a device, and what follows from all of them.

A device that Intune and CrowdStrike list, as DynamoDB's JSON without the types::

    {"commonName": "laptop-17", "compliant": true, "lastSeen": "2026-11-22T09:00:00Z", "os": "10.0.22631",
     "tags": {"owner": "bob"}, "sources": {
       "intune": {"id": "4f2a...", "judges": true, "compliant": true, "lastSeen": ..., "os": ..., "tags": {...}},
       "crowdstrike": {"id": "91c0...", "judges": true, "compliant": true, "lastSeen": ...}}}

The handler reads the attributes at the top alone, in one read, as ``client_connect.sources.items`` describes them. A
sync changes its own part of ``sources`` and computes the top again, on the condition that ``sources`` is what it read:
so two syncs, however they overlap, never overwrite each other. An item without ``sources`` was written by
other software or by hand.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from client_connect_devices.values import instant

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    # {"commonName": {"S": "laptop-17"}}, as DynamoDB has it.
    Item = Mapping[str, Mapping[str, Any]]

COMMON_NAME = "commonName"
SOURCES = "sources"
REMOVED = "removed"
TOP = ("compliant", "lastSeen", "os", "tags")


class MalformedItem(ValueError):
    """An item does not keep to the format; it is left alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One source's data of a device.

    Attributes:
        id: Its id there.
        judges: Whether the source says which devices are compliant.
        compliant: The verdict.
        last_seen: When it last checked in; empty where it is not known.
        os: The version of its operating system; empty where it is not known.
        tags: What is copied.
        compliant_until: Until when it counts as compliant although the verdict is a failure; empty without such a time.
        missed_from: The number of the run that first missed it; empty while it is listed.
        missing_since: Since when it counts as missing; empty while it does not.
    """

    id: str
    judges: bool
    compliant: bool | None = None
    last_seen: str = ""
    os: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    compliant_until: str = ""
    missed_from: str = ""
    missing_since: str = ""

    def is_compliant(self, now: datetime) -> bool | None:
        """Return the verdict that counts now."""
        if self.missing_since:
            return False
        until = instant(self.compliant_until) if self.compliant_until else None
        return True if self.compliant is False and until is not None and now < until else self.compliant

    @property
    def without_last_seen(self) -> Part:
        """The part without the check-in."""
        return replace(self, last_seen="")


@dataclass(frozen=True, slots=True, kw_only=True)
class Existing:
    """An item as it was read.

    Attributes:
        common_name: Its key.
        parts: What each source says; empty where another writer wrote the item.
        item: All of it.
    """

    common_name: str
    parts: Mapping[str, Part]
    item: Item

    @property
    def top(self) -> dict[str, Any]:
        """The attributes that the handler reads."""
        return {name: self.item[name] for name in (*TOP, REMOVED) if name in self.item}


def existing_of(item: Item) -> Existing:
    """Read an item.

    Raises:
        MalformedItem: When its sources cannot be read.
    """
    try:
        sources = item.get(SOURCES, {"M": {}})["M"]
        parts = {name: _part(part["M"]) for name, part in sources.items()}
        return Existing(common_name=item[COMMON_NAME]["S"], parts=parts, item=item)
    except (KeyError, TypeError, AttributeError) as error:
        raise MalformedItem(f"its sources are not as a sync writes them: {error}") from error


def sources_attribute(parts: Mapping[str, Part]) -> dict[str, Any]:
    """Return what an item has of the sources."""
    return {"M": {name: {"M": _attributes(part)} for name, part in sorted(parts.items())}}


def top_of(parts: Mapping[str, Part], now: datetime) -> dict[str, Any]:
    """Return what follows from all sources, as the handler reads it.

    A failure of one is a failure; all that judge must pass. The check-in is the oldest of those that judge, because the
    verdict is as old; unknown if that of one is.
    """
    judging = [part for _, part in sorted(parts.items()) if part.judges]
    deciding = judging or [part for _, part in sorted(parts.items())]
    top: dict[str, Any] = {}
    verdicts = [part.is_compliant(now) for part in judging]
    if False in verdicts:
        top["compliant"] = {"BOOL": False}
    elif verdicts and all(verdicts):
        top["compliant"] = {"BOOL": True}
    seen = [part.last_seen for part in deciding]
    if all(seen):
        top["lastSeen"] = {"S": min(seen)}
    if os := next((part.os for part in (*deciding, *parts.values()) if part.os), ""):
        top["os"] = {"S": os}
    if tags := _tags(parts):
        top["tags"] = {"M": {name: {"S": value} for name, value in sorted(tags.items())}}
    return top


def _tags(parts: Mapping[str, Part]) -> dict[str, str]:
    """Return the tags of all; of two of one name, that of the first source by name. None hides that one misses it."""
    tags: dict[str, str] = {}
    for _, part in sorted(parts.items(), reverse=True):
        if not part.missing_since:
            tags |= part.tags
    return tags | {f"{name}:missing": "true" for name, part in parts.items() if part.missing_since}


def _part(attributes: Mapping[str, Any]) -> Part:
    def text(name: str) -> str:
        value: str = attributes.get(name, {"S": ""})["S"]
        return value

    return Part(
        id=attributes["id"]["S"],
        judges=attributes["judges"]["BOOL"],
        compliant=attributes["compliant"]["BOOL"] if "compliant" in attributes else None,
        last_seen=text("lastSeen"),
        os=text("os"),
        tags={name: tag["S"] for name, tag in attributes.get("tags", {"M": {}})["M"].items()},
        compliant_until=text("compliantUntil"),
        missed_from=text("missedFrom"),
        missing_since=text("missingSince"),
    )


def _attributes(part: Part) -> dict[str, Any]:
    texts = {
        "id": part.id,
        "lastSeen": part.last_seen,
        "os": part.os,
        "compliantUntil": part.compliant_until,
        "missedFrom": part.missed_from,
        "missingSince": part.missing_since,
    }
    attributes: dict[str, Any] = {name: {"S": value} for name, value in texts.items() if value}
    attributes["judges"] = {"BOOL": part.judges}
    if part.compliant is not None:
        attributes["compliant"] = {"BOOL": part.compliant}
    if part.tags:
        attributes["tags"] = {"M": {name: {"S": value} for name, value in part.tags.items()}}
    return attributes
