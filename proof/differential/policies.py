"""Random policies over everything that a policy can see; some err, some are in shadow mode."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from proof.differential.connections import DEVICES, ENDPOINTS, GROUPS, USERS

if TYPE_CHECKING:
    from random import Random


@dataclass(frozen=True, slots=True)
class RandomPolicy:
    """A policy.

    Attributes:
        id: Its ``@id``.
        effect: ``permit`` or ``forbid``.
        shadow: Whether it is in shadow mode.
        text: The whole.
    """

    id: str
    effect: str
    shadow: bool
    text: str


def random_policies(random: Random) -> list[RandomPolicy]:
    """Make some policies."""
    return [_policy(random, number) for number in range(random.randint(1, 6))]


def _policy(random: Random, number: int) -> RandomPolicy:
    id_, shadow = f"policy-{number}", random.random() < 0.25
    effect = random.choice(("permit", "permit", "forbid"))
    clauses = "".join(
        f" {random.choice(('when', 'when', 'unless'))} {{ {_condition(random, 3)} }}"
        for _ in range(random.randint(0, 2))
    )
    annotations = f'@id("{id_}")' + (" @shadow" if shadow else "")
    scope = f"{_principal(random)}, action, {_resource(random)}"
    return RandomPolicy(id_, effect, shadow, f"{annotations} {effect} ({scope}){clauses};")


def _principal(random: Random) -> str:
    return random.choice((
        *("principal",) * 6,
        "principal is ClientVpn::User",
        "principal is ClientVpn::Device",
        f"principal in ClientVpn::Group::{_text(random.choice(GROUPS))}",
        f"principal is ClientVpn::User in ClientVpn::Group::{_text(random.choice(GROUPS))}",
        f"principal == ClientVpn::User::{_text(random.choice(USERS))}",
        f"principal == ClientVpn::Device::{_text(random.choice(DEVICES))}",
    ))  # fmt: skip


def _resource(random: Random) -> str:
    endpoint = f"resource == ClientVpn::Endpoint::{_text(random.choice(ENDPOINTS))}"
    return random.choice((*("resource",) * 4, endpoint))


def _condition(random: Random, depth: int) -> str:
    if not depth or random.random() < 0.4:
        return _atom(random)
    left, right = _condition(random, depth - 1), _condition(random, depth - 1)
    return random.choice((
        f"({left}) && ({right})",
        f"({left}) || ({right})",
        f"!({left})",
        f"if {_atom(random)} then ({left}) else ({right})",
    ))  # fmt: skip


def _atom(random: Random) -> str:
    """Return a test. Where an attribute may be absent, it is mostly guarded, and sometimes not: then it may err."""
    optional, test = _OPTIONAL[random.randrange(len(_OPTIONAL))]
    if random.random() < 0.5:
        return _filled(random, random.choice(_TESTS))
    guard = "" if random.random() < 0.15 else f"{optional} && "
    return f"({guard}{_filled(random, test)})"


def _filled(random: Random, test: str) -> str:
    return (
        test
        .replace("USER", _text(random.choice(USERS).lower()))
        .replace("GROUP", f"ClientVpn::Group::{_text(random.choice(GROUPS))}")
        .replace("CERTIFICATE", _text(random.choice(DEVICES)))
        .replace("WAIVED", _text(f"policy-{random.randint(0, 5)}"))
        .replace("SMALL", str(random.randint(0, 12)))
        .replace("MINUTE", str(random.randint(0, 1439)))
        .replace("BUILD", str(random.choice((19045, 22000, 22631))))
        .replace("COMPARED", random.choice(("<", "<=", ">", ">=", "==", "!=")))
        .replace("DATE", f"2027-{random.randint(1, 12):02}-{random.randint(1, 28):02}")
    )  # fmt: skip


def _text(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


_TESTS = (
    'context.platform == "win"',
    'context.platform like "*n*"',
    '["mac", "linux"].contains(context.platform)',
    'context.publicIp.isInRange(ip("198.51.100.0/29"))',
    'context.publicIp.isInRange(ip("2001:db8::/32"))',
    "context.publicIp.isIpv4()",
    "context.publicIp.isLoopback()",
    "context.time.weekday COMPARED SMALL",
    "context.time.minuteOfDay COMPARED MINUTE",
    'context.time.now COMPARED datetime("DATE")'.replace("COMPARED", "<"),
    'context.time.now.durationSince(datetime("DATE")) > duration("1d")',
    'context.time.now.toTime() >= duration("12h")',
    'context.inventory == "known"',
    'context.inventory == "unavailable"',
    "context.waivers.contains(WAIVED)",
    "context.waivers.isEmpty()",
    'context.customFacts == "available"',
    "context.ownCertificate",
    'context.ownerTags.contains("owner")',
    'context.networks.contains("office")',
    'context.networks.containsAny(["home", "ten"])',
    'context.time.date COMPARED "DATE"'.replace("COMPARED", "=="),
    "context.time.month COMPARED SMALL",
    "context.time.day COMPARED SMALL",
    'context.connectionId like "*-3"',
    "principal in GROUP",
    "principal is ClientVpn::Device",
    "true",
)
_OPTIONAL = (
    ("context has os", "context.os.major COMPARED SMALL"),
    ("context has os && context.os has build", "context.os.build COMPARED BUILD"),
    ("context has platformVersion", 'context.platformVersion like "*64*"'),
    ("context has openvpn", "context.openvpn.minor COMPARED SMALL"),
    ("context has awsClient", "context.awsClient.patch COMPARED SMALL"),
    ("context has username", "context.username == USER"),
    ("context has commonName", "context.commonName == CERTIFICATE"),
    ("context has endpointName", 'context.endpointName == "prod"'),
    ("context has activeConnections", "context.activeConnections * 2 COMPARED SMALL"),
    ("context has device", "context.device == ClientVpn::Device::CERTIFICATE"),
    ("context has device && context.device has compliant", "context.device.compliant"),
    ("context has device && context.device has os", "context.device.os.minor COMPARED SMALL"),
    ("context has device && context.device has lastSeen", 'context.device.lastSeen > datetime("DATE")'),
    (
        'context has device && context.device.hasTag("owner") && context has username',
        'context.device.getTag("owner") == context.username',
    ),
    ("context has custom", "context.custom.riskScore + 1 COMPARED SMALL"),
    ("context has custom && context.custom has vip", "context.custom.vip"),
    ("context has custom", 'context.custom.labels.contains("lost")'),
)
