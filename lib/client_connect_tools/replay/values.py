"""The value of each fact that a policy may read, in a form that can be remembered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from client_connect_tools.replay import reads

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from client_connect import Facts

    Value = Callable[[Facts], Hashable]


def value_of(name: str) -> Value:
    """Return what gets a hashable value from facts, on which alone the fact with that name depends."""
    return _VALUES.get(name) or (lambda facts: repr(facts.cedar_request()["context"].get(name)))


def _principal(facts: Facts) -> Hashable:
    request = facts.request
    return (None, request.common_name) if request.username is None else (request.username, None)


def _minute_of_day(facts: Facts) -> Hashable:
    local = facts.local_time
    return local.hour, local.minute


_VALUES: dict[str, Value] = {
    reads.PRINCIPAL: _principal,
    reads.GROUPS: lambda facts: () if facts.request.username is None else facts.request.groups,
    reads.RESOURCE: lambda facts: facts.request.endpoint_id,
    reads.CONTEXT: lambda facts: repr(facts.cedar_request()["context"]),
    "connectionId": lambda facts: facts.request.connection_id,
    "platform": lambda facts: facts.request.platform,
    "platformVersion": lambda facts: facts.request.platform_version,
    "os": lambda facts: (facts.request.platform, facts.request.platform_version),
    "openvpn": lambda facts: facts.request.client_openvpn_version,
    "awsClient": lambda facts: facts.request.aws_client_version,
    "publicIp": lambda facts: facts.request.public_ip,
    "networks": lambda facts: facts.networks,
    "time.now": lambda facts: facts.now,
    "time.date": lambda facts: facts.local_time.date(),
    "time.month": lambda facts: facts.local_time.month,
    "time.day": lambda facts: facts.local_time.day,
    "time.weekday": lambda facts: facts.local_time.isoweekday(),
    "time.minuteOfDay": _minute_of_day,
    "username": lambda facts: facts.request.username,
    "ownCertificate": lambda facts: (facts.request.username, facts.request.common_name),
    "ownerTags": lambda facts: (facts.request.username, repr(facts.device)),
    "commonName": lambda facts: facts.request.common_name,
    "device": lambda facts: facts.device and (facts.request.common_name, repr(facts.device)),
    "inventory": lambda facts: facts.inventory,
    "waivers": lambda facts: facts.waivers,
    "activeConnections": lambda facts: facts.active_connections,
    "custom": lambda facts: repr(facts.custom),
    "customFacts": lambda facts: facts.custom_facts,
}
