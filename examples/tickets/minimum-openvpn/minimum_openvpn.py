"""OpenVPN below 2.6 is denied to contractors; for everybody else this is recorded only.

For the first two weeks, give the scope "contractors" shadow=["minimum-openvpn"] too, and see who would be denied with
`client-connect replay LOGS --policies minimum_openvpn:rules`.
"""

from client_connect_tools import MinimumVersion, Rules, Scope

MINIMUM = MinimumVersion("2.6", unknown="deny")

rules = [
    Rules(minimum_openvpn=MINIMUM, scope=Scope("contractors", groups=["contractors"])),
    Rules(
        minimum_openvpn=MINIMUM,
        scope=Scope("later", except_groups=["contractors"], shadow=["minimum-openvpn"]),
    ),
]
