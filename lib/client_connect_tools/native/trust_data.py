"""AWS's documentation of the data that a native authorization policy sees.

Sources: the pages device-posture-trust-data-crowdstrike, -jamf and -jumpcloud of the AWS Client VPN administrator
guide. The parts of the context whose attributes AWS does not document are here as such: nothing is guessed.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Literal

import cedarpy

if TYPE_CHECKING:
    from collections.abc import Iterator

TrustProviderType = Literal["crowdstrike", "jamf", "jumpcloud"]
"""The device managers whose data Client VPN takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribute:
    """An attribute of the context.

    Attributes:
        type: Its Cedar type; ``Undocumented`` where AWS documents the name alone.
        values: Every value that it may have; none where that is not documented.
        form: What its values look like, for messages; empty where the type says enough.
        is_always_there: Whether AWS documents that it is never absent.
    """

    type: Literal["Long", "String", "Bool", "Set<String>", "Undocumented"] = "Undocumented"
    values: range | tuple[str, ...] = ()
    form: str = ""
    is_always_there: bool = False

    @property
    def description(self) -> str:
        """The type in words, with what the values look like."""
        return ", ".join(filter(None, (_KINDS[self.type], self.form)))


Data = Mapping[str, "Attribute | Data"]

_KINDS = {
    "Long": "an integer",
    "String": "a string",
    "Bool": "a boolean, true or false without quotes",
    "Set<String>": 'a set of strings, as in .contains("...")',
    "Undocumented": "not documented",
}

_SCORE = Attribute(type="Long", values=range(1, 101))
_RISK = Attribute(type="String", values=("HIGH", "MEDIUM", "LOW", "SECURE", "NOT_APPLICABLE"))
_PLATFORM = Attribute(type="String", values=("Windows 10", "Windows 11", "macOS"))
_APPLE_VERSION = Attribute(
    type="String", form='a version such as "15.1", which has no order; compare it as in like "15.*"'
)
_STRING = Attribute(type="String")

PROVIDERS: Mapping[TrustProviderType, Data] = {
    "crowdstrike": {
        "assessment": {"overall": _SCORE, "os": _SCORE, "sensor_config": _SCORE, "version": _STRING},
        "cid": _STRING,
        "platform": _PLATFORM,
        "serial_number": _STRING,
    },
    "jamf": {"risk": _RISK, "groups": Attribute(type="Set<String>"), "osv": _APPLE_VERSION},
    "jumpcloud": {
        "device": {"is_managed": Attribute(type="Bool")},
        "org_id": _STRING,
        "system": _STRING,
        "durt_id": _STRING,
    },
}
"""The attributes of each of them, as far as AWS documents it."""

# These exist, but AWS documents none of the attributes in them.
UNDOCUMENTED: Mapping[str, Attribute] = {
    "connection": Attribute(is_always_there=True),
    "saml": Attribute(),
    "active-directory": Attribute(),
    "mutual-authentication": Attribute(),
}
CONTEXT: Data = {**dict(PROVIDERS.items()), **UNDOCUMENTED}

_HEADER = """\
// What a native authorization policy can see, as far as AWS documents it. An attribute with "?" may be absent: test
// it with `has` before you read it, because a missing attribute is an error, which denies.
//
// Undocumented: AWS documents the name, but neither a type nor its attributes. It is not checked.
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


def leaves(data: Data = CONTEXT, above: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Attribute]]:
    """Yield everything in trust data without attributes, by its path below the context."""
    for name, value in data.items():
        if isinstance(value, Attribute):
            yield (*above, name), value
        else:
            yield from leaves(value, (*above, name))


def suggestion(path: tuple[str, ...]) -> tuple[str, ...]:
    """Return the documented path that was probably meant by one that is not documented; empty when none is near."""
    known = documented(path)
    data = attribute(known)
    if not isinstance(data, Mapping) or len(known) == len(path):
        return ()
    unknown = path[len(known)]
    if near := difflib.get_close_matches(unknown.lower(), data, n=1):
        meant = (*known, near[0])
        return suggestion((*meant, *path[len(meant) :])) or documented((*meant, *path[len(meant) :]))
    # At another level, such as context.crowdstrike.overall.
    elsewhere = [leaf for leaf, _ in leaves() if leaf[-1] == path[-1]]
    return min(elsewhere, key=lambda leaf: leaf[0] != path[0], default=())


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
        f"{indent}  {_declared(name, value)}: {_type(value, indent + '  ')},{_values(value)}\n"
        for name, value in data.items()
    )
    return f"{{\n{fields}{indent}}}"


def _declared(name: str, value: Attribute | Data) -> str:
    is_required = isinstance(value, Attribute) and value.is_always_there
    return (name if name.isidentifier() else _quoted(name)) + ("" if is_required else "?")


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
