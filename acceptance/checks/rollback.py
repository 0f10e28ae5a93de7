"""The command that goes back to the previous version, and forward again."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from acceptance import policies
from acceptance.checks.clients import settled
from acceptance.claims import Claim, Observation

if TYPE_CHECKING:
    from acceptance.sandbox import Sandbox

_COMMAND = Path(sys.executable).with_name("client-connect")
_SECONDS = 900.0


def _back(sandbox: Sandbox) -> dict[str, Any]:
    """Go back to the version before the device was denied, and forward again; let the device try after each."""
    newest = _newest(sandbox)
    back = _moved(sandbox, "--yes")
    forward = _moved(sandbox, "--to", newest, "--yes")
    return {"back": back, "forward": forward}


def _newest(sandbox: Sandbox) -> str:
    name, _, alias = sandbox.outputs["FunctionArn"].rpartition(":")
    found = sandbox.place.client("lambda").get_alias(FunctionName=name, Name=alias)
    return str(found["FunctionVersion"])


def _moved(sandbox: Sandbox, *options: str) -> dict[str, Any]:
    started = time.monotonic()
    done = subprocess.run(
        [_COMMAND, "rollback", sandbox.outputs["FunctionArn"], *options],
        env=sandbox.place.environment,
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    seconds = round(time.monotonic() - started, 1)
    client = settled(sandbox, policies.CUT)
    found = {"outcome": client.outcome, "messages": client.messages}
    client.stop()
    return {
        "status": done.returncode,
        "said": (done.stdout + done.stderr)[-1000:],
        "seconds": seconds,
    } | found


def _went_back(rollback: dict[str, Any]) -> str | None:
    return _failed(rollback["back"]) or (
        None if rollback["back"]["outcome"] == "up" else f"the client was {rollback['back']['outcome']}"
    )


def _went_forward(rollback: dict[str, Any]) -> str | None:
    messages = rollback["forward"]["messages"]
    return _failed(rollback["forward"]) or (
        None if messages == [policies.CLOSED] else f"the client reads {messages}, not {[policies.CLOSED]}"
    )


def _failed(moved: dict[str, Any]) -> str | None:
    return f"the command ended with {moved['status']}: {moved['said']}" if moved["status"] else None


OBSERVATIONS = (
    Observation(
        name="rollback", title="Going back to the previous version, and forward again", observe=_back
    ),
)
CLAIMS = (
    Claim(
        name="goes-back",
        page="docs/rollback.md",
        sentence="one command goes back to one of them within seconds, without a checkout and without a deployment.",
        proof="after the command a device connects that only the newest version denies",
        reads=("rollback",),
        problem=_went_back,
    ),
    Claim(
        name="goes-forward",
        page="docs/rollback.md",
        sentence="It also goes forward: `--to` the newest version takes a rollback back.",
        proof="after that the device gets the newest version's message",
        reads=("rollback",),
        problem=_went_forward,
    ),
)
