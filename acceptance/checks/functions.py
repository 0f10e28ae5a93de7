"""How Lambda starts the handler: ready beforehand, or from a snapshot."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

from acceptance.claims import Claim, NotSeen, Observation
from acceptance.log_events import lines_of

if TYPE_CHECKING:
    from acceptance.log_events import Lines
    from acceptance.sandbox import Sandbox

_REPORT = "platform.report"
_RESTORED = ("Restore Duration", "restoreDurationMs")
_INITIALIZED = ("Init Duration", "initDurationMs")


def _starts(sandbox: Sandbox) -> dict[str, Any]:
    """Return how many invocations Lambda reports, and of how many it had to initialize the function first."""
    lines = lines_of(sandbox.place, sandbox.outputs["HandlerLogName"], until=_has_report)
    reports = [line["record"]["metrics"] for line in lines if line.get("type") == _REPORT]
    name, _, alias = sandbox.outputs["FunctionArn"].rpartition(":")
    provisioned = sandbox.place.client("lambda").get_provisioned_concurrency_config(
        FunctionName=name, Qualifier=alias
    )
    return {
        "reports": len(reports),
        "initialized": sum("initDurationMs" in metrics for metrics in reports),
        "provisioned": provisioned["Status"],
    }


def _has_report(lines: Lines) -> bool:
    return any(line.get("type") == _REPORT for line in lines)


def _restore(sandbox: Sandbox) -> dict[str, Any]:
    """Invoke the handler with SnapStart for the first time, by a probe, which is no connection."""
    request = {
        "connection-id": "cvpn-connection-0123456789abcdef0",
        "endpoint-id": "cvpn-endpoint-0123456789abcdef0",
        "common-name": "acceptance-allowed",
        "username": "",
        "platform": "linux",
        "public-ip": "198.51.100.7",
        "schema-version": "v3",
    }
    answer = sandbox.place.client("lambda").invoke(
        FunctionName=sandbox.outputs["SnapshotArn"],
        Payload=json.dumps({"clientConnectProbe": request}),
        LogType="Tail",
    )
    log = base64.b64decode(answer.get("LogResult", "")).decode("utf-8", "replace")
    return {
        "error": answer.get("FunctionError", ""),
        "restored": any(each in log for each in _RESTORED),
        "initialized": any(each in log for each in _INITIALIZED),
        "log": log,
    }


def _no_init(starts: dict[str, Any]) -> str | None:
    if starts["provisioned"] != "READY":
        return f"the provisioned concurrency is {starts['provisioned']}"
    if not starts["reports"]:
        raise NotSeen("the handler's log has no reports of Lambda")
    count = starts["initialized"]
    return f"{count} of {starts['reports']} invocations waited for an initialization" if count else None


def _from_snapshot(restore: dict[str, Any]) -> str | None:
    if restore["error"]:
        return f"the function reported {restore['error']}: {restore['log']}"
    if not restore["restored"]:
        return f"Lambda reports no restore: {restore['log']}"
    return "Lambda initialized the function all the same" if restore["initialized"] else None


OBSERVATIONS = (
    Observation(
        name="starts", title="Looking how Lambda started the handler", observe=_starts, needs_aws=True
    ),
    Observation(
        name="restore", title="Invoking the handler with SnapStart", observe=_restore, needs_aws=True
    ),
)
CLAIMS = (
    Claim(
        name="concurrency-used",
        page="docs/handler.md",
        sentence="Provisioned concurrency, which AWS recommends for the handler, applies to aliases and versions only",
        proof="it is ready, and none of Lambda's reports about the clients of the run has an initialization",
        reads=("starts",),
        problem=_no_init,
        needs_aws=True,
    ),
    Claim(
        name="snapshot-restored",
        page="docs/deployments.md",
        sentence="The snapshot has all modules, the parsed policies and the named networks.",
        proof="the first invocation of a handler with SnapStart is restored, not initialized, and answers",
        reads=("restore",),
        problem=_from_snapshot,
        needs_aws=True,
    ),
)
