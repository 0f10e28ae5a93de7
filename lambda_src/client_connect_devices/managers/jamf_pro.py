"""Jamf Pro, computers.

Source: https://developer.jamf.com/jamf-pro/reference/get_v2-computers-inventory
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from client_connect_devices import paging, values
from client_connect_devices.credentials import ClientCredentials
from client_connect_devices.session import records_of, total_of
from client_connect_devices.source import Common, Page

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from client_connect_devices.credentials import Credentials, Secret
    from client_connect_devices.session import Session
    from client_connect_devices.settings import Reader
    from client_connect_devices.source import Record

PATH = "/api/v2/computers-inventory"
_TOKEN_PATH = "/api/oauth/token"  # noqa: S105 - a path
_LARGEST_PAGE = 2000
# Sections by the key under which they come.
_SECTIONS = {
    "general": "GENERAL",
    "hardware": "HARDWARE",
    "operatingSystem": "OPERATING_SYSTEM",
    "userAndLocation": "USER_AND_LOCATION",
    "diskEncryption": "DISK_ENCRYPTION",
    "security": "SECURITY",
    "groupMemberships": "GROUP_MEMBERSHIPS",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class JamfPro:
    """A Jamf Pro server.

    Attributes:
        common: The settings that every source has.
        url: Its address.
        compliant_group: The name or the id of the smart computer group whose members are compliant; empty where the
            source does not judge.
    """

    common: Common
    url: str
    compliant_group: str

    @classmethod
    def read(cls, reader: Reader) -> JamfPro:
        """Read the settings."""
        common = Common.read(
            reader,
            name="jamf-pro",
            common_name="hardware.serialNumber",
            page_size=500,
            largest_page=_LARGEST_PAGE,
        )
        group = reader.string(
            "compliant_group", r".{0,255}", "the name or the id of a smart computer group", default=""
        )
        if common.judges and not group:
            reader.reject(
                "compliant_group is missing; give the name or the id of the smart computer group whose members are "
                "compliant, because Jamf Pro has no compliance verdict, or judges_compliance=False for tags only"
            )
        return cls(
            common=common,
            url=reader.https_url("url", example="https://example.jamfcloud.com", bare=True),
            compliant_group=group,
        )

    @property
    def id_field(self) -> str:
        """The field of a device's id."""
        return "id"

    def credentials(self, secret: Secret) -> Credentials:
        """Return OAuth credentials of an API client."""
        return ClientCredentials(
            f"{self.url}{_TOKEN_PATH}",
            {"client_id": secret.require("clientId"), "client_secret": secret.require("clientSecret")},
        )

    def pages(self, session: Session) -> Iterator[Page]:
        """Count pages from 0, in the order of ids."""
        paths = (self.common.common_name.field, *self.common.tags.values(), "general", "operatingSystem")
        wanted = {path.split(".")[0] for path in paths} | (
            {"groupMemberships"} if self.common.judges else set()
        )
        sections = "&".join(f"section={name}" for key, name in _SECTIONS.items() if key in wanted)

        def page_of(number: int) -> Page:
            url = paging.with_query(
                f"{self.url}{PATH}?{sections}",
                {"page": number, "page-size": self.common.page_size, "sort": "id:asc"},
            )
            answer = session.get_object(url)
            return Page(records=records_of(answer, "results", url), total=total_of(answer.get("totalCount")))

        return paging.by_number(page_of)

    def verdict(self, record: Record, now: datetime) -> bool | None:  # noqa: ARG002 - as the protocol has it
        """Tell whether the computer is in the group; unknown where the memberships are missing."""
        memberships = record.get("groupMemberships")
        if not isinstance(memberships, list) or not all(isinstance(each, dict) for each in memberships):
            return None
        # Ids are strings here and integers in the Classic API.
        return any(
            self.compliant_group in (values.text(each.get("groupId")), values.text(each.get("groupName")))
            for each in memberships
        )

    def is_removed(self, record: Record) -> bool:
        """Tell whether the computer is unmanaged."""
        return values.field(record, "general.remoteManagement.managed") is False

    def last_seen(self, record: Record) -> datetime | None:
        """Return the last check-in."""
        return values.instant(values.field(record, "general.lastContactTime"))

    def os(self, record: Record) -> str:
        """Return the version."""
        return values.os_version(values.field(record, "operatingSystem.version"))
