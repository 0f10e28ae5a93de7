"""The resources left when the stack is removed, and when everything is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from acceptance.claims import Claim, Observation

if TYPE_CHECKING:
    from acceptance.sandbox import Sandbox


def _left(sandbox: Sandbox) -> dict[str, Any]:
    kept = ("DevicesTable", "WaiversTable", "ConnectionsTable", "HandlerLogName")
    return {
        "names": sorted(each.name for each in sandbox.left_by_stack),
        **{name: sandbox.outputs[name] for name in kept},
    }


def _stays(*outputs: str) -> Any:  # noqa: ANN401 - a function that judges
    def problem(left: dict[str, Any]) -> str | None:
        gone = [left[name] for name in outputs if left[name] not in left["names"]]
        return f"gone with the stack: {', '.join(gone)}" if gone else None

    return problem


def _registry_goes(left: dict[str, Any]) -> str | None:
    return "the table of connections is still there" if left["ConnectionsTable"] in left["names"] else None


OBSERVATIONS = (
    Observation(
        name="leftByStack", title="Looking at what the stack has left", observe=_left, after_removal=True
    ),
    Observation(
        name="leftovers",
        title="Looking for leftovers",
        observe=lambda sandbox: sandbox.problems,
        after_removal=True,
    ),
)
CLAIMS = (
    Claim(
        name="log-stays",
        page="docs/deployments.md",
        sentence="| the decision log, and the log of a `ConnectionReauthorizer` | stays | goes |",
        proof="the log group of the decisions is there when the stack has been deleted",
        reads=("leftByStack",),
        problem=_stays("HandlerLogName"),
    ),
    Claim(
        name="tables-stay",
        page="docs/deployments.md",
        sentence="| the tables of `DeviceInventory`: devices and waivers | stay | go |",
        proof="both tables are there when the stack has been deleted",
        reads=("leftByStack",),
        problem=_stays("DevicesTable", "WaiversTable"),
    ),
    Claim(
        name="registry-goes",
        page="docs/deployments.md",
        sentence="| the table of `ConnectionRegistry` | goes | goes |",
        proof="the table is not there when the stack has been deleted",
        reads=("leftByStack",),
        problem=_registry_goes,
    ),
    Claim(
        name="nothing-left",
        page="docs/acceptance.md",
        sentence="At the end nothing of the run is left in the account but what is listed here.",
        proof="nothing with the run's tag or name is found when all has been removed",
        reads=("leftovers",),
        problem=lambda left: f"still there: {'; '.join(left)}" if left else None,
    ),
)
