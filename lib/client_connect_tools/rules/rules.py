"""Who may connect, from where, when and with what."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv6Network, ip_network
from typing import TYPE_CHECKING, Any

import cedarpy

from client_connect.response import MAX_MESSAGE_LENGTH
from client_connect_tools.errors import InvalidRules
from client_connect_tools.rules import rendering
from client_connect_tools.rules.values import (
    DAYS,
    MINUTES_OF_A_DAY,
    Hours,
    Maintenance,
    MinimumVersion,
    listed,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

_MAX_NUMBER = 999_999_999
_WEEK = frozenset(range(len(DAYS) * MINUTES_OF_A_DAY))
_NOT_UNICODE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """Who may connect, from where, when and with what.

    Without arguments every client that authenticated may connect; each field then restricts. ``None`` does
    not restrict; an empty list is an error, because it would restrict everybody or nobody. Each rule is a
    forbid of its own, with an id, a message and a status, and can be waived for a user or a device.

    Attributes:
        platforms: The platforms that may connect, such as ``win`` and ``mac``, in any case.
        minimum_windows: The lowest Windows version that may connect; other platforms are not affected.
        minimum_openvpn: The lowest OpenVPN version that may connect.
        minimum_aws_client: The lowest version of the AWS provided client that may connect. Other clients
            have none, so ``unknown="deny"`` demands the AWS client. A user can forge it.
        allowed_networks: The public networks to connect from, IPv4 or IPv6 CIDRs.
        blocked_networks: The public networks not to connect from, IPv4 or IPv6 CIDRs.
        users: The users who may connect, whatever the case of the letters; with ``groups``, these users
            and the members of the groups. Devices without a user are then denied.
        groups: The directory or SAML groups whose members may connect, exactly as the directory names them.
        blocked_users: The users who may not connect, whatever the case of the letters. Name every form
            that the directory accepts, such as ``bob`` and ``bob@example.com``.
        blocked_common_names: The common names of client certificates (devices) that may not connect.
        hours: The times of the week to connect at.
        maintenance_hours: The times of the week not to connect at.
        maintenance: The periods not to connect in.
        registered_devices: Whether the device inventory must know the device.
        compliant_devices: Whether the device manager must have found the device compliant.
        days_since_last_seen: The days within which the device manager must have heard of the device; 1 or
            more. This and ``compliant_devices`` demand a registered device.
        connections_per_user: How many connections a user may have at once; 1 or more.
        messages: What a denied client is told instead, by the id of the rule; 1 to 255 characters.

    Raises:
        InvalidRules: When fields are empty, malformed or contradict each other; all at once.
    """

    platforms: Sequence[str] | None = None
    minimum_windows: MinimumVersion | None = None
    minimum_openvpn: MinimumVersion | None = None
    minimum_aws_client: MinimumVersion | None = None
    allowed_networks: Sequence[str] | None = None
    blocked_networks: Sequence[str] | None = None
    users: Sequence[str] | None = None
    groups: Sequence[str] | None = None
    blocked_users: Sequence[str] | None = None
    blocked_common_names: Sequence[str] | None = None
    hours: Sequence[Hours] | None = None
    maintenance_hours: Sequence[Hours] | None = None
    maintenance: Sequence[Maintenance] | None = None
    registered_devices: bool = False
    compliant_devices: bool = False
    days_since_last_seen: int | None = None
    connections_per_user: int | None = None
    messages: Mapping[str, str] | None = None

    def __post_init__(self) -> None:
        """Check every field."""
        problems = [
            *self._type_problems(),
            *self._list_problems(),
            *self._network_problems(),
            *self._contradictions(),
            *self._message_problems(),
        ]
        if problems:
            raise InvalidRules(
                "\n".join(["the rules cannot be used:", *(f"  {problem}" for problem in problems)])
            )

    def to_cedar(self) -> str:
        """Return the rules as Cedar policies: commented, formatted, in a stable order."""
        messages = self.messages or {}
        rules = [replace(rule, message=messages.get(rule.id, rule.message)) for rule in self._rules()]
        parts = [rendering.PERMIT, *(rule.to_cedar() for rule in rules)]
        return cedarpy.format_policies("\n".join(parts), line_width=rendering.LINE_WIDTH)

    def _rules(self) -> Iterator[rendering.Rule]:
        yield from self._client_rules()
        yield from self._network_rules()
        yield from self._identity_rules()
        yield from self._time_rules()
        yield from self._device_rules()
        if self.connections_per_user is not None:
            yield rendering.connections_per_user(self.connections_per_user)

    def _client_rules(self) -> Iterator[rendering.Rule]:
        if self.platforms is not None:
            yield rendering.platforms(self.platforms)
        if self.minimum_windows is not None:
            yield rendering.minimum_windows(self.minimum_windows)
        if self.minimum_openvpn is not None:
            yield rendering.minimum_openvpn(self.minimum_openvpn)
        if self.minimum_aws_client is not None:
            yield rendering.minimum_aws_client(self.minimum_aws_client)

    def _network_rules(self) -> Iterator[rendering.Rule]:
        if self.allowed_networks is not None:
            yield rendering.allowed_networks(self.allowed_networks)
        if self.blocked_networks is not None:
            yield rendering.blocked_networks(self.blocked_networks)

    def _identity_rules(self) -> Iterator[rendering.Rule]:
        if self.users is not None or self.groups is not None:
            yield rendering.members(self.users, self.groups)
        if self.blocked_users is not None:
            yield rendering.blocked_users(self.blocked_users)
        if self.blocked_common_names is not None:
            yield rendering.blocked_common_names(self.blocked_common_names)

    def _time_rules(self) -> Iterator[rendering.Rule]:
        if self.hours is not None:
            yield rendering.hours(self.hours)
        if self.maintenance_hours is not None:
            yield rendering.maintenance_hours(self.maintenance_hours)
        if self.maintenance is not None:
            yield rendering.maintenance(self.maintenance)

    def _device_rules(self) -> Iterator[rendering.Rule]:
        if not (self.registered_devices or self.compliant_devices or self.days_since_last_seen):
            return
        yield rendering.inventory_available()
        yield rendering.registered_devices()
        if self.compliant_devices:
            yield rendering.compliant_devices()
        if self.days_since_last_seen is not None:
            yield rendering.days_since_last_seen(self.days_since_last_seen)

    def _type_problems(self) -> Iterator[str]:
        for name in ("minimum_windows", "minimum_openvpn", "minimum_aws_client"):
            value = getattr(self, name)
            if not isinstance(value, MinimumVersion | None):
                yield f'{name} is {value!r}; give a MinimumVersion("10.0.19045")'
        for name in ("registered_devices", "compliant_devices"):
            if not isinstance(getattr(self, name), bool):
                yield f"{name} is {getattr(self, name)!r}; give True or False"
        for name in ("days_since_last_seen", "connections_per_user"):
            value = getattr(self, name)
            whole = isinstance(value, int) and not isinstance(value, bool)
            if value is not None and not (whole and 1 <= value <= _MAX_NUMBER):
                yield f"{name} is {value!r}; give a whole number from 1 to {_MAX_NUMBER}"
        messages: object = self.messages
        if not isinstance(messages, Mapping | None):
            yield f'messages is {messages!r}; give a mapping of rule ids, such as {{"platform": "..."}}'

    def _list_problems(self) -> Iterator[str]:
        for name, kind in _LISTS.items():
            values = getattr(self, name)
            if values is None:
                continue
            if isinstance(values, str) and kind is str:
                yield f'{name} is the string "{values}"; give a list, such as ["{values}"]'
            elif isinstance(values, str) or not isinstance(values, Sequence):
                yield f"{name} is {values!r}; give a list of {_plural(kind)}"
            elif not values:
                yield f"{name} is empty; leave it out (None) to restrict nothing"
            else:
                wrong = [value for value in values if not _is(kind, value)]
                yield from (f"{name} has {value!r}; every entry must be {_named(kind)}" for value in wrong)

    def _network_problems(self) -> Iterator[str]:
        for name in ("allowed_networks", "blocked_networks"):
            for value in self._entries(name):
                try:
                    network = ip_network(value)
                except ValueError as error:
                    yield f'{name} has "{value}", which is not a network: {error}; write one such as "203.0.113.0/24"'
                    continue
                if isinstance(network, IPv6Network) and network.network_address.ipv4_mapped:
                    yield f'{name} has "{value}", which maps IPv4 into IPv6; write the IPv4 network'
                if isinstance(network, IPv6Network) and network.network_address.scope_id:
                    yield f'{name} has "{value}", which names a zone of one machine; leave out the zone'

    def _contradictions(self) -> Iterator[str]:
        allowed, blocked = (
            {_network(each) for each in self._entries(name)}
            for name in ("allowed_networks", "blocked_networks")
        )
        if both := sorted(allowed & blocked):
            yield f"allowed_networks and blocked_networks both have {listed(both)}; keep each in one of them"
        users, blocked_users, platforms = (
            {each.lower() for each in self._entries(name)} for name in ("users", "blocked_users", "platforms")
        )
        if both := sorted(users & blocked_users):
            yield f"users and blocked_users both have {listed(both)}; keep each in one of them"
        if self.minimum_windows is not None and platforms and "win" not in platforms:
            yield 'minimum_windows is set, but platforms has no "win"; add it, or leave minimum_windows out'
        yield from self._hours_contradictions()

    def _hours_contradictions(self) -> Iterator[str]:
        hours, maintenance = (
            {minute for window in self._entries(name) for minute in window.minutes_of_the_week}
            for name in ("hours", "maintenance_hours")
        )
        if hours == _WEEK:
            yield "hours are the whole week; leave them out (None) to restrict nothing"
        if maintenance == _WEEK:
            yield "maintenance_hours are the whole week, so that nobody could ever connect; shorten them"
        elif hours and hours <= maintenance:
            yield "maintenance_hours cover all hours, so that nobody could ever connect; shorten them"

    def _message_problems(self) -> Iterator[str]:
        if not isinstance(self.messages, Mapping):
            return
        used = (
            ids
            for name, ids in _IDS.items()
            if getattr(self, name) is not None and getattr(self, name) is not False
        )
        known = list(dict.fromkeys(id_ for ids in used for id_ in ids))
        for id_, message in self.messages.items():
            if id_ not in known:
                yield f'messages has "{id_}", but the rules in use are {", ".join(known) or "none"}'
            if not _is(str, message):
                yield f'the message of "{id_}" is {message!r}; give a text that tells the user what to do'
            elif len(message) > MAX_MESSAGE_LENGTH:
                yield f'the message of "{id_}" has {len(message)} characters; at most {MAX_MESSAGE_LENGTH} are shown'

    def _entries(self, name: str) -> list[Any]:
        """Return the entries of a list that can be used; those that cannot are a problem of their own."""
        values = getattr(self, name)
        if isinstance(values, str) or not isinstance(values, Sequence):
            return []
        return [value for value in values if _is(_LISTS[name], value)]


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
    "maintenance": Maintenance,
}

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
    "hours": ("hours",),
    "maintenance_hours": ("maintenance-hours",),
    "maintenance": ("maintenance",),
    "registered_devices": _DEVICE,
    "compliant_devices": (*_DEVICE, "compliant-device"),
    "days_since_last_seen": (*_DEVICE, "device-last-seen"),
    "connections_per_user": ("connections-per-user",),
}


def _is(kind: type, value: object) -> bool:
    if kind is str:
        return isinstance(value, str) and bool(value.strip()) and not _NOT_UNICODE.search(value)
    return isinstance(value, kind)


def _plural(kind: type) -> str:
    return "texts" if kind is str else kind.__name__


def _named(kind: type) -> str:
    return "a text" if kind is str else f"of the type {kind.__name__}"


def _network(text: str) -> str:
    """Return a network as everybody spells it; text that is none, as it is."""
    try:
        return str(ip_network(text))
    except ValueError:
        return text
