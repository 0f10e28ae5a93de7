"""Write, check and bundle the policies of a client connect handler, without the AWS CDK."""

from client_connect_tools.bundle import Bundle
from client_connect_tools.checks import check, require_sound
from client_connect_tools.errors import BundleError, ClientConnectError, InvalidPolicies, InvalidRules
from client_connect_tools.finding import Finding
from client_connect_tools.lints import LINTS, lint
from client_connect_tools.policies import Policies, Source
from client_connect_tools.rules import Hours, Maintenance, MinimumVersion, Rules

__all__ = [
    "LINTS",
    "Bundle",
    "BundleError",
    "ClientConnectError",
    "Finding",
    "Hours",
    "InvalidPolicies",
    "InvalidRules",
    "Maintenance",
    "MinimumVersion",
    "Policies",
    "Rules",
    "Source",
    "check",
    "lint",
    "require_sound",
]
