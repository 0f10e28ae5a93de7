"""Connections of every kind, and each of them as a condition in Cedar that no other one meets."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import cedarpy

from client_connect import ConnectionRequest, Device, Facts, OsVersion
from client_connect.names import lower_case
from client_connect_tools.cedar.quoting import quote
from client_connect_tools.policies import Policies

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from random import Random

    from client_connect import Authorizer

CUSTOM = (
    "{ risk: Long, vip?: Bool, tier?: String, labels: Set<String>, since?: datetime, grace?: duration, "
    "client: Version, nested: { deep?: Long } }"
)
NETWORKS = {"office": ["203.0.113.0/24", "2001:db8::/32"], "home": ["203.0.113.7/32"]}
GROUPS = ("staff", "ops", "bob")
TAGS = ("owner", "zone", "win")
MOMENTS = (
    "2026-12-01T00:00:00Z",
    "2026-12-05T22:00:00Z",
    "1969-06-01T00:00:00.001Z",
    "2028-02-29T23:59:59.999Z",
    "2100-03-01T00:00:00Z",
    "2026-03-29T01:30:00Z",
    "0001-02-01T00:00:00Z",
)
TEXTS = (
    "win",
    "mac",
    "bob",
    "Bob",
    "bob@x.com",
    "LAP-1",
    "p1",
    "p2",
    "",
    "a*b",
    "gold",
    "10.0 64bit",
    "2026-12-01",
)
ADDRESSES = (
    "203.0.113.7",
    "203.0.113.200",
    "127.0.0.1",
    "::1",
    "2001:db8::5",
    "ff02::1",
    "224.0.0.1",
    "8.8.8.8",
)
LONGS = (0, 1, -1, 10, 2**63 - 1, -(2**63), 2**63 - 10)
ZONES = (UTC, ZoneInfo("Europe/Berlin"), ZoneInfo("Asia/Kathmandu"))
VERSIONS = ("10.0.22631,amd64", "10.0 64bit", "22.6.0", "10.0zzz", "10.0", "0.0", "a*b", None)


def random_facts(random: Random, *, zone: Any = None) -> Facts:
    """Make a connection, mostly of boundary values."""

    def perhaps(value: Any) -> Any:
        return value if random.random() < 0.6 else None

    user = perhaps(random.choice(("bob", "Bob", "BOB", "bob@x.com", "Ann@x.com", "eve", "win", "\u212aim")))
    name = perhaps(random.choice(("LAP-1", "LAP-2", "other", "bob", "BOB"))) if user else "LAP-1"
    inventory = random.choice(
        ("known", "known", "disabled", "unknown", "unavailable") if name else ("disabled", "unknown")
    )
    now = datetime.fromisoformat(random.choice(MOMENTS)) + timedelta(
        milliseconds=random.choice((0, 0, 1, 3_600_000, 86_400_000, random.randint(0, 10**10)))
    )
    available = random.random() < 0.6
    return Facts(
        ConnectionRequest(
            connection_id=random.choice(("p1", "cvpn-connection-1")),
            endpoint_id=random.choice(("cvpn-endpoint-0123456789abcdef0", "e2")),
            platform=random.choice(("win", "Win", "mac", "linux", "")),
            public_ip=ip_address(random.choice(ADDRESSES)),
            common_name=name,
            username=user,
            platform_version=random.choice(VERSIONS),
            client_openvpn_version=perhaps(random.choice(("2.6.0", "2.5", "3.9.1", "x"))),
            groups=tuple(each for each in (*GROUPS, "zzz") if random.random() < 0.4) if user else (),
            aws_client_version=perhaps(random.choice(("5.2.1", "3"))),
        ),
        now=now,
        time_zone=zone or random.choice(ZONES),
        inventory=inventory,  # type: ignore[arg-type] # one of them
        device=_device(random, now) if inventory == "known" else None,
        waivers=frozenset(each for each in ("p1", "p2", "zzz") if random.random() < 0.3),
        active_connections=perhaps(random.choice((0, 1, 5, 2**63 - 1))),
        endpoint_name=perhaps(random.choice(("prod", "p1"))),
        custom_facts="available" if available else random.choice(("disabled", "unavailable")),
        custom=_custom(random) if available else None,
    )


def _device(random: Random, now: datetime) -> Device:
    return Device(
        compliant=random.choice((True, False, None)),
        last_seen=random.choice((now, now + timedelta(days=14), datetime(2026, 11, 17, tzinfo=UTC), None)),
        os=random.choice((OsVersion(10, 0, 22631), OsVersion(11, 1), None)),
        tags={each: random.choice((*TEXTS, "bob", "bob", "Bob")) for each in TAGS if random.random() < 0.5},
    )


def _custom(random: Random) -> dict[str, Any]:
    custom: dict[str, Any] = {
        "risk": random.choice(LONGS),
        "labels": sorted({random.choice(TEXTS) for _ in range(random.randint(0, 3))}),
        "client": {"major": 2, "minor": random.choice((0, 6)), "patch": 0},
        "nested": {"deep": random.choice(LONGS)} if random.random() < 0.5 else {},
    }
    if random.random() < 0.5:
        custom |= {"vip": random.random() < 0.5, "tier": random.choice(TEXTS)}
    if random.random() < 0.5:
        custom["since"] = {"__extn": {"fn": "datetime", "arg": random.choice(MOMENTS)}}
        custom["grace"] = {"__extn": {"fn": "duration", "arg": random.choice(("1d", "-1ms", "0ms"))}}
    return custom


def applying(authorizer: Authorizer, facts: Facts) -> tuple[set[str], set[str]]:
    """Return which policies apply, all of them permits, and which err, as the engine says."""
    facts = authorizer.located(facts)
    result = cedarpy.is_authorized(
        facts.cedar_request(), authorizer.policies.enforced, facts.cedar_entities(), authorizer._schema
    )
    erred = {
        id_
        for id_ in authorizer.policies.by_id
        if any(f"`{id_}`" in each for each in result.diagnostics.errors)
    }
    return set(result.diagnostics.reasons), erred


def permits(conditions: Sequence[str]) -> Policies:
    """Return a permit for each condition: p0, p1 and so on."""
    text = "\n".join(
        f'@id("c{number}") permit (principal, action, resource) when {{ {each} }};'
        for number, each in enumerate(conditions)
    )
    return Policies.from_string(text, custom=CUSTOM, networks=NETWORKS)


def described(facts: Facts, *, texts: bool = True) -> list[str]:
    """Return conditions that the connection meets, and no other one that a policy could distinguish.

    Args:
        facts: The connection.
        texts: Whether its texts are among them; without, the conditions have no texts that it has.
    """
    return [*_numbers(facts), *(_texts(facts) if texts else ())]


def _numbers(facts: Facts) -> Iterator[str]:
    local, context = facts.local_time, facts.cedar_request()["context"]
    yield f"context.time.now == {_moment(facts.now)}"
    yield f"context.time.weekday == {local.isoweekday()}"
    yield f"context.time.minuteOfDay == {local.hour * 60 + local.minute}"
    yield f'context.time.date == "{local.date().isoformat()}"'
    yield f"context.time.month == {local.month} && context.time.day == {local.day}"
    yield f'context.publicIp == ip("{facts.request.public_ip}")'
    for name in ("username", "commonName", "platformVersion", "device", "endpointName"):
        yield f"context has {name}" if name in context else f"!(context has {name})"
    for name in ("os", "openvpn", "awsClient"):
        yield _optional(f"context has {name}", f"context.{name}", context.get(name))
    yield _optional(
        "context has activeConnections", "context.activeConnections", context.get("activeConnections")
    )
    yield from (f"context.{name} == {quote(context[name])}" for name in ("inventory", "customFacts"))
    if facts.device is not None:
        device, has = facts.device, "context has device && context.device has"
        yield _optional(f"{has} compliant", "context.device.compliant", device.compliant)
        yield _optional(f"{has} os", "context.device.os", device.os and device.os.to_record())
        yield _optional(f"{has} lastSeen", "context.device.lastSeen", device.last_seen)
    if facts.custom is not None:
        yield from _custom_numbers(facts.custom)


def _custom_numbers(custom: dict[str, Any] | Any) -> Iterator[str]:
    yield f"context has custom && context.custom.risk == {_long(custom['risk'])}"
    yield f"context has custom && context.custom.client == {_written(custom['client'])}"
    yield _optional(
        "context has custom && context.custom.nested has deep",
        "context.custom.nested.deep",
        custom["nested"].get("deep"),
    )
    for name in ("vip", "since", "grace"):
        yield _optional(
            f"context has custom && context.custom has {name}", f"context.custom.{name}", custom.get(name)
        )


def _texts(facts: Facts) -> Iterator[str]:
    request, context = facts.request, facts.cedar_request()["context"]
    kind, id_ = ("User", request.username) if request.username else ("Device", request.common_name)
    yield f"principal == ClientVpn::{kind}::{quote(id_ or '')}"
    yield f"resource == ClientVpn::Endpoint::{quote(request.endpoint_id)}"
    yield f"context.platform == {quote(lower_case(request.platform))}"
    yield f"context.connectionId == {quote(request.connection_id)}"
    for name in ("username", "commonName", "platformVersion"):
        if name in context:
            yield f"context has {name} && context.{name} == {quote(context[name])}"
    for group in GROUPS:
        yield f"{'' if group in request.groups else '!'}(principal in ClientVpn::Group::{quote(group)})"
    yield f"context.waivers == {_written(sorted(facts.waivers))}"
    for tag in (*TAGS, "mac", "linux", "") if facts.device is not None else ():
        yield _optional(
            f"context has device && context.device.hasTag({quote(tag)})",
            f"context.device.getTag({quote(tag)})",
            facts.device.tags.get(tag) if facts.device else None,
        )
    if facts.custom is not None:
        yield f"context has custom && context.custom.labels == {_written(facts.custom['labels'])}"
        tier = facts.custom.get("tier")
        yield _optional("context has custom && context.custom has tier", "context.custom.tier", tier)


def _optional(has: str, read: str, value: object) -> str:
    return f"!({has})" if value is None else f"{has} && {read} == {_written(value)}"


def _written(value: object) -> str:  # noqa: PLR0911 - one for each type
    match value:
        case bool():
            return str(value).lower()
        case int():
            return _long(value)
        case str():
            return quote(value)
        case datetime():
            return _moment(value)
        case list():
            return f"[{', '.join(map(_written, value))}]"
        case {"__extn": {"fn": function, "arg": arg}}:
            return f"{function}({quote(arg)})"
        case dict():
            return f"{{ {', '.join(f'{name}: {_written(each)}' for name, each in value.items())} }}"
    raise TypeError(value)


def _long(number: int) -> str:
    return f"({number})" if number < 0 else str(number)


def _moment(time: datetime) -> str:
    text = time.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00")
    return f'datetime("{text}Z")'
