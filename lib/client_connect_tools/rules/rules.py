"""Who may connect, from where, when and with what."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from client_connect_tools.errors import InvalidRules
from client_connect_tools.rules import rendering
from client_connect_tools.rules.problems import problems
from client_connect_tools.rules.values import closed_day

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import date

    from client_connect_tools.rules.scope import Scope
    from client_connect_tools.rules.values import Hours, MinimumVersion, Period


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """Who may connect, from where, when and with what.

    Without arguments every client that authenticated may connect; each field then restricts. ``None`` does
    not restrict; an empty list is an error, because it would restrict everyone or no one. Each rule is a
    separate forbid, with an id, a message and a status, and can be waived for a user or a device.

    Attributes:
        platforms: The platforms that may connect, such as ``win`` and ``mac``, in any case.
        minimum_windows: The lowest Windows version that may connect; other platforms are not affected.
        minimum_openvpn: The lowest OpenVPN version that may connect.
        minimum_aws_client: The lowest version of the AWS provided client that may connect. Other clients
            have none, so ``unknown="deny"`` demands the AWS client. A user can forge it.
        allowed_networks: The public networks to connect from: IPv4 or IPv6 CIDRs, and names of lists of networks,
            which ``Policies.from_rules(rules, networks=...)`` gives.
        blocked_networks: The public networks not to connect from, in the same way.
        users: The users who may connect, whatever the case of the letters; with ``groups``, these users
            and the members of the groups. ``*`` is any characters, as in ``acme-*``. Devices without a user are then
            denied.
        groups: The directory or SAML groups whose members may connect, exactly as the directory names them.
        blocked_users: The users who may not connect, whatever the case of the letters. Name every form
            that the directory accepts, such as ``bob`` and ``bob@example.com``; ``*`` is any characters. Active
            Directory also accepts other accents, such as ``bób``, so this is no barrier: disable the account too.
        blocked_common_names: The common names of client certificates (devices) that may not connect; ``*`` is any
            characters.
        hours: The times of the week to connect at.
        maintenance_hours: The times of the week not to connect at.
        maintenance: The periods not to connect in.
        open_during: The only periods to connect in, for example those of ``periods_from_csv("windows.csv",
            time_zone="Europe/Berlin")``. When the last is over, no one may connect; ``client-connect check`` says so.
        closed_on: The days when no one may connect, in the handler's time zone: dates, such as
            ``datetime.date(2026, 12, 25)`` or ``"2026-12-25"``, and days of every year, such as ``"12-25"``.
        own_certificate: Whether the common name of the certificate must be the user's name, whatever the case of the
            letters. Nothing else counts as equal: ``alice`` is not ``alice@corp.example``.
            Devices without a user are denied.
        registered_devices: Whether the device inventory must know the device.
        compliant_devices: Whether the device manager must have found the device compliant.
        days_since_last_seen: The days within which the device manager must have heard of the device; 1 or
            more. A time more than a day in the future does not count. This, ``compliant_devices`` and ``own_device``
            demand a registered device.
        own_device: The name of the inventory's tag that must hold the user's name, such as ``owner``; what counts as
            equal is as in ``own_certificate``.
        connections_per_user: How many connections a user may have at once; 1 or more. A new connection beyond that
            is refused. Prefer ``ConnectionReauthorizer(connections_per_user=...)``, which ends the user's oldest
            connection instead and refuses no new one. Needs a connection registry and a re-authorizer: without them
            the number is not known, and the rule allows.
        messages: The text for a denied client instead, by the id of the rule; 1 to 255 characters. They may have
            placeholders, such as ``{username}``.
        scope: The users, places and times that these rules count for. Default: all.
            ``Policies.from_rules`` puts rules of several scopes together.

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
    maintenance: Sequence[Period] | None = None
    open_during: Sequence[Period] | None = None
    closed_on: Sequence[date | str] | None = None
    own_certificate: bool = False
    registered_devices: bool = False
    compliant_devices: bool = False
    days_since_last_seen: int | None = None
    own_device: str | None = None
    connections_per_user: int | None = None
    messages: Mapping[str, str] | None = None
    scope: Scope | None = None

    def __post_init__(self) -> None:
        """Check every field."""
        found = list(problems(self))
        if found:
            raise InvalidRules(
                "\n".join(["the rules cannot be used:", *(f"  {problem}" for problem in found)])
            )

    def to_cedar(self) -> str:
        """Return the rules as Cedar policies: commented, formatted, in a stable order."""
        return "\n".join([rendering.permit(), *self.forbids()])

    def forbids(self) -> list[str]:
        """Return the policies alone that keep users out."""
        messages = self.messages or {}
        rules = [replace(rule, message=messages.get(rule.id, rule.message)) for rule in self._rules()]
        scope = self.scope
        return [(rule if scope is None else scope.applied(rule)).to_cedar() for rule in rules]

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
        if self.own_certificate:
            yield rendering.own_certificate()

    def _time_rules(self) -> Iterator[rendering.Rule]:
        if self.hours is not None:
            yield rendering.hours(self.hours)
        if self.maintenance_hours is not None:
            yield rendering.maintenance_hours(self.maintenance_hours)
        if self.maintenance is not None:
            yield rendering.maintenance(self.maintenance)
        if self.open_during is not None:
            yield rendering.open_during(self.open_during)
        if self.closed_on is not None:
            yield rendering.closed_on([day for day in map(closed_day, self.closed_on) if day])

    def _device_rules(self) -> Iterator[rendering.Rule]:
        if not (
            self.registered_devices or self.compliant_devices or self.days_since_last_seen or self.own_device
        ):
            return
        yield rendering.inventory_available()
        yield rendering.registered_devices()
        if self.compliant_devices:
            yield rendering.compliant_devices()
        if self.days_since_last_seen is not None:
            yield rendering.days_since_last_seen(self.days_since_last_seen)
        if self.own_device is not None:
            yield rendering.own_device(self.own_device)


def to_cedar(several: Sequence[Rules]) -> str:
    """Return several rules as Cedar: one permit, and the forbids of all.

    Raises:
        InvalidRules: When none is given, or two of them have the same ids.
    """
    if not several:
        raise InvalidRules("there are no rules; give at least one")
    for each in several:
        if not isinstance(each, Rules):
            raise InvalidRules(
                f"{type(each).__name__} cannot be rendered; give Rules, each as its own argument"
            )
    names = [None if each.scope is None else each.scope.name for each in several]
    if repeated := [name for name in dict.fromkeys(names) if names.count(name) > 1]:
        which = "have no scope" if repeated[0] is None else f'have the scope "{repeated[0]}"'
        raise InvalidRules(
            f"several rules {which}, so their ids would be the same; put what is for everybody into one Rules, "
            'and give each of the others a scope of its own, such as Scope("contractors", groups=["contractors"])'
        )
    return "\n".join([rendering.permit(), *(forbid for each in several for forbid in each.forbids())])
