"""Write, check and bundle the policies of a client connect handler, without the AWS CDK."""

from client_connect_tools.bundle import Bundle
from client_connect_tools.checks import Finding, check, require_sound
from client_connect_tools.errors import BundleError, ClientConnectError, InvalidPolicies, InvalidRules
from client_connect_tools.policies import Policies, Source
from client_connect_tools.rules import MinimumVersion, Rules

__all__ = [
    "Bundle",
    "BundleError",
    "ClientConnectError",
    "Finding",
    "InvalidPolicies",
    "InvalidRules",
    "MinimumVersion",
    "Policies",
    "Rules",
    "Source",
    "check",
    "require_sound",
]
