"""Iru Endpoint, formerly Kandji.

Source: https://api-docs.kandji.io
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from client_connect_devices import paging, values
from client_connect_devices.credentials import FixedHeaders
from client_connect_devices.errors import UnexpectedAnswer
from client_connect_devices.http import place
from client_connect_devices.source import Common, Page

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from client_connect_devices.credentials import Credentials, Secret
    from client_connect_devices.session import Session
    from client_connect_devices.settings import Reader
    from client_connect_devices.source import Record

REGIONS = {"us": "api.kandji.io", "eu": "api.eu.kandji.io"}
_LARGEST_PAGE = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Iru:
    """A tenant of Iru Endpoint.

    Attributes:
        common: The settings that every source has.
        subdomain: The tenant's subdomain.
        region: ``us`` or ``eu``.
        checked_in_within_days: How recent the last check-in of a compliant device must be.
    """

    common: Common
    subdomain: str
    region: str
    checked_in_within_days: int

    @classmethod
    def read(cls, reader: Reader) -> Iru:
        """Read the settings."""
        return cls(
            common=Common.read(
                reader,
                name="iru",
                common_name="serial_number",
                page_size=_LARGEST_PAGE,
                largest_page=_LARGEST_PAGE,
            ),
            subdomain=reader.string(
                "subdomain",
                r"[A-Za-z0-9][A-Za-z0-9-]{0,62}",
                "the tenant's subdomain alone",
                example="accuhive",
            ),
            region=reader.choice("region", tuple(REGIONS), default="us"),
            checked_in_within_days=reader.integer("checked_in_within_days", 1, 365, default=7),
        )

    @property
    def id_field(self) -> str:
        """The field of a device's id."""
        return "device_id"

    def credentials(self, secret: Secret) -> Credentials:
        """Return the API token."""
        return FixedHeaders({"Authorization": f"Bearer {secret.require('token')}"})

    def pages(self, session: Session) -> Iterator[Page]:
        """Read pages, which are bare arrays, up to an empty one; there is no total."""
        first = f"https://{self.subdomain}.{REGIONS[self.region]}/api/v1/devices"

        def page_of(offset: int) -> Page:
            url = paging.with_query(
                first, {"limit": self.common.page_size, "offset": offset, "ordering": "serial_number"}
            )
            records = session.get(url)
            if not isinstance(records, list):
                raise UnexpectedAnswer(f"{place(url)} answers with JSON that is no array of devices")
            return Page(records=records)

        return paging.by_offset(page_of)

    def verdict(self, record: Record, now: datetime) -> bool | None:
        """Derive a verdict: agent installed, MDM enabled, not missing, checked in recently."""
        if record.get("is_missing") is True:
            return False
        states = [record.get(name) for name in ("agent_installed", "mdm_enabled")]
        if False in states:
            return False
        seen = self.last_seen(record)
        if seen is None or any(state is not True for state in states):
            return None
        return now - seen <= timedelta(days=self.checked_in_within_days)

    def is_removed(self, record: Record) -> bool:
        """Tell whether the device was removed."""
        return record.get("is_removed") is True

    def last_seen(self, record: Record) -> datetime | None:
        """Return the last check-in."""
        return values.instant(record.get("last_check_in"))

    def os(self, record: Record) -> str:
        """Return the version."""
        return values.os_version(record.get("os_version"))
