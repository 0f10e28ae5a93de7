"""Named networks for the benchmarks: as many as the largest countries have, none adjacent to another."""

from __future__ import annotations

from ipaddress import ip_network
from itertools import islice

from client_connect_tools import Policies

MANY = 40_000

_READS = """
@id("blocked-country") @message("This VPN accepts no connections from your country.")
forbid (principal, action, resource) when { context.networks.contains("country") };
"""


def with_networks(policies: str, count: int = MANY) -> Policies:
    """Return policies that also block so many named networks, half of them IPv4 and half IPv6."""
    spaces = (
        ip_network("5.0.0.0/8").subnets(new_prefix=24),
        ip_network("2001:db8::/32").subnets(new_prefix=48),
    )
    networks = [str(each) for space in spaces for each in islice(space, 0, count, 2)]
    return Policies.from_string(policies + _READS, networks={"country": networks})
