"""A scan of all endpoints: what was counted, what must be terminated, and where it goes on."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING, Any, Literal, get_args

from client_connect.reauthorizer.client_vpn import Connection
from client_connect.waiver import device_holder, user_holder

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Reason = Literal["blocked", "policies", "connection-limit"]

# A connection such that an older one is less: when established, its id, its endpoint's, its user and common name.
_Entry = tuple[str, str, str, str | None, str | None]

# In seconds since 1970; a number of another magnitude is no time.
_LATEST = 1e11

# How a denial is counted that no forbid made: no permit applied.
NO_PERMIT = "no permit"
# How denials are counted when EC2 does not say who the user is.
NOBODY = "unknown"

# One user, or one device, with very many connections shows no mistake in a policy: otherwise whoever has its key could
# keep all others open by connecting often.
_COUNTED_OF_ONE = 5

# How many connections of those who are blocked one scan keeps, whatever the limits: the next one finds the others.
_MOST_BLOCKED = 500


class DamagedScan(ValueError):
    """A text is not that of a scan."""


@dataclass(slots=True, kw_only=True)
class Tally:
    """The counts of an endpoint's connections.

    Attributes:
        decided: Decided again.
        left_alone: Not registered, and left alone.
        undecided: Not decided, because what the decision needs is unavailable or a policy cannot be evaluated.
        denied: How many each policy denied; the limit, under ``connection-limit``.
        users: How many were denied of each user, by the name that the registry has.
        denials: How many were denied.
    """

    decided: int = 0
    left_alone: int = 0
    undecided: int = 0
    denied: dict[str, int] = field(default_factory=dict)
    users: dict[str, int] = field(default_factory=dict)
    denials: int = 0

    @property
    def open(self) -> int:
        """How many connections were open, as far as is known."""
        return self.decided + self.left_alone + self.undecided

    def deny(self, policies: Iterable[str], user: str) -> None:
        """Count a denial, by each of the policies that made it and by its user."""
        self.denials += 1
        self.users[user] = self.users.get(user, 0) + 1
        for id_ in policies:
            self.denied[id_] = self.denied.get(id_, 0) + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A connection that must be terminated.

    Attributes:
        connection: The connection.
        reason: Why.
        principal: Whose limit of connections it is beyond, when that is the reason.
    """

    connection: Connection
    reason: Reason
    principal: str = ""


@dataclass(slots=True, kw_only=True)
class Scan:
    """A scan, which may take several runs.

    Attributes:
        settings: What it decides with. A scan with other policies or settings is not gone on with.
        started: When it began, in seconds since 1970.
        endpoints: The ids of the endpoints that are not yet through; the first is where it is.
        token: Where the page that is next begins.
        taken: The ids of the connections of that endpoint that are taken in already, as EC2 may list one twice.
        ended: The ids of its connections that are listed as ended; one may be listed as open on another page.
        keep: How many candidates are kept for each reason; more are only counted.
        per_user: How many connections each user keeps.
        tallies: What was counted, by endpoint.
        limit: What the limit of connections per user denied.
        blocked: What blocks denied.
        candidates: The connections to terminate, by connection id.
        newest: By user, the newest connections, each as ``_entry`` has it.
    """

    settings: str
    started: float
    endpoints: list[str]
    token: str | None = None
    taken: list[str] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    keep: int
    per_user: int | None = None
    tallies: dict[str, Tally] = field(default_factory=dict)
    limit: Tally = field(default_factory=Tally)
    blocked: Tally = field(default_factory=Tally)
    candidates: dict[str, Candidate] = field(default_factory=dict)
    newest: dict[str, list[_Entry]] = field(default_factory=dict)

    @property
    def tally(self) -> Tally:
        """The tally of the endpoint where the scan is."""
        return self.tallies.setdefault(self.endpoints[0], Tally())

    @property
    def denials(self) -> int:
        """How many connections the policies denied; those beyond a limit and blocked ones are counted apart."""
        return sum(tally.denials for tally in self.tallies.values())

    def counted_denials(self, *, shared_certificates: bool) -> int:
        """Return how many of the denials count towards the limits, as ``counted``."""
        users = _summed(tally.users for tally in self.tallies.values())
        return counted(users, shared_certificates=shared_certificates)

    @property
    def open(self) -> int:
        """How many connections were open."""
        return sum(tally.open for tally in self.tallies.values())

    @property
    def denied(self) -> dict[str, int]:
        """How many connections each policy denied, and the limit and the blocks, most first."""
        return _summed(tally.denied for tally in (*self.tallies.values(), self.limit, self.blocked))

    @property
    def denied_users(self) -> dict[str, int]:
        """How many connections of each user were denied, by the limit and the blocks too, most first."""
        return _summed(tally.users for tally in (*self.tallies.values(), self.limit, self.blocked))

    def go_on(self, token: str | None) -> None:
        """Go on at the next page, or with the next endpoint after the last page."""
        self.token = token
        if token is None:
            self.taken, self.ended = [], []
            del self.endpoints[0]

    def is_part_of(self, new: Scan) -> bool:
        """Whether it is what another scan may have become, which has not begun."""
        return (self.settings, self.keep, self.per_user) == (new.settings, new.keep, new.per_user) and (
            not self.endpoints or self.endpoints == new.endpoints[-len(self.endpoints) :]
        )

    def begin_endpoint_again(self) -> None:
        """Begin again with the endpoint where the scan is; what was counted of it counts no more."""
        endpoint, self.token, self.taken, self.ended = self.endpoints[0], None, [], []
        self.tallies.pop(endpoint, None)
        self.candidates = {
            id_: each
            for id_, each in self.candidates.items()
            if each.reason != "policies" or each.connection.endpoint_id != endpoint
        }

    def deny(self, connection: Connection, policies: Iterable[str], user: str | None = None) -> None:
        """Take a connection in that the policies deny; none of them is named where no permit applied."""
        self.tally.deny(list(policies) or [NO_PERMIT], user or NOBODY)
        self._add(Candidate(connection=connection, reason="policies"))

    def block(self, connection: Connection, user: str | None = None) -> None:
        """Take in a connection of a blocked user or device."""
        if connection.connection_id not in self.candidates:  # or else of an endpoint that was begun again
            self.blocked.deny(["blocked"], user or NOBODY)
            self._add(Candidate(connection=connection, reason="blocked"))

    def keep_newest(self, principal: str, connection: Connection) -> None:
        """Take a connection in that stays, as long as it is among the newest of its user's."""
        if self.per_user is None:
            return
        if connection.connection_id in self.candidates:
            return  # of an endpoint that was begun again
        before = self.newest.get(principal, [])
        # EC2 may list a connection again with other details: it is the same one by its id.
        newest = self.newest[principal] = [each for each in before if each[1] != connection.connection_id]
        heapify(newest)
        heappush(newest, _entry(connection))
        if len(newest) > self.per_user:
            self.limit.deny(["connection-limit"], principal)
            oldest = _connection(heappop(newest))
            self._add(Candidate(connection=oldest, reason="connection-limit", principal=principal))

    def kept(self, principal: str) -> list[Connection]:
        """Return the connections that a user keeps: the newest."""
        return [_connection(entry) for entry in self.newest.get(principal, ())]

    def _add(self, candidate: Candidate) -> None:
        if candidate.reason == "blocked":
            has_room = self.blocked.denials <= _MOST_BLOCKED
        else:
            denials = self.denials if candidate.reason == "policies" else self.limit.denials
            has_room = denials <= self.keep
        if has_room:
            self.candidates[candidate.connection.connection_id] = candidate

    def to_json(self) -> str:
        """Return the scan as text."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Scan:
        """Read the text of a scan.

        Raises:
            DamagedScan: When it is none: of another version of this library, or damaged.
        """
        try:
            scan = cls._read(json.loads(text))
            is_whole = _is_whole(scan)
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
            raise DamagedScan(f"{type(error).__name__}: {error}") from error
        if not is_whole:
            raise DamagedScan("a value is of another type")
        return scan

    @classmethod
    def _read(cls, fields: Any) -> Scan:  # noqa: ANN401 - whatever the text says
        return cls(
            **fields
            | {
                "tallies": {id_: Tally(**each) for id_, each in fields["tallies"].items()},
                "limit": Tally(**fields["limit"]),
                "blocked": Tally(**fields["blocked"]),
                "candidates": {
                    id_: Candidate(**each | {"connection": Connection(**each["connection"])})
                    for id_, each in fields["candidates"].items()
                },
                "newest": {
                    principal: [_entry(_connection(tuple(entry))) for entry in entries]
                    for principal, entries in fields["newest"].items()
                },
            }
        )


def _is_whole(scan: Scan) -> bool:
    """Tell whether the values are such that a run can go on with them."""
    tallies = (*scan.tallies.values(), scan.limit, scan.blocked)
    connections = [each.connection for each in scan.candidates.values()]
    connections += [_connection(entry) for entries in scan.newest.values() for entry in entries]
    texts = [
        scan.settings,
        *scan.endpoints,
        *scan.taken,
        *scan.ended,
        *(each.principal for each in scan.candidates.values()),
    ]
    optional = [scan.token]
    for each in connections:
        texts += [each.connection_id, each.endpoint_id, each.established, each.status]
        optional += [each.username, each.common_name]
    numbers = [scan.keep, scan.per_user or 1]
    for tally in tallies:
        numbers += [tally.decided, tally.left_alone, tally.undecided, tally.denials]
        numbers += [*tally.denied.values(), *tally.users.values()]
    return (
        isinstance(scan.endpoints, list)
        and isinstance(scan.taken, list)
        and isinstance(scan.ended, list)
        and isinstance(scan.started, float)
        and 0 <= scan.started <= _LATEST
        and all(isinstance(each, str) for each in texts)
        and all(each is None or isinstance(each, str) for each in optional)
        and all(type(each) is int and each >= 0 for each in numbers)
        and all(each.reason in get_args(Reason) for each in scan.candidates.values())
        and all(id_ == each.connection.connection_id for id_, each in scan.candidates.items())
    )


def counted(users: Mapping[str, int], *, shared_certificates: bool) -> int:
    """Return how many connections count towards the limits: of each user, or device without one, at most 5.

    Args:
        users: How many connections each has, by the name that the registry has.
        shared_certificates: Whether the name of a device may be that of many people; then all of it count.
    """
    ones = (user_holder(""),) if shared_certificates else (user_holder(""), device_holder(""))
    return sum(
        min(number, _COUNTED_OF_ONE) if name.startswith(ones) else number for name, number in users.items()
    )


def _summed(counts: Iterable[dict[str, int]]) -> dict[str, int]:
    """Return the sums of several counts, most first."""
    total: dict[str, int] = {}
    for each in counts:
        for name, number in each.items():
            total[name] = total.get(name, 0) + number
    return dict(sorted(total.items(), key=lambda each: (-each[1], each[0])))


def _entry(connection: Connection) -> _Entry:
    return (
        connection.established,
        connection.connection_id,
        connection.endpoint_id,
        connection.username,
        connection.common_name,
    )


def _connection(entry: _Entry) -> Connection:
    established, connection_id, endpoint_id, username, common_name = entry
    return Connection(
        connection_id=connection_id,
        endpoint_id=endpoint_id,
        username=username,
        common_name=common_name,
        established=established,
    )
