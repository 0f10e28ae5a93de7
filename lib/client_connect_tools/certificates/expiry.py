"""Expiring items, and their ends."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

Kind = Literal["CA", "server", "client", "certificate", "CRL", "identity provider", "metadata"]
"""``certificate`` is one that does not say whether it is a server's or a client's; ``metadata`` a SAML document."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expiry:
    """A certificate, revocation list or SAML document, and its time.

    Attributes:
        kind: What it is.
        name: Whose it is: the common name, or else the whole name.
        origin: Where it was found, such as a file.
        begins: When it begins to be valid; ``None`` where that is not known.
        ends: When it expires; ``None`` where it never does.
    """

    kind: Kind
    name: str
    origin: str
    begins: datetime | None
    ends: datetime | None

    def days_left(self, now: datetime) -> int | None:
        """Return the full days until it expires, below 0 where it has; ``None`` where it never does."""
        return None if self.ends is None else (self.ends - now) // timedelta(days=1)

    def is_due(self, now: datetime, days: int) -> bool:
        """Whether it has so many full days left or fewer, has expired, or is not valid yet."""
        is_early = self.begins is not None and self.begins > now
        left = self.days_left(now)
        return is_early or (left is not None and left <= days)


def once(found: Iterable[Expiry]) -> Iterator[Expiry]:
    """Yield each certificate once, with all its places: each profile has the authority's."""
    places: dict[Expiry, list[str]] = {}
    for expiry in found:
        places.setdefault(replace(expiry, origin=""), []).append(expiry.origin)
    for expiry, (first, *others) in places.items():
        more = len(set(others) - {first})
        yield replace(expiry, origin=f"{first} and {more} more" if more else first)
