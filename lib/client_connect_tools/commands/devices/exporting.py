"""``client-connect devices export``."""

from __future__ import annotations

import typer

from client_connect.settings import DEVICES_TABLE
from client_connect_tools.commands._deployed import HandlerOption  # noqa: TC001 - Typer reads it
from client_connect_tools.commands._shared import FINDINGS, JsonOption
from client_connect_tools.commands._target import TableRegionOption, target
from client_connect_tools.commands.devices._shared import (
    DevicesOfTable,
    DevicesTableOption,
    OutputOption,
    connect,
    json_line,
    number,
    written,
)


def export(
    output: OutputOption = None,
    handler: HandlerOption = None,
    devices_table: DevicesTableOption = None,
    region: TableRegionOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write every device as a line of JSON, as import reads it, between a first and a last line.

    Items that are malformed are reported and left out; status 1 when there are any. What is exported is JSON
    with and without --json, which concerns the count that is shown when there is an output file.
    """
    table = target(handler, region).inventory(devices_table, DEVICES_TABLE, "devices")
    dynamodb = connect(region)
    from client_connect_tools.devices.export_file import first_line, last_line

    devices = DevicesOfTable(dynamodb, table)
    count = 0
    with written(output) as stream:
        print(json_line(first_line("devices", table=table, region=dynamodb.meta.region_name)), file=stream)
        for device in devices:
            print(json_line(device.plain), file=stream)
            count += 1
        print(json_line(last_line(count)), file=stream)
    if output is not None:
        print(json_line({"exported": count}) if as_json else f"{number(count, 'device')} exported")
    if devices.malformed:
        raise typer.Exit(FINDINGS)
