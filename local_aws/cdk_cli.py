"""The real CDK command line, deploying to the emulator."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Protocol

from local_aws.emulator import ACCOUNT, REGION, ROOT
from local_aws.process import running, stop, tail

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from local_aws.emulator import Emulator

APP = shlex.join((sys.executable, str(ROOT / "app.py")))

_CDK = ROOT / "node_modules" / ".bin" / "cdk"
_OPTIONS = ("--no-notices", "--no-color")
_BOOTSTRAP_SECONDS = 180.0
_DEPLOY_SECONDS = 600.0

# The command line asks only the emulator.
_QUIET = {"CDK_DISABLE_CLI_TELEMETRY": "true", "CDK_DISABLE_VERSION_CHECK": "true"}


class CdkFailed(Exception):
    """The CDK command line failed; the message ends with what it said."""


class Target(Protocol):
    """Where stacks are deployed: the emulator, or an account of AWS."""

    @property
    def directory(self) -> Path:
        """A folder for what the command line writes."""

    @property
    def environment(self) -> dict[str, str]:
        """The variables that lead the command line to it."""


def ignore(_line: str) -> None:
    """Take a line of output without showing it."""


def bootstrap(emulator: Emulator, *, region: str = REGION, report: Callable[[str], None] = ignore) -> None:
    """Run ``cdk bootstrap`` for the emulator's account.

    Args:
        emulator: The emulator, running.
        region: The Region.
        report: Called with each line of output.

    Raises:
        CdkFailed: When it fails, or takes longer than three minutes.
    """
    arguments = ["bootstrap", f"aws://{ACCOUNT}/{region}"]
    # Away from cdk.json, whose app it would synthesize for nothing.
    _run(
        emulator,
        arguments,
        report,
        seconds=_BOOTSTRAP_SECONDS,
        directory=emulator.directory,
        region=region,
    )


def deploy(  # noqa: PLR0913 - as many as the command line has
    emulator: Target,
    *,
    stack: str,
    app: str = APP,
    context: Mapping[str, str] | None = None,
    region: str = REGION,
    report: Callable[[str], None] = ignore,
    seconds: float = _DEPLOY_SECONDS,
) -> dict[str, str]:
    """Run ``cdk deploy`` and return the stack's outputs.

    Args:
        emulator: The emulator, running, or another place; bootstrapped.
        stack: The name of the stack.
        app: The command that synthesizes; the project's own app by default.
        context: The context values to pass with ``-c``.
        region: The Region of an app that names none.
        report: Called with each line of output.
        seconds: How long it may take.

    Raises:
        CdkFailed: When it fails, or takes longer.
    """
    outputs = emulator.directory / "outputs.json"
    arguments = ["deploy", stack, "--app", app, "--require-approval", "never", "--outputs-file", str(outputs)]
    arguments += ["--progress", "events", *_assembly(emulator, context)]
    _run(emulator, arguments, report, seconds=seconds, region=region)
    found: dict[str, dict[str, str]] = json.loads(outputs.read_text("utf-8"))
    return found.get(stack, {})  # a stack without outputs is not in it


def diff(emulator: Emulator, *, stack: str, app: str) -> str:
    """Run ``cdk diff`` against a deployed stack, by a change set as the command line does by default; return its text.

    Args:
        emulator: The emulator, running and bootstrapped.
        stack: The name of the stack.
        app: The command that synthesizes, or the folder of a cloud assembly.

    Raises:
        CdkFailed: When it fails, or takes longer than three minutes.
    """
    printed: list[str] = []
    _run(emulator, ["diff", stack, "--app", app], printed.append, seconds=_BOOTSTRAP_SECONDS)
    return "\n".join(printed)


def destroy(
    emulator: Emulator,
    *,
    stack: str,
    app: str = APP,
    context: Mapping[str, str] | None = None,
    report: Callable[[str], None] = ignore,
) -> None:
    """Run ``cdk destroy``, which deletes the stack; the arguments are those of :func:`deploy`.

    Raises:
        CdkFailed: When it fails, or takes longer than ten minutes.
    """
    arguments = ["destroy", stack, "--app", app, "--force", *_assembly(emulator, context)]
    _run(emulator, arguments, report, seconds=_DEPLOY_SECONDS)


def _assembly(emulator: Target, context: Mapping[str, str] | None) -> list[str]:
    """Keep the cloud assembly out of the work tree, and from one deployment to the next."""
    values = [option for name, value in (context or {}).items() for option in ("-c", f"{name}={value}")]
    return ["--output", str(emulator.directory / "cdk.out"), *values]


def _run(  # noqa: PLR0913 - likewise
    emulator: Target,
    arguments: Sequence[str],
    report: Callable[[str], None],
    *,
    seconds: float,
    directory: Path = ROOT,
    region: str = REGION,
) -> None:
    started = time.monotonic()
    kept = {  # what it remembers of accounts, and what it leaves when it is stopped, ends with the emulator
        "CDK_HOME": str(emulator.directory / "cdk-home"),
        "TMPDIR": str(emulator.directory),
    }
    command: list[str | Path] = [_CDK, *arguments, *_OPTIONS]
    regional = {"AWS_REGION": region, "AWS_DEFAULT_REGION": region}
    environment = emulator.environment | regional | _QUIET | kept
    with running(command, environment=environment, directory=directory, output=subprocess.PIPE) as process:
        timer = threading.Timer(seconds, stop, [process])
        try:
            timer.start()  # in here, or a signal meanwhile would leave it, and this program would wait for it
            output = list(_reported(process, report))
            process.wait()
        finally:
            timer.cancel()
    if process.returncode:
        end = f"ended with {process.returncode} after {time.monotonic() - started:.0f} s of {seconds:.0f} s"
        raise CdkFailed(f"cdk {arguments[0]} {end}; it said\n{tail(''.join(output))}")


def _reported(process: subprocess.Popen[str], report: Callable[[str], None]) -> Iterator[str]:
    for line in process.stdout or ():
        report(line.rstrip())
        yield line
