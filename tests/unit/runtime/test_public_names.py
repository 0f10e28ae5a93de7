"""The names that users may import, and the packages that each package may import."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

import client_connect


def test_the_public_names_are_these() -> None:
    """A name is added or removed on purpose only."""
    assert client_connect.__all__ == [
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
    assert all(hasattr(client_connect, name) for name in client_connect.__all__)


@pytest.mark.parametrize(
    ("imported", "forbidden"),
    [
        (
            "client_connect.handler",
            {
                *("aws_cdk", "client_connect_tools", "cdk_client_connect", "boto3", "botocore", "jsii"),
                *("client_connect.reauthorizer.handler", "client_connect.reauthorizer.run"),
            },
        ),
        ("cdk_client_connect", {"boto3", "botocore"}),
        ("client_connect_tools.cli", {"aws_cdk", "cdk_client_connect", "boto3", "jsii"}),
    ],
)
def test_dependencies_point_one_way(imported: str, forbidden: set[str]) -> None:
    """The runtime knows nothing of the tools, and neither knows the CDK, which costs seconds to import."""
    program = f"import sys, {imported}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    modules = set(done.stdout.split())
    assert imported in modules
    assert not forbidden & modules


def test_a_cold_start_imports_only_what_every_decision_needs() -> None:
    """Each of these takes a good part of it."""
    cedarpy = find_spec("cedarpy")
    assert cedarpy is not None
    assert cedarpy.origin is not None
    paths = [str(Path(file).parents[1]) for file in (client_connect.__file__, cedarpy.origin)]
    program = f"import sys; sys.path[:0] = {paths}; import client_connect.handler; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program],
        env={"AWS_LAMBDA_RUNTIME_API": "x", "AWS_LAMBDA_FUNCTION_NAME": "f"},
        capture_output=True,
        text=True,
        check=True,
    )
    modules = set(done.stdout.split())
    assert "client_connect.engine.authorizer" in modules
    assert not modules & {
        *("_hashlib", "dataclasses", "hashlib", "inspect", "pathlib", "socket", "ssl", "typing", "zoneinfo"),
        *("botocore", "cedarpy.pst"),
        *(f"client_connect.{name}" for name in ("custom_values", "logger_log", "messages", "networks")),
        *(f"client_connect.{name}" for name in ("sources.dynamodb", "sources.fact_sources", "waiver")),
    }
