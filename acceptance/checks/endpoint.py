"""The endpoint's handler, as EC2 describes it, and an attachment that turns one on and off."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from acceptance.claims import Claim, Observation

if TYPE_CHECKING:
    from acceptance.sandbox import Sandbox

_APPLYING = "applying"
_APPLY_SECONDS = 600.0
_POLL_SECONDS = 5.0


def _described(sandbox: Sandbox, endpoint_id: str) -> dict[str, Any]:
    """Return the endpoint's handler, when EC2 has applied it or the time is over."""
    deadline = time.monotonic() + _APPLY_SECONDS
    while (options := _options(sandbox, endpoint_id)).get("Status", {}).get("Code") == _APPLYING:
        if time.monotonic() > deadline:
            break
        time.sleep(_POLL_SECONDS)
    return {
        "enabled": options.get("Enabled", False),
        "handler": options.get("LambdaFunctionArn", ""),
        "status": options.get("Status", {}).get("Code", ""),
        "given": sandbox.outputs["FunctionArn"],
    }


def _options(sandbox: Sandbox, endpoint_id: str) -> dict[str, Any]:
    (endpoint,) = sandbox.place.client("ec2").describe_client_vpn_endpoints(
        ClientVpnEndpointIds=[endpoint_id]
    )["ClientVpnEndpoints"]
    options: dict[str, Any] = endpoint.get("ClientConnectOptions", {})
    return options


def _accepted(endpoint: dict[str, Any]) -> str | None:
    if not endpoint["enabled"] or endpoint["status"] != "applied":
        return f"the endpoint's handler is {endpoint['status'] or 'off'}, not applied"
    return None


def _unchanged(endpoint: dict[str, Any]) -> str | None:
    if endpoint["handler"] == endpoint["given"]:
        return None
    return (
        f"the endpoint was given {endpoint['given']}, and is described with {endpoint['handler'] or 'none'}"
    )


def _on(attached: dict[str, Any]) -> str | None:
    if not attached["enabled"]:
        return "the handler is off"
    return _unchanged(attached)


def _off(detached: dict[str, Any]) -> str | None:
    return f"the handler {detached['handler']} is still on" if detached["enabled"] else None


OBSERVATIONS = (
    Observation(
        name="endpoint",
        title="Describing the endpoint",
        observe=lambda sandbox: _described(sandbox, sandbox.endpoint_id),
    ),
    Observation(
        name="attached",
        title="Describing the endpoint with an attachment",
        observe=lambda sandbox: _described(sandbox, sandbox.outputs["OtherEndpointId"]),
    ),
)
# After the deployment that takes the attachment away.
DETACHED = Observation(
    name="detached",
    title="Describing the endpoint whose attachment was removed",
    observe=lambda sandbox: _described(sandbox, sandbox.outputs["OtherEndpointId"]),
)
CLAIMS = (
    Claim(
        name="alias-accepted",
        page="docs/handler.md",
        sentence="The endpoint gets the ARN of the alias `live`.",
        proof="CloudFormation creates the endpoint with it, and EC2 describes the handler as applied",
        reads=("endpoint",),
        problem=_accepted,
        needs_aws=True,
    ),
    Claim(
        name="arn-described",
        page="docs/endpoint-attachment.md",
        sentence="this very handler was on already, by hand or left by `LEAVE`",
        proof="EC2 describes the endpoint with the very ARN that it was given, which an attachment recognizes",
        reads=("endpoint",),
        problem=_unchanged,
        needs_aws=True,
    ),
    Claim(
        name="attachment-on",
        page="docs/endpoint-attachment.md",
        sentence="the endpoint's handler is turned on; nothing else of the endpoint changes",
        proof="the other endpoint has the handler after the deployment",
        reads=("attached",),
        problem=_on,
    ),
    Claim(
        name="attachment-off",
        page="docs/endpoint-attachment.md",
        sentence="the handler is turned off, if it is still this one, no other attachment wants it, and an attachment "
        "had turned it on",
        proof="the other endpoint has no handler after a deployment without the attachment",
        reads=("detached",),
        problem=_off,
    ),
)
