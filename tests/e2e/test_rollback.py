"""Everyone is denied by a bad policy, and one command later they are allowed again: handler and re-authorizer."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import time
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING
from unittest import mock

import pytest
from typer.testing import CliRunner

from client_connect_tools.cli import main
from client_connect_tools.deployed.finding import find_handler
from local_aws import cdk_cli
from local_aws.client_vpn_api import ClientVpnApi
from local_aws.emulator import ROOT
from local_aws.live_connections import ENDPOINT, Client
from tests.support.apps import HERE, handler_of, synthesize

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from local_aws.deployed_handler import DeployedHandler
    from local_aws.emulator import Emulator

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(
        sys.platform != "linux", reason="the bundle is built for Lambda and runs on this machine"
    ),
]

APP = ROOT / "tests" / "e2e" / "reauthorized_app.py"
STACK = "Reauthorized"
GOOD = '@id("staff") permit (principal in ClientVpn::Group::"staff", action, resource);\n'
BAD = '@id("nobody") @message("Oops.") forbid (principal, action, resource);\n'
EVENT = Client(connection_id="cvpn-connection-1", platform="win", groups=("staff",)).request().to_event()


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployed:
    """A handler whose first version is good, and whose second one denies everybody."""

    handler: DeployedHandler
    good: int
    bad: int

    def run(self, *arguments: str, status: int = 0) -> str:
        """Run ``client-connect`` in this process, which takes a second less; return what it printed."""
        with mock.patch.dict(os.environ, self.handler.emulator.environment):
            result = CliRunner().invoke(main, arguments)
        assert result.exit_code == status, result.output
        return result.output

    def is_allowed(self) -> bool:
        """Ask as Client VPN does."""
        return self.handler.invoke(EVENT).answer["allow"] is True

    def alias_of(self, function: str) -> int:
        """Return the version that an alias points to."""
        found = self.handler.emulator.client("lambda").get_alias(FunctionName=function, Name="live")
        return int(found["FunctionVersion"])

    @property
    def reauthorizer(self) -> str:
        """The name of the re-authorizer."""
        return self.handler.outputs["ReauthorizerName"]


@pytest.fixture(scope="module")
def deployed(account: Emulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    """Deploy the good policies, and then the bad ones."""
    folder = tmp_path_factory.mktemp("rollback")
    policies = folder / "vpn.cedar"
    with ClientVpnApi(limits={}) as api:
        api.add_endpoint(ENDPOINT)
        context = {**HERE, "policies": str(policies), "endpoint": ENDPOINT, "ec2": api.endpoint}

        def deploy(text: str) -> DeployedHandler:
            policies.write_text(text, "utf-8")
            app = synthesize(APP, folder / "cdk.out", context)
            return handler_of(account, cdk_cli.deploy(account, stack=STACK, app=app))

        good = int(deploy(GOOD).alias_version)
        handler = deploy(GOOD + BAD)
        yield Deployed(handler=handler, good=good, bad=int(handler.alias_version))


@pytest.fixture
def bad(deployed: Deployed) -> Deployed:
    """Everybody is denied, whatever another test did."""
    client = deployed.handler.emulator.client("lambda")
    for function in (deployed.handler.function_name, deployed.reauthorizer):
        client.update_alias(FunctionName=function, Name="live", FunctionVersion=str(deployed.bad))
    assert not deployed.is_allowed()
    return deployed


def test_one_command_lets_everyone_in_again(bad: Deployed, capsys: pytest.CaptureFixture[str]) -> None:
    """With provisioned concurrency, and with the re-authorizer; the environments are there afterwards."""
    started = time.monotonic()
    finished = subprocess.run(
        [sys.executable, "-m", "client_connect_tools", "rollback", bad.handler.function_name, "--yes"],
        env=bad.handler.emulator.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    printed = finished.stdout
    assert finished.returncode == 0, printed + finished.stderr
    assert bad.is_allowed()
    seconds = time.monotonic() - started
    with capsys.disabled():
        sys.stdout.write(f"\nallowed again {seconds:.1f} s after the command began\n")
    assert (bad.alias_of(bad.handler.function_name), bad.alias_of(bad.reauthorizer)) == (bad.good, bad.good)
    assert '-@id("nobody") @message("Oops.") forbid (principal, action, resource);' in printed
    assert "The 2 provisioned environments are taken off" in printed
    assert "The next deployment that publishes a version moves the alias on" in printed
    config = bad.handler.emulator.client("lambda").get_provisioned_concurrency_config(
        FunctionName=bad.handler.function_name, Qualifier="live"
    )
    assert config["RequestedProvisionedConcurrentExecutions"] == 2


def test_without_provisioned_concurrency(bad: Deployed) -> None:
    """The alias is moved, and none is provisioned."""
    client = bad.handler.emulator.client("lambda")
    name = {"FunctionName": bad.handler.function_name, "Qualifier": "live"}
    client.delete_provisioned_concurrency_config(**name)
    try:
        assert "provisioned" not in bad.run("rollback", STACK, "--yes", "--to", str(bad.good))
        assert bad.is_allowed()
        with pytest.raises(client.exceptions.ProvisionedConcurrencyConfigNotFoundException):
            client.get_provisioned_concurrency_config(**name)
    finally:
        client.put_provisioned_concurrency_config(**name, ProvisionedConcurrentExecutions=2)


def ids_of(version: dict[str, str]) -> list[str]:
    """Return the ids of policies, without their digests."""
    return [each.split()[0] for each in version["ids"].split(", ")]


def test_versions_are_listed(bad: Deployed) -> None:
    """With their policies and their share of the requests, by name, by ARN and by stack."""
    for given in (bad.handler.function_name, bad.handler.function_arn, STACK):
        newest, older = json.loads(bad.run("versions", given, "--json"))["versions"][:2]
        assert (newest["version"], newest["share"], ids_of(newest)) == (bad.bad, 1, ["nobody", "staff"])
        assert (older["version"], older["share"], ids_of(older)) == (bad.good, 0, ["staff"])
    record = bad.handler.invoke(EVENT).record
    assert newest["policies"] == record["policies"]
    assert f"{newest['policies']}  answers 100%" in bad.run("versions", STACK)


def test_a_request_that_the_version_denies_too_changes_nothing(bad: Deployed, tmp_path: Path) -> None:
    """Whoever is asked for must be let in; else the way back is none."""
    file = tmp_path / "request.json"
    file.write_text(json.dumps({**EVENT, "groups": ["guests"]}), "utf-8")
    printed = bad.run("rollback", STACK, "--yes", "--request", str(file), status=2)
    assert "denies the request too (no policy permits it)" in printed
    assert bad.alias_of(bad.handler.function_name) == bad.bad


def test_a_gradual_deployment_is_not_disturbed(bad: Deployed) -> None:
    """While two versions answer, nothing is moved unless it is forced; then all requests move."""
    bad.handler.emulator.client("lambda").update_alias(
        FunctionName=bad.handler.function_name,
        Name="live",
        FunctionVersion=str(bad.good),
        RoutingConfig={"AdditionalVersionWeights": {str(bad.bad): 0.1}},
    )
    printed = bad.run("rollback", STACK, "--yes", status=2)
    assert f"answered 90% by version {bad.good}, 10% by version {bad.bad}" in printed
    assert "answers 10%" in bad.run("versions", STACK)
    bad.run("rollback", STACK, "--yes", "--to", str(bad.good), "--force")
    assert all(bad.is_allowed() for _ in range(3))


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["Missing"], "Missing"),
        (["AWSClientVPN-missing"], 'there is no function "AWSClientVPN-missing"'),
        (["arn:aws:iam::1:role/x"], "is no name of a function or stack"),
        ([STACK, "--to", "999"], "has no version 999; there are"),
        ([STACK], "there is no terminal to ask for a confirmation; give --yes"),
    ],
)
def test_fails_without_a_change(bad: Deployed, arguments: list[str], why: str) -> None:
    """An impossible request is an error that says why."""
    assert why in bad.run("rollback", *arguments, status=2)
    assert bad.alias_of(bad.handler.function_name) == bad.bad


def test_a_probe_is_neither_recorded_nor_registered(bad: Deployed) -> None:
    """It leaves one line in the log, which no alarm, notification or replay reads as a decision."""
    client = bad.handler.emulator.client("lambda")
    table = bad.handler.outputs["Connections"]
    dynamodb = bad.handler.emulator.client("dynamodb")
    before = dynamodb.scan(TableName=table)["Items"]
    payload = json.dumps({"clientConnectProbe": EVENT})
    response = client.invoke(
        FunctionName=bad.handler.function_name, Qualifier=str(bad.good), Payload=payload, LogType="Tail"
    )
    answer = json.loads(response["Payload"].read())["clientConnectProbe"]
    assert (answer["allow"], answer["text"]) == (True, GOOD)
    assert dynamodb.scan(TableName=table)["Items"] == before


def test_the_oldest_versions_are_removed(bad: Deployed) -> None:
    """As many stay as the handler says; and those that an alias runs, and their successors."""
    client = bad.handler.emulator.client("lambda")
    client.invoke(FunctionName=pruner_of(bad), Payload="{}")
    found = json.loads(bad.run("versions", STACK, "--json"))["versions"]
    assert [row["version"] for row in found] == [bad.bad, bad.good]


def pruner_of(deployed: Deployed) -> str:
    """Return the function that removes versions."""
    functions = deployed.handler.emulator.client("lambda").list_functions()["Functions"]
    (name,) = (
        each["FunctionName"]
        for each in functions
        if each["Handler"] == "pruning.handler" and each["FunctionName"].startswith(STACK)
    )
    return name


def test_a_reauthorizer_in_another_stack_is_found(deployed: Deployed) -> None:
    """By what its description says of the handler, whichever stack has defined it."""
    client = deployed.handler.emulator.client("lambda")
    code = client.get_function(FunctionName=deployed.reauthorizer)["Configuration"]
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr("handler.py", "def handler(event, context): return {}")

    def create(name: str, description: str) -> None:
        client.create_function(
            FunctionName=name,
            Runtime=code["Runtime"],
            Role=code["Role"],
            Handler="handler.handler",
            Code={"ZipFile": package.getvalue()},
            Description=description,
        )

    lonely = "AWSClientVPN-Lonely"
    create(lonely, "policies 0123456789ab: staff")
    create("Elsewhere-Reauthorizer", f"for version 1 of {lonely}; policies 0123456789ab: staff")
    number = client.publish_version(FunctionName=lonely)["Version"]
    client.create_alias(FunctionName=lonely, Name="live", FunctionVersion=number)
    with mock.patch.dict(os.environ, deployed.handler.emulator.environment):
        found = find_handler(lonely).reauthorizer()
        assert found is not None
        assert found.name == "Elsewhere-Reauthorizer"
        client.delete_function(FunctionName="Elsewhere-Reauthorizer")
        assert find_handler(lonely).reauthorizer() is None
    client.delete_function(FunctionName=lonely)
