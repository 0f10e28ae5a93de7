"""Write, check and bundle the policies of a client connect handler, without the AWS CDK."""

from client_connect_tools.bundling.bundle import Bundle
from client_connect_tools.bundling.extra_facts import ExtraFacts
from client_connect_tools.cedar.reads import Read
from client_connect_tools.checking.checks import check, require_sound
from client_connect_tools.checking.lints import LINTS, lint
from client_connect_tools.errors import (
    BundleError,
    ClientConnectError,
    InvalidExtraFacts,
    InvalidPolicies,
    InvalidPolicyTests,
    InvalidRules,
)
from client_connect_tools.explanation import Condition, Explanation, PolicyExplanation, Reason, explain
from client_connect_tools.files.networks import NetworkList
from client_connect_tools.finding import Finding
from client_connect_tools.policies import Policies, Source
from client_connect_tools.rules import Hours, MinimumVersion, Period, Rules, Scope, periods_from_csv
from client_connect_tools.testing.cases import PolicyTest, read_policy_tests
from client_connect_tools.testing.expectations import ExpectedDecision
from client_connect_tools.testing.results import Difference, PolicyTestResult, PolicyTestsFailed
from client_connect_tools.testing.run import (
    PolicyTestReport,
    require_passing,
    run_policy_tests,
)

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
    "MinimumVersion",
    "NetworkList",
    "Period",
    "Policies",
    "PolicyExplanation",
    "PolicyTest",
    "PolicyTestReport",
    "PolicyTestResult",
    "PolicyTestsFailed",
    "Read",
    "Reason",
    "Rules",
    "Scope",
    "Source",
    "check",
    "explain",
    "lint",
    "periods_from_csv",
    "read_policy_tests",
    "require_passing",
    "require_sound",
    "run_policy_tests",
]
