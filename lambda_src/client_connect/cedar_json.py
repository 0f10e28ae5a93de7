"""Times and addresses in the JSON form that the Cedar engine takes."""

from __future__ import annotations

from datetime import UTC
from ipaddress import IPv6Address, IPv6Interface

from client_connect.light_typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime
    from ipaddress import IPv4Address

# The networks of IPv4 in IPv6, ::ffff:0:0/96.
_IPV4_PREFIX_LENGTH = 96


class Unreadable(ValueError):
    """A value that no policy can read. The message has nothing of the value but its type, and small numbers."""


def instant(time: datetime) -> dict[str, dict[str, str]]:
    """Return a moment, to the millisecond as Cedar keeps it."""
    text = time.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00")
    return _extension("datetime", f"{text}Z")


def address(ip: IPv4Address | IPv6Address) -> dict[str, dict[str, str]]:
    """Return an IP address, or the network of an interface; an IPv4 one that is mapped into IPv6 as IPv4.

    Raises:
        Unreadable: When an IPv6 address names a zone, which Cedar has no counterpart for.
    """
    if not isinstance(ip, IPv6Address):
        return _extension("ip", str(ip))
    mapped = ip.ipv4_mapped
    if ip.scope_id is not None:
        raise Unreadable("an IPv6 address with a zone is nothing that a policy can read")
    if mapped is None:
        return _extension("ip", str(ip))
    if not isinstance(ip, IPv6Interface):
        return _extension("ip", str(mapped))
    length = ip.network.prefixlen
    if length >= _IPV4_PREFIX_LENGTH:
        return _extension("ip", f"{mapped}/{length - _IPV4_PREFIX_LENGTH}")
    # Larger than IPv4 is. Not str(ip), which since Python 3.13 has a form that Cedar does not read.
    return _extension("ip", f"::ffff:{int(mapped) >> 16:x}:{int(mapped) & 0xFFFF:x}/{length}")


def _extension(function: str, argument: str) -> dict[str, dict[str, str]]:
    return {"__extn": {"fn": function, "arg": argument}}
