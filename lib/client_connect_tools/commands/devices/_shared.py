"""Shared by the commands: the tables, and how they end when DynamoDB fails."""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from client_connect.printable import printable
from client_connect.settings import DEVICES_TABLE, WAIVERS_TABLE
from client_connect.sources.items import COMMON_NAME, MalformedItem, device_item, device_of, is_removed
from client_connect_tools.commands._deployed import require_boto3
from client_connect_tools.commands._shared import wrong_use
from client_connect_tools.devices.plain import plain
from client_connect_tools.output.local_times import local_time

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import TextIO

    from mypy_boto3_dynamodb import DynamoDBClient

    from client_connect import Device
    from client_connect.waiver import Waiver

DevicesTableOption = Annotated[
    str | None, typer.Option(envvar=DEVICES_TABLE, help="The name of the inventory's table of devices.")
]
WaiversTableOption = Annotated[
    str | None, typer.Option(envvar=WAIVERS_TABLE, help="The name of the inventory's table of waivers.")
]

OutputOption = Annotated[
    Path | None, typer.Option(help="The file to write, for its owner only. Default: standard output.")
]


def connect(region: str | None = None) -> DynamoDBClient:
    """Return a client of DynamoDB, or end the command with what is missing.

    Args:
        region: The Region. Default: that of the environment.
    """
    require_boto3("devices")
    from client_connect_tools.devices.dynamodb import client

    with failures_end_the_command():
        return client(region)


@contextmanager
def failures_end_the_command() -> Iterator[None]:
    """End with the message alone and status 2 when DynamoDB fails, or holds unreadable items."""
    from client_connect_tools.devices.dynamodb import DynamoDbFailed

    try:
        yield
    except MalformedItem as error:
        wrong_use(printable(f"the item in the table is malformed: {error}; correct or delete it"))
    except DynamoDbFailed as error:
        wrong_use(printable(str(error)))


@contextmanager
def written(output: Path | None) -> Iterator[TextIO]:
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


def json_line(value: Mapping[str, Any]) -> str:
    """Return an object as one line, its keys sorted. It is ASCII, so nothing in it acts on a screen."""
    return json.dumps(value, sort_keys=True)


def number(count: int, noun: str) -> str:
    """Write so many of something."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def waiver_text(waiver: Waiver) -> str:
    """Describe a waiver in a line."""
    until = local_time(waiver.until, separator="T")
    return printable(
        f'"{waiver.policy_id}" until {until}: {waiver.reason} (approved by {waiver.approved_by})'
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownDevice:
    """A device of the table.

    Attributes:
        common_name: Its key.
        device: What is known of it.
        sources: What each device manager says of it, as a sync wrote it.
    """

    common_name: str
    device: Device
    sources: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def plain(self) -> dict[str, Any]:
        """The device as a JSON object, as it is imported."""
        return plain(device_item(self.common_name, self.device))


class DevicesOfTable:
    """The devices of a table, page by page, without the marks of removed ones.

    Malformed items are reported on standard error and counted.
    """

    def __init__(self, dynamodb: DynamoDBClient, table: str) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self.malformed = 0

    def __iter__(self) -> Iterator[KnownDevice]:
        from client_connect_tools.devices.dynamodb import scan

        with failures_end_the_command():
            for item in scan(self._dynamodb, self._table):
                name = item[COMMON_NAME]["S"]
                try:
                    removed, device = is_removed(item), device_of(item)
                except MalformedItem as error:
                    self.malformed += 1
                    print(printable(f'device "{name}": {error}'), file=sys.stderr)
                else:
                    if not removed:
                        yield KnownDevice(common_name=name, device=device)
