"""``client-connect rollback``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from time import monotonic, sleep
from typing import TYPE_CHECKING, Annotated, Any

import typer

from client_connect.printable import printable
from client_connect_tools.commands._deployed import (
    HandlerArgument,
    refusals_end_the_command,
    require_boto3,
    version_text,
)
from client_connect_tools.commands._shared import FINDINGS, wrong_use
from client_connect_tools.deployed.description import ALIAS_NAME
from client_connect_tools.inputs.default_event import DEFAULT_EVENT
from client_connect_tools.output.local_times import local_time_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from client_connect_tools.deployed.finding import DeployedHandler
    from client_connect_tools.deployed.functions import Function
    from client_connect_tools.deployed.rollback import Move, Rollback


# For how long AWS may take until the alias has moved everywhere.
_LOOKS, _PAUSE_S = 20, 0.5

# An unknown user: the question is whether there is a decision, not which one.
_NOBODY = {**DEFAULT_EVENT, "username": "client-connect-rollback"}


def rollback(  # noqa: PLR0913, PLR0917 - each is an option
    handler: Annotated[str, typer.Argument(help=HandlerArgument)],
    to: Annotated[
        int | None, typer.Option(metavar="VERSION", help="Default: the newest older one.", min=1)
    ] = None,
    request: Annotated[
        Path | None,
        typer.Option(help="A file with a connection request as JSON, which the version must allow."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    no_reauthorizer: Annotated[
        bool, typer.Option("--no-reauthorizer", help="Leave the re-authorizer by the policies of now.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Also while a deployment is running.")] = False,
) -> None:
    """Go back to a previous version of a deployed handler, within seconds and without a deployment."""
    require_boto3()
    started = monotonic()
    asked = _NOBODY if request is None else _read(request)
    from client_connect_tools.deployed.finding import find_handler
    from client_connect_tools.deployed.rollback import plan

    with refusals_end_the_command():
        found = find_handler(handler)
        planned = plan(
            found,
            to=to,
            request=asked,
            must_allow=request is not None,
            reauthorizer=None if no_reauthorizer else _reauthorizer(found),
            is_forced=force,
        )
    for line in _described(planned):
        print(printable(line))
    if not yes:
        _confirm(planned)
        started = monotonic()
    with refusals_end_the_command():
        planned.carry_out()
    _verify(planned, asked, started)


def _reauthorizer(handler: DeployedHandler) -> Function | None:
    from client_connect_tools.deployed.aws import AwsFailed

    try:
        return handler.reauthorizer()
    except AwsFailed as error:
        wrong_use(
            f"whether the handler has a re-authorizer is not known, which would go on by the policies of now: {error}; "
            "give the permission, or go back without it by --no-reauthorizer"
        )


def _read(file: Path) -> Mapping[str, Any]:
    try:
        event = json.loads(file.read_text("utf-8"))
    except ValueError as error:
        wrong_use(f'"{file}" is no JSON: {error}')
    if not isinstance(event, dict):
        wrong_use(f'"{file}" must have a JSON object with a connection request, as Client VPN sends it')
    return event


def _described(planned: Rollback) -> Iterator[str]:
    move = planned.handler
    source = move.source
    yield move.function.name
    yield f"  from {version_text(move.alias.version, None if source is None else source.described.digest)}"
    yield f"    to {version_text(move.target.number, move.probed.policies)} of {local_time_of(move.target.modified)}"
    yield from _policies(planned)
    if settings := move.changed_settings():
        yield f"Settings that differ: {', '.join(settings)}"
    if move.target.is_shadow:
        yield f"Version {move.target.number} is in SHADOW MODE: it denies only who is blocked; name another by --to"
    if planned.reauthorizer is not None:
        yield _reauthorized(planned.reauthorizer)
    yield from (f"Note: {name} is unavailable: {why}" for name, why in move.probed.unavailable.items())
    yield from (f"Note: {note}" for note in planned.notes)
    if planned.provisioned:
        yield (
            f"The {planned.provisioned} provisioned environments are taken off the alias and put on again, so it "
            "moves at once; until they are ready, connections wait for a cold start."
        )
    yield (
        "The next deployment that publishes a version moves the alias on to that, with the policies in the repository: "
        "revert them there before anybody deploys. Until then cdk diff does not show that the alias was moved."
    )


def _policies(planned: Rollback) -> Iterator[str]:
    if isinstance(planned.before, str):
        yield f"The policies of the version that answers now cannot be read: {planned.before}"
        return
    lines = list(planned.difference())
    yield "The policies are the same." if not lines else "The policies change:"
    yield from (f"  {line}" for line in lines)


def _reauthorized(move: Move) -> str:
    if move.is_done:
        return f"Re-authorizer {move.function.name}: version {move.target.number} already"
    return (
        f"Re-authorizer {move.function.name}: from version {move.alias.version} to {move.target.number}. A run that "
        "has begun ends by the policies that it began with."
    )


def _confirm(planned: Rollback) -> None:
    if not sys.stdin.isatty():
        wrong_use("nothing was changed: there is no terminal to ask for a confirmation; give --yes")
    if not typer.confirm(f"Go back to version {planned.handler.target.number}?"):
        print("nothing was changed", file=sys.stderr)
        raise typer.Exit(FINDINGS)


def _verify(planned: Rollback, request: Mapping[str, Any], started: float) -> None:
    """Ask by the alias, as endpoints do."""
    move = planned.handler
    version = ""
    for _ in range(_LOOKS):
        with refusals_end_the_command():
            version = move.function.probe(ALIAS_NAME, request).version
        if version == str(move.target.number):
            break
        sleep(_PAUSE_S)
    else:
        wrong_use(f"the alias was moved, but version {version} still answers; run client-connect versions")
    print(f"version {move.target.number} answers, {monotonic() - started:.1f} s after the command began")
