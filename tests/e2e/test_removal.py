"""The remains after the real ``cdk destroy``, after a first deployment that fails, and after a new name."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from local_aws import cdk_cli
from local_aws.deployed_handler import STACK, handler_of
from local_aws.emulator import ACCOUNT, REGION, ROOT, Emulator
from tests.support.apps import HERE, synthesize

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(
        sys.platform != "linux", reason="the bundle is built for Lambda and runs on this machine"
    ),
]

APPS = ROOT / "tests" / "e2e"
SERVICE_ROLES = "/aws-service-role/clientvpn-connections.amazonaws.com/"


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    """A separate account, completely known to these tests."""
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


def test_a_first_deployment_that_fails_leaves_nothing(emulator: Emulator, tmp_path: Path) -> None:
    """All is there when the last resource fails, and then neither tables nor logs are left to be cleared away."""
    before = inventory(emulator)
    lines: list[str] = []
    app = synthesize(APPS / "failing_app.py", tmp_path / "cdk.out", HERE)
    with pytest.raises(cdk_cli.CdkFailed):
        cdk_cli.deploy(emulator, stack="Failing", app=app, report=lines.append)
    created = "\n".join(line for line in lines if "CREATE_COMPLETE" in line)
    assert all(id_ in created for id_ in ("HandlerAlias", "HandlerLogGroup", "InventoryDevices"))
    after = inventory(emulator)
    assert after.pop("service-linked roles") > before.pop("service-linked roles")
    assert after == before


def test_what_destroy_leaves(emulator: Emulator, tmp_path: Path) -> None:
    """The decision log, devices, waivers and the service-linked role; the function, roles and registry go."""
    before = inventory(emulator)
    context = {**HERE, "deviceInventory": "true", "connectionRegistry": "true"}
    app = synthesize(ROOT / "app.py", tmp_path / "cdk.out", context)
    handler = handler_of(emulator, cdk_cli.deploy(emulator, stack=STACK, app=app))
    function = emulator.client("lambda").get_function_configuration(FunctionName=handler.function_name)
    deployed = inventory(emulator)
    assert handler.function_name in deployed["functions"]
    assert handler.outputs["ConnectionsTable"] in deployed["tables"]
    cdk_cli.destroy(emulator, stack=STACK, app=app)
    assert inventory(emulator) == {
        **before,
        "service-linked roles": deployed["service-linked roles"],
        "tables": {handler.outputs["DevicesTable"], handler.outputs["WaiversTable"]},
        "log groups": {function["LoggingConfig"]["LogGroup"]},
    }
    assert len(deployed["service-linked roles"]) == 1


def test_the_stack_of_an_endpoint_follows_a_renamed_function(emulator: Emulator, tmp_path: Path) -> None:
    """Even with weak references between stacks, where CloudFormation does not notice another value."""
    weak = {"@aws-cdk/core:defaultCrossStackReferences": "weak"}
    for name in ("AWSClientVPN-old", "AWSClientVPN-new"):
        context = {**HERE, **weak, "functionName": name}
        app = synthesize(APPS / "renamed_app.py", tmp_path / "cdk.out", context)
        cdk_cli.deploy(emulator, stack="Consumer", app=app)
        kept = emulator.client("ssm").get_parameter(Name="/endpoint/handler")["Parameter"]["Value"]
        assert kept == f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}:live"
        assert (
            emulator.client("lambda").get_function(FunctionName=kept)["Configuration"]["FunctionName"] == name
        )
    functions = emulator.client("lambda").list_functions()["Functions"]
    assert "AWSClientVPN-old" not in {each["FunctionName"] for each in functions}
