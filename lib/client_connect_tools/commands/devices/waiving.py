"""``client-connect devices waive`` and ``unwaive``."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from client_connect.printable import printable
from client_connect.settings import LONGEST_WAIVER, WAIVERS_TABLE
from client_connect.waiver import Waiver
from client_connect_tools.commands._deployed import HandlerOption  # noqa: TC001 - Typer reads it
from client_connect_tools.commands._holders import (
    DeviceOption,
    DurationOption,
    TimeZoneOption,
    UntilOption,
    UserOption,
    duration_option,
    end_option,
    holder_option,
    text_option,
)
from client_connect_tools.commands._shared import (
    FINDINGS,
    JsonOption,
    PoliciesArgument,
    errors_end_the_command,
    read_policies,
    wrong_use,
)
from client_connect_tools.commands._target import TableRegionOption, target
from client_connect_tools.commands.devices._shared import (
    WaiversTableOption,
    connect,
    failures_end_the_command,
    json_line,
    waiver_text,
)

if TYPE_CHECKING:
    from client_connect_tools.devices.waivers import Change

PolicyOption = Annotated[str, typer.Option(help="The @id of the policy.")]


def waive(  # noqa: PLR0913, PLR0917 - each is an option
    policy: PolicyOption,
    reason: Annotated[str, typer.Option(help="Why, for whoever reads the records.")],
    approved_by: Annotated[str, typer.Option(help="Who answers for it.")],
    device: DeviceOption = None,
    user: UserOption = None,
    until: UntilOption = None,
    duration: DurationOption = None,
    time_zone: TimeZoneOption = "UTC",
    policies: Annotated[
        Path | None, typer.Option(help=f"Where the policy must be, and honor waivers. {PoliciesArgument}")
    ] = None,
    handler: HandlerOption = None,
    waivers_table: WaiversTableOption = None,
    region: TableRegionOption = None,
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
        holder=holder_option(device, user, "whom the waiver is for"),
        policy_id=text_option("--policy", policy),
        until=end_option(until, duration, time_zone),
        reason=text_option("--reason", reason),
        approved_by=text_option("--approved-by", approved_by),
    )
    if longest:
        _require_short(waiver.until, longest)
    if policies is not None:
        _require_honored(policies, policy)
    table = target(handler, region).inventory(waivers_table, WAIVERS_TABLE, "waivers")
    dynamodb = connect(region)
    from client_connect_tools.devices.dynamodb import caller
    from client_connect_tools.devices.waivers import waive as grant

    with failures_end_the_command():
        waiver = replace(
            waiver, granted_by=caller(region), granted_at=datetime.now(UTC).replace(microsecond=0)
        )
        change = grant(dynamodb, table, waiver)
    if as_json:
        print(json_line({"waiver": waiver.to_record(), **_record("replaced", change)}))
        return
    print(f"waived for {printable(waiver.holder)}: {waiver_text(waiver)}")
    _print_change("replaced", change)


def unwaive(  # noqa: PLR0913, PLR0917 - each is an option
    policy: PolicyOption,
    device: DeviceOption = None,
    user: UserOption = None,
    handler: HandlerOption = None,
    waivers_table: WaiversTableOption = None,
    region: TableRegionOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a policy count again for a device or a user. Status 1 when it was not waived."""
    holder = holder_option(device, user, "whom the waiver is for")
    text_option("--policy", policy)
    table = target(handler, region).inventory(waivers_table, WAIVERS_TABLE, "waivers")
    dynamodb = connect(region)
    from client_connect_tools.devices.dynamodb import caller
    from client_connect_tools.devices.waivers import unwaive as revoke

    with failures_end_the_command():
        change = revoke(dynamodb, table, holder=holder, policy_id=policy, by=caller(region))
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


def _require_short(until: datetime, longest: str) -> None:
    if until - datetime.now(UTC) > duration_option(longest, "--longest"):
        wrong_use(
            f"the waiver ends at {until.isoformat()}, more than {longest} from now; grant a shorter one"
        )


def _require_honored(path: Path, policy: str) -> None:
    from client_connect_tools.devices.honoring import UnhonoredWaiver, require_honored

    with errors_end_the_command():
        policies = read_policies(path)
    try:
        require_honored(policies, policy)
    except UnhonoredWaiver as error:
        wrong_use(printable(str(error)))
