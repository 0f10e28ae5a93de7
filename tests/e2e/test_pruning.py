"""The function that removes old versions, against Lambda of the emulator."""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING

import pytest

from client_connect_versions import pruning
from local_aws.emulator import RUNTIME

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local_aws.emulator import Emulator

pytestmark = pytest.mark.e2e

NAME = "AWSClientVPN-pruned"
VERSIONS = 5


@pytest.fixture
def function(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A function with five versions; the fourth runs, and the first for a tenth of the requests."""
    client = emulator.client("lambda")
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("index.py", "def handler(event, context):\n    return event\n")
    client.create_function(
        FunctionName=NAME,
        Role="arn:aws:iam::000000000000:role/pruned",
        Runtime=RUNTIME,  # type: ignore[arg-type]
        Handler="index.handler",
        Code={"ZipFile": code.getvalue()},
    )
    for number in range(VERSIONS):
        client.update_function_configuration(FunctionName=NAME, Description=f"version {number}")
        client.publish_version(FunctionName=NAME)
    client.create_alias(
        FunctionName=NAME,
        Name="live",
        FunctionVersion="4",
        RoutingConfig={"AdditionalVersionWeights": {"1": 0.1}},
    )
    for name, value in emulator.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv(pruning.FUNCTION_NAMES, NAME)
    yield NAME
    client.delete_function(FunctionName=NAME)


def test_the_oldest_versions_go(function: str, emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """As many stay as configured, besides running and newer ones; a second run finds nothing to do."""
    monkeypatch.setenv(pruning.PREVIOUS_VERSIONS, "1")
    for _ in range(2):
        pruning.handler({"FunctionName": "another"}, None)
        versions = emulator.client("lambda").list_versions_by_function(FunctionName=function)["Versions"]
        assert [version["Version"] for version in versions] == ["$LATEST", "1", "3", "4", "5"]


def test_what_cannot_be_removed_is_an_error(function: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of all functions, when one does not exist: Lambda counts it, and tries again."""
    monkeypatch.setenv(pruning.PREVIOUS_VERSIONS, "1")
    monkeypatch.setenv(pruning.FUNCTION_NAMES, f"missing,{function}")
    with pytest.raises(Exception, match="ResourceNotFound"):
        pruning.handler({}, None)
