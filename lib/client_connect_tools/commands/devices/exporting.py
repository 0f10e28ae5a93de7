"""``client-connect devices export``."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from client_connect_tools.commands._shared import FINDINGS, JsonOption, wrong_use
from client_connect_tools.commands.devices._shared import (
    DevicesOfTable,
    DevicesTableOption,
    connect,
    json_line,
    number,
    require_devices_table,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TextIO


def export(
    output: Annotated[
        Path | None, typer.Option(help="The file to write, for its owner only. Default: standard output.")
    ] = None,
    devices_table: DevicesTableOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write every device as a line of JSON, as import reads it.

    Items that are malformed are reported and left out; status 1 when there are any. What is exported is JSON
    with and without --json, which concerns the count that is shown when there is an output file.
    """
    table = require_devices_table(devices_table)
    devices = DevicesOfTable(connect(), table)
    count = 0
    with _written(output) as stream:
        for device in devices:
            print(json_line(device.plain), file=stream)
            count += 1
    if output is not None:
        print(json_line({"exported": count}) if as_json else f"{number(count, 'device')} exported")
    if devices.malformed:
        raise typer.Exit(FINDINGS)


@contextmanager
def _written(output: Path | None) -> Iterator[TextIO]:
    """Write to standard output, or to a file that takes its place only when it is complete."""
    from client_connect_tools.output.private_file import private_file

    if output is None:
        yield sys.stdout
        return
    try:
        with private_file(output) as stream:
            yield stream
    except OSError as error:
        wrong_use(f'cannot write "{output}": {error.strerror or error}')
