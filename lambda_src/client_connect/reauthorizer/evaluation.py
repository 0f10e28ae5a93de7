"""Connections decided again: by their registered requests, and by today's policies, devices and clock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from ipaddress import IPv4Address
from time import monotonic
from typing import TYPE_CHECKING, Any

from client_connect.engine.partial_decision import (
    NEW_CONNECTIONS_ONLY,
    OF_INVENTORY,
    OF_THE_MODULE,
    OF_WAIVERS,
    PartialAuthorizer,
    unreported,
)
from client_connect.names import lower_case
from client_connect.reauthorizer.client_vpn import FAILED_TO_TERMINATE, Connection
from client_connect.reauthorizer.unknown_connections import UnknownConnections
from client_connect.request import ConnectionRequest
from client_connect.sources.connection_registry import TERMINATING, RegisteredConnection, principal_of
from client_connect.waiver import device_holder

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from client_connect.engine.authorizer import Authorizer, Decision
    from client_connect.facts import Facts
    from client_connect.sources.collected_facts import CollectedFacts
    from client_connect.sources.connection_registry import ConnectionTable
    from client_connect.sources.fact_sources import FactSources
    from client_connect.waiver import Waiver

BATCH = 100

# Of a connection that is left alone, only blocks are looked up.
EVERYTHING_ELSE = unreported(username=False, common_name=False)

_FAILURES = 3
# For a batch; below what a run keeps to end cleanly. One connection may need as long as it has in the handler.
_SECONDS_FOR_CUSTOM_FACTS = 15.0
_SECONDS_LOST = 5.0
# In the place of a common name that is not told; no device is called so.
_NOBODY = "unknown (EC2 does not report it)"
_NOWHERE = IPv4Address("0.0.0.0")  # noqa: S104 - in the place of an address that no policy that counts reads


class Verdict(Enum):
    """The verdict on a connection."""

    STAYS = "stays"
    DENIED = "denied"
    SKIPPED = "left alone"
    UNDECIDED = "undecided"
    TERMINATING = "settling"


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """The evaluation of a connection.

    Attributes:
        connection: The connection.
        verdict: The verdict.
        principal: Whose it is, in the form that the registry has; ``None`` when that is not known for sure.
        registered: Whether the registry has its request.
        unconfirmed: Whether the registry has the connection, and does not know yet that it was active.
        terminated: When it was last asked to end, if it ever was.
        facts: By what it was decided; ``None`` when it was not.
        decision: The decision.
        waivers: The waivers that count now, in full.
    """

    connection: Connection
    verdict: Verdict
    principal: str | None = None
    registered: bool = False
    unconfirmed: bool = False
    terminated: datetime | None = None
    facts: Facts | None = None
    decision: Decision | None = None
    waivers: tuple[Waiver, ...] = ()

    @property
    def is_waived(self) -> bool:
        """Whether it stays, and a policy would deny it but for a waiver."""
        return self.verdict is Verdict.STAYS and self.decision is not None and bool(self.decision.waived)

    @property
    def is_blocked(self) -> bool:
        """Whether its device or its user is blocked, and it is not about to end already."""
        return self.verdict is Verdict.DENIED and self.decision is not None and self.decision.blocked


class Source:
    """Something that is asked again and again, until it has failed three times in a row.

    Attributes:
        problem: Why it failed the last time; not there before it did.
    """

    problem: str

    def __init__(self) -> None:
        self._failures = 0

    def ask(self, call: Callable[[], Any]) -> Any:  # noqa: ANN401 - whatever the source says
        """Return the answer, or ``None``; then ``problem`` says why."""
        if self._failures >= _FAILURES:
            return None
        try:
            answer = call()
        except Exception as error:  # noqa: BLE001 - whatever is wrong with it, no one may be denied for that
            self._failures += 1
            self.problem = f"{type(error).__name__}: {error}"
            return None
        self._failures = 0
        return answer


class Evaluator:
    """Decides connections again.

    Args:
        authorizer: Has today's policies.
        sources: The inventory, the registry and extra facts.
        registry: The registry, the same one as in the sources.
        unknown: How to treat connections that the registry does not know.
        certificate_endpoints: The ids of the endpoints at which clients have certificates; only there, what EC2 calls
            a common name is that of one.
        shared_certificates: Whether several devices use the same client certificate, so connections without a
            user have no owner.

    Attributes:
        problems: Why a source of facts was unavailable, for all connections or for one, by its name; under
            ``registry`` how many requests cannot be read.
    """

    def __init__(  # noqa: PLR0913 - one keyword per part
        self,
        authorizer: Authorizer,
        sources: FactSources,
        *,
        registry: ConnectionTable,
        unknown: UnknownConnections = UnknownConnections.LEAVE,
        certificate_endpoints: Collection[str] = (),
        shared_certificates: bool = False,
    ) -> None:
        self._authorizer = PartialAuthorizer(authorizer)
        self._sources = sources
        self._registry = registry
        self._unknown = unknown
        self._certificate_endpoints = certificate_endpoints
        self._shared_certificates = shared_certificates
        # Without a module it is unknown what the handler's said, should it have one after all.
        self._never_known = NEW_CONNECTIONS_ONLY | (frozenset() if sources.custom else OF_THE_MODULE)
        self._inventory = Source()
        self._waivers = Source()
        self._custom = Source()
        self._unreadable: set[str] = set()
        self.problems: dict[str, str] = {}

    def evaluate(self, connections: Sequence[Connection]) -> list[Evaluation]:
        """Decide up to 100 open connections.

        Raises:
            Exception: When the registry cannot be read: then nothing is known of any connection.
        """
        registered = self._entries(connections)
        evaluations, requests = [], []
        for connection in connections:
            entry = registered.get(connection.connection_id)
            request, unknown = self._request(connection, entry)
            if entry is not None and _is_settling(connection, entry):
                evaluations.append(Evaluation(connection=connection, verdict=Verdict.TERMINATING))
            elif request is None and (request := self._request_of_block(connection)) is not None:
                requests.append((connection, entry, request, EVERYTHING_ELSE))
            elif request is None:
                evaluations.append(Evaluation(connection=connection, verdict=Verdict.SKIPPED))
            else:
                requests.append((connection, entry, request, unknown))
        collected = self._gather([(request, unknown) for _, _, request, unknown in requests])
        for (connection, entry, _request, unknown), found in zip(requests, collected, strict=True):
            evaluations.append(self._evaluation(connection, entry, found, unknown))
        return evaluations

    def _entries(self, connections: Sequence[Connection]) -> dict[str, RegisteredConnection]:
        """Return what the registry has of connections; not the request of one that EC2 contradicts."""
        found = self._registry.find(connection.connection_id for connection in connections)
        for connection in connections:
            entry = found.get(connection.connection_id)
            if entry is None or entry.request is None:
                continue
            certificates = connection.endpoint_id in self._certificate_endpoints
            if problem := _contradiction(connection, entry.request, certificates=certificates):
                found[connection.connection_id] = RegisteredConnection(
                    request=None, problem=problem, terminated=entry.terminated, confirmed=entry.confirmed
                )
        return found

    def _request(
        self, connection: Connection, entry: RegisteredConnection | None
    ) -> tuple[ConnectionRequest | None, frozenset[str]]:
        """Return the request to decide on, if any, and what it lacks."""
        if entry is not None and entry.request is not None:
            return entry.request, NEW_CONNECTIONS_ONLY
        if entry is not None and entry.problem:
            self._note_unreadable(connection, entry.problem)
        elif self._unknown is UnknownConnections.LEAVE:
            return None, frozenset()
        certificates = connection.endpoint_id in self._certificate_endpoints
        request, unknown = reported_request(connection, certificates=certificates, entry=entry)
        # Without an inventory there are neither devices nor waivers, whoever it is.
        return request, unknown if self._sources.inventory else unknown - OF_INVENTORY - OF_WAIVERS

    def _request_of_block(self, connection: Connection) -> ConnectionRequest | None:
        """Return what to look up blocks by of a connection that is left alone otherwise."""
        if self._sources.inventory is None or not (connection.username or connection.common_name):
            return None
        return ConnectionRequest(
            connection_id=connection.connection_id,
            endpoint_id=connection.endpoint_id,
            username=connection.username,
            common_name=connection.common_name,
            platform="",
            public_ip=_NOWHERE,
        )

    def _note_unreadable(self, connection: Connection, problem: str) -> None:
        self._unreadable.add(connection.connection_id)
        self.problems["registry"] = (
            f"requests that cannot be read: {len(self._unreadable)}, such as that of {connection.connection_id}: "
            f"{problem}"
        )

    def _gather(self, asked: Sequence[tuple[ConnectionRequest, frozenset[str]]]) -> list[CollectedFacts]:
        requests = [request for request, _ in asked]
        entries = self._inventory_entries(requests)
        # A module's answer on an incomplete request counts for nothing, and may fail.
        complete = [request for request, unknown in asked if not OF_THE_MODULE & unknown]
        answers = iter(self._custom_facts(complete))
        custom: list[tuple[Mapping[str, Any], Mapping[str, str]]]
        custom = [({}, {}) if OF_THE_MODULE & unknown else next(answers) for _, unknown in asked]
        collected = [
            self._sources.build(
                request,
                {**entry[0], **facts[0]},
                {**entry[1], **facts[1]},
            )
            for request, entry, facts in zip(requests, entries, custom, strict=True)
        ]
        for each in collected:
            self.problems.update(each.problems)
        return collected

    def _inventory_entries(
        self, requests: Sequence[ConnectionRequest]
    ) -> list[tuple[dict[str, Any], dict[str, str]]]:
        inventory = self._sources.inventory
        if inventory is None or not requests:
            return [({}, {})] * len(requests)
        entries = self._inventory.ask(lambda: inventory.look_up(requests))
        if entries is None:
            problem = self._inventory.problem
            entries = self._waivers.ask(lambda: inventory.look_up_waivers(requests, problem=problem))
        if entries is None:
            return [({}, {"inventory": self._inventory.problem})] * len(requests)
        return [({"inventory": entry}, {}) for entry in entries]

    def _custom_facts(
        self, requests: Sequence[ConnectionRequest]
    ) -> list[tuple[Mapping[str, Any], Mapping[str, str]]]:
        custom, deadlines = self._sources.custom, self._sources.deadlines
        if custom is None or deadlines is None or not requests:
            return [({}, {})] * len(requests)

        def of_all() -> list[tuple[dict[str, Any], dict[str, str]]]:
            calls = {str(number): _call(custom.of, request) for number, request in enumerate(requests)}
            started = monotonic()
            answers, problems = deadlines.run(calls, seconds=_SECONDS_FOR_CUSTOM_FACTS, threads="customFacts")
            # A failure that costs no time is an answer on these connections alone.
            if not answers and monotonic() - started >= _SECONDS_LOST:
                raise RuntimeError(next(iter(problems.values())))
            return [
                ({"customFacts": answers[name]}, {})
                if name in answers
                else ({}, {"customFacts": problems[name]})
                for name in calls
            ]

        found = self._custom.ask(of_all)
        return found or [({}, {"customFacts": self._custom.problem})] * len(requests)

    def _evaluation(
        self,
        connection: Connection,
        entry: RegisteredConnection | None,
        collected: CollectedFacts,
        unknown: frozenset[str],
    ) -> Evaluation:
        facts = collected.facts
        if unknown is EVERYTHING_ELSE and facts.block is None:
            return Evaluation(connection=connection, verdict=Verdict.SKIPPED)
        has_request = entry is not None and entry.request is not None
        is_registered = entry is not None and (has_request or bool(entry.problem))
        decision, verdict = self._verdict(
            facts, unknown, is_registered=is_registered, unavailable=_unavailable(collected)
        )
        owner = _owner(connection, entry, facts.request)
        is_nobodys = self._shared_certificates and owner is not None and owner.startswith(device_holder(""))
        return Evaluation(
            connection=connection,
            verdict=verdict,
            principal=None if is_nobodys else owner,
            registered=has_request,
            unconfirmed=entry is not None and is_registered and not entry.confirmed,
            terminated=None if entry is None else entry.terminated,
            facts=facts,
            decision=decision,
            waivers=collected.waivers,
        )

    def _verdict(
        self, facts: Facts, unknown: frozenset[str], *, is_registered: bool, unavailable: frozenset[str]
    ) -> tuple[Decision | None, Verdict]:
        try:
            decision, denied, certain = self._authorizer.decide(
                facts, unknown=unknown | unavailable, passed_over=self._never_known
            )
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException:  # noqa: BLE001 - a panic of the engine is not an Exception
            return None, Verdict.UNDECIDED
        if denied:
            return decision, Verdict.DENIED
        if is_registered:
            return decision, Verdict.STAYS if certain else Verdict.UNDECIDED
        is_broken = not certain and bool(unavailable or decision.errors)
        return decision, Verdict.UNDECIDED if is_broken else Verdict.SKIPPED


def _unavailable(collected: CollectedFacts) -> frozenset[str]:
    """Return the facts of sources that failed: they may be anything."""
    facts = collected.facts
    return (
        (_of_inventory(facts.request) if facts.inventory == "unavailable" else frozenset())
        | (frozenset() if collected.knows_waivers else OF_WAIVERS)
        | (OF_THE_MODULE if facts.custom_facts == "unavailable" else frozenset())
    )


def _of_inventory(request: ConnectionRequest) -> frozenset[str]:
    """Return what an inventory would say: without a common name there is no device, whatever it has."""
    return OF_INVENTORY if request.common_name is not None else frozenset({"inventory"})


def _is_settling(connection: Connection, entry: RegisteredConnection) -> bool:
    """Whether it was terminated a moment ago, and the service does not show that yet.

    A time that lies further ahead than clocks differ is no reason to spare a connection.
    """
    return (
        connection.status != FAILED_TO_TERMINATE
        and entry.terminated is not None
        and -TERMINATING <= datetime.now(UTC) - entry.terminated < TERMINATING
    )


def _contradiction(connection: Connection, request: ConnectionRequest, *, certificates: bool) -> str:
    """Return how a registered request contradicts what EC2 reports: then it is not that of the connection.

    Whoever may invoke the handler can register a connection that the handler could not, under another name.
    """
    user, reported, name = request.username or "", connection.username, connection.common_name
    if request.endpoint_id != connection.endpoint_id:
        return "EC2 reports another endpoint"
    if reported is not None and _account(reported) != _account(user):
        return "EC2 reports another user"
    # EC2's "common name" is the certificate's or, under Active Directory authentication, the user's.
    if certificates and name is not None and name != request.common_name and _account(name) != _account(user):
        return "EC2 reports another common name"
    return ""


def _account(username: str) -> str:
    """Return a user name without its domain, which EC2 need not write as the client did."""
    return lower_case(username.rpartition("\\")[2].partition("@")[0])


def _owner(
    connection: Connection, entry: RegisteredConnection | None, request: ConnectionRequest
) -> str | None:
    """Return whose a connection is, in the form that the registry has; ``None`` when that is not known for sure."""
    if entry is not None and entry.request is not None:
        return principal_of(request)
    if entry is not None and entry.principal is not None:
        return entry.principal
    return None if connection.username is None else principal_of(request)


def reported_request(
    connection: Connection, *, certificates: bool = False, entry: RegisteredConnection | None = None
) -> tuple[ConnectionRequest, frozenset[str]]:
    """Return a request with what the service and the registry know, and what they do not.

    The service names the user under Active Directory authentication only, so it is not known whether a connection
    without one has a user. What it calls the common name is that of the certificate, or the user's name, which need
    not have the same form: so it says nothing of a device where there are no certificates.

    Args:
        connection: The service's description.
        certificates: Whether the endpoint's clients have certificates.
        entry: The registry's entry of a connection whose request cannot be read.
    """
    username, common_name = connection.username, connection.common_name
    if not certificates or (username and common_name and _account(common_name) == _account(username)):
        common_name = None
    if entry is not None:
        username, common_name = entry.username or username, entry.common_name or common_name
    request = ConnectionRequest(
        connection_id=connection.connection_id,
        endpoint_id=connection.endpoint_id,
        username=username,
        common_name=common_name or (None if username else _NOBODY),
        platform="",
        public_ip=_NOWHERE,
    )
    return request, unreported(username=username is not None, common_name=common_name is not None)


def _call(function: Callable[[ConnectionRequest], Any], request: ConnectionRequest) -> Callable[[], Any]:
    return lambda: function(request)
