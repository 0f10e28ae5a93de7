"""The value of each fact that a policy may read, in a form that can be remembered."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

from client_connect_tools.replay.deciding import reads

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Sequence

    from client_connect import Facts

    Value = Callable[[Facts], Hashable]

_LONGEST_TEXT = 1000
_MOST_GROUPS = 200  # as many as Client VPN sends


def value_of_all(names: Sequence[str]) -> Value:
    """Return what gets a hashable value from facts, on which alone the facts with these names depend."""
    values = [_value_of(name) for name in names]
    return values[0] if len(values) == 1 else lambda facts: tuple([value(facts) for value in values])


def _value_of(name: str) -> Value:
    return _VALUES.get(name) or (lambda facts: remembered(facts.cedar_request()["context"].get(name)))


def remembered(value: object) -> Hashable:
    """Return a value as text, or the digest of a long text: thousands of values are kept."""
    text = repr(value)
    return text if len(text) <= _LONGEST_TEXT else sha256(text.encode("utf-8", "surrogatepass")).digest()


def _groups(facts: Facts) -> Hashable:
    request = facts.request
    groups = () if request.username is None else request.groups
    return groups if len(groups) <= _MOST_GROUPS else remembered(groups)


def _principal(facts: Facts) -> Hashable:
    request = facts.request
    return (None, request.common_name) if request.username is None else (request.username, None)


def _minute_of_day(facts: Facts) -> Hashable:
    local = facts.local_time
    return local.hour, local.minute


_VALUES: dict[str, Value] = {
    reads.PRINCIPAL: _principal,
    reads.GROUPS: _groups,
    reads.RESOURCE: lambda facts: facts.request.endpoint_id,
    reads.CONTEXT: lambda facts: remembered(facts.cedar_request()["context"]),
    "connectionId": lambda facts: facts.request.connection_id,
    "endpointName": lambda facts: facts.endpoint_name,
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
    "device": lambda facts: facts.device and (facts.request.common_name, remembered(facts.device)),
    "inventory": lambda facts: facts.inventory,
    "waivers": lambda facts: facts.waivers,
    "activeConnections": lambda facts: facts.active_connections,
    "custom": lambda facts: remembered(facts.custom),
    "customFacts": lambda facts: facts.custom_facts,
}
