"""The real ``cdk deploy`` of the real app into the emulator, and the function behind the alias."""

from __future__ import annotations

import json
import shutil
import sys
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from local_aws import cdk_cli
from local_aws.deployed_handler import STACK, DeployedHandler, deploy, handler_of
from local_aws.emulator import ARCHITECTURE, ROOT, RUNTIME, Emulator
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

REQUESTS: list[dict[str, Any]] = json.loads((ROOT / "local_aws" / "demo_requests.json").read_text("utf-8"))
EVENTS: dict[str, dict[str, Any]] = {request["who"]: request["event"] for request in REQUESTS}

# Who asks, whether the connection is allowed, and by which policy.
DECISIONS = {
    "alice, Windows 11": (True, ["users"]),
    "bert, Windows 7": (False, ["windows-10"]),
    "mallory, blocked": (False, ["blocked-users"]),
    "carol, Windows 11": (True, ["users"]),
    "dora, old build": (False, ["windows-build"]),
    "erin, Mac": (True, ["users"]),
    "frank, contractor": (True, ["users"]),
    "grace, contractor": (False, ["contractors"]),
    "heidi, bad network": (False, ["blocked-networks"]),
    "ivan, phone": (False, ["desktops-only"]),
    "kiosk, no user": (True, ["kiosks"]),
    "unknown device": (False, []),
}


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    """An emulator whose account is bootstrapped."""
    with Emulator() as emulator:
        cdk_cli.bootstrap(emulator)
        yield emulator


@pytest.fixture(scope="module")
def policies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo's policies, where they may be changed."""
    return shutil.copytree(ROOT / "local_aws" / "demo_policies", tmp_path_factory.mktemp("demo") / "policies")


@pytest.fixture(scope="module")
def handler(emulator: Emulator, policies: Path) -> DeployedHandler:
    """The handler with the demo's policies, from the app that the command line runs."""
    return deploy(emulator, policies=policies)


def deploy_again(handler: DeployedHandler, policies: Path) -> DeployedHandler:
    """Deploy what the app is with these policies."""
    emulator = handler.emulator
    app = synthesize(ROOT / "app.py", emulator.directory / "again.out", {**HERE, "policies": str(policies)})
    return handler_of(emulator, cdk_cli.deploy(emulator, stack=STACK, app=app))


@pytest.mark.parametrize("who", DECISIONS)
def test_the_alias_decides_by_the_policies(handler: DeployedHandler, who: str) -> None:
    """The deployed function gives the decision and its reason, in the request's schema version."""
    invocation = handler.invoke(EVENTS[who])
    allowed, determining = DECISIONS[who]
    assert invocation.answer["allow"] is allowed
    assert invocation.answer["schema-version"] == EVENTS[who]["schema-version"]
    assert invocation.record["decision"]["determining"] == determining


def test_a_malformed_event_is_denied_with_a_message(handler: DeployedHandler) -> None:
    """An unreadable event gets a valid denial, and the record says why."""
    invocation = handler.invoke(EVENTS["malformed event"])
    assert invocation.answer["allow"] is False
    assert invocation.answer["error-msg-on-denied-connection"]
    assert invocation.record["error"]["type"] == "InvalidRequest"


def test_the_alias_has_provisioned_concurrency(handler: DeployedHandler) -> None:
    """The environments that the construct asks for are kept for what the endpoint invokes."""
    found = handler.emulator.client("lambda").get_provisioned_concurrency_config(
        FunctionName=handler.function_name, Qualifier=handler.alias
    )
    assert found["RequestedProvisionedConcurrentExecutions"] == 2


def test_the_function_logs_to_the_log_group_of_the_stack(handler: DeployedHandler) -> None:
    """The decision record is in the one log group that the function may write to."""
    handler.invoke(EVENTS["erin, Mac"])
    function = handler.emulator.client("lambda").get_function_configuration(
        FunctionName=handler.function_name
    )
    logs = handler.emulator.client("logs")
    events = logs.filter_log_events(logGroupName=function["LoggingConfig"]["LogGroup"])["events"]
    assert [event for event in events if '"erin"' in event["message"]]
    assert (function["Runtime"], function["Architectures"]) == (RUNTIME, [ARCHITECTURE])


def test_the_service_linked_role_is_there(handler: DeployedHandler) -> None:
    """The deployment creates the role that lets Client VPN invoke the function."""
    roles = handler.emulator.client("iam").list_roles(PathPrefix="/aws-service-role/")["Roles"]
    assert [role["Path"] for role in roles] == ["/aws-service-role/clientvpn-connections.amazonaws.com/"]


def test_a_changed_policy_moves_the_alias(handler: DeployedHandler, policies: Path) -> None:
    """After another deployment the alias points at a new version, which decides with the new policies."""
    before = handler.alias_version
    (policies / "contractors.cedar").unlink()
    after = deploy_again(handler, policies)
    assert after.function_arn == handler.function_arn
    assert after.alias_version != before
    invocation = after.invoke(EVENTS["grace, contractor"])
    assert (invocation.answer["allow"], invocation.version) == (True, after.alias_version)


def test_the_same_policies_move_nothing(handler: DeployedHandler, policies: Path) -> None:
    """A deployment without a change publishes no version."""
    before = handler.alias_version
    assert deploy_again(handler, policies).alias_version == before


def test_the_emulator_knows_no_code_deploy(emulator: Emulator) -> None:
    """So a gradual deployment is held by its template. When this fails, deploy one here."""
    template = {"Resources": {"Application": {"Type": "AWS::CodeDeploy::Application"}}}
    with pytest.raises(ClientError, match="AWS::CodeDeploy::Application"):
        emulator.client("cloudformation").create_stack(StackName="Shift", TemplateBody=json.dumps(template))


def test_destroy_keeps_the_service_linked_role(handler: DeployedHandler) -> None:
    """The last test of the module: the function goes, the role, which other endpoints may need, stays."""
    cdk_cli.destroy(handler.emulator, stack=STACK, app=str(handler.emulator.directory / "cdk.out"))
    names = [
        found["FunctionName"] for found in handler.emulator.client("lambda").list_functions()["Functions"]
    ]
    assert handler.function_name not in names
    assert handler.emulator.client("iam").list_roles(PathPrefix="/aws-service-role/")["Roles"]
