"""Executives may connect from anywhere, everybody else from the networks in networks/eu.txt only."""

from client_connect_tools import Rules, Scope

rules = Rules(
    allowed_networks=["eu"],
    messages={"allowed-networks": "Connect from a country of the European Union."},
    scope=Scope("eu", except_groups=["executives"]),
)
