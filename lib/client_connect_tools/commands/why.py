"""``client-connect why``."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from client_connect.printable import printable, printable_json
from client_connect_tools.commands._deployed import HANDLER, refusals_end_the_command, require_boto3
from client_connect_tools.commands._logs import (
    LogsArgument,
    ProfileOption,
    RegionOption,
    SinceOption,
    Understood,
    UntilOption,
    end_for_what_was_not_understood,
    find_logs,
    reading_progress,
    unreadable_logs_end_the_command,
)
from client_connect_tools.commands._settings import guardrails_of, time_zone_or_settings
from client_connect_tools.commands._shared import (
    FINDINGS,
    GuardrailsOption,
    JsonOption,
    errors_end_the_command,
    read_policies,
    wrong_use,
)
from client_connect_tools.commands._writing import require_writable, write_private

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import tzinfo

    from client_connect_tools.commands._logs import GivenLogs
    from client_connect_tools.commands._why_story import Story
    from client_connect_tools.policies import Policies
    from client_connect_tools.replay.event import Event
    from client_connect_tools.replay.history import History


def why(  # noqa: PLR0913 - each is an option
    logs: LogsArgument = None,
    *,
    username: Annotated[str | None, typer.Option(help="The user, in any case of letters.")] = None,
    device: Annotated[
        str | None, typer.Option(help="The common name of the device's certificate, likewise.")
    ] = None,
    connection: Annotated[
        str | None,
        typer.Option(help="The id of one attempt, as a message with {connection-id} or Client VPN has it."),
    ] = None,
    policies: Annotated[
        Path | None, typer.Option(help="The policies that are deployed, to say what would have allowed.")
    ] = None,
    guardrails: GuardrailsOption = None,
    time_zone: Annotated[
        str | None,
        typer.Option(help="The zone of the times. Default: the records', else of the settings, else UTC."),
    ] = None,
    html: Annotated[
        Path | None, typer.Option(help="Write it as a page to this file, too, for its owner only.")
    ] = None,
    as_json: JsonOption = False,
    log_group: Annotated[
        list[str] | None,
        typer.Option(help="Read this log group instead of files; repeatable. Needs --since."),
    ] = None,
    handler: Annotated[
        str | None,
        typer.Option(
            envvar=HANDLER,
            help="Read the log groups of this handler, its re-authorizer and its endpoints, if nothing else is named: "
            "the name or the ARN of its function, or the name of its stack. Default of --since: 24h.",
        ),
    ] = None,
    since: SinceOption = None,
    until: UntilOption = None,
    region: RegionOption = None,
    profile: ProfileOption = None,
) -> None:
    """Tell what happened to one user, device or connection, oldest first, and why it was denied.

    Reads decision records, the re-authorizer's records and Client VPN's connection logs. Status 1 when the logs have
    nothing of it, or hold something that cannot be read.
    """
    if not (username or device or connection):
        wrong_use("say whose history: --username NAME, --device NAME, or --connection ID")
    username, device, connection = username or None, device or None, connection or None
    zone, given = _zone(time_zone), _policies(policies, guardrails)
    if html is not None:
        require_writable(html)
    groups: list[str | None] = [*(log_group or [])]
    if handler is not None and not logs and not groups:
        if region is not None or profile is not None:
            wrong_use(
                "--region and --profile are about --log-group; set AWS_REGION and AWS_PROFILE for --handler"
            )
        groups, region = _groups_of(handler)
        since = since or "24h"
    with unreadable_logs_end_the_command():
        found = [
            find_logs(logs, log_group=name, since=since, until=until, region=region, profile=profile)
            for name in groups or [None]
        ]
    from client_connect_tools.replay.history import History

    history, understood = History(user=username, device=device, connection=connection), Understood()
    _read(found, history, understood)
    events = history.events()
    who = printable(" with ".join(name for name in (username, device, connection) if name))
    read = f"Log groups read, --since {since}: {', '.join(each.name for each in found)}" if groups else ""
    if as_json:
        _print_json(who, events, history, zone, given)
    if html is not None or not as_json:
        story = _story(who, events, history, zone, given, read)
        if html is not None:
            write_private(html, lambda stream: stream.write(story.page()))
        for line in () if as_json else story.text():
            print(line)
    end_for_what_was_not_understood(understood)
    if not events or history.unreadable:
        raise typer.Exit(FINDINGS)


def _groups_of(handler: str) -> tuple[list[str | None], str | None]:
    """Return the log groups of a handler, and their Region; say what they lack."""
    require_boto3()
    from client_connect_tools.deployed.finding import find_handler
    from client_connect_tools.deployed.log_groups import log_groups_of

    with refusals_end_the_command():
        found = find_handler(handler)
        groups, silent = log_groups_of(found)
    for endpoint in silent:
        print(
            f"{endpoint} logs no connections: users who were throttled or could not sign in there are not found",
            file=sys.stderr,
        )
    return [*groups], found.region


def _read(found: list[GivenLogs], history: History, understood: Understood) -> None:
    with unreadable_logs_end_the_command(), reading_progress() as progress:
        for each in found:
            for block in each.blocks(progress, understood):
                history.block(block)
                understood.decided(understood=history.understood, unknown=history.unknown)


def _zone(name: str | None) -> tzinfo | None:
    from client_connect_tools.inputs.time_zones import time_zone_named

    with errors_end_the_command():
        return None if name is None else time_zone_named(name)


def _policies(path: Path | None, guardrails: Path | None) -> Policies | None:
    if path is None:
        if guardrails is not None:
            wrong_use("--guardrails are of policies; name these with --policies")
        return None
    from client_connect_tools.checking.checks import require_sound

    with errors_end_the_command():
        policies = read_policies(path, guardrails=guardrails_of([path], guardrails))
        require_sound(policies)
        return policies


def _zones(events: Sequence[Event], given: tzinfo | None) -> list[tzinfo]:
    """Return the zone of each event: the one given, else that of the last record before it, else of the first."""
    of_records = (event.zone for event in events if event.zone is not None)
    current = given or next(of_records, None) or _zone(time_zone_or_settings(None)) or UTC
    zones = []
    for event in events:
        current = given or event.zone or current
        zones.append(current)
    return zones


def _reasons(event: Event, policies: Policies | None, zone: tzinfo | None) -> list[str]:
    if policies is None or event.what not in _DECIDED or not (event.policies or event.source == "handler"):
        return []
    from client_connect_tools.commands._why_denied import reasons

    return list(reasons(policies, event, zone))


def _verdict(who: str, events: list[Event], zones: list[tzinfo]) -> str:
    from client_connect_tools.commands._why_text import verdict

    if not events:
        return f"the logs have nothing of {who}."
    return verdict(who, events, zones[-1], datetime.now(UTC))


def _print_json(
    who: str, events: list[Event], history: History, zone: tzinfo | None, policies: Policies | None
) -> None:
    from client_connect_tools.commands._why_text import as_json

    zones = _zones(events, zone)
    content = {
        "verdict": _verdict(who, events, zones),
        "events": [
            as_json(event, each) | {"reasons": _reasons(event, policies, zone)}
            for event, each in zip(events, zones, strict=True)
        ],
        "read": dict(history.entries),
        "unreadable": history.unreadable,
        "similar": history.similar(),
    }
    print(json.dumps(printable_json(content), indent=2))


def _story(  # noqa: PLR0913, PLR0917 - its arguments
    who: str,
    events: list[Event],
    history: History,
    zone: tzinfo | None,
    policies: Policies | None,
    read: str,
) -> Story:
    from client_connect_tools.commands._why_story import Story, Told
    from client_connect_tools.commands._why_text import details

    zones, told, before = _zones(events, zone), [], list[str]()
    for event, each in zip(events, zones, strict=True):
        reasons = _reasons(event, policies, zone)
        is_same = bool(reasons) and reasons == before
        before = reasons or before
        lines = (*details(event), *(("for the same reason as above",) if is_same else reasons))
        told.append(Told(event=event, zone=each, lines=lines))
    notes = [*_notes(history, found=bool(events)), *([read] if read and not events else [])]
    return Story(who=who, verdict=_verdict(who, events, zones), events=told, notes=notes)


def _notes(history: History, *, found: bool) -> Iterator[str]:
    if not found:
        read = ", ".join(f"{count:,} of {_LOGS[name]}" for name, count in history.entries.items())
        yield f"Entries read: {read or 'none'}."
        if not history.entries["connection log"]:
            yield (
                "Users who were throttled or could not sign in never reached the handler. Read Client VPN's connection "
                "log, too."
            )
    if similar := history.similar():
        yield f"Similar names in the logs: {', '.join(similar)}"
    if history.unreadable:
        yield f"Entries that tell of connections, but cannot be read: {history.unreadable:,}."


_DECIDED = ("denied", "let in by shadow mode", "terminated", "would be terminated", "could not be terminated")
_LOGS = {
    "decision": "the handler's decisions",
    "error": "the handler's errors",
    "re-authorizer": "connections of the re-authorizer",
    "run": "runs of the re-authorizer",
    "connection log": "Client VPN's connection log",
}
