"""Two endpoints: one for ops with compliant devices, one for all engineers.

The handler names them: ClientConnectHandler(endpoints={"prod": prod_id, "dev": dev_id}).
"""

from client_connect_tools import Rules, Scope

rules = [
    Rules(groups=["ops"], compliant_devices=True, scope=Scope("prod", endpoints=["prod"])),
    Rules(groups=["engineers"], scope=Scope("dev", endpoints=["dev"])),
]
