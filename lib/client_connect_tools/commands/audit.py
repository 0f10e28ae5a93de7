"""``client-connect audit``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from client_connect.printable import printable, printable_json
from client_connect_tools.commands._logs import (
    LogGroupOption,
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
from client_connect_tools.commands._settings import time_zone_or_settings
from client_connect_tools.commands._shared import JsonOption, errors_end_the_command, read_policies, wrong_use
from client_connect_tools.output.local_times import local_time

if TYPE_CHECKING:
    from datetime import tzinfo

    from client_connect_tools.policies import Policies
    from client_connect_tools.replay.audit import Audit, Found

_WIDTH_WITHOUT_TERMINAL = 200


def audit(  # noqa: PLR0913 - each is an option
    logs: LogsArgument = None,
    *,
    question: Annotated[
        Path | None,
        typer.Option(help="A file with a Cedar condition, such as context.time.minuteOfDay < 360."),
    ] = None,
    where: Annotated[str | None, typer.Option(help="The condition itself.")] = None,
    policies: Annotated[
        Path | None, typer.Option(help="Policies whose named networks and custom facts the condition reads.")
    ] = None,
    time_zone: Annotated[
        str | None,
        typer.Option(
            help="The zone of the condition's clock. Default: the records', else of the settings, else UTC."
        ),
    ] = None,
    as_json: JsonOption = False,
    log_group: LogGroupOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    region: RegionOption = None,
    profile: ProfileOption = None,
) -> None:
    """List every logged connection that a condition is about, by what its client was answered.

    A connection that the logs lack facts to tell of is listed as unknown, and never left out. Status 1 then.
    """
    asked = _asked(question, where, policies)
    with unreadable_logs_end_the_command():
        found = find_logs(logs, log_group=log_group, since=since, until=until, region=region, profile=profile)
    from client_connect_tools.replay.audit import Audit

    looked = Audit(
        asked.text,
        custom=asked.custom,
        networks=asked.network_table,
        time_zone=_zone(time_zone),
        default_zone=_zone(time_zone_or_settings(None)),
    )
    understood = Understood()
    with unreadable_logs_end_the_command(), reading_progress() as progress:
        for block in found.blocks(progress, understood):
            looked.block(block)
            understood.decided(understood=looked.understood, unknown=looked.unknown)
    matches = looked.found()
    (_print_json if as_json else _print)(looked, matches)
    end_for_what_was_not_understood(understood)
    _print_doubts(asked, looked)
    if not looked.connections:
        wrong_use("the logs hold no connection; give decision records or Client VPN's connection logs")
    if looked.unreadable or any(each.unknown for each in matches):
        raise typer.Exit(1)


def _print_doubts(asked: Policies, looked: Audit) -> None:
    """Print what is seldom meant in the question, and the groups in it without members in the logs."""
    from client_connect_tools.checking.conditions import doubts
    from client_connect_tools.checking.group_names import groups_of

    found = list(doubts(asked, looked.groups, "the logs have the group"))
    if looked.groups:
        found += [
            f'no record has the group "{each}"' for each in groups_of(asked) if each not in looked.groups
        ]
    for each in found:
        print(f"note: {printable(each)}", file=sys.stderr)


def _zone(name: str | None) -> tzinfo | None:
    from client_connect_tools.inputs.time_zones import time_zone_named

    with errors_end_the_command():
        return None if name is None else time_zone_named(name)


def _asked(question: Path | None, where: str | None, policies: Path | None) -> Policies:
    """Return the question as a policy; end when it is missing or wrong."""
    from client_connect_tools.checking.conditions import condition_policies, require_meant
    from client_connect_tools.files.folders import read_text

    if (question is None) is (where is None):
        wrong_use("give one question: --question FILE, or --where 'CONDITION'")
    try:
        text = read_text(question) if question is not None else where or ""
    except (OSError, ValueError) as error:
        wrong_use(f'cannot read the question "{question}": {error}')
    with errors_end_the_command():
        known = None if policies is None else read_policies(policies)
        asked = (
            condition_policies(text)
            if known is None
            else condition_policies(text, custom_schema=known.custom_schema, networks=known.networks)
        )
        require_meant(text, asked)
        return asked


def _print_json(looked: Audit, matches: list[Found]) -> None:
    content = {
        "connections": looked.connections,
        "unreadable": looked.unreadable,
        "found": [_json(each) for each in matches],
    }
    print(json.dumps(printable_json(content), indent=2))


def _json(found: Found) -> dict[str, Any]:
    return {
        "at": found.facts.now.isoformat(),
        "answered": "allowed" if found.answered else "denied",
        "decision": "allowed" if found.allowed else "denied",
        "policies": found.determining,
        "ended": found.ended and found.ended.isoformat(),
        "unknown": found.unknown,
        "request": found.facts.request.to_event(),
    }


def _print(looked: Audit, matches: list[Found]) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from client_connect_tools.output.safe_output import console

    terminal = console(width=None if sys.stdout.isatty() else _WIDTH_WITHOUT_TERMINAL)
    if matches:
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        for name in ("time", "user", "device", "answered", "decided by", "session", "connection"):
            table.add_column(name, overflow="fold")
        for each in matches:
            style = "yellow" if each.unknown else "green" if each.answered else "red"
            table.add_row(
                *(Text(printable(text), style=style if text == _answer(each) else "") for text in _row(each))
            )
        terminal.print(table)
    terminal.print(_summary(looked, matches))


def _row(found: Found) -> tuple[str, ...]:
    request = found.facts.request
    return (
        _time(found),
        request.username or "",
        request.common_name or "",
        _answer(found),
        ", ".join(found.determining),
        _session(found),
        request.connection_id,
    )


def _time(found: Found) -> str:
    return local_time(found.facts.now, found.facts.time_zone)


def _answer(found: Found) -> str:
    if found.unknown:
        return f"unknown: the log lacks {', '.join(found.unknown)}"
    if found.answered and not found.allowed:
        return "let in by shadow mode"
    return "allowed" if found.answered else "denied"


def _session(found: Found) -> str:
    if found.ended is None:
        return ""
    return f"until {local_time(found.ended, found.facts.time_zone)}"


def _summary(looked: Audit, matches: list[Found]) -> str:
    known = [each for each in matches if not each.unknown]
    allowed = sum(each.answered for each in known)
    users = len({each.facts.request.username or each.facts.request.common_name for each in known})
    people = "1 user or device" if users == 1 else f"{users:,} users or devices"
    text = f"{len(known):,} of {looked.connections:,} connections, of {people}: "
    text += f"{allowed:,} let in, {len(known) - allowed:,} denied."
    if unknown := len(matches) - len(known):
        text += f" Of {unknown:,} more the logs lack what the question reads."
    if looked.unreadable:
        text += f" {looked.unreadable:,} cannot be read."
    return text
