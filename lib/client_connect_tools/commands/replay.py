"""``client-connect replay``."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from client_connect_tools.commands._directory import GroupsFileOption, directory_given, warn_of_unlisted
from client_connect_tools.commands._logs import (
    LogGroupOption,
    LogsArgument,
    ProfileOption,
    RegionOption,
    SinceOption,
    UntilOption,
    end_for_what_was_not_understood,
    find_logs,
    unreadable_logs_end_the_command,
)
from client_connect_tools.commands._replaying import run_replay
from client_connect_tools.commands._settings import (
    paths_or_settings,
    read_handler,
    time_zone_or_settings,
)
from client_connect_tools.commands._shared import (
    FINDINGS,
    FormatOption,
    GuardrailsOption,
    JsonOption,
    PoliciesArgument,
    report_format,
    wrong_use,
)
from client_connect_tools.commands._writing import require_writable, write_private
from client_connect_tools.reports.report_format import ReportFormat

if TYPE_CHECKING:
    from datetime import tzinfo
    from typing import TextIO

    from client_connect_tools.policies import Policies
    from client_connect_tools.replay import Comparison, Tally
    from client_connect_tools.replay.people import Directory
    from client_connect_tools.reports.report_format import PipelineFormat


_WIDTH_WITHOUT_TERMINAL = 160


def replay(  # noqa: PLR0913 - each is an option
    logs: LogsArgument = None,
    *,
    policies: Annotated[
        list[Path] | None,
        typer.Option(
            help=f"The new policies; repeatable. Default: of the settings. {PoliciesArgument}",
        ),
    ] = None,
    against: Annotated[
        list[Path] | None,
        typer.Option(
            help="The policies to compare with; repeatable. Default: what the logs say was decided."
        ),
    ] = None,
    guardrails: GuardrailsOption = None,
    html: Annotated[
        Path | None, typer.Option(help="Write a page with charts to this file, for its owner only.")
    ] = None,
    groups: GroupsFileOption = None,
    affected: Annotated[
        Path | None,
        typer.Option(help="Write the people affected to this file as CSV, a row each, for its owner only."),
    ] = None,
    output_format: FormatOption = None,
    as_json: JsonOption = False,
    allow_change: Annotated[
        bool, typer.Option("--allow-change", help="End with status 0 when something changes, too.")
    ] = False,
    allow_undecidable: Annotated[
        bool,
        typer.Option(
            "--allow-undecidable",
            help="End with status 0 when the log lacks facts or a decision in it cannot be read, too.",
        ),
    ] = False,
    jobs: Annotated[
        int | None, typer.Option(min=1, help="How many processes decide. Default: one for each core.")
    ] = None,
    time_zone: Annotated[
        str | None,
        typer.Option(
            help="The zone of the policies' clock. Default: the records', else of the settings, else UTC."
        ),
    ] = None,
    log_group: LogGroupOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    region: RegionOption = None,
    profile: ProfileOption = None,
) -> None:
    """Decide logged connections with new policies, and show the changes and the people affected.

    Status 1 when something would, or when the new policies cannot decide a connection.
    """
    form = report_format(output_format, as_json=as_json)
    with unreadable_logs_end_the_command():
        found = find_logs(logs, log_group=log_group, since=since, until=until, region=region, profile=profile)
    policies = paths_or_settings(policies)
    directory = directory_given(groups)
    comparison, after = _prepare(policies, against, time_zone, guardrails, directory)
    if html is not None and affected is not None and html.absolute() == affected.absolute():
        wrong_use(f'--html and --affected are both "{html}"; name two files')
    for file in filter(None, (html, affected)):
        require_writable(file)
    started = time.perf_counter()
    tally, understood = run_replay(comparison, found, jobs)
    seconds = time.perf_counter() - started
    if html is not None:
        description = _description(found.name, policies, against)
        write_private(html, lambda stream: stream.write(_page(tally, description, seconds, directory)))
    if affected is not None:
        write_private(affected, lambda stream: _write_affected(stream, tally, directory))
    if form is ReportFormat.JSON:
        _print_json(tally, seconds, directory)
    elif form is ReportFormat.TEXT:
        _print(tally, seconds, directory)
    else:
        _print_for_pipeline(
            form, tally, after, allow_change=allow_change, allow_undecidable=allow_undecidable
        )
    unreadable = tally.unreadable.total()
    _warn_of_undecidable(tally.undecidable_by_new - unreadable, "the log lacks facts that the policies read")
    _warn_of_undecidable(unreadable, "what is logged of them cannot be read")
    _warn_of_duplicates(tally.duplicates)
    warn_of_unlisted(tally, directory)
    end_for_what_was_not_understood(understood)
    if tally.attempts == unreadable:
        wrong_use(
            "the logs hold no decision to replay; give decision records or Client VPN's connection logs"
        )
    if (tally.changes and not allow_change) or (tally.undecidable_by_new and not allow_undecidable):
        raise typer.Exit(FINDINGS)


def _prepare(
    new: list[Path],
    old: list[Path] | None,
    time_zone: str | None,
    guardrails: Path | None,
    directory: Directory | None,
) -> tuple[Comparison, Policies]:
    """Look into everything that was given before anything starts."""
    from client_connect_tools.replay import Comparison

    with unreadable_logs_end_the_command():
        after, before = _sound(new, guardrails), _sound(old, guardrails) if old else None
        comparison = Comparison(
            new=after.text,
            old=None if before is None else before.text,
            new_custom=after.custom,
            old_custom=None if before is None else before.custom,
            new_networks=after.network_table,
            old_networks=None if before is None else before.network_table,
            time_zone=_zone(time_zone),
            default_zone=_zone(time_zone_or_settings(None)),
            directory=directory,
        )
        return comparison, after


def _sound(paths: list[Path], guardrails: Path | None) -> Policies:
    from client_connect_tools.checking.checks import require_sound

    policies = read_handler(paths, guardrails)
    require_sound(policies)
    return policies


def _zone(name: str | None) -> tzinfo | None:
    from client_connect_tools.inputs.time_zones import time_zone_named

    return None if name is None else time_zone_named(name)


def _print_for_pipeline(
    form: PipelineFormat, tally: Tally, policies: Policies, *, allow_change: bool, allow_undecidable: bool
) -> None:
    from client_connect_tools.commands._replay_findings import cases, findings
    from client_connect_tools.commands._reports import print_for_pipeline

    found = findings(tally, policies, allow_change=allow_change, allow_undecidable=allow_undecidable)
    print_for_pipeline(form, found, cases(found, policies), "client-connect replay")


def _print_json(tally: Tally, seconds: float, directory: Directory | None) -> None:
    from client_connect_tools.replay.report.summary import summary

    print(json.dumps(summary(tally, seconds=seconds, directory=directory), indent=2))


def _print(tally: Tally, seconds: float, directory: Directory | None) -> None:
    from rich.text import Text

    from client_connect_tools.output.safe_output import console
    from client_connect_tools.replay.report.terminal import tables

    # Without a set width, as in a pipeline's log, names must not be broken.
    width = None if sys.stdout.isatty() or "COLUMNS" in os.environ else _WIDTH_WITHOUT_TERMINAL
    terminal = console(width=width)
    for table in tables(tally, seconds=seconds, directory=directory):
        terminal.print(table, soft_wrap=isinstance(table, Text))
        terminal.print()


def _warn_of_undecidable(count: int, reason: str) -> None:
    if count:
        connections = "1 connection" if count == 1 else f"{count:,} connections"
        print(f"{connections} could not be decided, because {reason}", file=sys.stderr)


def _warn_of_duplicates(count: int) -> None:
    if count:
        entries = "1 entry is" if count == 1 else f"{count:,} entries are"
        print(f"{entries} in the logs more than once, and counted once", file=sys.stderr)


def _page(tally: Tally, description: str, seconds: float, directory: Directory | None) -> str:
    """Return the page of a replay."""
    from client_connect_tools.replay.report.html import page

    return page(tally, description=description, seconds=seconds, directory=directory)


def _write_affected(stream: TextIO, tally: Tally, directory: Directory | None) -> None:
    from client_connect_tools.replay.report.affected import write_affected

    write_affected(stream, tally, directory)


def _description(logs: str, new: list[Path], old: list[Path] | None) -> str:
    before = ", ".join(map(str, old)) if old else "what the logs say was decided"
    return f"{logs}: {', '.join(map(str, new))} compared with {before}."
