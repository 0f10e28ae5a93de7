"""``client-connect devices list`` and ``show``."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from client_connect.printable import printable
from client_connect.settings import DEVICES_TABLE, WAIVERS_TABLE
from client_connect.sources.items import COMMON_NAME, HOLDER, MalformedItem, device_of, is_removed, waivers_of
from client_connect.waiver import device_holder, user_holder
from client_connect_tools.commands._deployed import HandlerOption  # noqa: TC001 - Typer reads it
from client_connect_tools.commands._shared import FINDINGS, JsonOption, wrong_use
from client_connect_tools.commands._target import TableRegionOption, target
from client_connect_tools.commands.devices._shared import (
    DevicesOfTable,
    DevicesTableOption,
    KnownDevice,
    WaiversTableOption,
    connect,
    failures_end_the_command,
    json_line,
    waiver_text,
)
from client_connect_tools.inputs.device_json import is_in_future

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mypy_boto3_dynamodb import DynamoDBClient

    from client_connect.sources.items import Item
    from client_connect.waiver import Waiver


def list_devices(  # noqa: PLR0913, PLR0917 - each is an option
    non_compliant: Annotated[
        bool, typer.Option("--non-compliant", help="Only devices that are not known to be compliant.")
    ] = False,
    not_seen_for: Annotated[
        int | None,
        typer.Option(
            metavar="DAYS", min=1, max=36500, help="Only devices not known to be seen in so many days."
        ),
    ] = None,
    handler: HandlerOption = None,
    devices_table: DevicesTableOption = None,
    region: TableRegionOption = None,
    as_json: JsonOption = False,
) -> None:
    """List devices: common name, compliance, when it was last seen, system, tags; a tab between them.

    Items that are malformed are reported; status 1 when there are any. --json prints one object a line.
    """
    table = target(handler, region).inventory(devices_table, DEVICES_TABLE, "devices")
    since = None if not_seen_for is None else datetime.now(UTC) - timedelta(days=not_seen_for)
    devices = DevicesOfTable(connect(region), table)
    for known in devices:
        if _is_wanted(known, since, non_compliant=non_compliant):
            print(json_line(known.plain) if as_json else "\t".join(_cells(known.plain)))
    if devices.malformed:
        raise typer.Exit(FINDINGS)


def show(  # noqa: PLR0913, PLR0917 - each is an option
    common_name: Annotated[str | None, typer.Argument(help="The common name of a device.")] = None,
    username: Annotated[str | None, typer.Option(help="A user, in place of a device.")] = None,
    handler: HandlerOption = None,
    devices_table: DevicesTableOption = None,
    waivers_table: WaiversTableOption = None,
    region: TableRegionOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show a device and its waivers, or the waivers of a user. Status 1 when there is neither."""
    device: KnownDevice | None = None
    table = None
    if bool(common_name) == bool(username):
        wrong_use("give either the common name of a device, or --username")
    found = target(handler, region)
    if common_name:
        holder, table = device_holder(common_name), found.inventory(devices_table, DEVICES_TABLE, "devices")
    else:
        holder = user_holder(username or "")
    waivers_in = found.inventory(waivers_table, WAIVERS_TABLE, "waivers")
    dynamodb = connect(region)
    with failures_end_the_command():
        if common_name and table:
            device = _device(dynamodb, table, common_name)
        waivers = _waivers(dynamodb, waivers_in, holder)
    if as_json:
        sources = {"sources": device.sources} if device and device.sources else {}
        print(json_line({"device": device and device.plain, "waivers": [*map(_waiver, waivers)], **sources}))
    else:
        print("\n".join(_lines(holder, device, waivers)))
    if not (device or waivers):
        raise typer.Exit(FINDINGS)


def _is_wanted(known: KnownDevice, since: datetime | None, *, non_compliant: bool) -> bool:
    """Tell whether to list a device. What is not known counts as the rules count it: against the device."""
    if non_compliant and known.device.compliant:
        return False
    last_seen = known.device.last_seen
    return since is None or last_seen is None or last_seen < since or is_in_future(last_seen)


def _cells(device: Mapping[str, Any]) -> Iterator[str]:
    yield printable(device[COMMON_NAME])
    yield _compliance(device)
    yield device.get("lastSeen", "")
    yield device.get("os", "")
    yield json_line(device["tags"]) if "tags" in device else ""


def _compliance(device: Mapping[str, Any]) -> str:
    return {True: "compliant", False: "not compliant", None: ""}[device.get("compliant")]


def _device(dynamodb: DynamoDBClient, table: str, common_name: str) -> KnownDevice | None:
    from client_connect_tools.devices.dynamodb import get

    item = get(dynamodb, table, {COMMON_NAME: {"S": common_name}})
    if item is None or is_removed(item):
        return None
    return KnownDevice(common_name=common_name, device=device_of(item), sources=_sources(item))


def _sources(item: Item) -> dict[str, dict[str, Any]]:
    """Return what each device manager says; an item that no sync wrote has none."""
    from client_connect_devices.items import MalformedItem as MalformedSources
    from client_connect_devices.items import existing_of

    try:
        parts = existing_of(item).parts
    except MalformedSources as error:
        raise MalformedItem(str(error)) from error
    return {
        name: {key: value for key, value in asdict(part).items() if value not in ("", None, {})}
        for name, part in parts.items()
    }


def _waivers(dynamodb: DynamoDBClient, table: str, holder: str) -> tuple[Waiver, ...]:
    from client_connect_tools.devices.dynamodb import get

    item = get(dynamodb, table, {HOLDER: {"S": holder}})
    return () if item is None else waivers_of(item)


def _waiver(waiver: Waiver) -> dict[str, Any]:
    return {**waiver.to_record(), "expired": _is_expired(waiver)}


def _is_expired(waiver: Waiver) -> bool:
    return waiver.until <= datetime.now(UTC)


def _lines(holder: str, known: KnownDevice | None, waivers: tuple[Waiver, ...]) -> Iterator[str]:
    yield printable(holder)
    if holder.startswith("device:"):
        yield "  not in the inventory" if known is None else "  in the inventory"
    device = {} if known is None else known.plain
    for name in ("compliant", "lastSeen", "os", "tags"):
        if name in device:
            value = device[name]
            yield f"  {name}: {value if isinstance(value, str) else json_line(value)}"
    for source, part in ({} if known is None else known.sources).items():
        yield f"  {source} says: {json_line(part)}"
    for waiver in waivers:
        yield f"  {'expired waiver' if _is_expired(waiver) else 'waiver'} of {waiver_text(waiver)}"
    if not waivers:
        yield "  no waivers"
