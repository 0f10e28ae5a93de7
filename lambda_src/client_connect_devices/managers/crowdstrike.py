"""CrowdStrike Falcon.

Source: https://www.falconpy.io/Service-Collections/Hosts.html#combineddevicesbyfilter
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from client_connect_devices import paging, values
from client_connect_devices.credentials import ClientCredentials
from client_connect_devices.errors import UnexpectedAnswer
from client_connect_devices.http import place
from client_connect_devices.session import records_of, total_of
from client_connect_devices.source import Common, Page

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from client_connect_devices.credentials import Credentials, Secret
    from client_connect_devices.session import Session
    from client_connect_devices.settings import Reader
    from client_connect_devices.source import Record

CLOUDS = {
    "us-1": "api.crowdstrike.com",
    "us-2": "api.us-2.crowdstrike.com",
    "eu-1": "api.eu-1.crowdstrike.com",
    "us-gov-1": "api.laggar.gcw.crowdstrike.com",
}
PATH = "/devices/combined/devices/v1"
_LARGEST_PAGE = 10_000
_NEEDED = (
    "device_id",
    "last_seen",
    "major_version",
    "minor_version",
    "os_build",
    "os_version",
    "platform_name",
    "reduced_functionality_mode",
    "status",
)
_CONTAINED = frozenset(("contained", "containment_pending", "lift_containment_pending"))


@dataclass(frozen=True, slots=True, kw_only=True)
class CrowdStrike:
    """A Falcon customer.

    Attributes:
        common: The settings that every source has.
        cloud: One of ``CLOUDS``.
    """

    common: Common
    cloud: str

    @classmethod
    def read(cls, reader: Reader) -> CrowdStrike:
        """Read the settings."""
        return cls(
            common=Common.read(
                reader,
                name="crowdstrike",
                common_name="serial_number",
                page_size=5000,
                largest_page=_LARGEST_PAGE,
            ),
            cloud=reader.choice("cloud", tuple(CLOUDS)),
        )

    @property
    def id_field(self) -> str:
        """The field of a device's id."""
        return "device_id"

    def credentials(self, secret: Secret) -> Credentials:
        """Return OAuth credentials of an API client."""
        return ClientCredentials(
            f"https://{CLOUDS[self.cloud]}/oauth2/token",
            {"client_id": secret.require("clientId"), "client_secret": secret.require("clientSecret")},
        )

    def pages(self, session: Session) -> Iterator[Page]:
        """Follow the offsets, which are opaque."""
        fields = {path.split(".")[0] for path in (self.common.common_name.field, *self.common.tags.values())}
        query = {
            "limit": self.common.page_size,
            "fields": ",".join(dict.fromkeys((*_NEEDED, *sorted(fields)))),
            "sort": "device_id.asc",
        }
        url = f"https://{CLOUDS[self.cloud]}{PATH}"

        def page_of(offset: str) -> tuple[Page, Any]:
            answer = session.get_object(
                paging.with_query(url, {**query, **({"offset": offset} if offset else {})})
            )
            # Errors may come with status 200 and an empty list.
            if answer.get("errors"):
                raise UnexpectedAnswer(f"{place(url)} answers with errors")
            records = records_of(answer, "resources", url)
            following = values.field(answer, "meta.pagination.next")
            return Page(
                records=records, total=total_of(values.field(answer, "meta.pagination.total"))
            ), following

        return paging.by_cursor(page_of)

    def verdict(self, record: Record, now: datetime) -> bool | None:  # noqa: ARG002 - as the protocol has it
        """Judge by the sensor: not contained, and not in reduced functionality mode."""
        status = values.text(record.get("status")).lower()
        reduced = values.text(record.get("reduced_functionality_mode")).lower()
        if status in _CONTAINED or reduced == "yes":
            return False
        return True if status == "normal" and reduced == "no" else None

    def is_removed(self, record: Record) -> bool:  # noqa: ARG002 - as the protocol has it
        """Tell that a listed host is not removed; a hidden one is not listed."""
        return False

    def last_seen(self, record: Record) -> datetime | None:
        """Return when the sensor was last seen."""
        return values.instant(record.get("last_seen"))

    def os(self, record: Record) -> str:
        """Return the version. The numbers are those of the kernel, which only of Windows are the system's."""
        if values.text(record.get("platform_name")) != "Windows":
            return values.os_version(record.get("os_version"))
        numbers = (record.get(name) for name in ("major_version", "minor_version", "os_build"))
        return values.os_version(".".join(filter(None, map(values.text, numbers))))
