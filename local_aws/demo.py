"""``make demo``: deploy the handler to a local AWS, watch it decide, change a policy, watch again."""

from __future__ import annotations

import argparse
import contextlib
import difflib
import json
import platform
import shlex
import shutil
import sys
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from local_aws import cdk_cli
from local_aws.demo_app import this_machine
from local_aws.deployed_handler import DeployedHandler, Invocation, InvocationFailed, deploy
from local_aws.emulator import Emulator, EmulatorFailed
from local_aws.pictures import picture_of
from local_aws.process import unwind_on_signals
from local_aws.steps import step

_HERE = Path(__file__).parent
_POLICIES = _HERE / "demo_policies"
_REQUESTS = _HERE / "demo_requests.json"

# The change: contractors may also connect from home.
_CHANGED_FILE = "contractors.cedar"
_BEFORE = 'unless { context.publicIp.isInRange(ip("198.51.100.0/24")) };'
_AFTER = (
    'unless { context.publicIp.isInRange(ip("198.51.100.0/24")) || '
    'context.publicIp.isInRange(ip("192.0.2.0/24")) };'
)
_WHO_IT_CONCERNS = "grace, contractor"

# Linux runs the bundle that Lambda does; elsewhere it is one for this machine.
_APP = cdk_cli.APP if sys.platform == "linux" else shlex.join((sys.executable, "-m", "local_aws.demo_app"))

_WIDTH_WITHOUT_TERMINAL = 130
_UNBROKEN = ("From", "By policy")


class DemoFailed(Exception):
    """An event that the demo shows did not happen."""


def main() -> int:
    """Run the demo and return its exit status."""
    unwind_on_signals()
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--svg", type=Path, help="also write what is shown into this file")
    svg: Path | None = parser.parse_args().svg
    console = Console(
        width=None if sys.stdout.isatty() and svg is None else _WIDTH_WITHOUT_TERMINAL,
        highlight=False,
        record=svg is not None,
    )
    if this_machine() is None:
        console.print(
            f"The demo runs the handler on this machine, which is {sys.platform} {platform.machine()}: it "
            "needs Linux or macOS, on x86-64 or arm64.",
            markup=False,
        )
        return 2
    try:
        _run(console)
    except KeyboardInterrupt:
        console.print("Stopped; nothing is left running.")
        return 130
    except (EmulatorFailed, cdk_cli.CdkFailed, InvocationFailed, DemoFailed) as error:
        console.print(f"[red]failed:[/] {escape(str(error))}")
        return 1
    if svg is not None:
        svg.write_text(picture_of(console, "make demo"), "utf-8")
    return 0


def _run(console: Console) -> None:
    with contextlib.ExitStack() as resources:
        with step(console, "Starting the local AWS emulator"):
            emulator = resources.enter_context(Emulator())
        with step(console, f"cdk bootstrap, for the emulator at {emulator.endpoint}") as report:
            cdk_cli.bootstrap(emulator, report=report)
        policies = shutil.copytree(_POLICIES, emulator.directory / "policies")
        with step(
            console, "cdk deploy ClientConnect, with the policies of local_aws/demo_policies"
        ) as report:
            handler = deploy(emulator, policies=policies, app=_APP, report=report)
        version = handler.alias_version
        console.print(
            f"\nWhat an endpoint would invoke, now version {version}:\n[bold]{handler.function_arn}[/]"
        )
        before = _decide_all(console, handler)

        console.print("\nNow a policy changes:\n")
        _change(console, policies / _CHANGED_FILE)
        with step(console, "cdk deploy ClientConnect, with the changed policy") as report:
            handler = deploy(emulator, policies=policies, app=_APP, report=report)
        after = handler.invoke(_event(_WHO_IT_CONCERNS))
        _compare(console, before[_WHO_IT_CONCERNS], after, versions=(version, handler.alias_version))
        with step(console, "Stopping the emulator"):
            resources.close()


def _decide_all(console: Console, handler: DeployedHandler) -> dict[str, Invocation]:
    table = _table("Who", "Request", "From", "Decision", "By policy", "Message", "ms")
    invocations = {}
    for request in json.loads(_REQUESTS.read_text("utf-8")):
        who, event = request["who"], request["event"]
        invocations[who] = invocation = handler.invoke(event)
        table.add_row(who, event["schema-version"], event["public-ip"], *_cells(invocation))
    console.print(table)
    console.print(
        "  ms: from the request to the answer; the first request also starts the function", style="dim"
    )
    return invocations


def _change(console: Console, file: Path) -> None:
    before = file.read_text("utf-8")
    if _BEFORE not in before:
        raise DemoFailed(f"{file.name} does not hold the line that the demo changes: {_BEFORE}")
    after = before.replace(_BEFORE, _AFTER)
    file.write_text(after, "utf-8")
    lines = list(difflib.unified_diff(before.splitlines(), after.splitlines(), n=1, lineterm=""))
    console.print(Syntax("\n".join(lines[3:]), "diff", theme="ansi_dark", background_color="default"), "")


def _compare(console: Console, before: Invocation, after: Invocation, *, versions: tuple[str, str]) -> None:
    table = _table("The same request", "Alias version", "Decision", "By policy", "Message", "ms")
    for name, version, invocation in zip(("before", "after"), versions, (before, after), strict=True):
        table.add_row(f"{_WHO_IT_CONCERNS}, {name}", version, *_cells(invocation))
    console.print(table)
    if before.answer["allow"] == after.answer["allow"] or versions[0] == versions[1]:
        raise DemoFailed("the answer and the alias's version should both have changed")
    console.print(f"\nThe alias moved from version {versions[0]} to {versions[1]}, and the answer with it.")


def _cells(invocation: Invocation) -> tuple[Text, str, str, str]:
    allowed = invocation.answer["allow"]
    return (
        Text("allowed", style="green") if allowed else Text("denied", style="red"),
        escape(_reason(invocation.record)),
        escape(_message(invocation.answer)),
        f"{invocation.milliseconds:.0f}",
    )


def _reason(record: dict[str, Any]) -> str:
    if "decision" not in record:
        return f"({record['error']['type']})"
    return ", ".join(record["decision"]["determining"]) or "(none)"


def _message(answer: dict[str, Any]) -> str:
    key = "failed-posture-compliance" if answer["schema-version"] == "v1" else "denied-connection"
    message: str = answer[f"error-msg-on-{key}"]
    return message


def _event(who: str) -> dict[str, Any]:
    requests: list[dict[str, Any]] = json.loads(_REQUESTS.read_text("utf-8"))
    event: dict[str, Any] = next(request["event"] for request in requests if request["who"] == who)
    return event


def _table(*columns: str) -> Table:
    table = Table(header_style="bold", box=box.SIMPLE_HEAD)
    for column in columns:
        table.add_column(
            column,
            justify="right" if column == "ms" else "left",
            no_wrap=column in _UNBROKEN,
            overflow="fold",
        )
    return table


if __name__ == "__main__":
    sys.exit(main())
