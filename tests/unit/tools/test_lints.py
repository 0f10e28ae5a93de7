"""Code that is allowed in a policy but seldom meant."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from client_connect_tools import LINTS, Policies, check, lint
from client_connect_tools.cedar.quoting import any_of
from client_connect_tools.checking.lints import EXACT
from client_connect_tools.cli import main

if TYPE_CHECKING:
    from pathlib import Path

ALL = "(principal, action, resource)"
PERMIT = f'@id("all") permit {ALL};'
TOLD = '@message("Ask the help desk.")'
NAMED = 'context has commonName && context.commonName == "L-42"'
_MINUTES = "context.time.minuteOfDay is 0 to 1439, the minutes since midnight"


def _networks(count: int) -> str:
    """Return a condition on so many networks, in groups that the engine takes."""
    return any_of([f'context.publicIp.isInRange(ip("5.{number}.0.0/16"))' for number in range(count)])


_NAMES = "context has username && context has commonName"
_LAST = "context.device.lastSeen"
_SEEN = "context has device && context.device has lastSeen"
_AGO = f"context.time.now.durationSince({_LAST})"
_TAG = (
    'context.inventory != "unavailable" && context has username && context has commonName && context has device && '
    'context.device.hasTag("owner")'
)

_MINUTE = "context.time.minuteOfDay"


def _in(group: str, id_: str) -> str:
    """Return a permit for a group."""
    return f'@id("{id_}") permit (principal in ClientVpn::Group::"{group}", action, resource);'


# For each lint: policies with the finding in the one called "x", and policies without one.
GLASS = '@id("x") @note("Break glass.") permit (principal in ClientVpn::Group::"oncall", action, resource);'
OLD = "context has os && context.os.major < 10"
_AHEAD = f"{_LAST}.durationSince(context.time.now)"
HEALTHY = "context.device has compliant && context.device.compliant"
REST = f'@id("rest") {TOLD} forbid {ALL} when {{ context.inventory == "unavailable" }};'
COMPLIANT = "context has device && context.device has compliant && context.device.compliant"
ONCALL = '@id("x") permit (principal in ClientVpn::Group::"oncall", action, resource);'
DOWN = 'context.inventory == "unavailable"'
CASES: dict[str, tuple[list[str], list[str]]] = {
    "either-meant": (
        [
            f'{PERMIT} @id("x") {TOLD} forbid {ALL} when {{ {condition} }};'
            for condition in (
                f'context has username && context.username == "bob" && {NAMED}',
                f'context has username && context.username like "bob*" }} when {{ {NAMED}',
                f'{NAMED} && context has username && ["a", "b"].contains(context.username)',
                f"context.time.weekday > 5 && ({_MINUTE} < 480 || {_MINUTE} >= 1080)",
                f"({_MINUTE} > 1080 || {_MINUTE} < 480) && [6, 7].contains(context.time.weekday)",
                f"context.time.weekday >= 6 }} when {{ {_MINUTE} < 480 || {_MINUTE} > 1079",
            )
        ],
        [
            f'{PERMIT} @id("x") {TOLD} forbid {ALL} when {{ {condition} }};'
            for condition in (
                f'(context has username && context.username == "bob") || ({NAMED})',
                f'context has username && context.username == "bob" }} unless {{ {NAMED}',
                f'context has username && context.username != "bob" && {NAMED}',
                f'{NAMED} && context has username && !(["a", "b"].contains(context.username))',
                f"context.time.weekday > 5 || {_MINUTE} < 480 || {_MINUTE} >= 1080",
                f"context.time.weekday < 6 && ({_MINUTE} < 480 || {_MINUTE} >= 1080)",
                f"context.time.weekday > 5 && {_MINUTE} >= 480 && {_MINUTE} < 1080",
            )
        ]
        + [f'@id("x") permit {ALL} when {{ context has username && context.username == "bob" && {NAMED} }};'],
    ),
    "double-negation": (
        [
            f'{PERMIT} @id("x") {TOLD} forbid {ALL} unless {{ !context.ownCertificate }};',
            f'{PERMIT} @id("x") {TOLD} forbid {ALL} when {{ true }} unless {{ !(context.platform == "win") }};',
        ],
        [
            f'{PERMIT} @id("x") {TOLD} forbid {ALL} unless {{ context.ownCertificate }};',
            f'{PERMIT} @id("x") {TOLD} forbid {ALL} when {{ !context.ownCertificate }};',
            f'{PERMIT} @id("x") {TOLD} forbid {ALL} unless {{ !context.ownCertificate || context.time.day == 1 }};',
            f'@id("x") permit {ALL} unless {{ !context.ownCertificate }};',
        ],
    ),
    "unclear-precedence": (
        [
            f'{PERMIT} @id("x") {TOLD} forbid {ALL} when {{ {condition} }};'
            for condition in (
                f'context.platform == "win" || {NAMED} && context.time.day < 5',
                f'context.time.day < 5 && context.platform == "win" || {NAMED}',
                f'(context.platform == "win" || {NAMED} && context.time.day < 5) && true',
                'principal in ClientVpn::Group::"a" || context.platform == "mac" && context.time.day < 5',
                'context.platform == "a||b" || context.platform == "(" && context.time.day < 5',
            )
        ],
        [
            f'{PERMIT} @id("x") {TOLD} forbid {ALL} when {{ {condition} }};'
            for condition in (
                f'context.platform == "win" || ({NAMED} && context.time.day < 5)',
                f'(context.platform == "win" || {NAMED}) && context.time.day < 5',
                f'context.platform == "win" && {NAMED} && context.time.day < 5',
                f'{NAMED} || context has username && context.username == "bob"',
                "context has os && (context.os.major < 9 || context.os has build && context.os.build < 6001)",
                "context.time.day == 6 && context.time.month == 1 || context.time.month == 2",
                'context.platform == "a || b && c" // a || b && context.time.day < 5\n',
            )
        ],
    ),
    "unknown-device": (
        [
            f'{PERMIT} @id("x") {TOLD} forbid {ALL} when {{ context has device && !({HEALTHY}) }}; {REST}',
            (
                f'{PERMIT} @id("x") {TOLD} forbid {ALL} when {{ context has device && context.device has compliant && '
                f"!context.device.compliant }}; {REST}"
            ),
            (
                f'{PERMIT} @id("x") {TOLD} forbid {ALL} when {{ context has device && !({HEALTHY}) }}; {REST} '
                f'@id("z") {TOLD} forbid {ALL} when {{ context.inventory == "unknown" && context.platform == "mac" }};'
            ),
        ],
        [
            f'{PERMIT} @id("x") {TOLD} forbid {ALL} unless {{ {COMPLIANT} }};',
            (
                f'{PERMIT} @id("x") {TOLD} forbid {ALL} when {{ context has device && !({HEALTHY}) }}; {REST} @id("z") '
                f'{TOLD} forbid {ALL} when {{ context.inventory == "unknown" }};'
            ),
            (
                f'{PERMIT} @id("x") {TOLD} forbid {ALL} when {{ context has device && !({HEALTHY}) }}; @id("z") '
                f'{TOLD} forbid {ALL} when {{ context.inventory != "known" }};'
            ),
            (
                f'@id("y") permit {ALL} when {{ {COMPLIANT} }}; @id("x") {TOLD} forbid {ALL} '
                f"when {{ context has device && !({HEALTHY}) }}; {REST}"
            ),
            (
                f'{PERMIT} @id("x") {TOLD} forbid {ALL} when {{ context.inventory == "unknown" || '
                f"(context has device && !({HEALTHY})) }}; {REST}"
            ),
            (
                f'{PERMIT} @id("x") {TOLD} forbid {ALL} when {{ context has device && context.device has os && '
                f"context.device.os.major < 14 }}; {REST}"
            ),
        ],
    ),
    "reversed-duration": (
        [
            f'@id("x") permit {ALL} when {{ {_SEEN} && {_AHEAD} <= duration("14d") }};',
            f'{PERMIT} @id("x") {TOLD} forbid {ALL} when {{ {_SEEN} && {_AHEAD} > duration("14d") }};',
            f'{PERMIT} @id("x") {TOLD} forbid {ALL} unless {{ {_SEEN} && {_AHEAD}.toDays() < 14 }};',
        ],
        [
            f'@id("x") permit {ALL} when {{ {_SEEN} && {_AHEAD} >= duration("-14d") && {_AHEAD} < duration("1d") }};',
            f'@id("x") permit {ALL} when {{ {_SEEN} && {_AGO} <= duration("14d") && {_AHEAD} <= duration("1d") }};',
            (
                f'{PERMIT} @id("x") {TOLD} forbid {ALL} when {{ {_SEEN} && {_AHEAD} > duration("1d") }}; '
                f'@id("y") {TOLD} forbid {ALL} when {{ {_SEEN} && {_AGO} > duration("14d") }};'
            ),
        ],
    ),
    "outage-denies": (
        [
            f'@id("y") permit {ALL} when {{ {COMPLIANT} }}; {ONCALL}',
            f'@id("y") permit {ALL} when {{ context.ownerTags.contains("owner") }}; {ONCALL}',
            f'@id("x") permit {ALL} when {{ {COMPLIANT} || principal in ClientVpn::Group::"oncall" }};',
            f"""{ONCALL} @id("y") {TOLD} forbid {ALL}
            unless {{ principal in ClientVpn::Group::"oncall" || {COMPLIANT} }};""",
        ],
        [
            f'@id("y") permit {ALL} when {{ context.inventory == "known" && {COMPLIANT} }}; {ONCALL}',
            f'@id("y") permit {ALL} when {{ {COMPLIANT} }};',
            f'@id("x") permit {ALL}; @id("y") {TOLD} forbid {ALL} unless {{ {COMPLIANT} }};',
            f'@id("y") permit {ALL} when {{ {COMPLIANT} }}; {ONCALL} @id("z") {TOLD} forbid {ALL} when {{ {DOWN} }};',
            ONCALL,
            f'@id("y") permit {ALL} when {{ {COMPLIANT} }}; {ONCALL.replace("@id", "@shadow @id")}',
        ],
    ),
    "forbid-without-message": (
        [f'{PERMIT} @id("x") forbid {ALL};', f'{PERMIT} @id("x") @shadow forbid {ALL};'],
        [f'{PERMIT} @id("x") {TOLD} forbid {ALL};', f'@id("x") permit {ALL};'],
    ),
    "permit-without-conditions": (
        [
            f'@id("x") permit {ALL}; @id("y") permit {ALL} when {{ context.platform == "win" }};',
            f'@id("x") permit {ALL} when {{ true }}; @id("y") permit {ALL} when {{ context.platform == "win" }};',
        ],
        [
            f'@id("x") permit {ALL};',
            f'@id("x") permit {ALL}; @id("y") @shadow permit {ALL} when {{ context.platform == "win" }};',
            f'@id("x") @shadow permit {ALL}; @id("y") permit {ALL} when {{ context.platform == "win" }};',
            (
                '@id("x") permit (principal is ClientVpn::User, action, resource); '
                '@id("y") permit (principal in ClientVpn::Group::"g", action, resource);'
            ),
            f'@id("x") permit {ALL}; @id("y") @status("vip") permit {ALL} when {{ context.platform == "win" }};',
        ],
    ),
    "trusts-aws-client": (
        [
            f'@id("x") permit {ALL} when {{ context has awsClient }};',
            f'@id("x") permit {ALL} unless {{ !(context has awsClient && context.awsClient.major > 4) }};',
        ],
        [
            f'{PERMIT} @id("x") {TOLD} forbid {ALL} when {{ context has awsClient && context.awsClient.major < 5 }};',
            f'@id("x") permit {ALL} when {{ context has openvpn && context.openvpn.major > 1 }};',
        ],
    ),
    "never-applies": (
        [
            f'{PERMIT} @id("x") {TOLD} forbid {ALL} when {{ false }};',
            f'{PERMIT} @id("x") {TOLD} forbid {ALL} unless {{ true }};',
            (
                f'{PERMIT} @id("x") {TOLD} forbid (principal is ClientVpn::Device, action, resource) '
                'when { principal in ClientVpn::Group::"g" };'
            ),
            f'{PERMIT} @id("x") {TOLD} forbid {ALL} when {{ principal == resource }};',
        ],
        [
            f'{PERMIT} @id("x") {TOLD} forbid {ALL};',
            f'{PERMIT} @id("x") {TOLD} forbid {ALL} when {{ principal in ClientVpn::Group::"g" }};',
            f'{PERMIT} @id("x") {TOLD} forbid {ALL} when {{ false || context.platform == "win" }};',
        ],
    ),
    "exact-user-name": (
        [
            f'{PERMIT} @id("x") {TOLD} forbid (principal == ClientVpn::User::"Bob", action, resource);',
            f'{PERMIT} @id("x") {TOLD} forbid {ALL} when {{ principal in [ClientVpn::User::"bob"] }};',
            (
                f'{PERMIT} @id("x") {TOLD} forbid (principal is ClientVpn::User, action, resource) '
                'when { [ClientVpn::User::"bob"].contains(principal) };'
            ),
            f'{PERMIT} @id("x") {TOLD} forbid {ALL} when {{ principal is ClientVpn::User in ClientVpn::User::"bob" }};',
            f'{PERMIT} @id("x") {TOLD} forbid {ALL} unless {{ principal != ClientVpn::User::"bob" }};',
            f'{PERMIT} @id("x") {TOLD} forbid {ALL} unless {{ !(principal == ClientVpn::User::"bob") }};',
            f'{PERMIT} @id("x") {TOLD} forbid {ALL} when {{ !(principal != ClientVpn::User::"bob") }};',
            f'@id("x") permit {ALL} when {{ principal != ClientVpn::User::"bob" }};',
            f'@id("x") permit {ALL} unless {{ principal == ClientVpn::User::"bob" }};',
        ],
        [
            f'{PERMIT} @id("x") {TOLD} forbid {ALL} when {{ principal != ClientVpn::User::"bob" }};',
            (
                f'{PERMIT} @id("x") {TOLD} forbid {ALL} '
                'when { principal is ClientVpn::User && principal != ClientVpn::User::"bob" };'
            ),
            f'{PERMIT} @id("x") {TOLD} forbid {ALL} unless {{ !(principal != ClientVpn::User::"bob") }};',
            f'{PERMIT} @id("x") {TOLD} forbid {ALL} when {{ !(principal in [ClientVpn::User::"bob"]) }};',
            f'@id("x") permit {ALL} when {{ principal == ClientVpn::User::"bob" }};',
            '@id("x") permit (principal == ClientVpn::User::"Bob", action, resource);',
            f'{PERMIT} @id("x") {TOLD} forbid {ALL} unless {{ principal == ClientVpn::User::"Admin" }};',
            f'{PERMIT} @id("x") {TOLD} forbid {ALL} when {{ !(principal == ClientVpn::User::"Admin") }};',
            f'{PERMIT} @id("x") {TOLD} forbid (principal in ClientVpn::Group::"Bob", action, resource);',
            f'{PERMIT} @id("x") {TOLD} forbid {ALL} when {{ context has username && context.username == "bob" }};',
        ],
    ),
    "device-principal": (
        [
            f'{PERMIT} @id("x") {TOLD} forbid (principal == ClientVpn::Device::"L-42", action, resource);',
            f'{PERMIT} @id("x") {TOLD} forbid {ALL} when {{ principal in [ClientVpn::Device::"L-42"] }};',
            f'@id("x") permit {ALL} unless {{ principal == ClientVpn::Device::"L-42" }};',
            (
                f'{PERMIT} @id("x") {TOLD} forbid (principal is ClientVpn::Device, action, resource) '
                "unless { principal has compliant && principal.compliant };"
            ),
            (
                f'{PERMIT} @id("x") {TOLD} forbid (principal is ClientVpn::Device, action, resource) unless '
                '{ principal.hasTag("a") };'
            ),
            f'{PERMIT} @id("x") {TOLD} forbid {ALL} when {{ {NAMED} && principal is ClientVpn::Device }};',
            f'{PERMIT} @id("x") {TOLD} forbid (principal is ClientVpn::Device, action, resource) when {{ {NAMED} }};',
        ],
        [
            f'{PERMIT} @id("x") {TOLD} forbid (principal is ClientVpn::Device, action, resource);',
            (
                f'{PERMIT} @id("x") {TOLD} forbid {ALL} when {{ context has commonName && '
                'context.commonName == "L-42" && (context.platform == "ios" || principal is ClientVpn::Device) };'
            ),
            '@id("x") permit (principal == ClientVpn::Device::"L-42", action, resource);',
            (
                '@id("x") permit (principal is ClientVpn::Device, action, resource) when '
                "{ principal has compliant && principal.compliant };"
            ),
            f'{PERMIT} @id("x") {TOLD} forbid {ALL} when {{ context has commonName && context.commonName == "L-42" }};',
            (
                f'{PERMIT} @id("x") {TOLD} forbid {ALL} when {{ principal is ClientVpn::Device && '
                "principal has compliant && !principal.compliant || "
                "context has device && context.device has compliant && !context.device.compliant };"
            ),
        ],
    ),
    "unknown-endpoint": (
        [
            '@id("x") permit (principal, action, resource == ClientVpn::Endpoint::"prod");',
            f'@id("x") permit {ALL} when {{ [ClientVpn::Endpoint::"a"].contains(resource) }};',
            '@id("x") permit (principal, action, resource == ClientVpn::Endpoint::"cvpn-endpoint-prod");',
        ],
        [
            '@id("x") permit (principal, action, resource == ClientVpn::Endpoint::"cvpn-endpoint-0123456789abcdef0");'
        ],
    ),
    "similar-name": (
        [
            f"{_in('engineers', 'y')} {_in(name, 'x')}"
            for name in (
                "engineer",
                "Engineers",
                "enginers",
                "enginees",
                "engineers ",
                "egnineers",
                "engineerss",
            )
        ],
        [
            f"{_in(one, 'y')} {_in(other, 'x')}"
            for one, other in [
                ("engineers", "engineers"),
                ("engineers", "marketing"),
                ("team-1", "team-2"),
                ("team-1", "team-12"),
                ("qa", "qs"),
                ("S-1-5-21-1-2-3-1103", "S-1-5-21-1-2-3-1104"),
                ("staff-eu", "staff-us"),
            ]
        ],
    ),
    "literal-asterisk": (
        [
            _in("vendor-*", "x"),
            f'{PERMIT} @id("x") {TOLD} forbid {ALL} when {{ context has username && context.username == "acme-" }};',
            f'@id("x") permit {ALL} when {{ context has commonName && context.commonName == "L-*" }};',
        ],
        [f'@id("x") permit {ALL} when {{ context has commonName && context.commonName like "L-*" }};'],
    ),
    "contradiction": (
        [
            f'{PERMIT} @id("x") {TOLD} forbid {ALL} when {{ {condition} }};'
            for condition in (
                f"{_MINUTE} >= 1320 && {_MINUTE} < 360",
                f"context.time.weekday == 1 || ({_MINUTE} < 360 && {_MINUTE} > 1320)",
                f"!({_MINUTE} < 1320 || {_MINUTE} >= 360)",
                "context.time.weekday == 6 && context.time.weekday == 7",
                'context.time.weekday == 6 && (context.platform == "win" && context.time.weekday == 7)',
                "[6, 7].contains(context.time.weekday) && context.time.weekday < 6",
                'context.platform == "win" && context.platform == "mac"',
                'context.platform == "win" || context.platform != "win"',
                'context.platform != "win" || context.platform != "mac"',
                'context.platform == "mac" && context has os && context.os.major < 14',
                'context has device && context.inventory == "unknown"',
                "!(context has device) || context has device",
                "if context.time.weekday == 1 && context.time.weekday == 2 then true else false",
            )
        ],
        [
            f'{PERMIT} @id("x") {TOLD} forbid {ALL} when {{ {condition} }};'
            for condition in (
                f"{_MINUTE} >= 1320 || {_MINUTE} < 360",
                f"{_MINUTE} >= 360 && {_MINUTE} < 1320",
                f"{_MINUTE} >= 360 && {_MINUTE} <= 360",
                "context.time.weekday != 6 && context.time.weekday != 7",
                "context.time.weekday == 6 || context.time.weekday == 7",
                f"context.time.weekday == 6 && {_MINUTE} > 400 || context.time.weekday == 7 && {_MINUTE} < 300",
                'context.platform == "win" && context has os && context.os.major < 10',
                'context.platform != "mac" && context has os && context.os.major < 10',
                'context.platform == "mac" || context has os',
                'context.platform == "win" && !(context has os)',
                'context.inventory == "known" && !(context has device.os)',
                'context has device || context.inventory == "unknown"',
                'context.platform like "w*" && context.platform != "win"',
            )
        ],
    ),
    "mistaken-number": (
        [
            *(
                f'@id("x") permit {ALL} when {{ {condition} }};'
                for condition in (
                    "context has os && context.os.major <= 10",
                    "context has os && context.os.major == 10",
                    "context has os && context.os has build && context.os.build >= 2009",
                    "context has openvpn && context.openvpn.major >= 26",
                    "context has activeConnections && context.activeConnections <= 2",
                    "context.time.minuteOfDay <= 1080",
                )
            ),
            *(
                f'{PERMIT} @id("x") {TOLD} forbid {ALL} when {{ context has activeConnections && {condition} }};'
                for condition in (
                    "context.activeConnections > 2",
                    "2 < context.activeConnections",
                    "context.activeConnections == 2",
                    "context.time.minuteOfDay > 1080",
                )
            ),
            *(
                f'@id("x") permit {ALL} when {{ {_MINUTE} {condition} }};'
                for condition in (
                    ">= 8",
                    "< 18",
                    "== 24",
                    ">= 800",
                    "< 830",
                    "> 1100",
                    "<= 1345",
                    ">= 700 || false",
                )
            ),
            *(
                f'@id("x") permit {ALL} when {{ context has os && context.os.major {condition} }};'
                for condition in ("< 11", "== 11", ">= 11")
            ),
        ],
        [
            *(
                f'@id("x") permit {ALL} when {{ {_MINUTE} {condition} }};'
                for condition in (
                    ">= 480",
                    "< 1080",
                    ">= 0",
                    ">= 30",
                    "> 900",
                    ">= 1230",
                    "<= 1439",
                    ">= 375",
                )
            ),
            f'@id("x") permit {ALL} when {{ context.time.weekday >= 5 }};',
            f'@id("x") permit {ALL} when {{ context has os && context.os.major >= 10 }};',
            f'@id("x") permit {ALL} when {{ context has device.os && context.device.os.major >= 11 }};',
        ],
    ),
    "later-version": (
        [
            *(
                f'{PERMIT} @id("x") {TOLD} forbid {ALL} when {{ context has openvpn && ({condition}) }};'
                for condition in (
                    "context.openvpn.minor < 6",
                    "context.openvpn.major < 2 || context.openvpn.minor < 6",
                    "context.openvpn.major <= 2 || context.openvpn.minor <= 6",
                    "!(context.openvpn.major >= 2 && context.openvpn.minor >= 6)",
                    "context.openvpn.major == 2 && context.openvpn.minor < 6 || context.openvpn.patch < 3",
                    "context.openvpn.major == 2 && context.openvpn.patch < 3",
                    "context.openvpn.minor == 5 || context.openvpn.minor < 4",
                )
            ),
            f'@id("x") permit {ALL} when {{ context has openvpn && context.openvpn.minor >= 6 }};',
            f'@id("x") permit {ALL} when {{ context has platformVersion && context.platformVersion like "14*" }};',
            (
                f'{PERMIT} @id("x") {TOLD} forbid {ALL} when {{ context has platformVersion && '
                '!(context.platformVersion like "14.*") };'
            ),
            f'@id("x") permit {ALL} unless {{ context has openvpn && context.openvpn.minor < 6 }};',
            (
                f'{PERMIT} @id("x") {TOLD} forbid {ALL} unless {{ context has device.os && '
                "context.device.os.major >= 14 && context.device.os.minor > 2 };"
            ),
        ],
        [
            *(
                f'{PERMIT} @id("x") {TOLD} forbid {ALL} when {{ context has openvpn && ({condition}) }};'
                for condition in (
                    "context.openvpn.major < 2 || context.openvpn.major == 2 && context.openvpn.minor < 6",
                    "context.openvpn.major <= 2 && context.openvpn.minor < 6",
                    "context.openvpn.major == 2 && context.openvpn.minor == 6 && context.openvpn.patch < 3",
                    "context.openvpn.major < 3 && context.openvpn.minor < 6 && context.openvpn.patch == 2",
                    "context.openvpn.minor == 6",
                    "context.openvpn.minor > 6",
                )
            ),
            (
                f'@id("x") permit {ALL} when {{ context has openvpn && '
                "(context.openvpn.major > 2 || context.openvpn.major == 2 && context.openvpn.minor >= 6) };"
            ),
            f'@id("x") permit {ALL} when {{ context has openvpn && context.openvpn.minor < 6 }};',
            f'{PERMIT} @id("x") {TOLD} forbid {ALL} when {{ context has os.build && context.os.build < 19045 }};',
        ],
    ),
    "upper-case": (
        [
            f'@id("x") permit {ALL} when {{ context.platform == "Win" }};',
            f'@id("x") permit {ALL} when {{ "Win" == context.platform }};',
            f'@id("x") permit {ALL} when {{ context.platform != "Win" }};',
            f'@id("x") permit {ALL} when {{ context.platform like "Wi*" }};',
            f'@id("x") permit {ALL} when {{ ["Win"].containsAny([context.platform]) }};',
            f'@id("x") permit {ALL} when {{ context has username && ["bob", "Eve"].contains(context.username) }};',
        ],
        [
            f'@id("x") permit {ALL} when {{ context.platform == "win" || context.platform like "li*" }};',
            f'@id("x") permit {ALL} when {{ context has commonName && context.commonName == "Laptop" }};',
            f'@id("x") permit {ALL} when {{ context.platform == "win" && principal in ClientVpn::Group::"G" }};',
            f'@id("x") permit {ALL} when {{ {_NAMES} && [context.username, context.commonName].contains("PC-1") }};',
            f'@id("x") permit {ALL} when {{ {_NAMES} && [context.username, "PC-1"].contains(context.commonName) }};',
            (
                f'@id("x") permit {ALL} when {{ context has device && context.device.hasTag("OS") && '
                'context.platform == context.device.getTag("OS") };'
            ),
        ],
    ),
    "impossible-value": (
        [
            f'@id("x") permit {ALL} when {{ {condition} }};'
            for condition in [
                'context.inventory == "unavaliable"',
                "context has username && context.ownerTags.contains(context.username)",
                'context.publicIp.isInRange(ip("10.0.0.0/8"))',
                'context.publicIp.isInRange(ip("192.168.7.0/24"))',
                'context.publicIp.isInRange(ip("100.64.0.1"))',
                'context.publicIp.isInRange(ip("fd00::/8"))',
                'context.publicIp.isInRange(ip("203.0.113.7/24"))',
                'context.publicIp.isInRange(ip("2001:db8::1/64"))',
                "context has activeConnections && context.activeConnections < 0",
                "context has activeConnections && context.activeConnections == -1",
                'context.publicIp.isInRange(ip("::ffff:c000:200/120"))',
                'context.publicIp == ip("::ffff:c000:201")',
                'context.publicIp == ip("192.0.2.0/24")',
                '[ip("192.0.2.0/24"), ip("192.0.2.1")].contains(context.publicIp)',
                'ip("192.0.2.0/24").isInRange(context.publicIp)',
                '"Known" != context.inventory',
                '["known", "unkown"].contains(context.inventory)',
                '[context.inventory].contains("available")',
                'context.customFacts == "known"',
                'context.platform == "windows"',
                '["win", "macos"].contains(context.platform)',
                "context.time.weekday == 0",
                "[1, 2, 8].contains(context.time.weekday)",
                "context.time.weekday >= 0",
                "8 <= context.time.weekday",
                "context.time.minuteOfDay < 1900",
                "context.time.minuteOfDay >= 700 && 1900 > context.time.minuteOfDay",
                "context.time.minuteOfDay > 1439",
                "context.time.minuteOfDay != 1440",
                "context.time.month == 0",
                "context.time.month > 13",
                "[31, 32].contains(context.time.day)",
                'context.time.date == "25.12.2026"',
                '["2026-12-25", "2026-02-29"].contains(context.time.date)',
                '"20261225" != context.time.date',
            ]
        ],
        [
            f'@id("x") permit {ALL} when {{ {condition} }};'
            for condition in [
                'context.inventory == "unavailable" || context.inventory != "known"',
                '["disabled", "unknown"].contains(context.inventory)',
                '["available", "disabled", "unavailable"].contains(context.customFacts)',
                '["win", "win-mobile", "plan9", "freebsd"].contains(context.platform)',
                f'{_NAMES} && [context.username, context.inventory].contains("bob")',
                f'{_NAMES} && context.username == "windows"',
                "context.time.weekday == 1 || [6, 7].contains(context.time.weekday)",
                "context.time.weekday >= 1 && context.time.weekday <= 7",
                "context.time.weekday > 0 && context.time.weekday < 8",
                "context.time.minuteOfDay >= 0 && context.time.minuteOfDay <= 1439",
                "context.time.minuteOfDay < 1440 && context.time.minuteOfDay != 0",
                "0 <= context.time.minuteOfDay && 1440 > context.time.minuteOfDay",
                "context.time.minuteOfDay < 1439 && context.time.minuteOfDay >= 1",
                "context.time.minuteOfDay + 600 < 1900",
                "context.time.month == 12 && context.time.day >= 24 && context.time.day <= 31",
                '["2026-12-25", "2028-02-29"].contains(context.time.date) || context.time.date like "*-12-24"',
                'context.publicIp.isInRange(ip("192.0.2.0/24")) || context.publicIp == ip("192.0.2.1/32")',
                'context.publicIp == ip("2001:db8::1") || ip("192.0.2.1").isInRange(context.publicIp)',
                'context.publicIp.isInRange(ip("::/0")) && ip("192.0.2.1").isInRange(ip("192.0.2.0/24"))',
                "context has activeConnections && context.activeConnections < 1900",
            ]
        ],
    ),
    "invisible-character": (
        [
            f'{PERMIT} @id("x") {TOLD} forbid {ALL} when {{ {_NAMES} && context.commonName == "\\u{{200e}}lap" }};',
            f'{PERMIT} @id("x") {TOLD} forbid {ALL} when {{ {_NAMES} && ["b", "a "].contains(context.username) }};',
            f'{PERMIT} @id("x") {TOLD} forbid (principal in ClientVpn::Group::"staff\\u{{200b}}", action, resource);',
            f'@id("x") permit {ALL} when {{ principal in [ClientVpn::Group::"\\u{{a0}}staff"] }};',
        ],
        [
            f'@id("x") permit {ALL} when {{ {_NAMES} && context.commonName == "a\\u{{200c}}b" }};',
            f'@id("x") permit {ALL} when {{ {_NAMES} && context.username != "" && context.commonName like " *" }};',
            f'{PERMIT} @id("x") @message(" Ask. ") forbid (principal in ClientVpn::Group::"staff", action, resource);',
        ],
    ),
    "utc-clock": (
        [
            f'{PERMIT} @id("x") {TOLD} forbid {ALL} when {{ context.time.now.toDate() == datetime("2026-12-25") }};',
            f'@id("x") permit {ALL} when {{ context.time.now.toTime() >= duration("9h") }};',
            f'@id("x") permit {ALL} unless {{ duration("9h") > (context.time.now).toTime() }};',
        ],
        [
            f'@id("x") permit {ALL} when {{ context.time.date == "2026-12-25" && context.time.minuteOfDay < 540 }};',
            f'@id("x") permit {ALL} when {{ context.time.now.offset(duration("9h")).toTime() >= duration("9h") }};',
            (
                f'@id("x") permit {ALL} when {{ context.inventory != "unavailable" && context has device && '
                'context.device has lastSeen && context.device.lastSeen.toDate() > datetime("2026-01-01") };'
            ),
        ],
    ),
    "different-case": (
        [
            f'@id("x") permit {ALL} when {{ {_NAMES} && context.username == context.commonName }};',
            f'@id("x") permit {ALL} when {{ {_NAMES} && [context.commonName].contains(context.username) }};',
            f'{PERMIT} @id("x") {TOLD} forbid {ALL} when {{ {_NAMES} && context.commonName != context.username }};',
            f'@id("x") permit {ALL} when {{ {_TAG} && context.device.getTag("owner") == context.username }};',
            f'@id("x") permit {ALL} when {{ {_TAG} && [context.username].contains(context.device.getTag("owner")) }};',
            f'@id("x") permit {ALL} when {{ {_TAG} && context.device.getTag("owner") == context.platform }};',
        ],
        [
            f'@id("x") permit {ALL} when {{ context.ownCertificate || context.ownerTags.contains("owner") }};',
            f'@id("x") permit {ALL} when {{ {_TAG} && context.device.getTag("owner") == context.commonName }};',
            f'@id("x") permit {ALL} when {{ {_NAMES} && context.username == "bob" && context.commonName == "Bob" }};',
        ],
    ),
    "client-command": (
        [
            f'{PERMIT} @id("x") @message("TEMPORARILY closed.") forbid {ALL};',
            f'{PERMIT} @id("x") @message(" TEMP[backoff 60]:Wait.") forbid {ALL};',
            f'{PERMIT} @id("x") @message("CRV1:R,E:id:Ym9i:Code?") forbid {ALL};',
            f'{PERMIT} @id("x") @message("Error CRV1: call us.") forbid {ALL};',
            f'{PERMIT} @id("x") @shadow @message("TEMP") forbid {ALL};',
        ],
        [
            f'{PERMIT} @id("x") @message("Temporarily closed.") forbid {ALL};',
            f'{PERMIT} @id("x") @message("{{username}}, TEMP is over. CRV1 is not.") forbid {ALL};',
        ],
    ),
    "mixed-scripts": (
        [
            f'@id("x") permit {ALL} when {{ {_NAMES} && context.username == "\u0430lice" }};',
            f'{PERMIT} @id("x") {TOLD} forbid (principal in ClientVpn::Group::"c\u03bfntractors", action, resource);',
            f'{PERMIT} @id("x") {TOLD} forbid {ALL} when {{ {_NAMES} && ["b", "\uff53"].contains(context.username) }};',
            f'{PERMIT} @id("x") {TOLD} forbid (principal in ClientVpn::Group::"Team \u0410", action, resource);',
            f'@id("x") permit {ALL} when {{ {_NAMES} && context.username == "\u0441\u043e\u0440" }};',
        ],
        [
            f'@id("x") permit {ALL} when {{ {_NAMES} && context.username == "\u041e\u041e\u041e \u0418" }};',
            f'@id("x") permit {ALL} when {{ {_NAMES} && context.username == "\u0430\u043b\u0438\u0441\u0430" }};',
            f'@id("x") permit {ALL} when {{ {_NAMES} && context.username == "al\u00efce-\u0438\u0432\u0430\u043d" }};',
            f'@id("x") @message("\u0430b") permit {ALL};',
        ],
    ),
    "future-last-seen": (
        [
            f'@id("x") permit {ALL} when {{ {_SEEN} && {_AGO} <= duration("30d") }};',
            f'{PERMIT} @id("x") {TOLD} forbid {ALL} when {{ {_SEEN} && {_AGO} > duration("30d") }};',
            f'{PERMIT} @id("x") {TOLD} forbid {ALL} unless {{ {_SEEN} && duration("30d") >= {_AGO} }};',
            f'@id("x") permit {ALL} when {{ {_SEEN} && {_AGO}.toDays() - 1 < 30 }};',
            f'@id("x") permit {ALL} when {{ {_SEEN} && {_LAST}.offset(duration("30d")) > context.time.now }};',
            f'@id("x") permit {ALL} when {{ {_SEEN} && -{_LAST}.durationSince(context.time.now).toHours() < 9 }};',
            (
                f'@id("x") permit {ALL} when {{ {_SEEN} && {_AGO} <= duration("30d") }}; '
                f'@id("y") {TOLD} @shadow forbid {ALL} when {{ {_SEEN} && {_LAST} > context.time.now }};'
            ),
            (
                f'@id("x") permit {ALL} when {{ {_SEEN} && {_AGO} <= duration("30d") }}; '
                f'@id("y") @status("quarantined") permit {ALL} when {{ {_SEEN} && {_AGO} > duration("30d") }};'
            ),
        ],
        [
            f'@id("x") permit {ALL} when {{ {_SEEN} && {_AGO} <= duration("30d") && {_AGO} >= duration("-1d") }};',
            f'@id("x") permit {ALL} when {{ {_SEEN} && {_AGO} <= duration("30d") && {_LAST} <= context.time.now }};',
            (
                f'@id("x") permit {ALL} when {{ {_SEEN} && {_AGO} <= duration("30d") }}; '
                f'@id("y") {TOLD} forbid {ALL} when {{ {_SEEN} && {_LAST} > context.time.now }};'
            ),
            f'{PERMIT} @id("x") {TOLD} forbid {ALL} when {{ {_SEEN} && {_LAST}.toTime() > duration("8h") }};',
            f'{PERMIT} @id("x") {TOLD} forbid {ALL} unless {{ {_SEEN} }};',
        ],
    ),
    "unusual-spelling": (
        [
            f'@id("x") permit (principal in ClientVpn::Group::"{name}", action, resource);'
            for name in (
                "Ko\u0308ln",
                "VPN\u2011Contractors",
                "VPN\u2013Contractors",
                "O\u2019Brien",
                "vpn\\u{2010}staff",
                "a\u2215b",
                "team \uff11",
                "\U0001d7ce7",
                "\u212bsa",
                "\u2600\ufe0f",
                "\u845b\U000e0100",
            )
        ],
        [
            f'@id("x") permit (principal in ClientVpn::Group::"{name}", action, resource);'
            for name in (
                "K\xf6ln",
                "VPN-Contractors",
                "m\xb2",
                "\u55b6\u696d\uff08\u6771\uff09",
                "\u0663",
                "a \u2014 b",
            )
        ],
    ),
    "inline-networks": (
        [
            f'@id("x") permit {ALL} when {{ {_networks(201)} }};',
            f'{PERMIT} @id("x") {TOLD} forbid {ALL} unless {{ {_networks(250)} }};',
        ],
        [
            f'@id("x") permit {ALL} when {{ {_networks(200)} }};',
            f'@id("x") permit {ALL} when {{ context.networks.contains("office") }};',
        ],
    ),
    "other-waiver": (
        [
            f'{PERMIT} @id("x") {TOLD} forbid {ALL} unless {{ context.waivers.contains("all") }};',
            f'{PERMIT} @id("x") {TOLD} forbid {ALL} unless {{ context.waivers.containsAny(["x", "all"]) }};',
        ],
        [
            f'{PERMIT} @id("x") {TOLD} forbid {ALL} unless {{ context.waivers.contains("x") }};',
            f'{PERMIT} @id("x") {TOLD} forbid {ALL} unless {{ context.waivers.isEmpty() }};',
        ],
    ),
    "beaten-permit": (
        [
            f'{GLASS} @id("n") {TOLD} forbid {ALL} when {{ context.inventory == "unknown" }};',
            f'@id("x") @status("always in") permit {ALL}; @id("n") {TOLD} forbid {ALL} when {{ {OLD} }};',
            f'{GLASS} @id("n") {TOLD} forbid {ALL} unless {{ principal in ClientVpn::Group::"b" }};',
        ],
        [
            GLASS,
            f'{GLASS} @id("n") {TOLD} forbid {ALL} unless {{ principal in ClientVpn::Group::"oncall" }};',
            f'{GLASS} @id("n") @shadow {TOLD} forbid {ALL};',
            f'{GLASS.replace("Break glass", "Staff")} @id("n") {TOLD} forbid {ALL} when {{ {OLD} }};',
            f'{PERMIT} @id("x") @shadow @note("override") permit {ALL}; @id("n") {TOLD} forbid {ALL};',
        ],
    ),
    "unknown-waiver": (
        [
            f'@id("x") permit {ALL} when {{ context.waivers.contains("y") }};',
            f'@id("x") permit {ALL} unless {{ context.waivers.containsAny(["x", "y"]) }};',
            f'@id("x") permit {ALL} unless {{ ["X"].containsAny(context.waivers) }};',
        ],
        [
            f'@id("x") permit {ALL} unless {{ context.waivers.contains("x") }};',
            f'{PERMIT} @id("x") @shadow {TOLD} forbid {ALL} unless {{ context.waivers.containsAll(["all", "x"]) }};',
            f'@id("x") permit {ALL} unless {{ context.waivers.isEmpty() || context.waivers.contains("x") }};',
            f'@id("x") permit {ALL} unless {{ context.waivers.contains(context.inventory) }};',
        ],
    ),
}

_RISKY = "context has custom && context.custom.riskScore > 70"
_BAD = "context has device && !(context.device has compliant && context.device.compliant)"


def outage_cases(risky: str, state: str, usual: str) -> tuple[list[str], list[str]]:
    """Return cases of a fact that may be unavailable, with a condition that is never true without it."""
    permit_and_forbid = f'{PERMIT} @id("x") {TOLD} forbid {ALL}'
    risk = f'{permit_and_forbid} when {{ {risky} }}; @id("y") {TOLD} forbid {ALL}'
    unavailable, known = f'context.{state} == "unavailable"', risky.partition(" && ")[0]
    return (
        [
            f"{permit_and_forbid} when {{ {risky} }};",
            f"{permit_and_forbid} unless {{ !({risky}) }};",
            f'{permit_and_forbid} when {{ context.platform == "mac" || ({risky}) }};',
            f'{permit_and_forbid} when {{ context.{state} == "{usual}" && {risky} }};',
            f'@id("x") permit {ALL} unless {{ {risky} }};',
            f'@id("x") permit {ALL} when {{ context.platform == "win" && !({risky}) }};',
            f"{risk} when {{ {unavailable} }};".replace('@id("y")', '@id("y") @shadow'),
            f'{risk} when {{ context.{state} == "unavaliable" }};',
            f'{risk} when {{ context.{state} == "disabled" }};',
            f'{risk} when {{ {unavailable} && context.platform == "mac" }};',
            f'{risk} when {{ context.{state} != "unavailable" && context.platform == "mac" }};',
            f'{risk} when {{ context.{state} == "unavailable" }} unless {{ context.platform == "mac" }};',
            f'{permit_and_forbid} when {{ context.{state} like "{usual[:2]}*" && {risky} }};',
        ],
        [
            f'{risk} when {{ context.{state} != "disabled" }};',
            f'{risk} when {{ {unavailable} }} unless {{ context.waivers.contains("y") }};',
            (
                f'{permit_and_forbid} when {{ context.platform == "mac" && {risky} }}; '
                f'@id("y") {TOLD} forbid {ALL} when {{ {unavailable} && context.platform == "mac" }};'
            ),
            f'@id("x") permit {ALL} when {{ {risky} }};',
            f'@id("x") permit {ALL} when {{ context.{state} == "{usual}" && !({risky}) }};',
            f"{permit_and_forbid} unless {{ {risky} }};",
            f"{permit_and_forbid} when {{ !({risky}) }};",
            f"{permit_and_forbid} when {{ {risky} }};".replace('@id("x")', '@id("x") @shadow'),
            f'{permit_and_forbid} when {{ if {risky} then true else context.platform == "mac" }};',
            f"{permit_and_forbid} when {{ ({risky}) || !({risky}) }};",
            f"{permit_and_forbid} when {{ {risky} }} unless {{ {unavailable} }};",
            f"{risk} when {{ {unavailable} }};",
            f'{risk} when {{ "unavailable" == context.{state} }};',
            f'{risk} when {{ context.{state} != "{usual}" }};',
            f'{risk} when {{ ["unavailable", "x"].contains(context.{state}) }};',
            f'{risk} when {{ context.{state} like "un*" }};',
            f"{risk} when {{ if {unavailable} then true else false }};",
            f'{risk} unless {{ context.{state} == "{usual}" }};',
            f"{risk} unless {{ {known} }};",
            f'@id("all") permit {ALL} when {{ {known} }}; @id("x") {TOLD} forbid {ALL} when {{ {risky} }};',
        ],
    )


def cases_of_principal() -> tuple[list[str], list[str]]:
    """Return cases of what the inventory says of a device that is the principal."""
    tag = 'principal is ClientVpn::Device && principal.hasTag("lost") && principal.getTag("lost") == "yes"'
    bad = "principal has compliant && !principal.compliant"
    return (
        [
            f'{PERMIT} @id("x") {TOLD} forbid (principal is ClientVpn::Device, action, resource) when {{ {bad} }};',
            f'{PERMIT} @id("x") {TOLD} forbid {ALL} when {{ {tag} }};',
            f'@id("x") permit {ALL} unless {{ {tag} }};',
        ],
        [
            (
                f'{PERMIT} @id("x") {TOLD} forbid (principal is ClientVpn::Device, action, resource) '
                "unless { principal has compliant && principal.compliant };"
            ),
            f'@id("x") permit {ALL} when {{ {tag} }};',
            (
                f'{PERMIT} @id("x") {TOLD} forbid {ALL} when {{ {tag} }}; '
                f'@id("y") {TOLD} forbid {ALL} when {{ context.inventory == "unavailable" }};'
            ),
            f'{PERMIT} @id("x") {TOLD} forbid {ALL} when {{ principal is ClientVpn::Device }};',
        ],
    )


def cases_of_owner_tags() -> tuple[list[str], list[str]]:
    """Return cases of tags, which do not exist without the inventory."""
    forbid = f'{PERMIT} @id("x") {TOLD} forbid {ALL}'
    return (
        [
            f'{forbid} when {{ context.ownerTags.contains("blocked") }};',
            f'{forbid} when {{ ["blocked"].containsAny(context.ownerTags) }};',
            f"{forbid} unless {{ context.ownerTags.isEmpty() }};",
            f'{forbid} when {{ context has device && !context.ownerTags.contains("owner") }};',
            (
                f'{forbid} when {{ if context.inventory == "unknown" then true else '
                "context has device && !(context.device has compliant) };"
            ),
        ],
        [
            f'{forbid} unless {{ context.ownerTags.contains("owner") }};',
            f"{forbid} when {{ context.ownerTags.isEmpty() }};",
            f'@id("x") permit {ALL} when {{ context.ownerTags.contains("owner") }};',
        ],
    )


def cases_of_unregistered_devices() -> tuple[list[str], list[str]]:
    """Return cases of devices that the inventory does not know."""
    forbid = f'{PERMIT} @id("x") {TOLD} forbid {ALL}'
    unknown = 'context.inventory == "unknown"'
    return (
        [
            f"{forbid} when {{ {unknown} }};",
            f'{forbid} unless {{ context.inventory != "unknown" }};',
            f'{forbid} when {{ ["disabled", "unknown"].contains(context.inventory) }};',
            f'{forbid} when {{ {unknown} && context.platform == "win" }};',
            f'@id("x") permit {ALL} when {{ context.inventory != "unknown" }};',
            f'@id("x") permit {ALL} unless {{ {unknown} }};',
        ],
        [
            f'{forbid} when {{ {unknown} || context.inventory == "unavailable" }};',
            f'{forbid} when {{ ["unavailable", "unknown"].contains(context.inventory) }};',
            f'{forbid} when {{ context.inventory != "known" }};',
            f'{forbid} when {{ {unknown} }}; @id("y") {TOLD} forbid {ALL} unless {{ context has device }};',
            f'@id("x") permit {ALL} when {{ {unknown} }};',
            f'@id("x") permit {ALL} unless {{ context.inventory != "unknown" }};',
            f"{forbid} when {{ {unknown} }};".replace(
                PERMIT, f'@id("all") permit {ALL} when {{ context has device }};'
            ),
        ],
    )


def cases_of_some() -> tuple[list[str], list[str]]:
    """Return cases of an outage that is honored for some only."""
    unavailable = 'context.inventory == "unavailable"'

    def policies(risky: str, honoring: str, condition: str = f"when {{ {unavailable} }}") -> str:
        return (
            f'{PERMIT} @id("x") {TOLD} forbid ({risky}, action, resource) when {{ {_BAD} }}; '
            f'@id("y") {TOLD} forbid ({honoring}, action, resource) {condition};'
        )

    group, other = 'principal in ClientVpn::Group::"a"', 'principal in ClientVpn::Group::"b"'
    return (
        [
            policies("principal", group),
            policies(group, other),
            policies("principal", group, "unless { context has device }"),
            policies("principal", "principal").replace(
                "resource) when { context.inv", f"{_ENDPOINT}) when {{ context.inv"
            ),
            (
                f'{PERMIT} @id("x") {TOLD} forbid {ALL} when {{ {_BAD} }}; '
                f'@id("y") permit ({group}, action, resource) when {{ {unavailable} }};'
            ),
        ],
        [policies(group, group), policies(group, "principal"), policies("principal", "principal")],
    )


_ENDPOINT = 'resource == ClientVpn::Endpoint::"cvpn-endpoint-1"'
CASES["custom-facts-outage"] = outage_cases(_RISKY, "customFacts", "available")
_OF_INVENTORY = (
    cases_of_some(),
    outage_cases(_BAD, "inventory", "known"),
    cases_of_principal(),
    cases_of_unregistered_devices(),
    cases_of_owner_tags(),
)
CASES["inventory-outage"] = (
    [case for flagged, _ in _OF_INVENTORY for case in flagged],
    [case for _, passed in _OF_INVENTORY for case in passed],
)


def found(text: str, name: str) -> list[str]:
    """Return the policies with a finding of a lint."""
    networks = {"office": ["198.51.100.0/24"]}
    policies = Policies.from_string(text, custom="{ riskScore: Long }", networks=networks)
    assert check(policies) == []
    return [finding.policy for finding in lint(policies) if finding.rule == name]


def test_a_lint_is_switched_off_for_one_policy() -> None:
    """By its annotation, which a review shows."""
    text = (
        f'{PERMIT} @id("x") @ignore("upper-case,forbid-without-message") forbid {{0}}; @id("y") forbid {{0}};'
    )
    scope = f'{ALL} when {{ context.platform == "Win" }}'
    policies = Policies.from_string(text.replace("{0}", scope))
    assert check(policies) == []
    assert {(each.policy, each.rule) for each in lint(policies)} == {
        ("y", "upper-case"),
        ("y", "forbid-without-message"),
    }


def test_a_permit_that_only_adds_a_status_overlooks_no_outage() -> None:
    """Everybody is let in anyway."""
    permit = f'@id("x") @status("compliant") permit {ALL} unless {{ {_BAD} }};'
    assert found(f"{PERMIT} {permit}", "inventory-outage") == []
    assert found(
        f'@id("all") permit {ALL} when {{ context.platform == "win" }}; {permit}', "inventory-outage"
    )


def test_thousands_of_groups_are_compared_at_once() -> None:
    """Each with those that differ by a letter, and not with all."""
    groups = ", ".join(f'ClientVpn::Group::"department-{n}-{"x" * (n % 40)}"' for n in range(2000))
    text = (
        f'@id("x") permit {ALL} when {{ principal in [{groups}, ClientVpn::Group::"departmnet-7-xxxxxxx"] }};'
    )
    (finding,) = [each for each in lint(Policies.from_string(text)) if each.rule == "similar-name"]
    assert finding.message.startswith('the group "departmnet-7-xxxxxxx" is not "department-7-xxxxxxx"')


def test_every_lint_has_cases() -> None:
    """The names are stable: users switch lints off with them. Those of proofs are with the prover."""
    assert {*CASES, *EXACT, "expired", "unknown-group", "unused-network"} == set(LINTS)


@pytest.mark.parametrize(
    ("condition", "unused"),
    [
        ("true", ["home", "office"]),
        ('context.networks.contains("office")', ["home"]),
        ('context.networks.containsAny(["home", "office"])', []),
        ('["home"].containsAny(context.networks)', ["office"]),
        ("context.networks.isEmpty()", []),
        ('context.networks.contains("office") || context.networks == context.waivers', []),
    ],
)
def test_lists_of_networks_that_no_policy_reads_are_found(condition: str, unused: list[str]) -> None:
    """They would change nothing; by what names no list, any may be read."""
    policies = Policies.from_string(
        f'{PERMIT} @id("x") {TOLD} forbid {ALL} when {{ {condition} }};',
        networks={"office": ["198.51.100.0/24"], "home": ["203.0.113.7"]},
    )
    found = [each for each in lint(policies) if each.rule == "unused-network"]
    assert [each.file for each in found] == [f"<networks {name}>" for name in unused]
    assert [each for each in lint(policies, ignore=["unused-network"]) if each.rule == "unused-network"] == []


@pytest.mark.parametrize(("name", "text"), [(name, text) for name in CASES for text in CASES[name][0]])
def test_a_lint_finds_what_it_is_named_for(name: str, text: str) -> None:
    """A lint finds what it is named for."""
    assert found(text, name) == ["x"]


@pytest.mark.parametrize(("name", "text"), [(name, text) for name in CASES for text in CASES[name][1]])
def test_a_lint_is_silent_about_what_is_meant(name: str, text: str) -> None:
    """A lint is silent about what is meant."""
    assert found(text, name) == []


@pytest.mark.parametrize("name", CASES)
def test_can_be_switched_off(name: str) -> None:
    """Each lint can be switched off by its name, and no other with it."""
    policies = Policies.from_string(CASES[name][0][0], custom="{ riskScore: Long }")
    everything, without = lint(policies), lint(policies, ignore=[name])
    assert without == [finding for finding in everything if finding.rule != name]
    assert len(without) < len(everything)


def test_fails_with_an_unknown_name() -> None:
    """A misspelt name would switch nothing off, so it is refused."""
    with pytest.raises(ValueError, match='there is no lint "never"; there are forbid-without-message'):
        lint(Policies.from_string(PERMIT), ignore=["never"])


def test_warnings_are_not_errors() -> None:
    """A lint is a warning, at the place of the policy."""
    (finding,) = lint(Policies.from_string(f'{PERMIT}\n  @id("x") forbid {ALL};', name="p.cedar"))
    assert (finding.severity, finding.file, finding.line, finding.column) == ("warning", "p.cedar", 2, 3)


def test_unparsable_policies_hide_no_others() -> None:
    """An unparsable policy is passed over; the rest is looked at."""
    findings = lint(Policies.from_string(f'@id("x") forbid {ALL}; permit ('))
    assert [finding.rule for finding in findings] == ["forbid-without-message"]


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        (f'forbid {ALL} when {{ principal == ClientVpn::User::"Bob" }}', "; write {}"),
        (f'forbid {ALL} unless {{ principal != ClientVpn::User::"Bob" }}', "; write !({})"),
        ('forbid (principal == ClientVpn::User::"Bob", action, resource)', "; write when {{ {} }}"),
    ],
)
def test_the_advice_means_the_same(text: str, advice: str) -> None:
    """The recommended text in place of a user's exact name denies the same user."""
    (finding,) = lint(Policies.from_string(f'{PERMIT} @id("x") {TOLD} {text};'))
    assert finding.message.endswith(advice.format('context has username && context.username == "bob"'))


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        (
            'context.inventory == "unavaliable" || context.inventory == "unavaliable"',
            'context.inventory is never "unavaliable"; it is "disabled", "known", "unknown" or "unavailable"',
        ),
        (
            'context.platform == "macos"',
            'context.platform is never "macos", which no client calls itself; write "mac"',
        ),
        (
            'context.platform == "Windows"',
            'context.platform is in lower case and never equals "Windows"; write "win"',
        ),
        (
            "context.time.minuteOfDay < 1930",
            f"{_MINUTES}, so context.time.minuteOfDay < 1930 is always true; 19:30 is 1170",
        ),
        (
            "2599 < context.time.minuteOfDay",
            f"{_MINUTES}, so 2599 < context.time.minuteOfDay is always false",
        ),
        ("context.time.weekday == 0", "context.time.weekday is 1 (Monday) to 7 (Sunday), and never 0"),
        (
            "context.time.minuteOfDay <= 1440",
            f"{_MINUTES}, so context.time.minuteOfDay <= 1440 is always true",
        ),
    ],
)
def test_says_what_is_possible(condition: str, message: str) -> None:
    """The message has what may be written instead, once for each value."""
    findings = lint(Policies.from_string(f'@id("x") permit {ALL} when {{ {condition} }};'))
    assert [finding.message for finding in findings] == [message]


@pytest.mark.parametrize("address", ["999.0.0.1", "192.0.2.0/33", "x", "", "::ffff:192.0.2.0/120"])
def test_an_address_that_is_none_is_an_error_of_the_check(address: str) -> None:
    """And no exception of a lint."""
    policies = Policies.from_string(f'@id("x") permit {ALL} when {{ context.publicIp == ip("{address}") }};')
    assert "type" in [each.rule for each in check(policies)]
    lint(policies)


def test_proposes_the_waiver_that_is_near() -> None:
    """A typo in a waiver is named with the id that was meant; an id that nothing resembles, without one."""
    text = f'@id("not-compliant") permit {ALL} unless {{ context.waivers.containsAny(["not-complaint", "zzz"]) }};'
    near, other = (finding.message for finding in lint(Policies.from_string(text)))
    assert near.endswith('no policy has the id "not-complaint"; write "not-compliant"')
    assert other.endswith('no policy has the id "zzz"; write the @id of the policy that is waived')


def test_a_waiver_of_a_policy_with_an_error_is_known() -> None:
    """One mistake is one finding."""
    text = (
        f'@id("x") permit {ALL} unless {{ context.waivers.contains("y") }}; @id("y") forbid {ALL} when {{ ;'
    )
    assert lint(Policies.from_string(text)) == []


class TestCommand:
    """`client-connect check`."""

    @staticmethod
    def run(*arguments: object) -> tuple[int, str, str]:
        """Run the command; return its status, output and errors."""
        result = CliRunner().invoke(main, ["check", *map(str, arguments)])
        return result.exit_code, result.stdout, result.stderr

    @pytest.fixture
    def policies(self, tmp_path: Path) -> Path:
        """A file with an error and a doubtful policy."""
        path = tmp_path / "vpn.cedar"
        path.write_text(
            f'{PERMIT}\n@id("x") forbid {ALL};\n@id("y") {TOLD} forbid {ALL} when {{ context.a }};\n'
        )
        return path

    def test_sound_policies_are_counted(self, tmp_path: Path) -> None:
        """Of sound policies it is said how many there are."""
        (tmp_path / "vpn.cedar").write_text(PERMIT)
        assert self.run(tmp_path) == (0, "1 policy: nothing found\n", "")

    def test_findings_are_printed_line_by_line_with_status_1(self, policies: Path) -> None:
        """Errors and warnings are printed line by line, with what they are about, and the status is 1."""
        status, output, _ = self.run(policies)
        warning, error, code, mark, summary = output.splitlines()
        assert status == 1
        assert warning.startswith(f"warning: {policies.as_posix()}:2:1: [x] the forbid has no @message")
        assert warning.endswith("(forbid-without-message)")
        line = policies.read_text().splitlines()[2]
        column = line.index("context.a") + 1
        assert error.startswith(f"error: {policies.as_posix()}:3:{column}: [y] attribute `a`")
        assert code == f"  3 | {line}"
        assert mark == f"    | {' ' * (column - 1)}{'^' * len('context.a')}"
        assert summary == "3 policies: 1 error and 1 warning"

    def test_json_has_the_same_findings(self, policies: Path) -> None:
        """The same as JSON."""
        status, output, _ = self.run(policies, "--json")
        assert status == 1
        assert [(each["rule"], each["policy"], each["line"]) for each in json.loads(output)] == [
            ("forbid-without-message", "x", 2),
            ("type", "y", 3),
        ]

    def test_types_of_custom_facts(self, tmp_path: Path) -> None:
        """A policy that never applies is found as at synthesis: with the types of the facts, if they are sound."""
        (tmp_path / "custom.cedarschema").write_text("{ n?: Long }")
        has = "context has custom && context.custom has n"
        (tmp_path / "vpn.cedar").write_text(
            f'{PERMIT}\n@id("x") {TOLD} forbid {ALL} when {{ context.customFacts == "unavailable" }};\n'
            f'@id("y") {TOLD} forbid {ALL} when {{ {has} && context.custom.n > 1 }};\n'
        )
        assert self.run(tmp_path) == (0, "3 policies: nothing found\n", "")
        (tmp_path / "never.cedar").write_text(
            f'@id("z") {TOLD} forbid {ALL} when {{ {has} && context.custom.n > 1 && false }};'
        )
        status, output, _ = self.run(tmp_path)
        assert (status, output.count("warning:"), "[z] the policy can never apply" in output) == (1, 1, True)
        (tmp_path / "custom.cedarschema").write_text("{ n?: Lang }")
        status, output, _ = self.run(tmp_path)
        assert (status, output.count("error:"), "(custom-schema)" in output) == (1, 1, True)

    def test_several_paths_are_one_set(self, policies: Path, tmp_path: Path) -> None:
        """An id that two files use is found."""
        other = tmp_path / "more.cedar"
        other.write_text(f'@id("x") {TOLD} forbid {ALL};')
        assert "[x] @id is already used at" in self.run(policies, other)[1]

    def test_a_lint_can_be_ignored_and_an_error_cannot(self, policies: Path) -> None:
        """A lint can be switched off; an error cannot."""
        _, output, _ = self.run(policies, "--ignore", "forbid-without-message")
        assert output.endswith("3 policies: 1 error\n")
        status, _, errors = self.run(policies, "--ignore", "type")
        assert (status, errors.splitlines()) == (
            2,
            [f'there is no lint "type"; there are {", ".join(LINTS)}'],
        )

    def test_a_path_that_is_not_there_is_named(self, tmp_path: Path) -> None:
        """A path that is not there is named."""
        status, _, errors = self.run(tmp_path / "none.cedar")
        assert status == 2
        assert "none.cedar" in errors
