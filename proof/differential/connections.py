"""Random connections, each described twice: as Client VPN and the tables describe it, and as a policy sees it.

The facts of a policy are written here from the documentation (docs/policies.md, docs/devices.md and AWS's table of the
event's fields), and never computed by the handler's own code. To cover a new fact, add what the handler is given of it
to ``Connection`` and what a policy sees of it to ``DOCUMENTED``; a fact that the schema does not declare is left out.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from client_connect import ConnectionRequest, Device, Facts, OsVersion
from client_connect.networks import Networks
from client_connect_tools.files.networks import lists_given, packed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from random import Random

# How a client spells its system, and what a policy sees of it as context.os.
WINDOWS: dict[str, dict[str, int] | None] = {
    "10.0 64bit": {"major": 10, "minor": 0},
    "6.1 32bit": {"major": 6, "minor": 1},
    "10.0, amd64 executable": {"major": 10, "minor": 0},
    "6.1, i386 executable running on amd64 host": {"major": 6, "minor": 1},
    "10.0.22631,amd64": {"major": 10, "minor": 0, "build": 22631},
    "10.0.19045,arm64": {"major": 10, "minor": 0, "build": 19045},
    "6.1_64bit": {"major": 6, "minor": 1},
    "10.0,_amd64_executable": {"major": 10, "minor": 0},
    "6.1,_i386_executable_running_on_amd64_host": {"major": 6, "minor": 1},
    "10.0": {"major": 10, "minor": 0},
    "10.0.19045": {"major": 10, "minor": 0, "build": 19045},
    "unknown": None,
    "": None,
}
# How a client spells its own version, and what a policy sees of it.
CLIENTS: dict[str, dict[str, int] | None] = {
    "2.6.12": {"major": 2, "minor": 6, "patch": 12},
    "2.7.0": {"major": 2, "minor": 7, "patch": 0},
    "3.10.1": {"major": 3, "minor": 10, "patch": 1},
    "5.2.1": {"major": 5, "minor": 2, "patch": 1},
    "2.6_rc2": {"major": 2, "minor": 6, "patch": 0},
    "3.git::3e56f9a6": None,
    "git": None,
    "": None,
}
ADDRESSES = {
    "198.51.100.7": "198.51.100.7",
    "10.1.2.3": "10.1.2.3",
    "::ffff:198.51.100.8": "198.51.100.8",
    "2001:db8::17": "2001:db8::17",
    "::1": "::1",
}
NETWORKS = {
    "office": ["198.51.100.0/29", "2001:db8::/32"],
    "home": ["198.51.100.7/32"],
    "ten": ["10.0.0.0/8"],
}
_TABLE = Networks(packed(lists_given(NETWORKS)) or b"")
USERS = ("bob", "Bob", "ALICE@example.com", "\u00c4nne", 'quo"te', "back\\slash", "\U0001f600", "")
GROUPS = ("staff", "contractors", "Domain Users", 'quo"te', "\u6771\u4eac")
DEVICES = ("laptop-1", "Laptop-2", "\u00fcbermut", "BOB", "alice@example.com", "")
PLATFORMS = ("win", "Win", "mac", "linux", "android", "")
ENDPOINTS = ("cvpn-endpoint-0123456789abcdef0", "cvpn-endpoint-2")
ZONES = ("UTC", "Europe/Berlin", "Asia/Seoul", "America/Los_Angeles", "Asia/Kathmandu", "Pacific/Apia")
WAIVABLE = ("policy-0", "policy-1", "policy-2")
CUSTOM = "{ riskScore: Long, vip?: Bool, labels: Set<String> }"
_FIRST = datetime(2026, 1, 1, tzinfo=UTC)
_MILLISECONDS = 3 * 365 * 86_400 * 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """One connection, as it comes to the handler.

    Attributes:
        event: What Client VPN sends.
        groups: The groups in it, in whatever form they are sent.
        now: When it comes.
        zone: The handler's time zone.
        inventory: What the device inventory says.
        device: Its device, by the names of the inventory's items, when it is known.
        waivers: The ids of the waived policies.
        active_connections: The user's open connections, where they are counted.
        endpoint_name: The name of the endpoint, where it has one.
        custom: What a module of extra facts says, where there is one.
    """

    event: Mapping[str, Any]
    groups: tuple[str, ...]
    now: datetime
    zone: str
    inventory: str
    device: Mapping[str, Any] | None
    waivers: tuple[str, ...]
    active_connections: int | None
    endpoint_name: str | None
    custom: Mapping[str, Any] | None

    @property
    def user(self) -> str:
        """The user name, or nothing."""
        name: str = self.event.get("username") or ""
        return name

    @property
    def certificate(self) -> str:
        """The common name, or nothing."""
        name: str = self.event.get("common-name") or ""
        return name

    @property
    def local(self) -> datetime:
        """The time on the clock of the zone."""
        return self.now.astimezone(ZoneInfo(self.zone))

    def facts(self) -> Facts:
        """Return it as the handler takes it."""
        device = self.device
        request = ConnectionRequest.from_event(self.event)
        return Facts(
            request,
            now=self.now,
            time_zone=ZoneInfo(self.zone),
            inventory=self.inventory,  # type: ignore[arg-type]
            device=None
            if device is None
            else Device(
                compliant=device.get("compliant"),
                last_seen=device.get("lastSeen"),
                os=OsVersion(**device["os"]) if "os" in device else None,
                tags=device["tags"],
            ),
            waivers=frozenset(self.waivers),
            active_connections=self.active_connections,
            endpoint_name=self.endpoint_name,
            custom_facts="disabled" if self.custom is None else "available",
            custom=self.custom,
            networks=_TABLE.names_of(request.public_ip),
        )


def random_connection(random: Random) -> Connection:
    """Make a connection that Client VPN could send."""
    user, certificate = random.choice(USERS), random.choice(DEVICES)
    if not (user or certificate):
        user = "bob"
    version = random.choice(("v1", "v2", "v3"))
    groups = tuple(random.sample(GROUPS, random.randint(0, 3))) if user and version != "v1" else ()
    event = {
        "connection-id": f"cvpn-connection-{random.randint(0, 9)}",
        "endpoint-id": random.choice(ENDPOINTS),
        "common-name": certificate,
        "username": user,
        "platform": random.choice(PLATFORMS),
        "platform-version": random.choice((*WINDOWS, "22.6.0")),
        "public-ip": random.choice(tuple(ADDRESSES)),
        "client-openvpn-version": random.choice(tuple(CLIENTS)),
        "schema-version": version,
    }
    if version != "v1":
        event["groups"] = random.choice((list(groups), json.dumps(groups), *(() if groups else (None, ""))))
    if version == "v3":
        event["aws-client-version"] = random.choice(tuple(CLIENTS))
    inventory = random.choice(
        ("disabled", "unknown", "unavailable", *(("known",) * 4 if certificate else ()))
    )
    return Connection(
        event=event,
        groups=groups,
        now=_FIRST + timedelta(milliseconds=random.randrange(_MILLISECONDS)),
        zone=random.choice(ZONES),
        inventory=inventory,
        device=_device(random) if inventory == "known" else None,
        waivers=tuple(sorted(random.sample(WAIVABLE, random.choice((0, 0, 1, 2))))),
        active_connections=random.choice((None, 0, 1, 5, 2**62)),
        endpoint_name=random.choice((None, "prod", "dev")),
        custom=None if random.random() < 0.3 else _custom(random),
    )


def _device(random: Random) -> dict[str, Any]:
    device: dict[str, Any] = {
        "tags": dict.fromkeys(random.sample(("owner", "team"), random.randint(0, 2)), "bob")
    }
    if random.random() < 0.7:
        device["compliant"] = random.random() < 0.5
    if random.random() < 0.7:
        device["lastSeen"] = _FIRST + timedelta(milliseconds=random.randrange(_MILLISECONDS))
    if random.random() < 0.7:
        device["os"] = {"major": 10, "minor": random.randint(0, 1), "build": random.choice((19045, 22631))}
    return device


def _custom(random: Random) -> dict[str, Any]:
    custom: dict[str, Any] = {
        "riskScore": random.choice((0, 79, 80, 2**62)),
        "labels": random.sample(("new", "lost"), random.randint(0, 2)),
    }
    return custom | ({"vip": random.random() < 0.5} if random.random() < 0.5 else {})


def _absent_if_empty(name: str) -> Callable[[Connection], str | None]:
    return lambda connection: connection.event.get(name) or None


def _os(connection: Connection) -> dict[str, int] | None:
    windows = connection.event["platform"].lower() == "win"
    return WINDOWS.get(connection.event["platform-version"]) if windows else None


def _is_user(connection: Connection, name: str) -> bool:
    return connection.user != "" and connection.user.lower() == name.lower()


def _owner_tags(connection: Connection) -> list[str]:
    tags = connection.device["tags"] if connection.device else {}
    return sorted(name for name, value in tags.items() if _is_user(connection, value))


def _networks(connection: Connection) -> list[str]:
    address = ip_address(ADDRESSES[connection.event["public-ip"]])
    address = getattr(address, "ipv4_mapped", None) or address
    return [name for name, lists in NETWORKS.items() if any(address in ip_network(each) for each in lists)]


def _time(connection: Connection) -> dict[str, Any]:
    local = connection.local
    return {
        "now": _instant(connection.now),
        "weekday": (local.date() - datetime(2024, 1, 1).date()).days % 7 + 1,  # noqa: DTZ001 - a Monday
        "minuteOfDay": local.hour * 60 + local.minute,
        "date": f"{local.year:04}-{local.month:02}-{local.day:02}",
        "month": local.month,
        "day": local.day,
    }


def _instant(time: datetime) -> dict[str, Any]:
    text = time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{time.microsecond // 1000:03}Z"
    return {"__extn": {"fn": "datetime", "arg": text}}


def _device_entity(connection: Connection) -> dict[str, str]:
    return {"type": "ClientVpn::Device", "id": connection.certificate}


# The context that a policy sees. None is absent.
DOCUMENTED: dict[str, Callable[[Connection], Any]] = {
    "connectionId": lambda connection: connection.event["connection-id"],
    "platform": lambda connection: connection.event["platform"].lower(),
    "platformVersion": _absent_if_empty("platform-version"),
    "os": _os,
    "publicIp": lambda connection: {"__extn": {"fn": "ip", "arg": ADDRESSES[connection.event["public-ip"]]}},
    "openvpn": lambda connection: CLIENTS[connection.event["client-openvpn-version"]],
    "awsClient": lambda connection: CLIENTS[connection.event.get("aws-client-version", "")],
    "time": _time,
    "username": lambda connection: connection.user.lower() or None,
    "commonName": _absent_if_empty("common-name"),
    "device": lambda connection: connection.device and {"__entity": _device_entity(connection)},
    "inventory": lambda connection: connection.inventory,
    "waivers": lambda connection: list(connection.waivers),
    "endpointName": lambda connection: connection.endpoint_name,
    "activeConnections": lambda connection: connection.active_connections,
    "networks": _networks,
    "ownCertificate": lambda connection: _is_user(connection, connection.certificate),
    "ownerTags": _owner_tags,
    "custom": lambda connection: connection.custom,
    "customFacts": lambda connection: "disabled" if connection.custom is None else "available",
}


def documented_request(connection: Connection, schema: str) -> dict[str, Any]:
    """Return the request for Cedar that the documentation describes."""
    declared = set(re.findall(r"(\w+)\??:", schema))
    context = {name: seen(connection) for name, seen in DOCUMENTED.items() if name in declared}
    context["time"] = {name: value for name, value in context["time"].items() if name in declared}
    user = {"type": "ClientVpn::User", "id": connection.user}
    parents = [{"type": "ClientVpn::Group", "id": name} for name in connection.groups]
    entities = [{"uid": user, "attrs": {}, "parents": parents}] if connection.user else []
    if (device := connection.device) is not None:
        attributes = {name: device[name] for name in ("compliant", "os") if name in device}
        if "lastSeen" in device:
            attributes["lastSeen"] = _instant(device["lastSeen"])
        uid = _device_entity(connection)
        entities.append({"uid": uid, "attrs": attributes, "parents": [], "tags": device["tags"]})
    return {
        "principal": user if connection.user else _device_entity(connection),
        "action": {"type": "ClientVpn::Action", "id": "connect"},
        "resource": {"type": "ClientVpn::Endpoint", "id": connection.event["endpoint-id"]},
        "context": {name: value for name, value in context.items() if value is not None},
        "entities": entities,
    }
