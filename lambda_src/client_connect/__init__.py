"""Decide AWS Client VPN connections by Cedar policies: the runtime of a client connect handler."""

# Modules that a cold start imports have named tuples for their values, not data classes, and ``light_typing`` for
# ``typing``: importing ``dataclasses`` or ``typing`` would take a good part of it. A test says which modules it does
# without.

from client_connect.device import Device
from client_connect.engine.authorizer import Authorizer, Decision
from client_connect.engine.policy_set import InvalidPolicySet, Policy, PolicySet
from client_connect.facts import Facts
from client_connect.request import ConnectionRequest, InvalidRequest
from client_connect.response import response
from client_connect.versions import OsVersion, Version

__all__ = [
    "Authorizer",
    "ConnectionRequest",
    "Decision",
    "Device",
    "Facts",
    "InvalidPolicySet",
    "InvalidRequest",
    "OsVersion",
    "Policy",
    "PolicySet",
    "Version",
    "response",
]
