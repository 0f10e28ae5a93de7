"""A native policy in shadow mode, which would deny everybody."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from acceptance import policies
from acceptance.checks.clients import settled
from acceptance.claims import Claim, NotSeen, Observation
from acceptance.log_events import lines_of

if TYPE_CHECKING:
    from acceptance.log_events import Lines
    from acceptance.sandbox import Sandbox

_EVALUATION = "authorization-policy-evaluation"
_LOG_SECONDS = 600.0


def _native(sandbox: Sandbox) -> dict[str, Any]:
    sandbox.deploy(attached=False, native=True, denied=(policies.CUT,))
    client = settled(sandbox, policies.ALLOWED)
    outcome = client.outcome
    client.stop()
    lines = lines_of(
        sandbox.place,
        sandbox.outputs["ConnectionLogName"],
        until=lambda lines: bool(_evaluations(lines)),
        seconds=_LOG_SECONDS,
    )
    return {"outcome": outcome, "evaluations": _evaluations(lines)}


def _evaluations(lines: Lines) -> list[Any]:
    return [line[_EVALUATION] for line in lines if line.get(_EVALUATION)]


def _not_enforced(native: dict[str, Any]) -> str | None:
    if native["outcome"] != "up":
        return f"the client was {native['outcome']}"
    if not native["evaluations"]:
        raise NotSeen("the connection log has no evaluation of the policy for this client")
    results = {each.get("result") for each in native["evaluations"] if isinstance(each, dict)}
    return None if "deny" in results else f"the evaluations have the results {results}, and not deny"


OBSERVATIONS = (
    Observation(
        name="native", title="Deploying a native policy in shadow mode", observe=_native, needs_aws=True
    ),
)
CLAIMS = (
    Claim(
        name="native-shadow",
        page="docs/native-policies.md",
        sentence="the policy is evaluated and logged, and never enforced.",
        proof="with a policy that denies everybody a client connects, and the connection log has the denial",
        reads=("native",),
        problem=_not_enforced,
        needs_aws=True,
    ),
)
