"""The variables of the function, and what they hold."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from client_connect_devices import values
from client_connect_devices.brake import Brake
from client_connect_devices.credentials import Secret
from client_connect_devices.errors import InvalidSecret, InvalidSettings
from client_connect_devices.managers.registry import source_of
from client_connect_devices.run import SyncSettings
from client_connect_devices.settings import Reader

if TYPE_CHECKING:
    from collections.abc import Mapping

    from client_connect_devices.source import Source

SOURCE = "CLIENT_CONNECT_SYNC_SOURCE"
OPTIONS = "CLIENT_CONNECT_SYNC_OPTIONS"
SECRET = "CLIENT_CONNECT_SYNC_SECRET"  # noqa: S105 - the name of a variable
TABLE = "CLIENT_CONNECT_DEVICES_TABLE"
REAUTHORIZER = "CLIENT_CONNECT_REAUTHORIZER"
# For tests alone; see client_connect_devices.http.
TEST_SERVER = "CLIENT_CONNECT_SYNC_TEST_SERVER"

_MOST_DAYS = 3650
_LONGEST_SECRET = 65_536
_EXPIRES = "expires"


def read_source(text: str) -> Source:
    """Return the source of a JSON text.

    Raises:
        InvalidSettings: When it cannot be used.
    """
    return source_of(_object(text, SOURCE))


def read_options(text: str) -> SyncSettings:
    """Return by what runs change the inventory.

    Raises:
        InvalidSettings: When it cannot be used.
    """
    return sync_settings(_object(text or "{}", OPTIONS))


def sync_settings(given: Mapping[str, Any]) -> SyncSettings:
    """Check options.

    Raises:
        InvalidSettings: With everything that is wrong.
    """
    reader = Reader(given)
    forget_days = reader.integer("forget_after_days", 0, _MOST_DAYS, default=30)
    settings = SyncSettings(
        misses=reader.integer("misses", 2, 100, default=3),
        # 0 stands for never.
        forget_after=timedelta(days=forget_days) if forget_days else None,
        adopt=reader.flag("adopt_imported", default=False),
        retired=frozenset(reader.strings("retired_sources", "a list of names of sources")),
        brake=Brake(
            floor=reader.integer("brake_floor", 0, 100_000, default=Brake().floor),
            share=reader.integer("brake_percent", 1, 100, default=round(Brake().share * 100)) / 100,
        ),
    )
    reader.finish()
    return settings


def read_secret(text: str) -> Secret:
    """Return the keys of a secret, which is a JSON object of strings.

    Raises:
        InvalidSecret: When it is not; the message holds nothing of it.
    """
    problem = "the secret is not a JSON object of strings, as docs/device-managers.md shows it"
    if len(text) > _LONGEST_SECRET:
        raise InvalidSecret(problem)
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise InvalidSecret(problem) from None
    if not isinstance(value, dict) or not all(isinstance(each, str) for each in value.values()):
        raise InvalidSecret(problem)
    return Secret(value)


def days_to_expiry(secret: Secret) -> float | None:
    """Return in how many days the credentials expire, as the secret's key ``expires`` says; ``None`` without one."""
    end = values.instant(secret.get(_EXPIRES), UTC)
    return None if end is None else (end - datetime.now(UTC)).total_seconds() / 86_400


def _object(text: str, variable: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise InvalidSettings(f"{variable} is not JSON") from None
    if not isinstance(value, dict):
        raise InvalidSettings(f"{variable} is not a JSON object")
    return value
