"""The names that policies may read, as the schema has them, and what newcomers call them."""

from __future__ import annotations

import re
from functools import cache

from client_connect.engine.schema import schema_text
from client_connect_tools.nearest import nearest

_GROUPS = 'groups are what the principal is in; write principal in ClientVpn::Group::"staff"'
_USER = 'the user is context.username; write context has username && context.username == "bob"'
_TAGS = (
    "what else the inventory says of a device are its tags; write "
    'context has device && context.device.hasTag("owner") && context.device.getTag("owner") == "it"'
)
_NETWORK = 'the client\'s address is context.publicIp; write context.publicIp.isInRange(ip("10.0.0.0/8"))'
_MINUTES = "the time of day is context.time.minuteOfDay, in minutes; for 07:00, write 7 * 60"
_WEEKDAY = "the day of the week is context.time.weekday, 1 (Monday) to 7 (Sunday)"
_COUNT = "the user's open connections are context.activeConnections; test context has activeConnections first"
_OPENVPN = "the client's version is context.openvpn, of AWS's own client context.awsClient; compare .major and .minor"
_INSTEAD = {
    **dict.fromkeys(("group", "groups", "role", "roles", "team", "memberof", "isingroup"), _GROUPS),
    **dict.fromkeys(
        ("user", "name", "userid", "email", "mail", "login", "upn", "subject", "principal"), _USER
    ),
    **dict.fromkeys(
        ("department", "owner", "tag", "tags", "model", "serial", "serialnumber", "encrypted"), _TAGS
    ),
    **dict.fromkeys(
        ("ip", "address", "sourceip", "sourceaddress", "clientip", "ipaddress", "network"), _NETWORK
    ),
    **dict.fromkeys(("hour", "hours", "timeofday", "minute", "minutes", "clock"), _MINUTES),
    **dict.fromkeys(("dayofweek", "weekdays", "dow", "day_of_week"), _WEEKDAY),
    **dict.fromkeys(("connections", "connectioncount", "sessions", "activesessions"), _COUNT),
    **dict.fromkeys(("version", "clientversion", "openvpnversion", "vpnversion"), _OPENVPN),
    "year": 'there is no year by itself; compare context.time.now with datetime("2027-01-01T00:00:00Z")',
}
_RECORD = re.compile(r"^\s*(?:entity|type)?\s*(\w+)(?: in \[\w+\])?\s*(?::|=)?\s*\{")
_ATTRIBUTE = re.compile(r"^\s*(\w+)\??: ")
_PATHS = {
    "Device": ("context", "device"),
    "OsVersion": ("context", "os"),
    "Version": ("context", "openvpn"),
    "context": ("context",),
    "time": ("context", "time"),
}


@cache
def attributes() -> dict[str, str]:
    """Return each attribute that policies may read, with how it is read."""
    found: dict[str, str] = {}
    within: list[str] = []
    for line in schema_text(None).splitlines():
        code = line.partition("//")[0]
        if (attribute := _ATTRIBUTE.match(code)) and within and within[-1] in _PATHS and "{" not in code:
            found.setdefault(attribute[1], ".".join((*_PATHS[within[-1]], attribute[1])))
        if code.rstrip().endswith("{"):
            record = _RECORD.match(code)
            within.append(record[1] if record else "")
        elif code.strip().startswith("}") and within:
            within.pop()
    return found


def instead_of(name: str) -> str:
    """Return what to write instead of an attribute or a variable that does not exist; empty when that is unclear."""
    if hint := _INSTEAD.get(name.lower()):
        return hint
    if near := nearest(name, attributes()):
        return f"write {attributes()[near]}"
    return ""
