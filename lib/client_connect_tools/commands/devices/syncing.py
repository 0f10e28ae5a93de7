"""``client-connect devices sync --dry-run``."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated, Any

import typer

from client_connect.printable import printable
from client_connect.settings import DEVICES_TABLE
from client_connect_tools.commands._deployed import require_boto3
from client_connect_tools.commands._shared import FINDINGS, JsonOption, wrong_use
from client_connect_tools.commands.devices._shared import (
    DevicesTableOption,
    connect,
    failures_end_the_command,
    json_line,
    number,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from client_connect_devices.outcome import Outcome
    from client_connect_devices.source import Source
    from client_connect_tools.devices.dry_run import Report

SETTINGS, OPTIONS = "CLIENT_CONNECT_SYNC_SOURCE", "CLIENT_CONNECT_SYNC_OPTIONS"
CREDENTIALS = "CLIENT_CONNECT_SYNC_CREDENTIALS"
_TEST_SERVER = "CLIENT_CONNECT_SYNC_TEST_SERVER"
_SHOWN = 20


def sync(  # noqa: PLR0913, PLR0917 - each is an option
    source: Annotated[
        str | None,
        typer.Option(
            help="The device manager: intune, jamf_pro, fleet, iru, crowdstrike, jumpcloud or json."
        ),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="NAME=VALUE", help="A setting, named as the argument of the construct's source."
        ),
    ] = None,
    tags: Annotated[
        list[str] | None, typer.Option("--tag", metavar="NAME=FIELD", help="A tag to copy, and its field.")
    ] = None,
    devices_table: DevicesTableOption = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Write nothing. Required: only the function writes.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """List a device manager as a DeviceSync does, and show what it would change in the table.

    The credentials are the JSON of the secret, in the environment variable CLIENT_CONNECT_SYNC_CREDENTIALS. Without
    --source, the settings are the JSON in CLIENT_CONNECT_SYNC_SOURCE, as the function has it; those of
    CLIENT_CONNECT_SYNC_OPTIONS count too. Without a table, the inventory counts as empty. Status 1 when devices are
    rejected or share a common name, or the brake would hold.
    """
    if not dry_run:
        wrong_use(
            "only the function of a DeviceSync writes, one run at a time; add --dry-run to see what it would do"
        )
    manager = _source(source, settings or [], tags or [])
    credentials = os.environ.get(CREDENTIALS) or wrong_use(
        f"there are no credentials; set {CREDENTIALS} to the JSON of the secret, as docs/device-managers.md shows it"
    )
    require_boto3("devices")
    report = _report(manager, credentials, devices_table or "")
    if as_json:
        print(json_line(_record(report)))
    else:
        print("\n".join(printable(line) for line in _lines(report, devices_table)))
    if _has_findings(report.outcome):
        raise typer.Exit(FINDINGS)


def _source(kind: str | None, settings: list[str], tags: list[str]) -> Source:
    from client_connect_devices.configuration import read_source
    from client_connect_devices.errors import InvalidSettings
    from client_connect_devices.managers.registry import KINDS, source_of

    try:
        if kind is None:
            text = os.environ.get(SETTINGS) or wrong_use(
                f"there is no device manager; give --source, one of {', '.join(KINDS)}, or set {SETTINGS}"
            )
            if settings or tags:
                wrong_use(f"--set and --tag belong to --source; give it too, or change {SETTINGS}")
            return read_source(text)
        given: dict[str, Any] = dict(_pair("--set", each) for each in settings)
        if tags:
            given["tags"] = dict(_pair("--tag", each) for each in tags)
        return source_of({"kind": kind, **given}, texts=True)
    except InvalidSettings as error:
        wrong_use("\n".join(printable(line) for line in str(error).splitlines()))


def _pair(option: str, text: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not (name and separator):
        wrong_use(printable(f"{option} {text}: give a name and a value, with = between them"))
    return name, value


def _report(source: Source, credentials: str, table: str) -> Report:
    from client_connect_devices.configuration import read_options
    from client_connect_devices.errors import SyncFailed
    from client_connect_tools.devices.dry_run import dry_run

    with failures_end_the_command():
        try:
            return dry_run(
                source,
                credentials,
                dynamodb=connect() if table else None,
                table=table,
                options=read_options(os.environ.get(OPTIONS, "")),
                test_server=os.environ.get(_TEST_SERVER, ""),
            )
        except SyncFailed as error:
            wrong_use(printable(f"{type(error).__name__}: {error}"))


def _has_findings(outcome: Outcome) -> bool:
    listing = outcome.listing
    held = outcome.braked is not None and outcome.braked.is_engaged
    return held or (listing is not None and bool(listing.rejected or listing.duplicates))


def _record(report: Report) -> dict[str, Any]:
    changes: dict[str, list[str]] = {}
    for each in report.changes:
        changes.setdefault(each.kind.value, []).append(each.common_name)
    record = report.outcome.to_record()
    for key in ("complete", "written", "planned", "named"):
        record.pop(key)
    return {
        **record,
        "unchanged": report.outcome.unchanged,
        "compliance": dict(report.verdicts),
        "possible": report.possible,
        "changes": changes,
        "requests": report.requests,
    }


def _lines(report: Report, table: str | None) -> Iterator[str]:
    outcome, listing = report.outcome, report.outcome.listing
    if listing is None:
        return
    where = (
        f'the table "{table}"' if table else f"an empty inventory (set {DEVICES_TABLE} to compare with yours)"
    )
    yield f"{outcome.source}: {number(listing.listed, 'device')} listed in {number(report.requests, 'request')}"
    yield f"  compared with {where}"
    yield f"  compliance: {', '.join(f'{count} {name}' for name, count in report.verdicts.items()) or 'none'}"
    yield f"  matched: {outcome.matched}"
    yield from _named(
        "possible", {f"{name} is there as {there}": "" for name, there in report.possible.items()}
    )
    yield from _named("rejected", listing.rejected_ids, listing.rejected.total())
    yield from _named("duplicates", {name: f"{count} devices" for name, count in listing.duplicates.items()})
    if outcome.left_alone:
        yield from _named(
            "written by others, left alone", dict.fromkeys(outcome.left_alone_named, ""), outcome.left_alone
        )
    if outcome.braked is not None and outcome.braked.is_engaged:
        yield (
            f"  the brake would hold: {outcome.missing} of {outcome.known} known devices are missing; at most "
            f"{outcome.braked.most} may be missing, or no longer compliant, within a day"
        )
    yield f"  unchanged: {outcome.unchanged}"
    for kind, count in outcome.planned.items():
        yield from _named(f"would be {kind}", dict.fromkeys(outcome.named[kind], ""), count)


def _named(title: str, details: dict[str, str], count: int | None = None) -> Iterator[str]:
    count = len(details) if count is None else count
    yield f"  {title}: {count}"
    for name, detail in list(details.items())[:_SHOWN]:
        yield f"    {name}{f': {detail}' if detail else ''}"
    if count > _SHOWN:
        yield f"    and {count - min(_SHOWN, len(details))} more"
