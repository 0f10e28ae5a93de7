"""The facts of the re-authorizer: sources that fail, and the service's data of a connection."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

import pytest

from client_connect import Authorizer, ConnectionRequest
from client_connect.reauthorizer import evaluation as redeciding
from client_connect.reauthorizer.client_vpn import Connection
from client_connect.reauthorizer.evaluation import Evaluation, Evaluator, Source, Verdict, reported_request
from client_connect.reauthorizer.unknown_connections import UnknownConnections
from client_connect.sources import deadlines
from client_connect.sources.connection_registry import RegisteredConnection
from client_connect.sources.custom_facts import CustomFacts
from client_connect.sources.device_inventory import DeviceTable, InventoryEntry
from client_connect.sources.fact_sources import FactSources
from tests.support.events import PERMIT, event
from tests.support.fact_sources import SteppingClock

if TYPE_CHECKING:
    from collections.abc import Iterable

    from client_connect.sources.items import Item, Key

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
REQUEST = ConnectionRequest.from_event(event())


class Registry:
    """A registry in memory, that holds the same of every connection."""

    def __init__(self, entry: RegisteredConnection | None) -> None:
        self._entry = entry

    def find(self, connection_ids: Iterable[str]) -> dict[str, RegisteredConnection]:
        """Return what there is."""
        return {} if self._entry is None else dict.fromkeys(connection_ids, self._entry)


def evaluated(entry: RegisteredConnection | None, **connection: Any) -> Evaluation:
    """Decide a connection with this entry in the registry."""
    evaluator = Evaluator(
        Authorizer(PERMIT),
        FactSources(),
        registry=cast("Any", Registry(entry)),
        unknown=UnknownConnections.DECIDE,
    )
    (evaluation,) = evaluator.evaluate(
        [Connection(connection_id="c", endpoint_id=REQUEST.endpoint_id, **connection)]
    )
    return evaluation


def test_a_source_that_failed_three_times_in_a_row_is_not_asked_again() -> None:
    """Each call of one that hangs would cost the run its time; an answer in between resets the count."""
    source, answers = (
        Source(),
        iter([OSError("a"), OSError("b"), 1, OSError("c"), OSError("d"), OSError("e"), 2]),
    )

    def call() -> object:
        answer = next(answers)
        if isinstance(answer, OSError):
            raise answer
        return answer

    assert [source.ask(call) for _ in range(9)] == [None, None, 1, None, None, None, None, None, None]
    assert source.problem == "OSError: e"
    assert next(answers) == 2


@pytest.mark.parametrize(
    ("username", "common_name", "principal"),
    [
        ("bob", None, ("bob", None)),
        ("bob", "BOB", ("bob", None)),  # the user's name, which the service repeats
        ("bob", "CORP\\bob", ("bob", None)),  # in another form
        ("bob", "laptop", ("bob", None)),  # there is no certificate whose name it could be
        (None, "laptop", (None, "unknown (EC2 does not report it)")),
    ],
)
def test_who_is_connected_is_who_the_service_tells(
    username: str | None, common_name: str | None, principal: tuple[str | None, str | None]
) -> None:
    """A certificate's common name and the user differ."""
    request, _ = reported_request(
        Connection(
            connection_id="c", endpoint_id=REQUEST.endpoint_id, username=username, common_name=common_name
        )
    )
    assert (request.username, request.common_name) == principal
    assert ConnectionRequest.from_event(request.to_event()) == request


def test_a_common_name_is_a_certificates_where_that_is_known() -> None:
    """Then the device is known, and who uses it is not."""
    connection = Connection(connection_id="c", endpoint_id=REQUEST.endpoint_id, common_name="laptop")
    request, unknown = reported_request(connection, certificates=True)
    assert (request.username, request.common_name) == (None, "laptop")
    assert {"principal", "username"} <= unknown
    assert not {"commonName", "device"} & unknown


@pytest.mark.parametrize("name", ["bob", "Bob", "CORP\\bob", "bob@corp.example", "BOB@corp"])
def test_the_name_of_the_user_in_any_form_is_not_a_certificates(name: str) -> None:
    """The service does not say which of the two it reports."""
    connection = Connection(
        connection_id="c", endpoint_id=REQUEST.endpoint_id, username="corp\\bob", common_name=name
    )
    request, unknown = reported_request(connection, certificates=True)
    assert (request.username, request.common_name) == ("corp\\bob", None)
    assert {"commonName", "device"} <= unknown
    told, unknown = reported_request(replace(connection, common_name="laptop"), certificates=True)
    assert told.common_name == "laptop"
    assert "commonName" not in unknown


def test_a_connection_of_nobody_is_asked_about_like_any_other() -> None:
    """A module of extra facts may rely on a user or a device."""
    request, unknown = reported_request(Connection(connection_id="c", endpoint_id=REQUEST.endpoint_id))
    assert ConnectionRequest.from_event(request.to_event()) == request
    assert {"principal", "username", "commonName", "device", "custom"} <= unknown


@pytest.mark.parametrize(("minutes", "is_settling"), [(0, True), (4.99, True), (5, False), (6, False)])
def test_what_was_terminated_a_moment_ago_is_left_to_settle(
    monkeypatch: pytest.MonkeyPatch, *, minutes: float, is_settling: bool
) -> None:
    """For five minutes, while the service may still show it as active."""
    monkeypatch.setattr(redeciding, "datetime", SteppingClock(NOW))
    evaluation = evaluated(RegisteredConnection(request=REQUEST, terminated=NOW - timedelta(minutes=minutes)))
    assert (evaluation.verdict is Verdict.TERMINATING) == is_settling
    assert evaluation.connection.connection_id == "c"
    tried = evaluated(
        RegisteredConnection(request=REQUEST, terminated=NOW - timedelta(minutes=minutes)),
        status="failed-to-terminate",
    )
    assert tried.verdict is Verdict.STAYS


@pytest.mark.parametrize(
    ("entry", "username", "expected"),
    [
        (RegisteredConnection(request=REQUEST), None, ("user:bob", True, True)),
        (RegisteredConnection(request=REQUEST, confirmed=True), None, ("user:bob", True, False)),
        (RegisteredConnection(request=None), "carol", ("user:carol", False, False)),
        (RegisteredConnection(request=None), None, (None, False, False)),
        (
            RegisteredConnection(request=None, problem="cut", principal="user:dan"),
            "carol",
            ("user:dan", False, True),
        ),
        (
            RegisteredConnection(request=None, problem="cut", principal="user:dan", confirmed=True),
            None,
            ("user:dan", False, False),
        ),
        (RegisteredConnection(request=None, problem="cut"), "carol", ("user:carol", False, True)),
        (RegisteredConnection(request=None, problem="cut"), None, (None, False, True)),
        (None, "carol", ("user:carol", False, False)),
        (None, None, (None, False, False)),
    ],
)
def test_whose_a_connection_is(
    entry: RegisteredConnection | None, username: str | None, expected: tuple[str | None, bool, bool]
) -> None:
    """The registry knows, or the service does; otherwise it is unknown, and it counts to no limit."""
    found = evaluated(entry, username=username, common_name="laptop")
    assert (found.principal, found.registered, found.unconfirmed) == expected


UNREADABLE = RegisteredConnection(request=None, problem="cut", username="Mallory", common_name="laptop-1")
BLOCKED = PERMIT + '@id("f") forbid (principal == ClientVpn::User::"Mallory", action, resource);'


@pytest.mark.parametrize(
    ("fields", "owner"),
    [({"username": None}, None), ({}, "user:bob"), ({"username": "device:bob"}, "user:device:bob")],
)
def test_a_shared_certificate_owns_no_connection(fields: dict[str, Any], owner: str | None) -> None:
    """A limit would end those of all devices but one; a user is one, whatever the certificate."""
    entry = RegisteredConnection(request=REQUEST._replace(**fields))
    evaluator = Evaluator(
        Authorizer(PERMIT), FactSources(), registry=cast("Any", Registry(entry)), shared_certificates=True
    )
    (found,) = evaluator.evaluate([Connection(connection_id="c", endpoint_id=REQUEST.endpoint_id)])
    assert (found.verdict, found.principal) == (Verdict.STAYS, owner)


@pytest.mark.parametrize("unknown", UnknownConnections)
@pytest.mark.parametrize(
    ("policies", "verdict"),
    [
        (BLOCKED, Verdict.DENIED),
        (
            PERMIT + '@id("f") forbid (principal, action, resource) when { context.platform == "mac" };',
            "undecided",
        ),
        (PERMIT + '@id("f") forbid (principal == ClientVpn::User::"mallory", action, resource);', "stays"),
        (
            PERMIT
            + """@id("f") forbid (principal, action, resource)
            when { context has commonName && context.commonName == "laptop-1" };""",
            "denied",
        ),
    ],
    ids=["the user", "the platform", "another user", "the device"],
)
def test_a_registration_that_cannot_be_read_is_decided_by_what_is_left_of_it(
    policies: str, verdict: Verdict | str, unknown: UnknownConnections
) -> None:
    """The registry knows the connection: it is never left alone, and what is not certain is counted as undecided."""
    evaluator = Evaluator(
        Authorizer(policies), FactSources(), registry=cast("Any", Registry(UNREADABLE)), unknown=unknown
    )
    (found,) = evaluator.evaluate([Connection(connection_id="c", endpoint_id=REQUEST.endpoint_id)])
    assert found.verdict is Verdict(verdict)


@pytest.mark.parametrize(
    ("told", "problem"),
    [
        ({}, ""),
        ({"username": "BOB", "common_name": "Bob"}, ""),
        ({"username": "bob@corp.example", "common_name": "laptop-1"}, ""),
        ({"username": "CORP\\bob"}, ""),
        ({"endpoint_id": "another"}, "EC2 reports another endpoint"),
        ({"username": "Mallory"}, "EC2 reports another user"),
        ({"common_name": "laptop-2"}, "EC2 reports another common name"),
    ],
)
def test_a_registration_that_ec2_contradicts_is_none(told: dict[str, Any], problem: str) -> None:
    """Another user registered the connection; it is decided on what EC2 reports, and never left alone."""
    evaluator = Evaluator(
        Authorizer(BLOCKED),
        FactSources(),
        registry=cast("Any", Registry(RegisteredConnection(request=REQUEST, principal="user:bob"))),
        certificate_endpoints=[REQUEST.endpoint_id],
    )
    connection = Connection(**{"connection_id": "c", "endpoint_id": REQUEST.endpoint_id} | told)
    (found,) = evaluator.evaluate([connection])
    assert evaluator.problems.get("registry", "").endswith(problem)
    assert bool(problem) == bool(evaluator.problems)
    if problem:
        is_blocked = told.get("username") == "Mallory"
        assert found.verdict is (Verdict.DENIED if is_blocked else Verdict.UNDECIDED)
        assert found.principal == ("user:mallory" if is_blocked else None)
    else:
        assert (found.verdict, found.principal) == (Verdict.STAYS, "user:bob")


def test_without_the_spelling_of_its_user_a_registration_that_cannot_be_read_names_none() -> None:
    """Its index has the name in lower case, and policies compare the letters; EC2 may report it."""
    entry = RegisteredConnection(request=None, problem="cut", principal="user:mallory")
    evaluator = Evaluator(Authorizer(BLOCKED), FactSources(), registry=cast("Any", Registry(entry)))
    connections = [
        Connection(connection_id="c", endpoint_id=REQUEST.endpoint_id, username=name)
        for name in (None, "Mallory")
    ]
    assert [each.verdict for each in evaluator.evaluate(connections)] == [Verdict.UNDECIDED, Verdict.DENIED]


def test_each_request_that_cannot_be_read_is_a_problem_once() -> None:
    """With the reason, whatever the decision; a connection may be decided twice in a run."""
    evaluator = Evaluator(Authorizer(PERMIT), FactSources(), registry=cast("Any", Registry(UNREADABLE)))
    for _ in range(2):
        evaluator.evaluate(
            [Connection(connection_id=id_, endpoint_id=REQUEST.endpoint_id) for id_ in ("a", "b")]
        )
    assert evaluator.problems == {"registry": "requests that cannot be read: 2, such as that of b: cut"}


class Deadlines:
    """Runs calls at once, and keeps how long they might have taken."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def run(
        self, calls: dict[str, Any], *, seconds: float, threads: str
    ) -> tuple[dict[str, Any], dict[str, str]]:
        """Return what they return."""
        assert threads == "customFacts"
        self.seconds.append(seconds)
        return {name: call() for name, call in calls.items()}, {}


def test_extra_facts_reach_the_policies_and_get_their_time() -> None:
    """15 seconds for all connections together; without any connection they are not asked for."""
    patient = Deadlines()
    custom = CustomFacts(lambda request: {"user": request.username}, validation_error=lambda _: "")
    around = FactSources(custom=custom, deadlines=cast("Any", patient))
    registry = cast("Any", Registry(RegisteredConnection(request=REQUEST)))
    evaluator = Evaluator(Authorizer(PERMIT, custom="{ user: String }"), around, registry=registry)
    assert evaluator.evaluate([]) == []
    found = evaluator.evaluate(
        [Connection(connection_id=id_, endpoint_id=REQUEST.endpoint_id) for id_ in ("a", "b")]
    )
    assert [each.facts and each.facts.custom for each in found] == [{"user": "Bob"}] * 2
    assert [each.verdict for each in found] == [Verdict.STAYS] * 2
    assert (patient.seconds, evaluator.problems) == ([15], {})


def test_a_connection_that_is_not_registered_is_left_alone_by_default() -> None:
    """No connection is ended on a guess."""
    evaluator = Evaluator(Authorizer(""), FactSources(), registry=cast("Any", Registry(None)))
    connection = Connection(connection_id="c", endpoint_id=REQUEST.endpoint_id, username="bob")
    assert evaluator.evaluate([connection]) == [Evaluation(connection=connection, verdict=Verdict.SKIPPED)]


@pytest.mark.parametrize(
    ("policies", "verdict"),
    [
        (
            PERMIT
            + '@id("f") forbid (principal, action, resource) when { context.customFacts != "available" };',
            "stays",
        ),
        (
            '@id("p")permit (principal, action, resource) when { context has custom && context.custom.user == "Bob" };',
            "stays",
        ),
        (
            PERMIT + '@id("f") forbid (principal, action, resource) when { context.platform == "win" };',
            "denied",
        ),
    ],
    ids=["forbid on the module", "permit on the module", "forbid on something else"],
)
def test_without_a_module_nobody_is_ended_by_what_one_says(policies: str, verdict: str) -> None:
    """The handler may have one that the re-authorizer was not told of."""
    registry = cast("Any", Registry(RegisteredConnection(request=REQUEST)))
    evaluator = Evaluator(Authorizer(policies, custom="{ user: String }"), FactSources(), registry=registry)
    (found,) = evaluator.evaluate([Connection(connection_id="c", endpoint_id=REQUEST.endpoint_id)])
    assert found.verdict is Verdict(verdict)


@pytest.mark.parametrize(
    ("read", "verdict"),
    [("context.customFacts", Verdict.UNDECIDED), ("context.inventory", Verdict.STAYS)],
)
@pytest.mark.parametrize("is_slow", [True, False])
def test_extra_facts_of_which_none_is_there_leave_undecided_what_reads_them(
    monkeypatch: pytest.MonkeyPatch, read: str, verdict: Verdict, *, is_slow: bool
) -> None:
    """Each time, and with the reason; a module that costs the run its time is not asked any more."""
    monkeypatch.setattr(redeciding, "_SECONDS_LOST", 0 if is_slow else 60)
    asked: list[ConnectionRequest] = []

    def fails(request: ConnectionRequest) -> dict[str, object]:
        asked.append(request)
        raise OSError("down")

    around = FactSources(
        custom=CustomFacts(fails, validation_error=lambda _: ""), deadlines=deadlines.Deadlines()
    )
    evaluator = Evaluator(
        Authorizer(
            f'{PERMIT}@id("f") forbid (principal, action, resource) when {{ {read} == "unavailable" }};'
        ),
        around,
        registry=cast("Any", Registry(RegisteredConnection(request=REQUEST))),
    )
    for _ in range(5):
        found = evaluator.evaluate(
            [Connection(connection_id=id_, endpoint_id=REQUEST.endpoint_id) for id_ in ("a", "b")]
        )
        assert [each.verdict for each in found] == [verdict] * 2
        assert [each.facts and each.facts.custom_facts for each in found] == ["unavailable"] * 2
        line = fails.__code__.co_firstlineno + 2
        begin = "RuntimeError: " if is_slow else ""
        assert evaluator.problems == {"customFacts": f"{begin}OSError at test_evaluation.py:{line} in fails"}
    assert len(asked) == (3 if is_slow else 5) * 2


def test_extra_facts_are_asked_about_whole_requests_only() -> None:
    """A module's answer on a request that EC2 reports in part counts for nothing, and may fail."""
    asked: list[ConnectionRequest] = []

    def facts(request: ConnectionRequest) -> dict[str, object]:
        asked.append(request)
        return {}

    custom = CustomFacts(facts, validation_error=lambda _: "")
    around = FactSources(custom=custom, deadlines=deadlines.Deadlines())
    for entry in (None, UNREADABLE, RegisteredConnection(request=REQUEST)):
        registry = cast("Any", Registry(entry))
        evaluator = Evaluator(
            Authorizer(BLOCKED), around, registry=registry, unknown=UnknownConnections.DECIDE
        )
        (found,) = evaluator.evaluate(
            [Connection(connection_id="c", endpoint_id=REQUEST.endpoint_id, username="Bob")]
        )
        assert found.facts is not None
    assert asked == [REQUEST]


class MissingDevices:
    """An inventory with readable waivers only."""

    def look_up(self, _requests: object) -> list[InventoryEntry]:
        """Fail."""
        raise OSError("down")

    def look_up_waivers(self, requests: Iterable[object], *, problem: str) -> list[InventoryEntry]:
        """Return no waivers."""
        return [InventoryEntry(inventory="unavailable", problem=problem) for _ in requests]


@pytest.mark.parametrize(
    ("condition", "common_name", "verdict"),
    [
        ("unless { context has device }", None, Verdict.DENIED),
        ("unless { context has device }", "laptop", Verdict.UNDECIDED),
        ("when { context has device || context.ownerTags.isEmpty() }", None, Verdict.DENIED),
        ('when { context.inventory == "unavailable" }', None, Verdict.UNDECIDED),
    ],
)
def test_who_has_no_certificate_has_no_device_whatever_an_inventory_has(
    condition: str, common_name: str | None, verdict: Verdict
) -> None:
    """Only the state of the inventory is unknown of such a connection."""
    request = REQUEST._replace(username="bob", common_name=common_name)
    evaluator = Evaluator(
        Authorizer(f'{PERMIT}@id("f") forbid (principal, action, resource) {condition};'),
        FactSources(inventory=cast("Any", MissingDevices()), deadlines=deadlines.Deadlines()),
        registry=cast("Any", Registry(RegisteredConnection(request=request))),
    )
    (found,) = evaluator.evaluate([Connection(connection_id="c", endpoint_id=REQUEST.endpoint_id)])
    assert found.verdict is verdict


class Items:
    """Tables with a device that is not compliant, and waivers that cannot be read."""

    def get(self, keys: Iterable[Key]) -> dict[Key, Item]:
        """Return the item of each."""
        device: Item = {"commonName": {"S": "laptop"}, "compliant": {"BOOL": False}}
        waivers: Item = {"holder": {"S": "user:bob"}, "waivers": {"S": "x"}}
        return {
            key: device if key.table == "d" else waivers
            for key in keys
            if not key.value.startswith("blocked:")
        }


def test_malformed_waivers_spare_nobody() -> None:
    """Or whoever writes them would keep a connection open longer than any waiver may last."""
    policies = f"""{PERMIT}@id("f") forbid (principal, action, resource)
        when {{ context has device && context.device.compliant == false }}
        unless {{ context.waivers.contains("f") }};"""
    request = REQUEST._replace(username="bob", common_name="laptop")
    table = DeviceTable(cast("Any", Items()), devices="d", waivers="w")
    evaluator = Evaluator(
        Authorizer(policies),
        FactSources(inventory=table, deadlines=deadlines.Deadlines()),
        registry=cast("Any", Registry(RegisteredConnection(request=request))),
    )
    (found,) = evaluator.evaluate([Connection(connection_id="c", endpoint_id=REQUEST.endpoint_id)])
    assert found.verdict is Verdict.DENIED
    assert list(evaluator.problems) == ["waivers"]
