"""Runs of a sync in this process, against a local device manager and, where one is given, a table."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from client_connect_devices.configuration import read_secret, sync_settings
from client_connect_devices.deadline import Deadline
from client_connect_devices.http import Client
from client_connect_devices.listing import list_devices
from client_connect_devices.managers.registry import source_of
from client_connect_devices.outcome import Outcome
from client_connect_devices.run import Run
from client_connect_devices.session import Session
from tests.support.device_managers.server import CLIENT_ID, CLIENT_SECRET, TOKEN

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from client_connect_devices.listing import Listing
    from client_connect_devices.table import Table
    from tests.support.device_managers.server import ManagerServer

SECRET = f'{{"clientId": "{CLIENT_ID}", "clientSecret": "{CLIENT_SECRET}", "token": "{TOKEN}", "apiKey": "{TOKEN}"}}'
INTUNE = {"kind": "intune", "tenant": "contoso.example"}
NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)


@contextmanager
def session(
    server: ManagerServer, settings: Mapping[str, Any], *, seconds: float = 60, secret: str = SECRET
) -> Iterator[tuple[Any, Session, Deadline, Client]]:
    """A session with a device manager; pauses are a thousandth of what they would be."""
    source = source_of(settings)
    deadline = Deadline.after(seconds)
    client = Client(deadline, test_server=server.url, pause_factor=0.001)
    try:
        yield source, Session(client, source.credentials(read_secret(secret))), deadline, client
    finally:
        client.close()


def listed(
    server: ManagerServer,
    settings: Mapping[str, Any],
    *,
    seconds: float = 60,
    now: datetime = NOW,
    secret: str = SECRET,
) -> Listing:
    """List all devices."""
    with session(server, settings, seconds=seconds, secret=secret) as (source, opened, deadline, _):
        return list_devices(source, opened, now=now, deadline=deadline)


def sync(  # noqa: PLR0913 - what runs, and by what
    server: ManagerServer,
    settings: Mapping[str, Any],
    table: Table,
    *,
    now: datetime | None = None,
    accepted: int = 0,
    seconds: float = 60,
    **options: Any,
) -> Outcome:
    """Run once."""
    with session(server, settings, seconds=seconds) as (source, opened, deadline, _):
        outcome = Outcome(source=source.common.name)
        run = Run(
            source,
            sync_settings(options),
            session=opened,
            deadline=deadline,
            now=now or datetime.now(UTC),
            outcome=outcome,
            accepted=accepted,
        )
        run.sync(table)
        return outcome
