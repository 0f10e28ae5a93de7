"""Any list of devices that is JSON over HTTPS."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

from client_connect_devices import paging, values
from client_connect_devices.credentials import ClientCredentials, FixedHeaders
from client_connect_devices.errors import UnexpectedAnswer
from client_connect_devices.http import place
from client_connect_devices.session import total_of
from client_connect_devices.source import Common, Page

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import tzinfo

    from client_connect_devices.credentials import Credentials, Secret
    from client_connect_devices.session import Session
    from client_connect_devices.settings import Reader
    from client_connect_devices.source import Record

_PAGING = ("none", "link", "cursor", "page", "offset")
_LARGEST_PAGE = 10_000
_PARAMETER = r"[\w.$-]{0,64}"
_OFFSET = r"UTC|[+-](?:0[0-9]|1[0-4]):[0-5][0-9]"
_HEADER = r"[A-Za-z0-9][A-Za-z0-9-]{0,63}"


@dataclass(frozen=True, slots=True, kw_only=True)
class JsonSource:
    """A list of devices.

    Attributes:
        common: The settings that every source has.
        url: The address of the list, which may have a query.
        items: The path of the array of devices; empty where the answer is the array.
        paging: How it pages: ``none``, ``link``, ``cursor``, ``page`` or ``offset``.
        next: The path of the link or the cursor.
        total: The path of the number of all devices; empty without one.
        page_parameter: The parameter of the page, the offset or the cursor.
        size_parameter: The parameter of the page's size; empty where it cannot be set.
        first_page: The number of the first page.
        id: The path of a device's id.
        last_seen_field: The path of the last check-in; empty without one.
        os_field: The path of the operating system's version; empty without one.
        compliant_field: The path of what is judged.
        compliant_values: What of it is a pass, as text.
        noncompliant_values: What of it is a failure, as text. Anything else is unknown.
        removed_field: The path of what says that a device is no longer managed; empty where nothing does.
        removed_values: What of it says so, as text.
        zone: The zone of times without one.
        header: The header with the token or key.
        header_prefix: What stands before it.
        token_url: The address of an OAuth token endpoint, in place of a fixed token.
        scope: What is asked for there.
    """

    common: Common
    url: str
    items: str
    paging: str
    next: str
    total: str
    page_parameter: str
    size_parameter: str
    first_page: int
    id: str
    last_seen_field: str
    os_field: str
    compliant_field: str
    compliant_values: tuple[str, ...]
    noncompliant_values: tuple[str, ...]
    removed_field: str
    removed_values: tuple[str, ...]
    zone: tzinfo | None
    header: str
    header_prefix: str
    token_url: str
    scope: str

    @classmethod
    def read(cls, reader: Reader) -> JsonSource:
        """Read the settings."""
        source = cls(
            common=Common.read(
                reader, name="json", common_name=None, page_size=100, largest_page=_LARGEST_PAGE
            ),
            url=reader.https_url("url", example="https://devices.example.com/api/devices"),
            items=reader.field("items", default=""),
            paging=reader.choice("paging", _PAGING, default="none"),
            next=reader.field("next", default=""),
            total=reader.field("total", default=""),
            page_parameter=reader.string(
                "page_parameter", _PARAMETER, "the name of a query parameter", default=""
            ),
            size_parameter=reader.string(
                "size_parameter", _PARAMETER, "the name of a query parameter", default=""
            ),
            first_page=reader.integer("first_page", 0, 1, default=1),
            id=reader.field("id"),
            last_seen_field=reader.field("last_seen", default=""),
            os_field=reader.field("os", default=""),
            compliant_field=reader.field("compliant", default=""),
            compliant_values=reader.strings("compliant_values", "a list of strings", default=("true",)),
            noncompliant_values=reader.strings(
                "noncompliant_values", "a list of strings", default=("false",)
            ),
            removed_field=reader.field("removed", default=""),
            removed_values=reader.strings("removed_values", "a list of strings", default=("true",)),
            zone=_zone(reader),
            header=reader.string("header", _HEADER, "the name of a header", default="Authorization"),
            header_prefix=reader.string(
                "header_prefix", r"[\x20-\x7e]{0,40}", "up to 40 ASCII characters", default="Bearer "
            ),
            token_url=reader.https_url("token_url", default=""),
            scope=reader.string(
                "scope", r"[\x21-\x7e ]{0,500}", "the scopes, separated by spaces", default=""
            ),
        )
        source._check(reader)
        return source

    def _check(self, reader: Reader) -> None:
        if self.paging in ("link", "cursor") and not self.next:
            reader.reject(
                f'next is missing; give the path of the {self.paging} in an answer, such as "meta.next"'
            )
        if self.paging in ("cursor", "page", "offset") and not self.page_parameter:
            reader.reject(
                f'page_parameter is missing; give the parameter for the {self.paging}, such as "{self.paging}"'
            )
        if self.common.judges and not self.compliant_field:
            reader.reject(
                "compliant is missing; give the field that says whether a device is compliant, or "
                "judges_compliance=False for tags only"
            )
        if both := set(self.compliant_values) & set(self.noncompliant_values):
            reader.reject(f"{min(both)!r} is in compliant_values and in noncompliant_values; leave one")

    @property
    def id_field(self) -> str:
        """The field of a device's id."""
        return self.id

    def credentials(self, secret: Secret) -> Credentials:
        """Return an OAuth token, or the header with the token of the secret."""
        if self.token_url:
            scope = {"scope": self.scope} if self.scope else {}
            return ClientCredentials(
                self.token_url,
                {
                    "client_id": secret.require("clientId"),
                    "client_secret": secret.require("clientSecret"),
                    **scope,
                },
            )
        return FixedHeaders({self.header: f"{self.header_prefix}{secret.require('token')}"})

    def pages(self, session: Session) -> Iterator[Page]:
        """Read the pages as configured."""
        size: dict[str, object] = {self.size_parameter: self.common.page_size} if self.size_parameter else {}
        first = paging.with_query(self.url, size) if size else self.url

        def answer_of(url: str) -> tuple[Page, Any]:
            answer = session.get(url)
            records = values.field(answer, self.items) if self.items else answer
            if not isinstance(records, list):
                what = f'a list "{self.items}"' if self.items else "an array"
                raise UnexpectedAnswer(f"{place(url)} answers without {what}")
            total = total_of(values.field(answer, self.total)) if self.total else None
            if self.total and total is None:
                raise UnexpectedAnswer(f'{place(url)} answers without a number "{self.total}"')
            following = values.field(answer, self.next) if self.next else None
            return Page(records=records, total=total), following

        def linked(url: str) -> tuple[Page, Any]:
            page, link = answer_of(url)
            return page, urljoin(url, link) if isinstance(link, str) and link else link

        def at(position: object) -> str:
            return paging.with_query(first, {self.page_parameter: position})

        if self.paging == "link":
            return paging.by_link(first, linked)
        if self.paging == "cursor":
            return paging.by_cursor(lambda cursor: answer_of(at(cursor) if cursor else first))
        if self.paging == "page":
            return paging.by_number(lambda number: answer_of(at(self.first_page + number))[0])
        if self.paging == "offset":
            return paging.by_offset(lambda offset: answer_of(at(offset))[0])
        return iter([answer_of(first)[0]])

    def verdict(self, record: Record, now: datetime) -> bool | None:  # noqa: ARG002 - as the protocol has it
        """Compare the field with the configured values, whatever the case of the letters."""
        found = values.text(values.field(record, self.compliant_field)).lower()
        if found in map(str.lower, self.compliant_values):
            return True
        return False if found in map(str.lower, self.noncompliant_values) else None

    def is_removed(self, record: Record) -> bool:
        """Compare the field with the configured values."""
        if not self.removed_field:
            return False
        found = values.text(values.field(record, self.removed_field)).lower()
        return found in map(str.lower, self.removed_values)

    def last_seen(self, record: Record) -> datetime | None:
        """Return the last check-in."""
        return (
            values.instant(values.field(record, self.last_seen_field), self.zone)
            if self.last_seen_field
            else None
        )

    def os(self, record: Record) -> str:
        """Return the version."""
        return values.os_version(values.field(record, self.os_field)) if self.os_field else ""


def _zone(reader: Reader) -> tzinfo | None:
    """Read a fixed offset: Lambda's image has no data of time zones."""
    text = reader.string("time_zone", _OFFSET, 'an offset such as "UTC" or "+01:00"', default="")
    if not text or not re.fullmatch(_OFFSET, text):
        return None
    return datetime.fromisoformat(f"2000-01-01T00:00:00{'Z' if text == 'UTC' else text}").tzinfo
