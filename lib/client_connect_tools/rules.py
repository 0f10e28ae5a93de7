"""Simple needs as a Python object that renders to Cedar."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv6Network, ip_network
from typing import TYPE_CHECKING, Literal

import cedarpy

from client_connect.response import MAX_MESSAGE_LENGTH
from client_connect_tools.errors import InvalidRules

if TYPE_CHECKING:
    from collections.abc import Iterator

_PLATFORMS = {
    "win": "Windows",
    "mac": "macOS",
    "linux": "Linux",
    "android": "Android",
    "ios": "iOS",
    "tvos": "tvOS",
    "freebsd": "FreeBSD",
    "openbsd": "OpenBSD",
    "netbsd": "NetBSD",
    "solaris": "Solaris",
}
_LINE_WIDTH = 100
# Cedar nests every `||` one level deeper than the one before it, and the engine takes at most 100 levels.
_TERMS = 20
_VERSION = re.compile(r"[0-9]{1,9}\.[0-9]{1,9}(\.[0-9]{1,9})?")
_NOT_UNICODE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class MinimumVersion:
    """The lowest version that may connect.

    Attributes:
        version: Two or three numbers, such as ``10.0.19045`` for Windows 10 22H2.
        unknown: What happens when the client did not send enough to tell: ``allow`` it, or ``deny`` it.
            Clients older than OpenVPN 2.7 send no Windows build, so ``deny`` also denies up-to-date devices.
    """

    version: str
    unknown: Literal["allow", "deny"] = "allow"

    def __post_init__(self) -> None:
        """Check the fields.

        Raises:
            InvalidRules: When one has a value that is not allowed.
        """
        problems = []
        if not (isinstance(self.version, str) and _VERSION.fullmatch(self.version)):
            problems.append(
                f'minimum version {self.version!r} must be a text of two or three numbers, such as "10.0.19045"'
            )
        if self.unknown not in ("allow", "deny"):
            problems.append(f'unknown={self.unknown!r} is not allowed; choose "allow" or "deny"')
        if problems:
            raise InvalidRules("\n".join(problems))

    @property
    def numbers(self) -> tuple[int, int, int]:
        """Major, minor and build; a build that is left out is 0."""
        major, minor, build = [*map(int, self.version.split(".")), 0][:3]
        return major, minor, build


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """Who may connect, from where and with what.

    Without arguments every client that authenticated may connect; each field then restricts. ``None`` does
    not restrict; an empty sequence is an error, because it would restrict everybody or nobody.

    Attributes:
        platforms: The platforms that may connect, such as ``win`` and ``mac``, in any case.
        minimum_windows: The lowest Windows version that may connect; other platforms are not affected.
        allowed_networks: The public networks to connect from, IPv4 or IPv6 CIDRs.
        blocked_networks: The public networks not to connect from, IPv4 or IPv6 CIDRs.
        groups: The directory or SAML groups of which a user must be in one. Devices without a user are
            then denied.
        blocked_users: The users who may not connect, whatever the case of the letters. Name every form
            that the directory accepts, such as ``bob`` and ``bob@example.com``.
        blocked_common_names: The common names of client certificates (devices) that may not connect.

    Raises:
        InvalidRules: When fields are empty, malformed or contradict each other; all at once.
    """

    platforms: Sequence[str] | None = None
    minimum_windows: MinimumVersion | None = None
    allowed_networks: Sequence[str] | None = None
    blocked_networks: Sequence[str] | None = None
    groups: Sequence[str] | None = None
    blocked_users: Sequence[str] | None = None
    blocked_common_names: Sequence[str] | None = None

    def __post_init__(self) -> None:
        """Check every field."""
        problems = [*self._type_problems(), *self._network_problems(), *self._contradictions()]
        if problems:
            raise InvalidRules(
                "\n".join(["the rules cannot be used:", *(f"  {problem}" for problem in problems)])
            )

    def to_cedar(self) -> str:
        """Return the rules as Cedar policies: commented, formatted, in a stable order."""
        parts = [_PERMIT, *(rule.to_cedar() for rule in self._rules())]
        return cedarpy.format_policies("\n".join(parts), line_width=_LINE_WIDTH)

    def _rules(self) -> Iterator[_Rule]:
        if self.platforms is not None:
            yield _platform_rule(self.platforms)
        if self.minimum_windows is not None:
            yield _windows_rule(self.minimum_windows)
        if self.allowed_networks is not None:
            yield _allowed_network_rule(self.allowed_networks)
        if self.blocked_networks is not None:
            yield _blocked_network_rule(self.blocked_networks)
        if self.groups is not None:
            yield _group_rule(self.groups)
        if self.blocked_users is not None:
            yield _blocked_user_rule(self.blocked_users)
        if self.blocked_common_names is not None:
            yield _blocked_device_rule(self.blocked_common_names)

    def _type_problems(self) -> Iterator[str]:
        windows: object = self.minimum_windows
        if not isinstance(windows, MinimumVersion | None):
            yield f'minimum_windows is {windows!r}; give a MinimumVersion("10.0.19045")'
        for name in _LIST_FIELDS:
            values = getattr(self, name)
            if values is None:
                continue
            if isinstance(values, str):
                yield f'{name} is the string "{values}"; give a list, such as ["{values}"]'
            elif not isinstance(values, Sequence):
                yield f"{name} is {values!r}; give a list"
            elif not values:
                yield f"{name} is empty; leave it out (None) to restrict nothing"
            else:
                yield from (
                    f"{name} has {value!r}; every entry must be a text"
                    for value in values
                    if not _is_text(value)
                )

    def _network_problems(self) -> Iterator[str]:
        for name in ("allowed_networks", "blocked_networks"):
            for value in _entries(getattr(self, name)):
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
        allowed, blocked = map(_entries, (self.allowed_networks, self.blocked_networks))
        if both := sorted(set(map(_network, allowed)) & set(map(_network, blocked))):
            yield f"allowed_networks and blocked_networks both have {_listed(both)}; keep each in one of them"
        names = {name.lower() for name in _entries(self.platforms)}
        if self.minimum_windows is not None and names and "win" not in names:
            yield 'minimum_windows is set, but platforms has no "win"; add it, or leave minimum_windows out'


_LIST_FIELDS = (
    "platforms",
    "allowed_networks",
    "blocked_networks",
    "groups",
    "blocked_users",
    "blocked_common_names",
)

_PERMIT = """
// Every client that authenticated may connect, unless a policy forbids it.
@id("authenticated")
permit (principal, action, resource);
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rule:
    """One forbid: everybody to whom ``condition`` applies, unless it is waived for them."""

    id: str
    comment: str
    message: str
    status: str
    condition: str

    def to_cedar(self) -> str:
        return (
            f"// {' '.join(self.comment.split())}\n"
            f"@id({quote(self.id)})\n"
            f"@message({quote(self.message[:MAX_MESSAGE_LENGTH])})\n"
            f"@status({quote(self.status)})\n"
            "forbid (principal, action, resource)\n"
            f"when {{ {self.condition} }}\n"
            f"unless {{ context.waivers.contains({quote(self.id)}) }};\n"
        )


def quote(text: str) -> str:
    """Return text as a Cedar string literal."""
    return '"' + "".join(map(_escape, text)) + '"'


def _escape(character: str) -> str:
    if character in '"\\':
        return f"\\{character}"
    return character if character.isprintable() else f"\\u{{{ord(character):x}}}"


def _platform_rule(platforms: Sequence[str]) -> _Rule:
    names = sorted({platform.lower() for platform in platforms})
    titles = _listed([_PLATFORMS.get(name, name) for name in names])
    return _Rule(
        id="platform",
        comment=f"Only {titles} may connect.",
        message=f"This VPN accepts connections from {titles} only.",
        status="platform-not-allowed",
        condition=f"!{_set(names)}.contains(context.platform)",
    )


def _windows_rule(minimum: MinimumVersion) -> _Rule:
    if minimum.unknown == "allow":
        comment, condition = "one whose version is not known passes", f"context has os && ({_older(minimum)})"
    else:
        comment, condition = (
            "one whose version is not known may not connect",
            f"!(context has os && ({_recent(minimum)}))",
        )
    return _Rule(
        id="minimum-windows",
        comment=f"Windows must be {minimum.version} or later; {comment}.",
        message=f"Update Windows to version {minimum.version} or later, then connect again.",
        status="windows-outdated",
        condition=f'context.platform == "win" && {condition}',
    )


def _older(minimum: MinimumVersion) -> str:
    """Return the condition that a version is known to be older."""
    major, minor, build = minimum.numbers
    same_major = []
    if minor:
        same_major.append(f"context.os.minor < {minor}")
    if build:
        same_major.append(
            f"(context.os.minor == {minor} && context.os has build && context.os.build < {build})"
        )
    older = f"context.os.major < {major}"
    if same_major:
        older += f" || (context.os.major == {major} && ({' || '.join(same_major)}))"
    return older


def _recent(minimum: MinimumVersion) -> str:
    """Return the condition that a version is known to be recent enough."""
    major, minor, build = minimum.numbers
    if build:
        same = f"context.os.minor == {minor} && context.os has build && context.os.build >= {build}"
        same_major = f"context.os.minor > {minor} || ({same})"
    else:
        same_major = f"context.os.minor >= {minor}"
    return f"context.os.major > {major} || (context.os.major == {major} && ({same_major}))"


def _allowed_network_rule(networks: Sequence[str]) -> _Rule:
    return _Rule(
        id="allowed-networks",
        comment="Connections come from these networks only.",
        message="This VPN accepts no connections from your network. Connect from an allowed one.",
        status="network-not-allowed",
        condition=f"!({_in_networks(networks)})",
    )


def _blocked_network_rule(networks: Sequence[str]) -> _Rule:
    return _Rule(
        id="blocked-networks",
        comment="No connection comes from these networks.",
        message="This VPN accepts no connections from your network. Connect from another one.",
        status="network-blocked",
        condition=_in_networks(networks),
    )


def _group_rule(groups: Sequence[str]) -> _Rule:
    members = ", ".join(f"ClientVpn::Group::{quote(group)}" for group in sorted(set(groups)))
    return _Rule(
        id="groups",
        comment="A user is in one of these groups.",
        message="You are in no group that may use this VPN. Ask your administrator for access.",
        status="group-missing",
        condition=f"!(principal in [{members}])",
    )


def _blocked_user_rule(users: Sequence[str]) -> _Rule:
    return _Rule(
        id="blocked-users",
        comment="These users may not connect, in whatever case they write their names.",
        message="Your account may not use this VPN. Please contact your administrator.",
        status="user-blocked",
        condition=f"context has username && {_set([user.lower() for user in users])}.contains(context.username)",
    )


def _blocked_device_rule(common_names: Sequence[str]) -> _Rule:
    return _Rule(
        id="blocked-common-names",
        comment="Devices with these certificates may not connect.",
        message="This device may not use this VPN. Please contact your administrator.",
        status="device-blocked",
        condition=f"context has commonName && {_set(common_names)}.contains(context.commonName)",
    )


def _in_networks(networks: Sequence[str]) -> str:
    ranges = sorted(set(map(_network, networks)))
    return _any([f"context.publicIp.isInRange(ip({quote(network)}))" for network in ranges])


def _network(text: str) -> str:
    """Return a network as everybody spells it; text that is none, as it is."""
    try:
        return str(ip_network(text))
    except ValueError:
        return text


def _any(conditions: Sequence[str]) -> str:
    while len(conditions) > _TERMS:
        conditions = [
            f"({' || '.join(conditions[first : first + _TERMS])})"
            for first in range(0, len(conditions), _TERMS)
        ]
    return " || ".join(conditions)


def _set(values: Sequence[str]) -> str:
    return f"[{', '.join(quote(value) for value in sorted(set(values)))}]"


def _entries(values: Sequence[str] | None) -> Sequence[str]:
    """Return the entries that can be looked into; what is wrong with the others is reported elsewhere."""
    if not isinstance(values, Sequence) or isinstance(values, str):
        return ()
    return [value for value in values if _is_text(value)]


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip()) and not _NOT_UNICODE.search(value)


def _listed(items: Sequence[str]) -> str:
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"
