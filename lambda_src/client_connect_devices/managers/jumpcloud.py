"""JumpCloud.

Source: https://docs.jumpcloud.com/api/1.0/index.html#tag/Systems
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from client_connect_devices import paging, values
from client_connect_devices.credentials import ClientCredentials, FixedHeaders
from client_connect_devices.session import records_of, total_of
from client_connect_devices.source import Common, Page

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from client_connect_devices.credentials import Credentials, Secret
    from client_connect_devices.session import Session
    from client_connect_devices.settings import Reader
    from client_connect_devices.source import Record

URL = "https://console.jumpcloud.com/api/systems"
TOKEN_URL = "https://admin-oauth.id.jumpcloud.com/oauth2/token"  # noqa: S105 - an address
_LARGEST_PAGE = 100
_AUTHENTICATION = ("service_account", "api_key")


@dataclass(frozen=True, slots=True, kw_only=True)
class JumpCloud:
    """A JumpCloud organization.

    Attributes:
        common: The settings that every source has.
        authentication: ``service_account`` or ``api_key``.
        organization: The id of the organization, for administrators of several.
    """

    common: Common
    authentication: str
    organization: str

    @classmethod
    def read(cls, reader: Reader) -> JumpCloud:
        """Read the settings."""
        return cls(
            common=Common.read(
                reader,
                name="jumpcloud",
                common_name="serialNumber",
                page_size=_LARGEST_PAGE,
                largest_page=_LARGEST_PAGE,
            ),
            authentication=reader.choice("authentication", _AUTHENTICATION, default="service_account"),
            organization=reader.string(
                "organization", r"[0-9a-f]{24}", "an id of 24 hexadecimal digits", default=""
            ),
        )

    @property
    def id_field(self) -> str:
        """The field of a device's id."""
        return "id"

    def credentials(self, secret: Secret) -> Credentials:
        """Return the token of a service account, or the API key of an administrator."""
        if self.authentication == "api_key":
            organization = {"x-org-id": self.organization} if self.organization else {}
            return FixedHeaders({"x-api-key": secret.require("apiKey"), **organization})
        return ClientCredentials(
            TOKEN_URL,
            {"scope": "api"},
            basic=(secret.require("clientId"), secret.require("clientSecret")),
        )

    def pages(self, session: Session) -> Iterator[Page]:
        """Skip what came already; without a limit a page has 10 systems."""

        def page_of(skip: int) -> Page:
            url = paging.with_query(URL, {"limit": self.common.page_size, "skip": skip, "sort": "_id"})
            answer = session.get_object(url)
            return Page(records=records_of(answer, "results", url), total=total_of(answer.get("totalCount")))

        return paging.by_offset(page_of)

    def verdict(self, record: Record, now: datetime) -> bool | None:  # noqa: ARG002 - as the protocol has it
        """Tell whether the disk is encrypted, which is all that a system says of itself."""
        encrypted = values.field(record, "fde.active")
        return encrypted if isinstance(encrypted, bool) else None

    def is_removed(self, record: Record) -> bool:  # noqa: ARG002 - as the protocol has it
        """Tell that a listed system is not removed."""
        return False

    def last_seen(self, record: Record) -> datetime | None:
        """Return the last contact."""
        return values.instant(record.get("lastContact"))

    def os(self, record: Record) -> str:
        """Return the version."""
        return values.os_version(record.get("version"))
