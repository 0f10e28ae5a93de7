"""An open connection that a new policy denies: the deployment has it ended."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from acceptance import policies
from acceptance.checks.clients import settled
from acceptance.claims import Claim, Observation

if TYPE_CHECKING:
    from acceptance.sandbox import Sandbox
    from local_aws.vpn.openvpn_client import Client

_CUT_SECONDS = 300.0
_POLL_SECONDS = 0.2


def _cut(sandbox: Sandbox) -> dict[str, Any]:
    """Connect two clients, deploy a policy that denies one of them, and watch both."""
    doomed, other = settled(sandbox, policies.CUT), settled(sandbox, policies.ALLOWED)
    before: dict[str, Any] = {
        "doomed": doomed.outcome,
        "other": other.outcome,
        "listed": _listed(sandbox, doomed),
    }
    sandbox.deploy(attached=False, denied=[policies.CUT])
    started = time.monotonic()
    while not doomed.has_ended and time.monotonic() < started + _CUT_SECONDS:
        time.sleep(_POLL_SECONDS)
    seen: dict[str, Any] = {"ended": doomed.has_ended, "otherIsOn": not other.has_ended}
    again = settled(sandbox, policies.CUT)
    seen["again"] = again.messages
    for client in (doomed, other, again):
        client.stop()
    return before | seen | {"seconds": round(time.monotonic() - started, 1)}


def _listed(sandbox: Sandbox, client: Client) -> bool:
    """Whether EC2 lists the client's connection; it may take a moment."""
    deadline = time.monotonic() + _CUT_SECONDS
    while not client.has_ended and time.monotonic() < deadline:
        listed = sandbox.place.client("ec2").describe_client_vpn_connections(
            ClientVpnEndpointId=sandbox.endpoint_id
        )["Connections"]
        if any(each["CommonName"] == policies.CUT and each["Status"]["Code"] == "active" for each in listed):
            return True
        time.sleep(_POLL_SECONDS)
    return False


def _ended(cut: dict[str, Any]) -> str | None:
    if cut["doomed"] != "up":
        return f"the client was {cut['doomed']} before the policy"
    if not cut["listed"]:
        return "EC2 did not list the open connection"
    if not cut["ended"]:
        return f"the connection was still open {_CUT_SECONDS:.0f} s after the deployment"
    return None if cut["otherIsOn"] else "the other client, which is permitted, was cut too"


def _new_ones(cut: dict[str, Any]) -> str | None:
    if cut["again"] == [policies.CLOSED]:
        return None
    return f"right after the deployment the client reads {cut['again']}, not {[policies.CLOSED]}"


OBSERVATIONS = (
    Observation(name="cut", title="Deploying a policy that denies an open connection", observe=_cut),
)
CLAIMS = (
    Claim(
        name="denied-today-ended",
        page="README.md",
        sentence="and ends those that your policies no longer allow",
        proof="of two open connections, the one that a deployed policy denies is ended, and the other is not",
        reads=("cut",),
        problem=_ended,
    ),
    Claim(
        name="effect-at-once",
        page="docs/handler.md",
        sentence="A change of the handler's policies takes effect for new connections when the deployment ends",
        proof="the client that was cut gets the new policy's message at its next attempt",
        reads=("cut",),
        problem=_new_ones,
    ),
    Claim(
        name="lists-with-resource",
        page="docs/security.md",
        sentence="lists open connections of the endpoints that it is given",
        proof="the re-authorizer, whose role may do so on the run's endpoints only, has the connection ended",
        reads=("cut",),
        problem=_ended,
        needs_aws=True,
    ),
    Claim(
        name="terminates-with-resource",
        page="docs/security.md",
        sentence="ends connections that are denied, on the endpoints that it is given",
        proof="the re-authorizer, whose role may do so on these endpoints only, has the connection ended",
        reads=("cut",),
        problem=_ended,
        needs_aws=True,
    ),
)
