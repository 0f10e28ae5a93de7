"""Where a connection comes from, what is known of the device, and what else policies ask about."""

from __future__ import annotations

import re
from datetime import timedelta
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, Any

from cedarpy import pst

from client_connect import OsVersion
from client_connect_tools.cedar.nodes import device_fact, path
from client_connect_tools.files.networks import address_in_just
from client_connect_tools.matrix.axis import Axis, Value

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from ipaddress import IPv4Network, IPv6Network

    from client_connect_tools.cedar.constants import Constants
    from client_connect_tools.files.networks import NetworkList

_ELSEWHERE = "192.0.2.1"
_MOST_INLINE = 20
_DURATION = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+)s)?(?:(\d+)ms)?", re.ASCII)
_UNITS = ("days", "hours", "minutes", "seconds", "milliseconds")
_SOUND: dict[str, Any] = {"compliant": True, "seen-ago": timedelta(0)}


def axes(constants: Constants, networks: Sequence[NetworkList]) -> Iterator[Axis]:
    """Yield the axes of networks, devices, open connections and extra facts."""
    yield from _networks(constants, networks)
    if any(map(device_fact, constants.nodes)) or any(
        map(constants.reads, ("device", "inventory", "ownerTags"))
    ):
        yield Axis("device", tuple(_devices(constants)))
    if constants.reads("activeConnections"):
        numbers = constants.numbers("activeConnections")
        counts = sorted({0, *(each + step for each in numbers for step in (-1, 0, 1) if each + step >= 0)})
        values = (Value(str(each), {"active-connections": each}, order="count") for each in counts)
        yield Axis("open connections", (*values, Value("not counted")))
    if constants.reads("customFacts"):
        states = ("disabled", "unavailable")
        yield Axis("extra facts", tuple(Value(each, {"custom-facts": each}) for each in states))


def _networks(constants: Constants, lists: Sequence[NetworkList]) -> Iterator[Axis]:
    values: list[Value] = []
    if constants.reads("networks"):
        addresses = ((each.name, address_in_just(lists, [each.name], preferred=_ELSEWHERE)) for each in lists)
        values += [Value(name, {"public-ip": found}) for name, found in addresses if found]
    if constants.reads("publicIp"):
        inline = [ip_network(text, strict=False) for text in dict.fromkeys(constants.calls("ip"))]
        values += [_in_network(each, inline) for each in inline[:_MOST_INLINE]]
    if constants.reads("networks") or constants.reads("publicIp"):
        yield Axis("network", (Value("anywhere else", {"public-ip": _ELSEWHERE}), *values))


def _in_network(network: IPv4Network | IPv6Network, others: list[IPv4Network | IPv6Network]) -> Value:
    """Return an address of a network, and where it can be of no smaller one."""
    smaller = [
        each for each in others if each.version == network.version and each.prefixlen > network.prefixlen
    ]
    after = (ip_address(int(each[-1]) + 1) for each in smaller if each[-1] != network[-1])
    candidates = (network[0], network[-1], *after)
    free = (each for each in candidates if each in network and not any(each in other for other in smaller))
    return Value(str(network), {"public-ip": str(next(free, network[0]))})


def _devices(constants: Constants) -> Iterator[Value]:
    yield _device("compliant", _SOUND)
    yield _device("not compliant", _SOUND | {"compliant": False})
    yield _device("known, compliance not", _SOUND | {"compliant": None})
    if constants.reads("device", "lastSeen") or _of_principal(constants, "lastSeen"):
        for text, ago in _durations(constants):
            yield _device(f"compliant, seen {text} ago", _SOUND | {"seen-ago": ago})
            yield _device(
                f"compliant, seen over {text} ago", _SOUND | {"seen-ago": ago + timedelta(seconds=1)}
            )
        yield _device("compliant, never seen", _SOUND | {"seen-ago": None})
    for part in ("major", "minor", "build"):
        for number in _sides(constants.numbers("device", "os", part)):
            version = {"major": 10, "minor": 0, "build": None} | {part: number}
            os = OsVersion(version["major"] or 0, version["minor"] or 0, version["build"])
            yield _device(f"compliant, version {os}", _SOUND | {"os": os})
    for name, tag in dict.fromkeys(_tags(constants)):
        shown = "the user" if tag is None else f'"{tag}"'
        yield _device(f"compliant, {name} is {shown}", _SOUND | {"tags": {name: tag}})
    yield Value("not in the inventory", {"inventory": "unknown"})
    yield Value("while the inventory is unavailable", {"inventory": "unavailable"})


def _device(name: str, described: dict[str, Any]) -> Value:
    return Value(name, {"inventory": "known", "device": described})


def _sides(numbers: list[int]) -> list[int]:
    return sorted({each + step for each in numbers for step in (-1, 0, 1) if each + step >= 0})


def _of_principal(constants: Constants, name: str) -> bool:
    return any(each == pst.GetAttr(pst.Var("principal"), name) for each in constants.nodes)


def _durations(constants: Constants) -> Iterator[tuple[str, timedelta]]:
    for text in dict.fromkeys(constants.calls("duration")):
        if match := _DURATION.fullmatch(text):
            parts = {unit: int(number or 0) for unit, number in zip(_UNITS, match.groups(), strict=True)}
            yield text, timedelta(**parts)


def _tags(constants: Constants) -> Iterator[tuple[str, str | None]]:
    """Yield the names of tags with each text that they are compared with; with nothing for the user's name."""
    for node in constants.nodes:
        match node:
            case pst.BinaryOp(
                "eq" | "not_eq", pst.BinaryOp("get_tag", _, pst.StringLit(name)), pst.StringLit(text)
            ):
                yield name, text
            case pst.BinaryOp("contains", read, pst.StringLit(name)) if path(read) == ("ownerTags",):
                yield name, None
            case pst.BinaryOp("has_tag", _, pst.StringLit(name)):
                yield name, "anything else"
