"""What is left after the real ``cdk destroy``, and after a first deployment that fails."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from local_aws import cdk_cli
from local_aws.deployed_handler import STACK, DeployedHandler, deploy
from local_aws.emulator import Emulator

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(
        sys.platform != "linux", reason="the bundle is built for Lambda and runs on this machine"
    ),
]

CONTEXT = {"deviceInventory": "true", "connectionRegistry": "true"}
SERVICE_ROLES = "/aws-service-role/clientvpn-connections.amazonaws.com/"


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    """An emulator whose account is bootstrapped."""
    with Emulator() as emulator:
        cdk_cli.bootstrap(emulator)
        yield emulator


def inventory(emulator: Emulator) -> dict[str, set[str]]:
    """Return the names of what there is in the account."""
    functions = emulator.client("lambda").list_functions()["Functions"]
    roles = emulator.client("iam").list_roles()["Roles"]
    groups = emulator.client("logs").describe_log_groups()["logGroups"]
    return {
        "functions": {each["FunctionName"] for each in functions},
        "roles": {each["RoleName"] for each in roles if each["Path"] != SERVICE_ROLES},
        "service-linked roles": {each["RoleName"] for each in roles if each["Path"] == SERVICE_ROLES},
        "tables": set(emulator.client("dynamodb").list_tables()["TableNames"]),
        "log groups": {each["logGroupName"] for each in groups},
    }


def test_a_first_deployment_that_fails_leaves_nothing(emulator: Emulator) -> None:
    """Here the function's name is taken. Neither tables nor logs are left, of which the next one makes new ones."""
    name = deploy(emulator, context=CONTEXT).function_name
    cdk_cli.destroy(emulator, stack=STACK)
    taken = emulator.client("lambda")
    role = emulator.client("iam").list_roles()["Roles"][0]["Arn"]
    taken.create_function(
        FunctionName=name, Role=role, Runtime="python3.12", Handler="a.b", Code={"ZipFile": b"PK\x05\x06" + bytes(18)}
    )
    before = inventory(emulator)
    with pytest.raises(cdk_cli.CdkFailed):
        deploy(emulator, context=CONTEXT)
    after = inventory(emulator)
    taken.delete_function(FunctionName=name)
    assert after == before


@pytest.fixture
def handler(emulator: Emulator) -> DeployedHandler:
    """The handler with an inventory and a registry."""
    return deploy(emulator, context=CONTEXT)


def test_what_destroy_leaves(emulator: Emulator, handler: DeployedHandler) -> None:
    """The decision log, devices, waivers and the service-linked role; the function, roles and registry go."""
    function = emulator.client("lambda").get_function_configuration(FunctionName=handler.function_name)
    log = function["LoggingConfig"]["LogGroup"]
    assert log in inventory(emulator)["log groups"]
    assert handler.outputs["ConnectionsTable"] in inventory(emulator)["tables"]
    cdk_cli.destroy(emulator, stack=STACK)
    left = inventory(emulator)
