"""Errors in rules: fields that are empty, malformed, misunderstood or contradict each other."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import fields
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_network
from typing import TYPE_CHECKING, Any

from client_connect.names import lower_case
from client_connect_tools.files.networks import NAME
from client_connect_tools.inputs import cdk_tokens, messages
from client_connect_tools.inputs.client_spellings import OTHER_NAMES
from client_connect_tools.inputs.invisible import has_invisible_ends
from client_connect_tools.rules.scope import Scope, pattern_problems
from client_connect_tools.rules.values import (
    DAYS,
    MINUTES_OF_A_DAY,
    Hours,
    MinimumVersion,
    Period,
    closed_day,
    listed,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date
    from typing import Protocol

    class _Rules(Protocol):
        """``Rules``, of whose fields most are read by name."""

        @property
        def minimum_windows(self) -> MinimumVersion | None: ...

        @property
        def closed_on(self) -> Sequence[date | str] | None: ...

        @property
        def own_device(self) -> str | None: ...

        @property
        def scope(self) -> Scope | None: ...

        @property
        def messages(self) -> Mapping[str, str] | None: ...


_MAX_NUMBER = 999_999_999
_DAYS_OF_A_YEAR = 365
_WEEK = frozenset(range(len(DAYS) * MINUTES_OF_A_DAY))
_EVERYWHERE = {ip_network("0.0.0.0/0"), ip_network("::/0")}
_VERSIONS = {"minimum_windows": "10.0.19045", "minimum_openvpn": "2.6", "minimum_aws_client": "5.2"}
_VERSION = re.compile(r"\d{1,9}(\.\d{1,9}){1,2}", re.ASCII)
_PLACEHOLDER = re.compile(r"\{[\w.-]*\}")
_NOT_UNICODE = re.compile("[\ud800-\udfff]")

# No Windows says that it is later: Windows 11 is 10.0.22000 and later.
_LAST_WINDOWS_MAJOR = 10

_LISTS: dict[str, type] = {
    "platforms": str,
    "allowed_networks": str,
    "blocked_networks": str,
    "users": str,
    "groups": str,
    "blocked_users": str,
    "blocked_common_names": str,
    "hours": Hours,
    "maintenance_hours": Hours,
    "maintenance": Period,
    "open_during": Period,
}

_BLOCKS = ("blocked-users", "blocked-common-names")
_DEVICE = ("inventory-available", "registered-device")
# The rules that a field is rendered to, in their order.
_IDS: dict[str, tuple[str, ...]] = {
    "platforms": ("platform",),
    "minimum_windows": ("minimum-windows",),
    "minimum_openvpn": ("minimum-openvpn",),
    "minimum_aws_client": ("minimum-aws-client",),
    "allowed_networks": ("allowed-networks",),
    "blocked_networks": ("blocked-networks",),
    "users": ("members",),
    "groups": ("members",),
    "blocked_users": ("blocked-users",),
    "blocked_common_names": ("blocked-common-names",),
    "own_certificate": ("own-certificate",),
    "hours": ("hours",),
    "maintenance_hours": ("maintenance-hours",),
    "maintenance": ("maintenance",),
    "open_during": ("open-during",),
    "closed_on": ("closed-on",),
    "registered_devices": _DEVICE,
    "compliant_devices": (*_DEVICE, "compliant-device"),
    "days_since_last_seen": (*_DEVICE, "device-last-seen"),
    "own_device": (*_DEVICE, "own-device"),
    "connections_per_user": ("connections-per-user",),
}


def problems(rules: _Rules) -> Iterator[str]:
    """Yield everything that is wrong, as what it is, what is allowed and what to do."""
    if found := list(_token_problems(rules)):
        yield from found
        return
    yield from _type_problems(rules)
    yield from _list_problems(rules)
    yield from _closed_problems(rules)
    yield from _platform_problems(rules)
    yield from _network_problems(rules)
    yield from _pattern_problems(rules)
    yield from _contradictions(rules)
    yield from _message_problems(rules)
    yield from _scope_problems(rules)


def _token_problems(rules: _Rules) -> Iterator[str]:
    for name in _fields(rules):
        for token in dict.fromkeys(cdk_tokens.tokens(getattr(rules, name))):
            yield (
                f"{name} has {token}, which {cdk_tokens.WHY}; give the value itself, such as a name from a file or the "
                "context of the app"
            )


def _fields(rules: Any) -> list[str]:  # noqa: ANN401 - Rules, which imports this module
    return [field.name for field in fields(rules)]


def _type_problems(rules: _Rules) -> Iterator[str]:
    for name, usual in _VERSIONS.items():
        value = getattr(rules, name)
        if not isinstance(value, MinimumVersion | None):
            example = value if isinstance(value, str) and _VERSION.fullmatch(value) else usual
            yield f'{name} is {value!r}; give a MinimumVersion("{example}")'
    for name in ("own_certificate", "registered_devices", "compliant_devices"):
        if not isinstance(getattr(rules, name), bool):
            yield f"{name} is {getattr(rules, name)!r}; give True or False"
    for name in ("days_since_last_seen", "connections_per_user"):
        value = getattr(rules, name)
        whole = isinstance(value, int) and not isinstance(value, bool)
        if value is not None and not (whole and 1 <= value <= _MAX_NUMBER):
            yield f"{name} is {value!r}; give a whole number from 1 to {_MAX_NUMBER}"
    tag: object = rules.own_device
    if tag is not None and (
        not _is(str, tag) or has_invisible_ends(str(tag)) or _PLACEHOLDER.fullmatch(str(tag))
    ):
        yield f'own_device is {tag!r}; give the name of the tag that holds the user\'s name, such as "owner"'
    messages: object = rules.messages
    if not isinstance(messages, Mapping | None):
        yield f'messages is {messages!r}; give a mapping of rule ids, such as {{"platform": "..."}}'


def _list_problems(rules: _Rules) -> Iterator[str]:
    for name, kind in _LISTS.items():
        values = getattr(rules, name)
        if values is None:
            continue
        if isinstance(values, str) and kind is str:
            yield f'{name} is the string "{values}"; give a list, such as ["{values}"]'
        elif isinstance(values, str) or not isinstance(values, Sequence):
            yield f"{name} is {values!r}; give a list of {_plural(kind)}"
        elif not values:
            yield f"{name} is empty; leave it out (None) to restrict nothing"
        else:
            padded = [
                value
                for value in values
                if isinstance(value, str) and value.strip() and has_invisible_ends(value)
            ]
            for value in padded:
                what = "invisible character" if value == value.strip() else "space"
                yield f"{name} has {value!r}; leave out the {what} around it"
            wrong = [value for value in values if not _is(kind, value)]
            yield from (f"{name} has {value!r}; every entry must be {_named(kind)}" for value in wrong)


def _closed_problems(rules: _Rules) -> Iterator[str]:
    values: object = rules.closed_on
    if values is None:
        return
    if isinstance(values, str) or not isinstance(values, Sequence):
        yield f'closed_on is {values!r}; give a list of dates, such as ["2026-12-25"]'
        return
    if not values:
        yield "closed_on is empty; leave it out (None) to restrict nothing"
    for value in values:
        if closed_day(value) is None:
            yield (
                f'closed_on has {value!r}; give a datetime.date, a date such as "2026-12-25", or a day of every '
                'year such as "12-25"'
            )
    if (
        len({day for day in map(closed_day, values) if day and len(day) == len("12-25")} - {"02-29"})
        == _DAYS_OF_A_YEAR
    ):
        yield "closed_on are all days of a year, so no one could ever connect; leave some of them out"


def _pattern_problems(rules: _Rules) -> Iterator[str]:
    for value in _entries(rules, "groups"):
        yield from pattern_problems("groups", value, allowed=False)
    for name in ("users", "blocked_users", "blocked_common_names"):
        for value in _entries(rules, name):
            yield from pattern_problems(name, value, allowed=True)


def _platform_problems(rules: _Rules) -> Iterator[str]:
    for value in _entries(rules, "platforms"):
        if name := OTHER_NAMES.get(lower_case(value)):
            yield f'platforms has "{value}", which no client calls itself; write "{name}"'
    minimum = rules.minimum_windows
    if isinstance(minimum, MinimumVersion) and minimum.numbers[0] > _LAST_WINDOWS_MAJOR:
        yield (
            f'minimum_windows is "{minimum.version}", but no Windows reports a version above 10.0: Windows 11 is '
            '10.0.22000 and later; write MinimumVersion("10.0.22000")'
        )


def _network_problems(rules: _Rules) -> Iterator[str]:
    for name in ("allowed_networks", "blocked_networks"):
        for value in _entries(rules, name):
            if NAME.fullmatch(value):
                continue
            try:
                network = ip_network(value)
            except ValueError as error:
                yield (
                    f'{name} has "{value}", which is not a network: {error}; write one such as "203.0.113.0/24", or '
                    "the name of a list of networks"
                )
                continue
            if isinstance(network, IPv6Network) and network.network_address.ipv4_mapped:
                yield f'{name} has "{value}", which maps IPv4 into IPv6; write the IPv4 network'
            if isinstance(network, IPv6Network) and network.network_address.scope_id:
                yield f'{name} has "{value}", which names a zone of one machine; leave out the zone'


def _contradictions(rules: _Rules) -> Iterator[str]:
    yield from _network_contradictions(rules)
    users, blocked_users, platforms = (
        {lower_case(each) for each in _entries(rules, name)}
        for name in ("users", "blocked_users", "platforms")
    )
    if both := sorted(users & blocked_users):
        yield f"users and blocked_users both have {listed(both)}; keep each in one of them"
    if rules.minimum_windows is not None and platforms and "win" not in platforms:
        yield 'minimum_windows is set, but platforms has no "win"; add it, or leave minimum_windows out'
    yield from _hours_contradictions(rules)


def _network_contradictions(rules: _Rules) -> Iterator[str]:
    allowed, blocked = (set(_collapsed(rules, name)) for name in ("allowed_networks", "blocked_networks"))
    if blocked >= _EVERYWHERE:
        yield "blocked_networks are the whole world, so no one could ever connect; leave some of it out"
    if allowed >= _EVERYWHERE:
        yield "allowed_networks are the whole world; leave them out (None) to restrict nothing"
    in_order = sorted((each.version, int(each.network_address), each) for each in blocked)
    for network in dict.fromkeys(_networks(rules, "allowed_networks")):
        place = bisect_right(
            in_order, (network.version, int(network.network_address)), key=lambda each: each[:2]
        )
        other = in_order[place - 1][2] if place else None
        if other is not None and network.version == other.version and network.subnet_of(other):  # type: ignore[arg-type]
            yield f"allowed_networks has {network}, but it lies in {other} of blocked_networks; keep one of them"
    names = (
        set(filter(NAME.fullmatch, _entries(rules, each)))
        for each in ("allowed_networks", "blocked_networks")
    )
    if both := sorted(set.intersection(*names)):
        yield f"allowed_networks and blocked_networks both have {listed(both)}; keep each in one of them"


def _collapsed(rules: _Rules, name: str) -> Iterator[IPv4Network | IPv6Network]:
    """Yield the networks of a list, adjacent ones as the one that they make."""
    networks = list(_networks(rules, name))
    yield from collapse_addresses([each for each in networks if isinstance(each, IPv4Network)])
    yield from collapse_addresses([each for each in networks if isinstance(each, IPv6Network)])


def _hours_contradictions(rules: _Rules) -> Iterator[str]:
    hours, maintenance = (
        {minute for window in _entries(rules, name) for minute in window.minutes_of_the_week}
        for name in ("hours", "maintenance_hours")
    )
    if hours == _WEEK:
        yield "hours are the whole week; leave them out (None) to restrict nothing"
    if maintenance == _WEEK:
        yield "maintenance_hours are the whole week, so no one could ever connect; shorten them"
    elif hours and hours <= maintenance:
        yield "maintenance_hours cover all hours, so no one could ever connect; shorten them"


def _message_problems(rules: _Rules) -> Iterator[str]:
    if not isinstance(rules.messages, Mapping):
        return
    known = _used_ids(rules)
    for id_, message in rules.messages.items():
        if id_ not in known:
            yield f'messages has "{id_}", but the rules in use are {", ".join(known) or "none"}'
        if not _is(str, message):
            yield f'the message of "{id_}" is {message!r}; give a text that tells the user what to do'
        else:
            # Only the policies made of these rules know which custom facts exist.
            found = [problem for _, problem in messages.problems(message, None)]
            found += filter(None, [messages.command(message)])
            yield from (f'the message of "{id_}" {problem}' for problem in found)


def _scope_problems(rules: _Rules) -> Iterator[str]:
    scope: object = rules.scope
    if scope is None:
        return
    if not isinstance(scope, Scope):
        yield f'scope is {scope!r}; give a Scope("contractors", groups=["contractors"])'
        return
    known = _used_ids(rules)
    if not known:
        yield (
            f'there are no rules for the scope "{scope.name}", so it changes nothing; give some, such as hours; '
            "who may connect at all is in groups or users of Rules without groups and users in their scope"
        )
    for id_ in sorted(scope.ids - set(known)):
        yield f'scope names "{id_}", but the rules in use are {", ".join(known) or "none"}'
    yield from _audience_problems(rules, scope)
    ended = set(scope.ends)
    for id_, other in (_BLOCKS, _BLOCKS[::-1]):
        if id_ in ended and other not in ended and other in known:
            yield (
                f'ends has "{id_}", but not "{other}", which would never end; give both an end, or put one of them '
                "into Rules with a scope of its own"
            )


def _audience_problems(rules: _Rules, scope: Scope) -> Iterator[str]:
    """Yield what is wrong where rules name the same people as their scope."""
    members = set(_entries(rules, "groups")), {lower_case(each) for each in _entries(rules, "users")}
    audience = set(scope.groups or ()), {lower_case(each) for each in scope.users or ()}
    if any(members) and any(audience) and audience[0] <= members[0] and audience[1] <= members[1]:
        yield (
            f'groups and users have all that the scope "{scope.name}" is for, so they keep out no one; the scope '
            "says for whom rules are, and groups and users who may connect: name those in Rules with another scope, or "
            "without one"
        )
    if scope.users is not None and _entries(rules, "blocked_users"):
        yield (
            f'blocked_users count for the users of the scope "{scope.name}" only, and so do all its rules; leave users '
            "out of the scope"
        )


def _used_ids(rules: _Rules) -> list[str]:
    used = (
        ids
        for name, ids in _IDS.items()
        if getattr(rules, name) is not None and getattr(rules, name) is not False
    )
    return list(dict.fromkeys(id_ for ids in used for id_ in ids))


def _networks(rules: _Rules, name: str) -> Iterator[IPv4Network | IPv6Network]:
    """Yield the networks of a list that are networks."""
    for value in dict.fromkeys(_entries(rules, name)):
        try:
            yield ip_network(value)
        except ValueError:
            continue


def _entries(rules: _Rules, name: str) -> list[Any]:
    """Return the entries of a list that can be used; those that cannot are a problem of their own."""
    values = getattr(rules, name)
    if isinstance(values, str) or not isinstance(values, Sequence):
        return []
    return [value for value in values if _is(_LISTS[name], value)]


def _is(kind: type, value: object) -> bool:
    if kind is str:
        return isinstance(value, str) and bool(value.strip()) and not _NOT_UNICODE.search(value)
    return isinstance(value, kind)


def _plural(kind: type) -> str:
    return "texts" if kind is str else kind.__name__


def _named(kind: type) -> str:
    return "a text" if kind is str else f"of the type {kind.__name__}"
