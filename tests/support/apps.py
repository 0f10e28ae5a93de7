"""Apps, synthesized in this process; the CDK's command line deploys their assemblies."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import aws_cdk as cdk

from app import ClientConnectStack
from app_context import Context
from local_aws import cdk_cli
from local_aws.deployed_handler import handler_of
from local_aws.emulator import ACCOUNT, ARCHITECTURE, REGION, ROOT, RUNTIME
from tests.support.programs import CONTEXT, OUTDIR, run_program

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from local_aws.deployed_handler import DeployedHandler
    from local_aws.emulator import Emulator

# The requirements of a bundle on this machine.
HERE = {"runtime": RUNTIME, "architecture": ARCHITECTURE}


def synthesize(app: Path, outdir: Path, context: Mapping[str, str] | None = None) -> str:
    """Run an app as ``cdk deploy`` would, with the project's feature flags; return its cloud assembly's folder.

    Args:
        app: Its file.
        outdir: The folder, which may have an assembly already.
        context: What would be given by ``-c``.
    """
    variables = {
        OUTDIR: str(outdir),
        CONTEXT: json.dumps(_flags() | (context or {})),
        "CDK_DEFAULT_ACCOUNT": ACCOUNT,
        "CDK_DEFAULT_REGION": REGION,
    }
    finished = run_program(app, folder=ROOT, variables=variables)
    assert finished.returncode == 0, finished.stderr
    return str(outdir)


def deploy_handler(
    emulator: Emulator, *, stack: str, policies: Path | None = None, **context: str
) -> DeployedHandler:
    """Deploy the handler of the project's own app, as a stack of another name.

    Args:
        emulator: The emulator, running and bootstrapped.
        stack: The stack.
        policies: A Cedar file or a directory of them; the app's default policies without it.
        context: Further context values of the app.
    """
    outdir = synthesize_handler(emulator, stack=stack, policies=policies, **context)
    return handler_of(emulator, cdk_cli.deploy(emulator, stack=stack, app=outdir))


def synthesize_handler(
    emulator: Emulator, *, stack: str, policies: Path | None = None, **context: str
) -> str:
    """Synthesize what ``deploy_handler`` deploys; return its cloud assembly's folder."""
    named = {} if policies is None else {"policies": str(policies)}
    outdir = str(emulator.directory / f"{stack}.out")
    app = cdk.App(outdir=outdir, context={**_flags(), **HERE, **named, **context})
    env = cdk.Environment(account=ACCOUNT, region=REGION)
    ClientConnectStack(app, stack, context=Context(app.node), env=env)
    app.synth()
    return outdir


def _flags() -> dict[str, Any]:
    flags: dict[str, Any] = json.loads((ROOT / "cdk.json").read_text("utf-8"))["context"]
    return flags
