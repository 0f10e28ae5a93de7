"""What users may import, and what each package may import itself."""

from __future__ import annotations

import subprocess
import sys

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
