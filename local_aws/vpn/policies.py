"""The policies of the local VPN."""

from __future__ import annotations

from client_connect_tools import MinimumVersion, Rules

_RULES = Rules(
    platforms=["win", "mac", "linux"],
    minimum_windows=MinimumVersion("10.0.19045"),
    blocked_users=["mallory"],
    blocked_common_names=["stolen-laptop"],
    registered_devices=True,
    compliant_devices=True,
    connections_per_user=1,
)
_MORE = """
@id("contractors")
@message("Contractors connect from the partner's office.")
@status("not-in-the-office")
forbid (principal in ClientVpn::Group::"contractors", action, resource)
unless
{
  context.publicIp.isInRange(ip("198.51.100.0/24")) ||
  context.publicIp.isInRange(ip("2001:db8:1::/48"))
};
"""


def policies(more: str = "") -> str:
    """Return them as Cedar, with more of them at the end."""
    return _RULES.to_cedar() + _MORE + more
