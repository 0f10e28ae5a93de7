"""``client-connect devices waive`` and ``unwaive``."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from client_connect.printable import printable
from client_connect.settings import LONGEST_WAIVER
from client_connect.waiver import Waiver, device_holder, user_holder
from client_connect_tools.commands._shared import (
    FINDINGS,
    JsonOption,
    PoliciesArgument,
    errors_end_the_command,
    read_policies,
    wrong_use,
)
from client_connect_tools.commands.devices._shared import (
    WaiversTableOption,
    connect,
    failures_end_the_command,
    json_line,
    require_waivers_table,
    waiver_text,
)
from client_connect_tools.errors import ClientConnectError
from client_connect_tools.inputs.device_json import is_unicode
from client_connect_tools.inputs.time_zones import time_zone_named
from client_connect_tools.inputs.timestamps import NotATime, instant

if TYPE_CHECKING:
    from client_connect_tools.devices.waivers import Change

PolicyOption = Annotated[str, typer.Option(help="The @id of the policy.")]
DeviceOption = Annotated[str | None, typer.Option(help="The common name of the device.")]
UserOption = Annotated[str | None, typer.Option(help="The name of the user, in any case of letters.")]

_DURATION = re.compile(r"([1-9][0-9]{0,5})([mhd])", re.ASCII)
_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}


def waive(  # noqa: PLR0913, PLR0917 - each is an option
    policy: PolicyOption,
    reason: Annotated[str, typer.Option(help="Why, for whoever reads the records.")],
    approved_by: Annotated[str, typer.Option(help="Who answers for it.")],
    device: DeviceOption = None,
    user: UserOption = None,
    until: Annotated[
        str | None, typer.Option(metavar="TIME", help='When it ends, such as "2026-12-01T09:00:00Z".')
    ] = None,
    duration: Annotated[
        str | None, typer.Option("--for", metavar="DURATION", help="When it ends, from now: 30m, 8h or 7d.")
    ] = None,
    time_zone: Annotated[str, typer.Option(help="The zone of --until when it has none.")] = "UTC",
    policies: Annotated[
        Path | None, typer.Option(help=f"Where the policy must be, and honor waivers. {PoliciesArgument}")
    ] = None,
    waivers_table: WaiversTableOption = None,
    longest: Annotated[
        str | None,
        typer.Option(
            metavar="DURATION",
            envvar=LONGEST_WAIVER,
            help="The longest that the inventory allows: 30m, 8h or 7d. Default: any.",
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Make a policy not count for a device or a user until a time.

    It takes the place of a waiver of the same policy, and removes those whose time is over. Recorded is also the
    principal whose credentials are used, as STS knows it.
    """
    waiver = Waiver(
        holder=_holder(device, user),
        policy_id=_text("--policy", policy),
        until=_until(until, duration, time_zone),
        reason=_text("--reason", reason),
        approved_by=_text("--approved-by", approved_by),
    )
    if longest:
        _require_short(waiver.until, longest)
    if policies is not None:
        _require_honored(policies, policy)
    table = require_waivers_table(waivers_table)
    dynamodb = connect()
    from client_connect_tools.devices.dynamodb import caller
    from client_connect_tools.devices.waivers import waive as grant

    with failures_end_the_command():
        waiver = replace(waiver, granted_by=caller(), granted_at=datetime.now(UTC).replace(microsecond=0))
        change = grant(dynamodb, table, waiver)
    if as_json:
        print(json_line({"waiver": waiver.to_record(), **_record("replaced", change)}))
        return
    print(f"waived for {printable(waiver.holder)}: {waiver_text(waiver)}")
    _print_change("replaced", change)


def unwaive(
    policy: PolicyOption,
    device: DeviceOption = None,
    user: UserOption = None,
    waivers_table: WaiversTableOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a policy count again for a device or a user. Status 1 when it was not waived."""
    holder = _holder(device, user)
    _text("--policy", policy)
    table = require_waivers_table(waivers_table)
    dynamodb = connect()
    from client_connect_tools.devices.dynamodb import caller
    from client_connect_tools.devices.waivers import unwaive as revoke

    with failures_end_the_command():
        change = revoke(dynamodb, table, holder=holder, policy_id=policy, by=caller())
    if as_json:
        print(json_line(_record("removed", change)))
    else:
        _print_change("removed", change)
    if change.former is None:
        wrong = f'there is no waiver of the policy "{policy}" for {holder}; see: client-connect devices show'
        typer.echo(printable(wrong), err=True)
        raise typer.Exit(FINDINGS)


def _record(what: str, change: Change) -> dict[str, object]:
    return {
        what: change.former and change.former.to_record(),
        "expired": [waiver.to_record() for waiver in change.expired],
    }


def _print_change(what: str, change: Change) -> None:
    if change.former is not None:
        print(f"{what}: {waiver_text(change.former)}")
    for waiver in change.expired:
        print(f"removed because its time is over: {waiver_text(waiver)}")


def _holder(device: str | None, user: str | None) -> str:
    if (device is None) == (user is None):
        wrong_use("give either --device or --user: whom the waiver is for")
    return (
        device_holder(_text("--device", device)) if device is not None else user_holder(_text("--user", user))
    )


def _text(option: str, text: str | None) -> str:
    if not (text and text.strip()):
        wrong_use(f"{option} is empty; say it in a word or more")
    if not is_unicode(text):
        wrong_use(printable(f'{option} is "{text}", which is not valid Unicode; set the terminal to UTF-8'))
    return text


def _until(until: str | None, duration: str | None, time_zone: str) -> datetime:
    if (until is None) == (duration is None):
        wrong_use("give either --until or --for: when the waiver ends")
    now = datetime.now(UTC)
    end = now + _duration(duration, "--for") if until is None else _instant(until, time_zone)
    end = end.astimezone(UTC).replace(microsecond=0)  # as it is written
    if end <= now:
        wrong_use(f"--until is {end.isoformat()}, which is over; give a time to come")
    return end


def _instant(until: str, time_zone: str) -> datetime:
    try:
        return instant(until, time_zone_named(time_zone))
    except NotATime as error:
        wrong_use(printable(f"--until {error}"))
    except ClientConnectError as error:
        wrong_use(printable(f"--time-zone: {error}"))


def _require_short(until: datetime, longest: str) -> None:
    if until - datetime.now(UTC) > _duration(longest, "--longest"):
        wrong_use(
            f"the waiver ends at {until.isoformat()}, more than {longest} from now; grant a shorter one"
        )


def _duration(text: str | None, option: str) -> timedelta:
    match = _DURATION.fullmatch(text or "")
    if match is None:
        wrong_use(printable(f'{option} is "{text}", which is not a duration; give one such as 30m, 8h or 7d'))
    return int(match[1]) * _UNITS[match[2]]


def _require_honored(path: Path, policy: str) -> None:
    from client_connect_tools.devices.honoring import UnhonoredWaiver, require_honored

    with errors_end_the_command():
        policies = read_policies(path)
    try:
        require_honored(policies, policy)
    except UnhonoredWaiver as error:
        wrong_use(printable(str(error)))
