"""Client VPN's own authorization policies: Cedar that the service itself evaluates, without a function."""

from client_connect_tools.native.checks import MAX_BYTES, check, require_sound
from client_connect_tools.native.lints import LINTS, lint
from client_connect_tools.native.testing import (
    NativePolicyTest,
    decide,
    read_policy_tests,
    require_passing,
    run_policy_tests,
)
from client_connect_tools.native.trust_data import PROVIDERS, TrustProviderType, schema_text

__all__ = [
    "LINTS",
    "MAX_BYTES",
    "PROVIDERS",
    "NativePolicyTest",
    "TrustProviderType",
    "check",
    "decide",
    "lint",
    "read_policy_tests",
    "require_passing",
    "require_sound",
    "run_policy_tests",
    "schema_text",
]
