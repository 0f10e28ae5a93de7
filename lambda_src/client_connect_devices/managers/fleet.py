"""Fleet.

Source: https://fleetdm.com/docs/rest-api/rest-api#list-hosts
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from client_connect_devices import paging, values
from client_connect_devices.credentials import FixedHeaders
from client_connect_devices.errors import UnexpectedAnswer
from client_connect_devices.session import records_of, total_of
from client_connect_devices.source import Common, Page

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from client_connect_devices.credentials import Credentials, Secret
    from client_connect_devices.session import Session
    from client_connect_devices.settings import Reader
    from client_connect_devices.source import Record

PATH = "/api/v1/fleet/hosts"
# Not documented; more has not been tried.
_LARGEST_PAGE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """A Fleet server.

    Attributes:
        common: The settings that every source has.
        url: Its address.
        required_policies: The ids of the policies that a host must pass. Empty: it must fail none.
    """

    common: Common
    url: str
    required_policies: tuple[str, ...]

    @classmethod
    def read(cls, reader: Reader) -> Fleet:
        """Read the settings."""
        policies = reader.strings(
            "required_policies", 'a list of policy ids as strings, such as ["12", "40"]'
        )
        if any(not (each.isascii() and each.isdecimal()) for each in policies):
            reader.reject(
                f"required_policies={list(policies)!r} must be ids, which are numbers; Fleet shows them in the "
                "address of a policy's page"
            )
        return cls(
            common=Common.read(
                reader, name="fleet", common_name="hardware_serial", page_size=100, largest_page=_LARGEST_PAGE
            ),
            url=reader.https_url("url", example="https://fleet.example.com", bare=True),
            required_policies=policies,
        )

    @property
    def id_field(self) -> str:
        """The field of a device's id."""
        return "id"

    def credentials(self, secret: Secret) -> Credentials:
        """Return the token of an API-only user."""
        return FixedHeaders({"Authorization": f"Bearer {secret.require('token')}"})

    def pages(self, session: Session) -> Iterator[Page]:
        """Count pages from 0, in the order of ids, and compare with the count of hosts."""
        count_url = f"{self.url}{PATH}/count"
        total = total_of(session.get_object(count_url).get("count"))
        if total is None:
            raise UnexpectedAnswer(f'{count_url} answers without a number "count"')
        query: dict[str, object] = {
            "per_page": self.common.page_size,
            "order_key": "id",
            "order_direction": "asc",
        }
        if self.required_policies:
            query["populate_policies"] = "true"

        def page_of(number: int) -> Page:
            url = paging.with_query(f"{self.url}{PATH}", {"page": number, **query})
            return Page(records=records_of(session.get_object(url), "hosts", url), total=total)

        return paging.by_number(page_of)

    def verdict(self, record: Record, now: datetime) -> bool | None:  # noqa: ARG002 - as the protocol has it
        """Judge by the required policies, or by the number of failing ones. A policy that never ran is unknown."""
        if not self.required_policies:
            failing = values.field(record, "issues.failing_policies_count")
            is_count = isinstance(failing, int) and not isinstance(failing, bool) and failing >= 0
            return failing == 0 if is_count else None
        policies = record.get("policies")
        responses = {
            values.text(each.get("id")): each.get("response")
            for each in (policies if isinstance(policies, list) else ())
            if isinstance(each, dict)
        }
        found = [responses.get(id_) for id_ in self.required_policies]
        if "fail" in found:
            return False
        return True if all(response == "pass" for response in found) else None

    def is_removed(self, record: Record) -> bool:  # noqa: ARG002 - as the protocol has it
        """Tell that a listed host is not removed."""
        return False

    def last_seen(self, record: Record) -> datetime | None:
        """Return when the host was last seen."""
        return values.instant(record.get("seen_time"))

    def os(self, record: Record) -> str:
        """Return the version."""
        return values.os_version(record.get("os_version"))
