"""Who is in the logs. A name counts once, whatever the case of its letters, which policies ignore too."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from client_connect.names import lower_case

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from client_connect import ConnectionRequest

MOST_PEOPLE = 200_000
_NAMES_AT_HAND = 20_000

ALLOWED, DENIED, UNDECIDED = 1, 2, 4


class Person(NamedTuple):
    """A user; or a device, of connections without one.

    Attributes:
        name: In lower case, as policies compare it.
        is_device: Whether it is the common name of a certificate.
    """

    name: str
    is_device: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Directory:
    """A directory's data of users, by their names in lower case.

    Attributes:
        groups: Their groups; no entry for a user without known groups.
        departments: Their departments.
        names: Every user's name as the directory spells it.
    """

    groups: Mapping[str, tuple[str, ...]]
    departments: Mapping[str, str]
    names: Mapping[str, str]

    def unlisted(self, people: People) -> list[Person]:
        """Return which users of the logs it does not have."""
        return [each for each in people if not each.is_device and each.name not in self.names]


@dataclass(slots=True)
class _Known:
    """The data of a person: the first spelling, the groups, and how the new policies decide."""

    name: str
    groups: tuple[str, ...]
    outcomes: int


# The names in a connection, with the groups; the person is found when blocks are put together.
_Met = tuple[str | None, str | None, tuple[str, ...]]


@dataclass(slots=True)
class People:
    """Everybody whose connections are decided; complete when all blocks are merged.

    Attributes:
        is_cut: Whether there are more than are kept.
    """

    is_cut: bool = False
    _known: dict[Person, _Known] = field(default_factory=dict)
    _met: dict[_Met, int] = field(default_factory=dict)

    def add(self, request: ConnectionRequest, outcome: int) -> None:
        """Take note of a connection and how it is decided."""
        username = request.username
        met = username, request.common_name if username is None else None, request.groups
        self._met[met] = self._met.get(met, 0) | outcome

    def merge(self, other: People) -> None:
        """Add the people of a later block."""
        self._take(self._met)
        self._met = {}
        self._take(other._met)
        self.is_cut |= other.is_cut
        for person, known in other._known.items():
            self._meet(person, known.name, known.groups, known.outcomes)

    def _take(self, met: Mapping[_Met, int]) -> None:
        for (username, common_name, groups), outcomes in met.items():
            person = _user(username) if username is not None else _device(common_name)
            self._meet(person, username or common_name or "", groups, outcomes)

    def _meet(self, person: Person, name: str, groups: tuple[str, ...], outcomes: int) -> None:
        known = self._known.get(person)
        if known is None:
            if len(self._known) < MOST_PEOPLE:
                self._known[person] = _Known(name, groups, outcomes)
            else:
                self.is_cut = True
            return
        if known.groups != groups:
            known.groups = _together(known.groups, groups)
        known.outcomes |= outcomes

    def __len__(self) -> int:
        return len(self._known)

    def __iter__(self) -> Iterator[Person]:
        return iter(self._known)

    def count(self, outcome: int) -> int:
        """Return how many have a connection that is decided so."""
        return sum(bool(known.outcomes & outcome) for known in self._known.values())

    def is_never_let_in(self, person: Person) -> bool:
        """Return whether no connection of a person is allowed."""
        known = self._known.get(person)
        return known is not None and not known.outcomes & ALLOWED

    def is_never_kept_out(self, person: Person) -> bool:
        """Return whether all connections of a person are allowed."""
        known = self._known.get(person)
        return known is not None and known.outcomes == ALLOWED

    def name(self, person: Person) -> str:
        """Return a name as the logs spell it first."""
        known = self._known.get(person)
        return person.name if known is None else known.name

    def label(self, person: Person) -> str:
        """Return a name that distinguishes devices from users."""
        return f"{self.name(person)} (device)" if person.is_device else self.name(person)

    def groups(self, person: Person) -> tuple[str, ...]:
        """Return the groups that a person had in the logs, or has in the directory."""
        known = self._known.get(person)
        return () if known is None else known.groups


def person_of(request: ConnectionRequest) -> Person:
    """Return whose connection it is."""
    return _user(request.username) if request.username is not None else _device(request.common_name)


@lru_cache(maxsize=_NAMES_AT_HAND)
def _user(name: str) -> Person:
    return Person(lower_case(name))


@lru_cache(maxsize=_NAMES_AT_HAND)
def _device(name: str | None) -> Person:
    return Person(lower_case(name or ""), is_device=True)


def _together(some: tuple[str, ...], others: tuple[str, ...]) -> tuple[str, ...]:
    both = dict.fromkeys(some)
    return some if both.keys() >= set(others) else tuple(both | dict.fromkeys(others))
