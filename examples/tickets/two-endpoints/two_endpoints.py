"""Two endpoints: one for ops with compliant devices, one for all engineers."""

from client_connect_tools import Rules, Scope

PROD, DEV = "cvpn-endpoint-0123456789abcdef0", "cvpn-endpoint-0123456789abcdef1"

rules = [
    Rules(groups=["ops"], compliant_devices=True, scope=Scope("prod", endpoints=[PROD])),
    Rules(groups=["engineers"], scope=Scope("dev", endpoints=[DEV])),
]
