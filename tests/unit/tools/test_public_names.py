"""The names that users may import, and which package may import which."""

from __future__ import annotations

import ast
import importlib
from pathlib import Path

import pytest

PUBLIC = {
    "client_connect_tools": """
        Bundle BundleError ClientConnectError Condition Difference ExpectedDecision Explanation ExtraFacts
        Finding Hours InvalidExtraFacts InvalidPolicies InvalidPolicyTests InvalidRules LINTS
        MinimumVersion NetworkList Period Policies PolicyExplanation PolicyTest PolicyTestReport
        PolicyTestResult PolicyTestsFailed Read Reason Rules Scope Source check explain lint periods_from_csv
        read_policy_tests require_passing require_sound run_policy_tests
    """,
    "cdk_client_connect": """
        AlarmSettings AttachmentRemoval BundleError ClientConnectError ClientConnectHandler
        ConnectionMonitoring ConnectionReauthorizer ConnectionRegistry CrowdStrike DeviceInventory
        DeviceSource DeviceSync EndpointAttachment EndpointAuthorizationPolicy ExtraFacts Fleet
        FunctionReference FunctionSettings GradualDeployment Hours IClientConnectHandler
        IConnectionRegistry IDeviceInventory Intune InvalidArgument InvalidAuthorizationPolicy
        InvalidCode InvalidConcurrency InvalidConstructArgument InvalidExtraFacts
        InvalidFunctionName InvalidMessage InvalidPolicies InvalidPolicyTests InvalidRules
        InvalidRuntime InvalidTimeZone InvalidTimeout InvalidTrustProvider Iru JamfPro JsonSource
        JumpCloud MetricKeywords MinimumVersion MonitoringAlarms Notifications Period Policies
        PolicyTestsFailed ProvisionedConcurrency Rules Scope ServiceLinkedRole TrafficShifting
        TrustProvider UnknownConnections periods_from_csv
    """,
}
CDK = {"aws_cdk", "constructs", "jsii"}
OURS = {"client_connect", "client_connect_tools", "cdk_client_connect"}
FORBIDDEN = {
    "client_connect": {"client_connect_tools", "cdk_client_connect", *CDK},
    "client_connect_attachment": {*OURS, *CDK},
    "client_connect_devices": {*OURS, *CDK},
    "client_connect_notifications": {*OURS, *CDK},
    "client_connect_tools": {"cdk_client_connect", *CDK},
    "cdk_client_connect": {"local_aws", "tests"},
}


def folder(package: str) -> Path:
    """Return the folder of a package."""
    return Path(importlib.import_module(package).__file__ or "").parent


@pytest.mark.parametrize("package", PUBLIC)
def test_the_public_names_are_these(package: str) -> None:
    """A name that appears here is a promise; one that disappears breaks its users."""
    module = importlib.import_module(package)
    assert sorted(module.__all__) == PUBLIC[package].split()
    assert all(hasattr(module, name) for name in module.__all__)


@pytest.mark.parametrize("package", FORBIDDEN)
def test_a_package_only_gathers_its_names(package: str) -> None:
    """`__init__.py` is imports and `__all__`, and the package is typed."""
    docstring, *statements, names = ast.parse((folder(package) / "__init__.py").read_text("utf-8")).body
    assert isinstance(docstring, ast.Expr)
    assert all(isinstance(statement, ast.ImportFrom) for statement in statements)
    assert isinstance(names, ast.Assign)
    assert (folder(package) / "py.typed").is_file()


@pytest.mark.parametrize("package", FORBIDDEN)
def test_dependencies_point_one_way(package: str) -> None:
    """The constructs use the tools, the tools use the runtime, and never the other way round."""
    for file in folder(package).rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            imported = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            imported += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not {name.partition(".")[0] for name in imported} & FORBIDDEN[package], file
