"""Gradual deployments: one that CodeDeploy shifts, and one that it takes back."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from acceptance import policies
from acceptance.claims import Claim, Observation
from local_aws.cdk_cli import CdkFailed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from acceptance.sandbox import Sandbox

_AGAIN_SECONDS = 10.0
_STOPPED = ("Stopped", "Failed")


def _deployments(sandbox: Sandbox) -> list[dict[str, Any]]:
    """Return CodeDeploy's deployments, the newest first."""
    codedeploy = sandbox.place.client("codedeploy")
    ids = codedeploy.list_deployments(
        applicationName=sandbox.outputs["Application"],
        deploymentGroupName=sandbox.outputs["DeploymentGroup"],
    )["deployments"]
    found = [codedeploy.get_deployment(deploymentId=each)["deploymentInfo"] for each in ids]
    return [
        {
            "status": each["status"],
            "error": each.get("errorInformation", {}).get("code", ""),
            "seconds": (each["completeTime"] - each["createTime"]).total_seconds()
            if "completeTime" in each
            else None,
        }
        for each in sorted(found, key=lambda each: each["createTime"], reverse=True)
    ]


def _shift(sandbox: Sandbox) -> dict[str, Any]:
    return {"deployments": _deployments(sandbox), "version": _version(sandbox)}


def _version(sandbox: Sandbox) -> str:
    """Return the version that the alias points at."""
    name, _, alias = sandbox.outputs["FunctionArn"].rpartition(":")
    found = sandbox.place.client("lambda").get_alias(FunctionName=name, Name=alias)
    return str(found["FunctionVersion"])


def _rolled_back(sandbox: Sandbox) -> dict[str, Any]:
    """Deploy while one of the deployment's alarms is on."""
    before, failed = _version(sandbox), False
    with _alarm_on(sandbox):
        try:
            sandbox.deploy(attached=False, denied=(policies.CUT, policies.NOBODY))
        except CdkFailed:
            failed = True
    return {
        "failed": failed,
        "before": before,
        "after": _version(sandbox),
        "deployments": _deployments(sandbox),
    }


@contextlib.contextmanager
def _alarm_on(sandbox: Sandbox) -> Iterator[None]:
    """Keep one of the alarms on until CodeDeploy has stopped for it; CloudWatch would turn it off at its next look."""
    group = sandbox.place.client("codedeploy").get_deployment_group(
        applicationName=sandbox.outputs["Application"],
        deploymentGroupName=sandbox.outputs["DeploymentGroup"],
    )["deploymentGroupInfo"]
    name, done = group["alarmConfiguration"]["alarms"][0]["name"], threading.Event()
    before = len(_deployments(sandbox))

    def keep_on() -> None:
        while not done.wait(_AGAIN_SECONDS):
            with contextlib.suppress(ClientError):
                deployments = _deployments(sandbox)
                if len(deployments) > before and deployments[0]["status"] in _STOPPED:
                    return  # or it would stop the way back too
                _set(sandbox, name, "ALARM")

    _set(sandbox, name, "ALARM")
    thread = threading.Thread(target=keep_on, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
        _set(sandbox, name, "OK")


def _set(sandbox: Sandbox, name: str, state: str) -> None:
    sandbox.place.client("cloudwatch").set_alarm_state(
        AlarmName=name, StateValue=state, StateReason="the acceptance run asks"
    )


def _shifted(shift: dict[str, Any]) -> str | None:
    if not shift["deployments"]:
        return "CodeDeploy has no deployment"
    status = shift["deployments"][0]["status"]
    if status != "Succeeded":
        return f"the deployment is {status}: {shift['deployments'][0]['error']}"
    seconds = shift["deployments"][0]["seconds"]
    return None if seconds and seconds >= 60 else f"the deployment took {seconds} s, and should wait for 60"  # noqa: PLR2004


def _back(rolled_back: dict[str, Any]) -> str | None:
    if not rolled_back["failed"]:
        return "the deployment succeeded while an alarm was on"
    if rolled_back["after"] != rolled_back["before"]:
        return f"the alias points at version {rolled_back['after']}, and did at {rolled_back['before']}"
    return None


OBSERVATIONS = (
    Observation(name="shift", title="Looking at the gradual deployment", observe=_shift, needs_aws=True),
    Observation(
        name="rolledBack", title="Deploying while an alarm is on", observe=_rolled_back, needs_aws=True
    ),
)
CLAIMS = (
    Claim(
        name="traffic-shifted",
        page="docs/deployments.md",
        sentence="`GradualDeployment` has AWS CodeDeploy move a part of the connections first",
        proof="a deployment of new policies, with provisioned concurrency, is shifted by CodeDeploy and succeeds",
        reads=("shift",),
        problem=_shifted,
        needs_aws=True,
    ),
    Claim(
        name="rolled-back",
        page="docs/deployments.md",
        sentence="and move everything back when one of the handler's alarms goes off.",
        proof="a deployment fails while an alarm is on, and the alias points at the version of before",
        reads=("rolledBack",),
        problem=_back,
        needs_aws=True,
    ),
)
