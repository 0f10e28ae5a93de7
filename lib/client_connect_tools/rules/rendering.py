"""Each rule as a Cedar forbid, with its message."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass, replace
from ipaddress import collapse_addresses, ip_network
from typing import TYPE_CHECKING

import cedarpy

from client_connect.names import lower_case
from client_connect.response import MAX_MESSAGE_LENGTH
from client_connect.shortening import shortened
from client_connect_tools.cedar.quoting import all_of, any_of, escaped, groups, instant, none_of, quote, texts
from client_connect_tools.files.networks import NAME
from client_connect_tools.inputs import messages
from client_connect_tools.inputs.client_spellings import PLATFORMS
from client_connect_tools.rules.values import DAYS, MINUTES_OF_A_DAY, listed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from client_connect_tools.rules.values import Hours, MinimumVersion, Period

PERMIT = """
// Every client that authenticated may connect, unless a policy forbids it.
@id("authenticated")
permit (principal, action, resource);
"""

LINE_WIDTH = 100
_LONGEST_FORMATTED = 20_000
_PLACEHOLDER = "context.conditionThatIsTooLong"

# The names of Windows builds that users know. The 22H2 of Windows 10 needs no name before it.
_WINDOWS_RELEASES = {
    19041: "2004",
    19042: "20H2",
    19043: "21H1",
    19044: "21H2",
    19045: "22H2",
    22000: "11 21H2",
    22621: "11 22H2",
    22631: "11 23H2",
    26100: "11 24H2",
    26200: "11 25H2",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One forbid: everyone that ``condition`` applies to, unless it is waived for them."""

    id: str
    comment: str
    message: str
    status: str
    condition: str
    shadow: bool = False

    def to_cedar(self) -> str:
        """Return the policy, formatted."""
        if len(self.condition) <= _LONGEST_FORMATTED:
            return _formatted(self.unformatted())
        # The formatter takes a time that grows faster than the text.
        return _formatted(replace(self, condition=_PLACEHOLDER).unformatted()).replace(
            _PLACEHOLDER, self.condition
        )

    def unformatted(self) -> str:
        """Return the policy, not yet formatted."""
        comment = textwrap.fill(
            escaped(" ".join(self.comment.split())),
            LINE_WIDTH,
            initial_indent="// ",
            subsequent_indent="// ",
            break_long_words=False,
            break_on_hyphens=False,
        )
        return (
            f"{comment}\n"
            f"@id({quote(self.id)})\n"
            f"@message({quote(self.message)})\n"
            f"@status({quote(self.status)})\n"
            f"{'@shadow' * self.shadow}\n"
            "forbid (principal, action, resource)\n"
            f"when {{ {self.condition} }}\n"
            f"unless {{ context.waivers.contains({quote(self.id)}) }};\n"
        )


def permit() -> str:
    """Return the policy that lets in everyone that no other keeps out, formatted."""
    return _formatted(PERMIT)


def _formatted(policy: str) -> str:
    return cedarpy.format_policies(policy, line_width=LINE_WIDTH)


def platforms(names: Sequence[str]) -> Rule:
    """Only these platforms."""
    lower = sorted({lower_case(name) for name in names})
    titles = listed([PLATFORMS.get(name, name) for name in lower])
    return Rule(
        id="platform",
        comment=f"Only {titles} may connect.",
        message=messages.escaped(
            shortened(f"This VPN accepts connections from {titles} only.", MAX_MESSAGE_LENGTH)
        ),
        status="platform-not-allowed",
        condition=f"!{texts(lower)}.contains(context.platform)",
    )


def minimum_windows(minimum: MinimumVersion) -> Rule:
    """Windows of this version or later."""
    release = _WINDOWS_RELEASES.get(minimum.numbers[2]) if minimum.numbers[:2] == (10, 0) else None
    name = f"{release} ({minimum.version})" if release else f"version {minimum.version}"
    comment, condition = _version_condition("os", "build", minimum)
    also = ", and your VPN client to one that sends its version" if minimum.unknown == "deny" else ""
    return Rule(
        id="minimum-windows",
        comment=f"Windows must be {minimum.version} or later; {comment}.",
        message=f"Update Windows to {name} or later{also}.",
        status="windows-outdated",
        condition=f'context.platform == "win" && {condition}',
    )


def minimum_openvpn(minimum: MinimumVersion) -> Rule:
    """An OpenVPN client of this version or later."""
    comment, condition = _version_condition("openvpn", "patch", minimum)
    return Rule(
        id="minimum-openvpn",
        comment=f"The OpenVPN client must be {minimum.version} or later; {comment}.",
        message=f"Update your VPN client to one with OpenVPN {minimum.version} or later.",
        status="openvpn-outdated",
        condition=condition,
    )


def minimum_aws_client(minimum: MinimumVersion) -> Rule:
    """The AWS provided client of this version or later, if its claim is true."""
    comment, condition = _version_condition("awsClient", "patch", minimum)
    what = (
        "Update the AWS VPN Client to" if minimum.unknown == "allow" else "Connect with the AWS VPN Client,"
    )
    return Rule(
        id="minimum-aws-client",
        comment=f"The AWS provided client must be {minimum.version} or later; {comment}. Its user can forge this.",
        message=f"{what} version {minimum.version} or later.",
        status="aws-client-outdated",
        condition=condition,
    )


def allowed_networks(networks: Sequence[str]) -> Rule:
    """Only from these networks."""
    return Rule(
        id="allowed-networks",
        comment="Connections come from these networks only.",
        message="This VPN accepts no connections from your network. Connect from an allowed one.",
        status="network-not-allowed",
        condition=_on_lines(none_of(_in_networks(networks))),
    )


def blocked_networks(networks: Sequence[str]) -> Rule:
    """Not from these networks."""
    return Rule(
        id="blocked-networks",
        comment="No connection comes from these networks.",
        message="This VPN accepts no connections from your network. Connect from another one.",
        status="network-blocked",
        condition=_on_lines(any_of(_in_networks(networks))),
    )


def members(users: Sequence[str] | None, group_names: Sequence[str] | None) -> Rule:
    """Only these users, and users in these groups."""
    conditions, who = [], []
    if group_names is not None:
        conditions.append(f"principal in {groups(group_names)}")
        who.append("members of these groups")
    if users is not None:
        conditions.append(is_user(users))
        who.append("these users")
    return Rule(
        id="members",
        comment=f"Only {' and '.join(who)} may connect.",
        message="You are not among those who may use this VPN. Ask your administrator for access.",
        status="not-a-member",
        condition=none_of(conditions),
    )


def blocked_users(users: Sequence[str]) -> Rule:
    """Not these users."""
    return Rule(
        id="blocked-users",
        comment="These users may not connect, in whatever case they write their names.",
        message="Your account may not use this VPN. Please contact your administrator.",
        status="user-blocked",
        condition=is_user(users),
    )


def blocked_common_names(common_names: Sequence[str]) -> Rule:
    """Not the devices with these certificates."""
    return Rule(
        id="blocked-common-names",
        comment="Devices with these certificates may not connect.",
        message="This device may not use this VPN. Please contact your administrator.",
        status="device-blocked",
        condition=has_common_name(common_names),
    )


def hours(windows: Sequence[Hours]) -> Rule:
    """Only at these times of the week."""
    described, conditions = _windows(windows)
    return Rule(
        id="hours",
        comment=f"The VPN is open {described}, in the handler's time zone.",
        message=shortened(f"This VPN is open {described}. Please connect then.", MAX_MESSAGE_LENGTH),
        status="out-of-hours",
        condition=none_of(conditions),
    )


def maintenance_hours(windows: Sequence[Hours]) -> Rule:
    """Not at these times of the week."""
    described, conditions = _windows(windows)
    return Rule(
        id="maintenance-hours",
        comment=f"The VPN is maintained {described}, in the handler's time zone.",
        message=shortened(f"This VPN is maintained {described}. Please connect later.", MAX_MESSAGE_LENGTH),
        status="maintenance",
        condition=any_of(conditions),
    )


def maintenance(periods: Sequence[Period]) -> Rule:
    """Not in these periods."""
    periods = sorted(periods, key=lambda period: (instant(period.start), instant(period.end)))
    described = listed(list(dict.fromkeys(f"from {period}" for period in periods)))
    return Rule(
        id="maintenance",
        comment=f"The VPN is maintained {described}.",
        message=shortened(
            f"This VPN is being maintained {described}. Please connect later.", MAX_MESSAGE_LENGTH
        ),
        status="maintenance",
        condition=any_of(_in_periods(periods)),
    )


def open_during(periods: Sequence[Period]) -> Rule:
    """Only in these periods."""
    conditions = _in_periods(periods)
    what = f"in {len(conditions)} periods" if len(conditions) > 1 else f"from {periods[0]}"
    return Rule(
        id="open-during",
        comment=f"The VPN is open {what} only.",
        message="This VPN is open to you in approved periods only. Please connect in the next one.",
        status="out-of-period",
        condition=_on_lines(none_of(conditions)),
    )


def _in_periods(periods: Sequence[Period]) -> list[str]:
    """Return conditions, where one holds within one of the periods."""
    ends = sorted({(instant(period.start), instant(period.end)) for period in periods})
    return [f"context.time.now >= {start} && context.time.now < {end}" for start, end in ends]


def closed_on(days: Sequence[str]) -> Rule:
    """Not on these days."""
    dates = sorted({day for day in days if len(day) > len("12-25")})
    yearly = sorted({day for day in days if len(day) == len("12-25")})
    by_month: dict[int, list[int]] = {}
    for day in yearly:
        by_month.setdefault(int(day[:2]), []).append(int(day[3:]))
    conditions = [f"{texts(dates)}.contains(context.time.date)"] if dates else []
    conditions += [
        f"context.time.month == {month} && [{', '.join(map(str, numbers))}].contains(context.time.day)"
        for month, numbers in by_month.items()
    ]
    described = listed([*dates, *(f"{day} of every year" for day in yearly)])
    return Rule(
        id="closed-on",
        comment=f"The VPN is closed on {described}, in the handler's time zone.",
        message="This VPN is closed today. Please connect on another day.",
        status="closed",
        condition=any_of(conditions),
    )


def own_certificate() -> Rule:
    """Only users with a certificate of their own."""
    return Rule(
        id="own-certificate",
        comment="The common name of the certificate is the user's name, without regard to case.",
        message="This certificate is not yours. Connect with the certificate that has your user name.",
        status="not-own-certificate",
        condition="!context.ownCertificate",
    )


def own_device(tag: str) -> Rule:
    """Only users with a device of their own."""
    return Rule(
        id="own-device",
        comment=f'The tag "{tag}" of the device is the user\'s name, without regard to case.',
        message="This device is not assigned to you. Connect from your own device.",
        status="not-own-device",
        condition=f"{_KNOWN} && !context.ownerTags.contains({quote(tag)})",
    )


def inventory_available() -> Rule:
    """Not while the inventory cannot be asked; said apart, because trying again helps."""
    return Rule(
        id="inventory-available",
        comment="While the device inventory cannot be asked, no one is let in by mistake.",
        message="Your device could not be checked just now. Please try again in a few minutes.",
        status="inventory-unavailable",
        condition='context.inventory == "unavailable"',
    )


def registered_devices() -> Rule:
    """Only devices that the inventory knows."""
    return Rule(
        id="registered-device",
        comment="The device inventory knows the device.",
        message="This device is not registered. Please contact your administrator.",
        status="device-not-registered",
        condition='context.inventory != "known" && context.inventory != "unavailable"',
    )


def compliant_devices() -> Rule:
    """Only devices that their manager found compliant."""
    return Rule(
        id="compliant-device",
        comment="The device manager found the device compliant; a device of which it says nothing is not.",
        message="This device does not comply with company policy. Open your device manager to see why.",
        status="device-not-compliant",
        condition=f"{_KNOWN} && !(context.device has compliant && context.device.compliant)",
    )


def days_since_last_seen(days: int) -> Rule:
    """Only devices that their manager heard of lately.

    A time that has not come yet is no sighting: exports write one for "never". Clocks and zones may be a day ahead.
    """
    period = "day" if days == 1 else f"{days} days"
    since = "context.time.now.durationSince(context.device.lastSeen)"
    return Rule(
        id="device-last-seen",
        comment=f"The device manager heard of the device within the last {period}.",
        message=f"Your device manager has not heard of this device in the last {period}. Open it, then try again.",
        status="device-not-seen",
        condition=(
            f"{_KNOWN} && !(context.device has lastSeen && "
            f'{since} <= duration("{days}d") && {since} >= duration("-1d"))'
        ),
    )


def connections_per_user(limit: int) -> Rule:
    """Not more connections of a user at once."""
    count = "one connection" if limit == 1 else f"{limit} connections"
    return Rule(
        id="connections-per-user",
        comment=f"A user has at most {count} at once; a number that is not known passes.",
        message=(
            f"You have {count} already. Disconnect another device, then try again. If you have just disconnected, "
            "wait a minute."
        ),
        status="too-many-connections",
        condition=f"context has activeConnections && context.activeConnections >= {limit}",
    )


_KNOWN = 'context.inventory == "known" && context has device'


def _version_condition(attribute: str, third: str, minimum: MinimumVersion) -> tuple[str, str]:
    """Return what happens with a version that is not known, and the condition that one is refused."""
    known = f"context has {attribute}"
    if minimum.unknown == "allow":
        older = _older(attribute, third, minimum)
        return "a version that is not known passes", f"{known} && {_grouped(older)}"
    recent = _recent(attribute, third, minimum)
    return "a version that is not known does not pass", f"!({known} && {_grouped(recent)})"


def _older(attribute: str, third: str, minimum: MinimumVersion) -> str:
    """Return the condition that a version is known to be older."""
    path = f"context.{attribute}"
    major, minor, last = minimum.numbers
    same_major = []
    if minor:
        same_major.append(f"{path}.minor < {minor}")
    if last:
        same_major.append(f"{path}.minor == {minor} && {_guard(path, third)}{path}.{third} < {last}")
    conditions = [f"{path}.major < {major}"]
    if same_major:
        conditions.append(f"{path}.major == {major} && {_grouped(any_of(same_major))}")
    return any_of(conditions)


def _recent(attribute: str, third: str, minimum: MinimumVersion) -> str:
    """Return the condition that a version is known to be recent enough."""
    path = f"context.{attribute}"
    major, minor, last = minimum.numbers
    if not minor and not last:
        return f"{path}.major >= {major}"
    if last:
        same = f"{path}.minor == {minor} && {_guard(path, third)}{path}.{third} >= {last}"
        same_major = f"({path}.minor > {minor} || ({same}))"
    else:
        same_major = f"{path}.minor >= {minor}"
    return f"{path}.major > {major} || ({path}.major == {major} && {same_major})"


def _grouped(condition: str) -> str:
    """Return a condition on versions as it stands next to an `&&`."""
    return f"({condition})" if " || " in condition else condition


def _guard(path: str, third: str) -> str:
    return f"{path} has build && " if third == "build" else ""


def is_user(users: Sequence[str]) -> str:
    """Return the condition that a user has one of these names, where ``*`` is any characters."""
    return _named("username", [lower_case(user) for user in users])


def has_common_name(common_names: Sequence[str]) -> str:
    """Return the condition that a certificate has one of these names, where ``*`` is any characters."""
    return _named("commonName", common_names)


def _named(attribute: str, names: Sequence[str]) -> str:
    exact = [name for name in names if "*" not in name]
    conditions = [f"{texts(exact)}.contains(context.{attribute})"] if exact else []
    conditions += [f"context.{attribute} like {quote(name)}" for name in sorted({*names} - {*exact})]
    return f"context has {attribute} && {_grouped(any_of(conditions))}"


def _in_networks(networks: Sequence[str]) -> list[str]:
    """Return conditions; one holds within networks, which are CIDRs or the names of lists."""
    names = sorted({each for each in networks if NAME.fullmatch(each)})
    ranges = [ip_network(each) for each in networks if not NAME.fullmatch(each)]
    asked = f"contains({quote(names[0])})" if len(names) == 1 else f"containsAny({texts(names)})"
    collapsed = sorted(
        str(network)
        for version in (4, 6)
        for network in collapse_addresses([each for each in ranges if each.version == version])  # type: ignore[type-var]
    )
    return [f"context.networks.{asked}"] * bool(names) + [
        f"context.publicIp.isInRange(ip({quote(network)}))" for network in collapsed
    ]


def _on_lines(condition: str) -> str:
    """Return a condition on networks with each on a line, as it stays when it is too long to be formatted."""
    return condition.replace(" || ", " ||\n  ")


def _windows(windows: Sequence[Hours]) -> tuple[str, list[str]]:
    """Return the names of windows, and conditions; one holds within one of them."""
    in_order = sorted(windows, key=lambda window: (window.weekdays, window.minutes))
    described = listed(list(dict.fromkeys(str(window) for window in in_order)))
    return described, list(dict.fromkeys(condition for window in in_order for condition in _within(window)))


def _within(window: Hours) -> list[str]:
    """Return conditions; one holds within a window, which may go on after midnight."""
    start, end = window.minutes
    if start < end:
        return [_on(window.weekdays, start, end)]
    next_days = sorted(day % len(DAYS) + 1 for day in window.weekdays)
    return [_on(window.weekdays, start, MINUTES_OF_A_DAY), _on(next_days, 0, end)]


def _on(weekdays: Sequence[int], start: int, end: int) -> str:
    conditions = []
    if len(weekdays) < len(DAYS):
        conditions.append(f"[{', '.join(map(str, weekdays))}].contains(context.time.weekday)")
    if start:
        conditions.append(f"context.time.minuteOfDay >= {start}")
    if end < MINUTES_OF_A_DAY:
        conditions.append(f"context.time.minuteOfDay < {end}")
    return all_of(conditions)
