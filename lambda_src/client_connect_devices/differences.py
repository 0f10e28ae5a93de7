"""The changes of a run, item by item."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from enum import Enum
from typing import TYPE_CHECKING, Any, NamedTuple

from client_connect_devices.items import REMOVED, Part, sources_attribute, top_of
from client_connect_devices.values import instant, time_text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from client_connect_devices.device import ListedDevice
    from client_connect_devices.items import Existing

# A later check-in alone is written at most this often, or each run would rewrite the whole table.
_LAST_SEEN_EVERY = timedelta(hours=1)


class Kind(Enum):
    """The kinds of changes, in the order of writing: first those that take access away."""

    TURNED = "no longer compliant"
    MISSING = "missing"
    CHANGED = "changed"
    NEW = "new"
    MISSED = "not listed, waiting"
    FORGOTTEN = "forgotten"

    @property
    def rank(self) -> int:
        """The position in the order."""
        return list(Kind).index(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """By what a run changes items.

    Attributes:
        source: The source's name.
        judges: Whether it says which devices are compliant.
        now: The time of the run.
        run: The number of the run: how many complete ones came before.
        misses: After how many complete runs in a row without it a device counts as missing.
        grace: How long a device that fails still counts as compliant.
        forget_after: How long after that an item is deleted that every source misses; ``None`` for never.
        adopt: Whether items that another writer wrote are taken over.
        retired: The names of sources that no sync has any more, whose parts are removed.
        act_on_misses: Whether a device that is not listed counts as missing at once, as an operator has accepted.
    """

    source: str
    judges: bool
    now: datetime
    run: int
    misses: int = 3
    grace: timedelta = timedelta(0)
    forget_after: timedelta | None = timedelta(days=30)
    adopt: bool = False
    retired: frozenset[str] = frozenset()
    act_on_misses: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A change of one item.

    Attributes:
        common_name: Its key.
        kind: What it is.
        sources: What the item has of the sources afterwards; ``None`` for a deletion.
        top: What the handler reads afterwards.
        before: The item's sources as they were read; ``None`` where there was none.
        is_new: Whether there was no item.
    """

    common_name: str
    kind: Kind
    sources: Mapping[str, Any] | None
    top: Mapping[str, Any]
    before: Mapping[str, Any] | None
    is_new: bool


class Planned(NamedTuple):
    """A change before it is worked out.

    Attributes:
        kind: What it is.
        common_name: The key of the item.
        is_new: Whether there is no item yet.
    """

    kind: Kind
    common_name: str
    is_new: bool


def is_of_others(existing: Existing | None, rules: Rules) -> bool:
    """Tell whether another writer wrote an item, which is left alone."""
    return existing is not None and not existing.parts and not rules.adopt


def change_of(
    common_name: str, existing: Existing | None, device: ListedDevice | None, rules: Rules
) -> Change | None:
    """Return how an item changes; ``None`` where it stays as it is.

    Args:
        common_name: Its key.
        existing: The item; ``None`` if it is new.
        device: The device as it is listed; ``None`` where it is not.
        rules: By what items change.
    """
    if is_of_others(existing, rules):
        return None
    present = dict(existing.parts) if existing else {}
    parts = {name: part for name, part in present.items() if name not in rules.retired}
    before = parts.get(rules.source)
    part = _listed(device, before, rules) if device else _unlisted(before, rules)
    if part is not None:
        parts[rules.source] = part
    if not parts and not present:
        return None
    if existing and _is_forgotten(parts, rules):
        # Of a retired source, the item may be that of a device that has access.
        kind = Kind.TURNED if _is_compliant(existing.top) else Kind.FORGOTTEN
        return _change(common_name, kind, existing, None, {})
    top = top_of(parts, rules.now)
    if existing and len(parts) == len(present) and _is_same(existing, before, part, top):
        return None
    kind = _kind(existing, before, part, top)
    return _change(common_name, kind, existing, sources_attribute(parts), top)


def _kind(existing: Existing | None, before: Part | None, part: Part | None, top: Mapping[str, Any]) -> Kind:
    if before and part and part.missing_since and not before.missing_since:
        return Kind.MISSING
    if before and part and part.missed_from and not before.missed_from:
        return Kind.MISSED
    # Whatever the reason: the end of a grace period, or the first verdict of a second source.
    if existing and _is_compliant(existing.top) and not _is_compliant(top):
        return Kind.TURNED
    return Kind.CHANGED if before or part is None else Kind.NEW


def _is_compliant(top: Mapping[str, Any]) -> bool:
    return top.get("compliant") == {"BOOL": True}


def _listed(device: ListedDevice, before: Part | None, rules: Rules) -> Part:
    part = Part(
        id=device.id,
        judges=rules.judges,
        compliant=device.compliant,
        last_seen=device.last_seen,
        os=device.os,
        tags=device.tags,
    )
    if device.removed:
        since = before.missing_since if before else ""
        return replace(part, missing_since=since or time_text(rules.now))
    if part.compliant is False and before is not None and rules.grace:
        return replace(part, compliant_until=_compliant_until(before, rules))
    return part


def _compliant_until(before: Part, rules: Rules) -> str:
    """Return the end of the grace period, which begins when a device that was compliant fails."""
    if before.compliant is True and not before.missing_since:
        return time_text(rules.now + rules.grace)
    until = instant(before.compliant_until) if before.compliant_until else None
    return before.compliant_until if until is not None and rules.now < until else ""


def _unlisted(before: Part | None, rules: Rules) -> Part | None:
    """Return the part of a device that is not listed: waiting at first, then missing."""
    if before is None or before.missing_since:
        return before
    # A number from the future is one of a state that was deleted.
    first = min(int(before.missed_from), rules.run) if before.missed_from.isdecimal() else rules.run
    if rules.act_on_misses or rules.run - first >= rules.misses - 1:
        return replace(before, missed_from=str(first), missing_since=time_text(rules.now), compliant_until="")
    return replace(before, missed_from=str(first))


def _is_forgotten(parts: Mapping[str, Part], rules: Rules) -> bool:
    if rules.forget_after is None:
        return False
    since = [instant(part.missing_since) if part.missing_since else None for part in parts.values()]
    return all(each is not None and rules.now - each >= rules.forget_after for each in since)


def _is_same(existing: Existing, before: Part | None, part: Part | None, top: Mapping[str, Any]) -> bool:
    if before is None or part is None:
        return before is part
    if part.without_last_seen != before.without_last_seen:
        return False
    old = {name: value for name, value in existing.top.items() if name != "lastSeen"}
    if old != {name: value for name, value in top.items() if name != "lastSeen"}:
        return False
    if part.last_seen == before.last_seen:
        return existing.top.get("lastSeen") == top.get("lastSeen")
    then, seen = instant(before.last_seen or None), instant(part.last_seen or None)
    return then is not None and seen is not None and timedelta(0) <= seen - then < _LAST_SEEN_EVERY


def _change(
    common_name: str,
    kind: Kind,
    existing: Existing | None,
    sources: Mapping[str, Any] | None,
    top: Mapping[str, Any],
) -> Change:
    return Change(
        common_name=common_name,
        kind=kind,
        sources=sources,
        top={name: value for name, value in top.items() if name != REMOVED},
        before=None if existing is None else existing.item.get("sources"),
        is_new=existing is None,
    )
