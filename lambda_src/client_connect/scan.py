"""A scan of all endpoints: what was counted, what is to be terminated, and where it goes on."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Any, Literal

from client_connect.client_vpn import Connection

if TYPE_CHECKING:
    from collections.abc import Iterable

Reason = Literal["policies", "connection-limit"]

# A connection such that an older one is less: when established, its id, its endpoint's, its user and common name.
_Entry = tuple[str, str, str, str | None, str | None]

# How a denial is counted that no forbid made: no permit applied.
NO_PERMIT = "no permit"


@dataclass(slots=True, kw_only=True)
class Tally:
    """What became of an endpoint's connections.

    Attributes:
        decided: Decided anew.
        left_alone: Not registered, and left alone.
        undecided: Not decided, because what the decision needs is unavailable or a policy cannot be evaluated.
    """

    decided: int = 0
    left_alone: int = 0
    undecided: int = 0
    denied: dict[str, int] = field(default_factory=dict)
    denials: int = 0

    def deny(self, policies: Iterable[str]) -> None:
        """Count a denial, by each of the policies that made it."""
        self.denials += 1
        for id_ in policies:
            self.denied[id_] = self.denied.get(id_, 0) + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A connection that is to be terminated.

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
        settings: By what it decides. A scan by other policies or settings is not gone on with.
        started: When it began, in seconds since 1970.
        endpoints: The ids of the endpoints that are not yet through; the first is where it is.
        token: Where the page that is next begins.
        taken: The ids of the connections of that page that are taken in already.
        keep: How many candidates are kept; more are only counted.
        per_user: How many connections each user keeps.
        tallies: What was counted, by endpoint.
        limit: What the limit of connections per user denied.
        candidates: What is to be terminated, by connection id.
        newest: By user, the newest connections, each as ``_entry`` has it.
    """

    settings: str
    started: float
    endpoints: list[str]
    token: str | None = None
    taken: list[str] = field(default_factory=list)
    keep: int
    per_user: int | None = None
    tallies: dict[str, Tally] = field(default_factory=dict)
    limit: Tally = field(default_factory=Tally)
    candidates: dict[str, Candidate] = field(default_factory=dict)
    newest: dict[str, list[_Entry]] = field(default_factory=dict)

    @property
    def tally(self) -> Tally:
        """The tally of the endpoint where the scan is."""
        return self.tallies.setdefault(self.endpoints[0], Tally())

    @property
    def denials(self) -> int:
        """How many connections were denied."""
        return self.limit.denials + sum(tally.denials for tally in self.tallies.values())

    @property
    def denied(self) -> dict[str, int]:
        """How many connections each policy denied, most first."""
        total: dict[str, int] = {}
        for tally in (*self.tallies.values(), self.limit):
            for id_, number in tally.denied.items():
                total[id_] = total.get(id_, 0) + number
        return dict(sorted(total.items(), key=lambda each: (-each[1], each[0])))

    def go_on(self, token: str | None) -> None:
        """Go on at the next page, or with the next endpoint when there is none."""
        self.token, self.taken = token, []
        if token is None:
            del self.endpoints[0]

    def begin_endpoint_again(self) -> None:
        """Begin again with the endpoint where the scan is; what was counted of it counts no more."""
        endpoint, self.token, self.taken = self.endpoints[0], None, []
        self.tallies.pop(endpoint, None)
        self.candidates = {
            id_: each
            for id_, each in self.candidates.items()
            if each.reason == "connection-limit" or each.connection.endpoint_id != endpoint
        }

    def deny(self, connection: Connection, policies: Iterable[str]) -> None:
        """Take a connection in that the policies deny; none of them is named where no permit applied."""
        self.tally.deny(list(policies) or [NO_PERMIT])
        self._add(Candidate(connection=connection, reason="policies"))

    def keep_newest(self, principal: str, connection: Connection) -> None:
        """Take a connection in that stays, as long as it is among the newest of its user's."""
        if self.per_user is None:
            return
        entry = _entry(connection)
        newest = self.newest.setdefault(principal, [])
        if entry in newest or connection.connection_id in self.candidates:
            return  # of an endpoint that was begun again
        heappush(newest, entry)
        if len(newest) > self.per_user:
            self.limit.deny(["connection-limit"])
            oldest = _connection(heappop(newest))
            self._add(Candidate(connection=oldest, reason="connection-limit", principal=principal))

    def kept(self, principal: str) -> list[Connection]:
        """Return the connections that a user keeps: the newest."""
        return [_connection(entry) for entry in self.newest.get(principal, ())]

    def _add(self, candidate: Candidate) -> None:
        if len(self.candidates) < self.keep:
            self.candidates[candidate.connection.connection_id] = candidate

    def to_json(self) -> str:
        """Return the scan as text."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Scan:
        """Read the text of a scan."""
        fields: dict[str, Any] = json.loads(text)
        return cls(
            **fields
            | {
                "tallies": {id_: Tally(**each) for id_, each in fields["tallies"].items()},
                "limit": Tally(**fields["limit"]),
                "candidates": {
                    id_: Candidate(**each | {"connection": Connection(**each["connection"])})
                    for id_, each in fields["candidates"].items()
                },
                "newest": {
                    principal: [tuple(entry) for entry in entries]
                    for principal, entries in fields["newest"].items()
                },
            }
        )


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
