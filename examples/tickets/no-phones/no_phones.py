"""Computers only, and one tablet, known by the certificate on it."""

from client_connect_tools import Rules, Scope

rules = Rules(
    platforms=["win", "mac", "linux"],
    scope=Scope("computers", except_common_names=["IPAD-CEO"]),
)
