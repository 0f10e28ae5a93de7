"""Write, check and bundle the policies of a client connect handler, without the AWS CDK."""

from client_connect_tools._policy_test_cases import ExpectedDecision, PolicyTest, read_policy_tests
from client_connect_tools._reads import Read
from client_connect_tools.bundle import Bundle
from client_connect_tools.checks import check, require_sound
from client_connect_tools.errors import (
    BundleError,
    ClientConnectError,
    InvalidExtraFacts,
    InvalidPolicies,
    InvalidPolicyTests,
    InvalidRules,
    PolicyTestsFailed,
)
from client_connect_tools.explanation import Condition, Explanation, PolicyExplanation, Reason, explain
from client_connect_tools.extra_facts import ExtraFacts
from client_connect_tools.finding import Finding
from client_connect_tools.lints import LINTS, lint
from client_connect_tools.networks import NetworkList
from client_connect_tools.policies import Policies, Source
from client_connect_tools.policy_tests import (
    Difference,
    PolicyTestReport,
    PolicyTestResult,
    require_passing,
    run_policy_tests,
)
from client_connect_tools.rules import Hours, Maintenance, MinimumVersion, Rules

__all__ = [
    "LINTS",
    "Bundle",
    "BundleError",
    "ClientConnectError",
    "Condition",
    "Difference",
    "ExpectedDecision",
    "Explanation",
    "ExtraFacts",
    "Finding",
    "Hours",
    "InvalidExtraFacts",
    "InvalidPolicies",
    "InvalidPolicyTests",
    "InvalidRules",
    "Maintenance",
    "MinimumVersion",
    "NetworkList",
    "Policies",
    "PolicyExplanation",
    "PolicyTest",
    "PolicyTestReport",
    "PolicyTestResult",
    "PolicyTestsFailed",
    "Read",
    "Reason",
    "Rules",
    "Source",
    "check",
    "explain",
    "lint",
    "read_policy_tests",
    "require_passing",
    "require_sound",
    "run_policy_tests",
]
