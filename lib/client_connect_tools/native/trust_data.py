"""What AWS documents of the data that a native authorization policy sees.

Sources: the device posture pages of the AWS Client VPN administrator guide. Names of which AWS documents no type, and
the parts of the context of which it documents no names, are here as such: nothing is guessed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Literal

import cedarpy

TrustProviderType = Literal["crowdstrike", "jamf", "jumpcloud"]
"""The device managers whose data Client VPN takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribute:
    """An attribute of the context.

    Attributes:
        type: Its Cedar type; ``Undocumented`` where AWS documents the name alone.
        values: Every value that it may have; none where that is not documented.
    """

    type: Literal["Long", "String", "Undocumented"] = "Undocumented"
    values: range | tuple[str, ...] = ()


Data = Mapping[str, "Attribute | Data"]

_SCORE = Attribute(type="Long", values=range(1, 101))
_RISK = Attribute(type="String", values=("HIGH", "MEDIUM", "LOW", "SECURE", "NOT_APPLICABLE"))
_UNTYPED = Attribute()

PROVIDERS: Mapping[TrustProviderType, Data] = {
    "crowdstrike": {
        "assessment": {"overall": _SCORE, "os": _SCORE, "sensor_config": _SCORE, "version": _UNTYPED},
        "cid": _UNTYPED,
        "platform": _UNTYPED,
        "serial_number": _UNTYPED,
    },
    "jamf": {"risk": _RISK, "groups": _UNTYPED, "osv": _UNTYPED},
    "jumpcloud": {
        "device": {"is_managed": _UNTYPED},
        "org_id": _UNTYPED,
        "system": _UNTYPED,
        "durt_id": _UNTYPED,
    },
}
"""What a policy sees of each of them, as far as AWS documents it."""

# These exist, but AWS documents none of the attributes in them.
UNDOCUMENTED = ("connection", "saml", "active-directory", "mutual-authentication")
CONTEXT: Data = {**dict(PROVIDERS.items()), **dict.fromkeys(UNDOCUMENTED, _UNTYPED)}

_HEADER = """\
// What a native authorization policy can see, as far as AWS documents it. Every attribute may be absent, so test it
// with `has` before it is read: a missing attribute is an error, and denies.
//
// Undocumented: AWS documents the name, but neither a type nor what may be in it. It is not checked.
entity Undocumented;

// Stand for the types of the principal and the resource, which AWS does not document either.
entity Principal {
  undocumented: Bool,
};
entity Endpoint;

action connect appliesTo {
  principal: [Principal],
  resource: [Endpoint],
  context: """


def documented(path: tuple[str, ...]) -> tuple[str, ...]:
    """Return as much of a path below the context as AWS documents."""
    known = 0
    data: Attribute | Data | None = CONTEXT
    while known < len(path) and isinstance(data, Mapping) and path[known] in data:
        data = data[path[known]]
        known += 1
    return path[:known]


def attribute(path: tuple[str, ...]) -> Attribute | Data | None:
    """Return what is at a path below the context; ``None`` when AWS documents no such attribute."""
    data: Attribute | Data | None = CONTEXT
    for name in path:
        data = data.get(name) if isinstance(data, Mapping) else None
    return data


@cache
def schema_text() -> str:
    """Return the Cedar schema of what is documented."""
    return f"{_HEADER}{_record(CONTEXT, '  ')},\n}};\n"


@cache
def schema() -> cedarpy.Schema:
    """Return the schema, parsed."""
    return cedarpy.Schema.from_str(schema_text())


def _record(data: Data, indent: str) -> str:
    fields = "".join(
        f"{indent}  {name if name.isidentifier() else _quoted(name)}?: {_type(value, indent + '  ')},{_values(value)}\n"
        for name, value in data.items()
    )
    return f"{{\n{fields}{indent}}}"


def _type(value: Attribute | Data, indent: str) -> str:
    return value.type if isinstance(value, Attribute) else _record(value, indent)


def _quoted(name: str) -> str:
    return f'"{name}"'


def _values(value: Attribute | Data) -> str:
    if isinstance(value, Mapping) or not value.values:
        return ""
    if isinstance(value.values, range):
        return f"  // {value.values[0]} to {value.values[-1]}"
    return f"  // {', '.join(map(_quoted, value.values))}"
