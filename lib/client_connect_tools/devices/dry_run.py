"""The effect of a device sync, found by the code that runs in Lambda."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from client_connect_devices.configuration import read_secret
from client_connect_devices.deadline import Deadline
from client_connect_devices.http import Client
from client_connect_devices.items import COMMON_NAME
from client_connect_devices.outcome import Outcome
from client_connect_devices.run import Run
from client_connect_devices.session import Session
from client_connect_devices.state import State
from client_connect_devices.table import Table
from client_connect_tools.devices.dynamodb import aws_errors

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_dynamodb import DynamoDBClient

    from client_connect_devices.credentials import Secret
    from client_connect_devices.differences import Planned
    from client_connect_devices.items import Item
    from client_connect_devices.run import SyncSettings
    from client_connect_devices.source import Source

# As long as the function may take.
_SECONDS = 900.0


@dataclass(slots=True, kw_only=True)
class Report:
    """The findings and planned changes of a run.

    Attributes:
        outcome: As the record of a run has it.
        verdicts: How many of the devices are compliant, not compliant and of unknown compliance.
        possible: Listed common names that the table has in another case of the letters, with the table's.
        changes: What would change.
        requests: How many requests the device manager received.
    """

    outcome: Outcome
    verdicts: Counter[str] = field(default_factory=Counter)
    possible: dict[str, str] = field(default_factory=dict)
    changes: list[Planned] = field(default_factory=list)
    requests: int = 0


def dry_run(  # noqa: PLR0913 - what is listed, and what it is compared with
    source: Source,
    credentials: str,
    *,
    dynamodb: DynamoDBClient | None,
    table: str,
    options: SyncSettings,
    test_server: str = "",
) -> Report:
    """List the device manager and compare with the table; nothing is written.

    Args:
        source: The device manager.
        credentials: The JSON of its secret.
        dynamodb: A client; ``None`` to compare with an empty inventory.
        table: The name of the table of devices.
        options: By what runs change the inventory.
        test_server: For tests alone.

    Raises:
        SyncFailed: When the list is not complete. No message has a credential.
        DynamoDbFailed: When the table cannot be read.
    """
    secret = read_secret(credentials)
    deadline = Deadline.after(_SECONDS)
    client = Client(deadline, test_server=test_server)
    report = Report(outcome=Outcome(source=source.common.name))
    try:
        with aws_errors(table):
            _compare(source, secret, client, deadline, report, dynamodb, table, options)
    finally:
        client.close()
    report.requests = client.requests
    return report


def _compare(  # noqa: PLR0913, PLR0917 - the parts of a run
    source: Source,
    secret: Secret,
    client: Client,
    deadline: Deadline,
    report: Report,
    dynamodb: DynamoDBClient | None,
    table: str,
    options: SyncSettings,
) -> None:
    devices = None if dynamodb is None else Table(dynamodb, table)
    run = Run(
        source,
        options,
        session=Session(client, source.credentials(secret)),
        deadline=deadline,
        now=datetime.now(UTC),
        outcome=report.outcome,
    )
    names: dict[str, str] = {}
    state = State() if devices is None else devices.state(source.common.name)
    report.changes = run.compare(_noted(devices, names), state)
    listing = report.outcome.listing
    for name in listing or ():
        device = listing.get(name) if listing else None
        if device is not None:
            report.verdicts[_VERDICTS[device.compliant]] += 1
        present = names.get(name.casefold(), name)
        if present != name:
            report.possible[name] = present


_VERDICTS = {True: "compliant", False: "not compliant", None: "unknown"}


def _noted(table: Table | None, names: dict[str, str]) -> Iterator[Item]:
    """Yield the items of the table, and note their names by their letters alone."""
    for item in () if table is None else table.scan():
        name: str = item[COMMON_NAME]["S"]
        names[name.casefold()] = name
        yield item
