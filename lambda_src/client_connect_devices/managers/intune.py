"""Microsoft Intune, by Microsoft Graph.

Source: https://learn.microsoft.com/en-us/graph/api/intune-devices-manageddevice-list
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

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

# The hosts of Graph and of tokens. https://learn.microsoft.com/en-us/graph/deployments
CLOUDS = {
    "global": ("graph.microsoft.com", "login.microsoftonline.com"),
    "us_government": ("graph.microsoft.us", "login.microsoftonline.us"),
    "us_government_dod": ("dod-graph.microsoft.us", "login.microsoftonline.us"),
    "china": ("microsoftgraph.chinacloudapi.cn", "login.chinacloudapi.cn"),
}
_TENANT = r"[A-Za-z0-9][A-Za-z0-9.-]{2,252}"
_LARGEST_PAGE = 1000
_NEEDED = (
    "id",
    "azureADDeviceId",
    "complianceState",
    "deviceRegistrationState",
    "lastSyncDateTime",
    "osVersion",
)
# Certificates have them in either case.
_GUIDS = ("azureADDeviceId", "id")
_VERDICTS = {"compliant": True, "noncompliant": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class Intune:
    """A tenant of Intune.

    Attributes:
        common: The settings that every source has.
        tenant: The directory (tenant) id or a domain of the tenant.
        cloud: One of ``CLOUDS``.
        in_grace_period_is_compliant: Whether ``inGracePeriod``, which Intune still lets in, is a pass.
    """

    common: Common
    tenant: str
    cloud: str
    in_grace_period_is_compliant: bool

    @classmethod
    def read(cls, reader: Reader) -> Intune:
        """Read the settings."""
        return cls(
            common=Common.read(
                reader,
                name="intune",
                common_name="azureADDeviceId",
                lower=_GUIDS,
                page_size=_LARGEST_PAGE,
                largest_page=_LARGEST_PAGE,
            ),
            tenant=reader.string(
                "tenant",
                _TENANT,
                "the directory (tenant) id, or a domain of the tenant",
                example="contoso.onmicrosoft.com",
            ),
            cloud=reader.choice("cloud", tuple(CLOUDS), default="global"),
            in_grace_period_is_compliant=reader.flag("in_grace_period_is_compliant", default=False),
        )

    @property
    def id_field(self) -> str:
        """The field of a device's id."""
        return "id"

    def credentials(self, secret: Secret) -> Credentials:
        """Return OAuth credentials of an app registration."""
        graph, login = CLOUDS[self.cloud]
        return ClientCredentials(
            f"https://{login}/{self.tenant}/oauth2/v2.0/token",
            {
                "client_id": secret.require("clientId"),
                "client_secret": secret.require("clientSecret"),
                "scope": f"https://{graph}/.default",
            },
        )

    def pages(self, session: Session) -> Iterator[Page]:
        """Follow ``@odata.nextLink`` as it is given; ``$skip`` does not page."""
        fields = {path.split(".")[0] for path in (self.common.common_name.field, *self.common.tags.values())}
        select = ",".join(dict.fromkeys((*_NEEDED, *sorted(fields))))
        first = f"https://{CLOUDS[self.cloud][0]}/v1.0/deviceManagement/managedDevices"

        def page_of(url: str) -> tuple[Page, Any]:
            answer = session.get_object(url)
            # Graph documents the count for the whole list; it has also been seen to count the page.
            page = Page(records=records_of(answer, "value", url), total=total_of(answer.get("@odata.count")))
            return page, answer.get("@odata.nextLink")

        return paging.by_link(
            paging.with_query(first, {"$select": select, "$top": self.common.page_size}), page_of
        )

    def verdict(self, record: Record, now: datetime) -> bool | None:  # noqa: ARG002 - as the protocol has it
        """Return Intune's own verdict; ``unknown``, ``conflict``, ``error`` and ``configManager`` are none."""
        state = values.text(record.get("complianceState"))
        if state == "inGracePeriod":
            return self.in_grace_period_is_compliant
        return _VERDICTS.get(state)

    def is_removed(self, record: Record) -> bool:
        """Tell whether the registration was revoked."""
        return record.get("deviceRegistrationState") == "revoked"

    def last_seen(self, record: Record) -> datetime | None:
        """Return the last sync; the year 0001 is never."""
        return values.instant(record.get("lastSyncDateTime"))

    def os(self, record: Record) -> str:
        """Return the version."""
        return values.os_version(record.get("osVersion"))
