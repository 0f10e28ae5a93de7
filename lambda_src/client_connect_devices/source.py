"""The settings and methods that every source has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from client_connect_devices.settings import NAME

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from datetime import datetime

    from client_connect_devices.credentials import Credentials, Secret
    from client_connect_devices.session import Session
    from client_connect_devices.settings import Reader

    # A device as the manager's API has it.
    Record = Mapping[str, Any]

DUPLICATES = ("newest", "no-verdict")
CASES = ("as-is", "lower", "upper")
_LONGEST_GRACE_S = 8760 * 3600  # as long as Intune allows


@dataclass(frozen=True, slots=True, kw_only=True)
class CommonName:
    """How the common name of a device's certificate is made of a field.

    Attributes:
        field: The field.
        prefix: What stands before it in the certificate.
        suffix: What stands after it.
        case: ``as-is``, ``lower`` or ``upper``: the letters of the field in the certificate.
    """

    field: str
    prefix: str = ""
    suffix: str = ""
    case: str = "as-is"

    def of(self, name: str) -> str:
        """Return the common name for a value of the field."""
        cased = {"lower": name.lower, "upper": name.upper}.get(self.case, lambda: name)()
        return f"{self.prefix}{cased}{self.suffix}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Common:
    """The settings that every source has.

    Attributes:
        name: What names the source in the inventory; each source of an inventory has its own.
        common_name: How the common name is made.
        judges: Whether the source says which devices are compliant; without, it adds tags only.
        grace_seconds: How long a device that becomes noncompliant still counts as compliant.
        trusts_newest: Whether the newest of several records with one common name counts; else none has a verdict.
        tags: The fields to copy, by the tags' names.
        page_size: How many devices a page has.
    """

    name: str
    common_name: CommonName
    judges: bool
    grace_seconds: int
    trusts_newest: bool
    tags: Mapping[str, str]
    page_size: int

    @classmethod
    def read(  # noqa: PLR0913 - what differs between the managers
        cls,
        reader: Reader,
        *,
        name: str,
        common_name: str | None,
        page_size: int,
        largest_page: int,
        lower: Collection[str] = (),
    ) -> Common:
        """Read them.

        Args:
            reader: The settings.
            name: The default name.
            common_name: The default field of the common name; ``None`` where it must be given.
            page_size: The default.
            largest_page: What the manager documents as the most.
            lower: The fields that are in lower case by default; others are as they are.
        """
        field = reader.field("common_name", **({} if common_name is None else {"default": common_name}))
        printable = r"[^\x00-\x1f\x7f]{0,256}"
        return cls(
            name=reader.string(
                "name", NAME, "up to 32 lower-case letters, digits and hyphens, a letter first", default=name
            ),
            common_name=CommonName(
                field=field,
                prefix=reader.string(
                    "common_name_prefix", printable, "up to 256 printable characters", default=""
                ),
                suffix=reader.string(
                    "common_name_suffix", printable, "up to 256 printable characters", default=""
                ),
                case=reader.choice("common_name_case", CASES, default="lower" if field in lower else "as-is"),
            ),
            judges=reader.flag("judges_compliance", default=True),
            grace_seconds=reader.integer("grace_period_seconds", 0, _LONGEST_GRACE_S, default=0),
            trusts_newest=reader.choice("duplicates", DUPLICATES, default=DUPLICATES[0]) == DUPLICATES[0],
            tags=reader.tags(),
            page_size=reader.integer("page_size", 1, largest_page, default=page_size),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page of a list.

    Attributes:
        records: The devices on it, as they came.
        total: How many devices the manager says that there are; ``None`` where it does not.
    """

    records: list[Any]
    total: int | None = None


class Source(Protocol):
    """A device manager, and how its records are read."""

    @property
    def common(self) -> Common:
        """The settings that every source has."""

    @property
    def id_field(self) -> str:
        """The field of a device's id."""

    def credentials(self, secret: Secret) -> Credentials:
        """Return what authenticates requests.

        Raises:
            InvalidSecret: When a key of the secret is missing.
        """

    def pages(self, session: Session) -> Iterator[Page]:
        """Yield all pages of the list.

        Raises:
            SyncFailed: When one cannot be had.
        """

    def verdict(self, record: Record, now: datetime) -> bool | None:
        """Return ``True`` for an explicit pass, ``False`` for an explicit failure, ``None`` for everything else."""

    def is_removed(self, record: Record) -> bool:
        """Tell whether the manager says that it no longer manages the device."""

    def last_seen(self, record: Record) -> datetime | None:
        """Return when the device last checked in."""

    def os(self, record: Record) -> str:
        """Return the version of the operating system; empty where it is not known."""
