"""Comparisons with what an attribute of the context never is."""

from __future__ import annotations

import operator
from contextlib import suppress
from datetime import date
from ipaddress import IPv6Network, ip_interface, ip_network
from typing import TYPE_CHECKING, get_args

from cedarpy import pst

from client_connect.states import CustomFactsState, Inventory
from client_connect_tools.cedar.comparisons import comparison
from client_connect_tools.cedar.nodes import path, walk
from client_connect_tools.cedar.text import expression_text
from client_connect_tools.inputs.client_spellings import OTHER_NAMES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from client_connect_tools.cedar.comparisons import Comparison

_STATES: dict[str, tuple[str, ...]] = {
    "inventory": get_args(Inventory),
    "customFacts": get_args(CustomFactsState),
}
_HOURS, _MINUTES = range(24), range(60)
NUMBERS = {"weekday": range(1, 8), "minuteOfDay": range(len(_HOURS) * len(_MINUTES))}
NUMBERS |= {"month": range(1, 13), "day": range(1, 32), "activeConnections": range(2**31)}
_BOUNDS = {
    "weekday": "1 (Monday) to 7 (Sunday)",
    "minuteOfDay": "0 to 1439, the minutes since midnight",
    "month": "1 to 12",
    "day": "1 to 31",
    "activeConnections": "0 or more",
}
# Networks that no public address is in.
_NOT_PUBLIC = tuple(
    map(
        ip_network,
        (
            *(
                "10.0.0.0/8",
                "172.16.0.0/12",
                "192.168.0.0/16",
                "100.64.0.0/10",
                "127.0.0.0/8",
                "169.254.0.0/16",
            ),
            *("fc00::/7", "fe80::/10"),
        ),
    )
)
_MAPPED = 96  # the bits before an IPv4 address in IPv6
ORDER = {
    "less": operator.lt,
    "less_eq": operator.le,
    "greater": operator.gt,
    "greater_eq": operator.ge,
}


def impossible_comparisons(template: pst.Template) -> Iterator[str]:
    """Yield what is wrong with each comparison whose outcome is always the same, and with each such value."""
    for node in walk(template):
        if isinstance(node, pst.BinaryOp) and node.op == "is_in_range":
            yield from _no_range(node)
        if not isinstance(node, pst.BinaryOp) or (compared := comparison(node)) is None:
            continue
        match path(compared.read):
            case ("inventory" | "customFacts" as name,):
                yield from _no_state(compared, name)
            case ("publicIp",):
                for text in filter(None, map(_address, compared.others)):
                    yield from _no_address(text)
            case ("platform",):
                yield from _no_platform(compared)
            case (("time", "weekday" | "minuteOfDay" | "month" | "day") | ("activeConnections",)) as names:
                text = expression_text(node)
                yield from (
                    f"context.{'.'.join(names)} is {each}"
                    for each in _out_of_range(compared, names[-1], text)
                )
            case ("time", "date"):
                yield from _no_date(compared)


def _no_range(node: pst.BinaryOp) -> Iterator[str]:
    if path(node.left) == ("publicIp",) and (text := _address(node.right)):
        yield from _no_ipv4_in_ipv6(text)
        yield from _no_public_network(text)
    elif path(node.right) == ("publicIp",) and (text := _address(node.left)):
        yield from _no_address(text, or_in=True)


def _no_address(text: str, *, or_in: bool = False) -> Iterator[str]:
    """Yield why the address of a client is never this one, or has no such network in it."""
    network = ip_network(text, strict=False)
    if network.num_addresses > 1:
        what = "has no network in it" if or_in else "is one address"
        yield f'context.publicIp {what}, and "{text}" is a network; write context.publicIp.isInRange(ip("{text}"))'
    yield from _no_ipv4_in_ipv6(text)


def _no_public_network(text: str) -> Iterator[str]:
    network = ip_network(text, strict=False)
    if any(network.version == each.version and network.subnet_of(each) for each in _NOT_PUBLIC):  # type: ignore[arg-type]
        yield (
            f'context.publicIp is never in "{text}", which is not a public network: AWS sends the address by which the '
            "client reaches the internet"
        )
    elif ip_interface(text).ip != network.network_address:
        address = ip_interface(text).ip
        yield (
            f'"{text}" is all of the network {network}, and not {address} alone; write ip("{network}"), or '
            f'ip("{address}")'
        )


def _no_ipv4_in_ipv6(text: str) -> Iterator[str]:
    network = ip_network(text, strict=False)
    if not isinstance(network, IPv6Network) or network.prefixlen < _MAPPED:
        return
    if (mapped := network.network_address.ipv4_mapped) is not None:
        usual = str(ip_network(f"{mapped}/{network.prefixlen - _MAPPED}")).removesuffix("/32")
        yield f'context.publicIp is never in "{text}", because IPv4 is not written in IPv6 there; write ip("{usual}")'


def _address(node: pst.Expr) -> str:
    """Return the text of an address or network that is written out, if it is one."""
    match node:
        case pst.UnaryOp("ip", pst.StringLit(text)):
            with suppress(ValueError):
                return str(ip_network(text, strict=False)) and text
    return ""


def _no_state(compared: Comparison, name: str) -> Iterator[str]:
    *others, last = (f'"{state}"' for state in _STATES[name])
    for value in compared.literals:
        if value not in _STATES[name]:
            yield f'context.{name} is never "{value}"; it is {", ".join(others)} or {last}'


def _no_platform(compared: Comparison) -> Iterator[str]:
    for value in compared.literals:
        if name := OTHER_NAMES.get(str(value)):
            yield f'context.platform is never "{value}", which no client calls itself; write "{name}"'


def _no_date(compared: Comparison) -> Iterator[str]:
    for value in compared.literals:
        try:
            is_date = isinstance(value, str) and date.fromisoformat(value).isoformat() == value
        except ValueError:
            is_date = False
        if not is_date:
            yield f'context.time.date is never "{value}"; write a date such as "2026-12-25"'


def _out_of_range(compared: Comparison, name: str, text: str) -> Iterator[str]:
    values = NUMBERS[name]
    bounds = _BOUNDS[name]
    for value in compared.literals:
        if not isinstance(value, int):
            continue
        if compared.op not in ORDER:
            if value not in values:
                yield f"{bounds}, and never {value}{_time_of_day(name, value)}"
        elif (always := outcome_of_all(compared.op, value, values)) is not None:
            outcome = "true" if always else "false"
            yield f"{bounds}, so {text} is always {outcome}{_time_of_day(name, value)}"


def outcome_of_all(op: str, value: int, values: range) -> bool | None:
    """Return the outcome of a comparison that every value has; nothing for the bounds themselves, which are clear."""
    first, last = (ORDER[op](each, value) for each in (values[0], values[-1]))
    at_a_bound = (op, value) in (
        ("less", values.stop),
        ("less_eq", values[-1]),
        ("greater", values[0] - 1),
        ("greater_eq", values[0]),
    )
    return None if first is not last or at_a_bound else first


def _time_of_day(name: str, value: int) -> str:
    hour, minute = divmod(value, 100)
    # The stop is midnight in minutes already, and not twenty to three.
    if name == "minuteOfDay" and value != NUMBERS[name].stop and hour in _HOURS and minute in _MINUTES:
        return f"; {hour:02}:{minute:02} is {hour * len(_MINUTES) + minute}"
    return ""
