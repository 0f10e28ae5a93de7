"""The handler's sources besides its client, and the decisions when one fails."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast
from zoneinfo import ZoneInfo

import pytest

from client_connect import Authorizer, ConnectionRequest, Decision, Device, Facts
from client_connect.handler import ConnectHandler
from client_connect.settings import ERROR_DENIAL, Settings
from client_connect.sources import connection_registry as connections
from client_connect.sources import device_inventory
from client_connect.sources import fact_sources as module
from client_connect.sources.connection_registry import OtherConnection
from client_connect.sources.custom_facts import CustomFacts
from client_connect.sources.deadlines import Deadlines
from client_connect.sources.device_inventory import DeviceTable, InventoryEntry
from client_connect.sources.fact_sources import FactSources, configured_sources
from client_connect.sources.items import Item, device_item, waivers_item
from client_connect.waiver import Waiver
from tests.support.events import PERMIT, event, lambda_context
from tests.support.fact_sources import WAIVABLE, Items, SteppingClock, handler_with, inventory

if TYPE_CHECKING:
    from client_connect.sources.connection_registry import ConnectionTable
    from client_connect.sources.dynamodb import Tables
    from client_connect.sources.open_connections import OpenConnections
    from tests.support.log_lines import Log

REQUEST = ConnectionRequest.from_event(event())


def waiver(holder: str, policy_id: str = "strict", **delay: float) -> Waiver:
    """Return a waiver that lasts so long from now."""
    until = datetime.now(UTC) + timedelta(**delay)
    return Waiver(policy_id=policy_id, until=until, reason="r", approved_by="a", holder=holder)


def collected(seconds: float = 5, **sources: Any) -> Any:
    """Gather the facts of a request."""
    return FactSources(deadlines=Deadlines(), **sources).collect(REQUEST, seconds=seconds)


def test_without_sources_the_facts_are_the_request_and_the_clock() -> None:
    """Nothing is asked and no thread is started."""
    facts = FactSources().collect(REQUEST, seconds=0).facts
    assert (facts.request, facts.inventory, facts.custom_facts) == (REQUEST, "disabled", "disabled")


def test_an_inventory_is_asked_once_for_everything() -> None:
    """The device, its waivers and the user's come by one read, whatever the case of the user's name."""
    items = Items(
        ("d", device_item("laptop-1", Device(compliant=True))),
        ("w", waivers_item([waiver("device:laptop-1", "a", hours=1)])),
        ("w", waivers_item([waiver("user:bob", "b", hours=1), waiver("user:bob", "old", hours=-1)])),
        ("w", waivers_item([waiver("user:alice", "c", hours=1)])),
    )
    table = DeviceTable(cast("Tables", items), devices="d", waivers="w")
    found = collected(inventory=table)
    assert found.facts.device == Device(compliant=True)
    assert found.facts.waivers == {"a", "b"}
    assert [each.policy_id for each in found.waivers] == ["a", "b"]
    assert items.reads == 1


def test_without_a_common_name_there_is_no_device() -> None:
    """The inventory is there, but the device is unknown; the user's waivers count all the same."""
    request = ConnectionRequest.from_event(event(common_name=""))
    table = inventory(("w", waivers_item([waiver("user:bob", hours=1)])))
    facts = FactSources(deadlines=Deadlines(), inventory=table).collect(request, seconds=5).facts
    assert (facts.inventory, facts.waivers) == ("unknown", {"strict"})


def test_a_source_that_raises_is_unavailable() -> None:
    """Each for itself, with the reason."""

    def fails(_request: ConnectionRequest) -> dict[str, object]:
        raise RuntimeError("no risk today")

    custom = CustomFacts(fails, validation_error=lambda _: "")
    found = collected(inventory=inventory(), custom=custom)
    assert (found.facts.inventory, found.facts.custom_facts) == ("unknown", "unavailable")
    assert found.problems == {"customFacts": "RuntimeError at test_fact_sources.py:84 in fails"}
    found = collected(custom=custom)
    assert (found.facts.inventory, found.facts.custom_facts) == ("disabled", "unavailable")
    found = collected(inventory=DeviceTable(cast("Tables", None), devices="d", waivers="w"))
    assert (found.facts.inventory, found.facts.custom_facts) == ("unavailable", "disabled")
    assert found.problems["inventory"].startswith("AttributeError: ")


def test_a_source_that_hangs_is_unavailable_in_time() -> None:
    """It is left behind, again and again, and never waited for."""
    released = threading.Event()
    try:
        hangs = CustomFacts(lambda _: {"ok": released.wait(60)}, validation_error=lambda _: "")
        sources = FactSources(deadlines=Deadlines(), custom=hangs)
        for _ in range(12):  # more than there are threads
            found = sources.collect(REQUEST, seconds=0.02)
            assert found.problems == {"customFacts": "TimeoutError: no answer within 0.0 s"}
    finally:
        released.set()


class Registry:
    """A registry in memory."""

    def __init__(self) -> None:
        self.records: list[tuple[Facts, Decision, str]] = []
        self.asked: list[ConnectionRequest] = []

    def record(self, facts: Facts, decision: Decision, *, policies: str) -> None:
        """Keep a connection."""
        self.records.append((facts, decision, policies))

    def others(self, request: ConnectionRequest) -> tuple[OtherConnection, ...]:
        """Return that there are two."""
        self.asked.append(request)
        return (other("a"), other("b"))


def other(connection_id: str) -> OtherConnection:
    """Return a connection of the user's."""
    return OtherConnection(
        connection_id=connection_id,
        endpoint_id=REQUEST.endpoint_id,
        allowed=datetime(2026, 11, 22, tzinfo=UTC),
    )


def test_the_registry_is_asked_only_where_connections_count() -> None:
    """Otherwise it would cost each connection a round trip for nothing."""
    for counts_connections, asked, active in ((True, [REQUEST], 2), (False, [], None)):
        registry = Registry()
        found = collected(registry=cast("ConnectionTable", registry), counts_connections=counts_connections)
        assert (registry.asked, found.facts.active_connections, found.problems) == (asked, active, {})
    assert collected(counts_connections=True).problems == {}


class Ec2:
    """The open connections of EC2, or why they are not known."""

    def __init__(self, answer: int | Exception) -> None:
        self.answer = answer
        self.asked: list[tuple[OtherConnection, ...]] = []

    def count(self, connections: tuple[OtherConnection, ...]) -> int:
        """Return how many are open."""
        self.asked.append(connections)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def verified(ec2: Ec2, **sources: Any) -> Any:
    """Verify the number of connections of a registry whose source of custom facts fails."""

    def fails(_request: ConnectionRequest) -> dict[str, object]:
        raise RuntimeError("no risk today")

    around = FactSources(
        registry=cast("ConnectionTable", Registry()),
        counts_connections=True,
        open_connections=cast("OpenConnections", ec2),
        custom=CustomFacts(fails, validation_error=lambda _: ""),
        deadlines=Deadlines(),
    )._replace(**sources)
    return around.verify_count(around.collect(REQUEST, seconds=5), seconds=5)


def test_only_connections_that_ec2_knows_to_be_open_count() -> None:
    """Of those in the registry; everything else stays as it was found."""
    ec2 = Ec2(1)
    found = verified(ec2)
    assert ec2.asked == [(other("a"), other("b"))]
    assert (found.facts.request, found.facts.active_connections) == (REQUEST, 1)
    assert (found.facts.custom_facts, found.problems.keys()) == ("unavailable", {"customFacts"})


def test_without_an_answer_of_ec2_no_number_is_known() -> None:
    """The reason is recorded with those of the other sources."""
    found = verified(Ec2(OSError("throttled")))
    assert (found.facts.request, found.facts.active_connections) == (REQUEST, None)
    assert found.problems["openConnections"] == "OSError: throttled"
    assert found.problems.keys() == {"customFacts", "openConnections"}


def test_without_ec2_the_number_of_the_registry_stands() -> None:
    """As for a handler that nothing is asked for."""
    assert verified(Ec2(1), open_connections=None).facts.active_connections == 2
    collected_alone = FactSources().collect(REQUEST, seconds=0)
    alone = FactSources(open_connections=cast("OpenConnections", Ec2(1)))
    assert alone.verify_count(collected_alone, seconds=0) is collected_alone


def test_what_was_allowed_is_registered_as_it_was_decided(log: Log) -> None:
    """The re-authorizer decides it again; what was denied is no connection."""
    registry, policies = Registry(), Authorizer(WAIVABLE)
    around = FactSources(registry=cast("ConnectionTable", registry), deadlines=Deadlines())
    for authorizer in (policies, Authorizer(PERMIT)):
        handler = ConnectHandler(authorizer.decide, Settings(), policies="a1b2", sources=around)
        handler(event(), lambda_context())
    ((facts, decision, digest),) = registry.records
    assert (facts.request, decision, digest) == (
        REQUEST,
        Decision(allowed=True, determining=("all",)),
        "a1b2",
    )
    assert all("unavailable" not in record for record in log.records())


def test_the_facts_are_of_the_configured_zone_and_of_one_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    """A waiver is over at the very moment that the policies see as now."""
    clock = SteppingClock(datetime(2026, 11, 22, 9, tzinfo=UTC))
    monkeypatch.setattr(module, "datetime", clock)
    ends = replace(waiver("user:bob", "over"), until=clock.time)
    lasts = replace(waiver("user:bob", "lasts"), until=ends.until + timedelta(seconds=1))
    tokyo = ZoneInfo("Asia/Tokyo")
    facts = collected(inventory=inventory(("w", waivers_item([ends, lasts]))), time_zone=tokyo).facts
    assert (facts.now, facts.time_zone, facts.waivers) == (ends.until, tokyo, {"lasts"})


def test_a_malformed_device_makes_one_connection_unavailable() -> None:
    """What it should have said is unknown."""
    device = {"commonName": {"S": "laptop-1"}, "os": {"S": "new"}}
    found = collected(inventory=inventory(("d", device)))
    assert (found.facts.inventory, found.facts.device, found.facts.waivers) == ("unavailable", None, set())
    assert found.problems["inventory"].startswith("MalformedItem: ")


@pytest.mark.parametrize("counts", [True, False])
def test_a_malformed_device_hides_the_waivers_that_count(*, counts: bool) -> None:
    """Whether there are any is known all the same, and what is wrong with others."""
    held = waiver("user:bob", "a", hours=9)
    table = DeviceTable(
        cast(
            "Tables",
            Items(
                ("d", {"commonName": {"S": "laptop-1"}, "os": {"S": "new"}}),
                ("w", waivers_item([held])),
                ("w", {"holder": {"S": "device:laptop-1"}, "waivers": {"S": "x"}}),
            ),
        ),
        devices="d",
        waivers="w",
        longest_waiver=timedelta(hours=10 if counts else 1),
    )
    (entry,) = table.look_up([REQUEST])
    assert entry == InventoryEntry(
        inventory="unavailable",
        problem='MalformedItem: "os" is not a version such as "10.0.22631": \'new\'',
        waiver_problem='MalformedItem: waivers of "device:laptop-1": "waivers" is of type S, not M',
        knows_waivers=not counts,
    )


def test_an_entry_without_malformed_waivers_has_no_problem() -> None:
    """Of waivers or anything else."""
    for table in (inventory(("w", waivers_item([waiver("user:bob", hours=1)]))), inventory()):
        (entry,) = table.look_up([REQUEST])
        assert (entry.problem, entry.waiver_problem) == ("", "")


def test_many_connections_are_looked_up_together() -> None:
    """One read for all, and the entries in the order of the requests."""
    items = Items(("d", device_item("laptop-2", Device(compliant=False))))
    table = DeviceTable(cast("Tables", items), devices="d", waivers="w")
    requests = [ConnectionRequest.from_event(event(common_name=name)) for name in ("x", "laptop-2", "y")]
    entries = table.look_up(requests)
    assert [entry.inventory for entry in entries] == ["unknown", "known", "unknown"]
    assert items.reads == 1


def test_a_waiver_affects_only_its_policy(log: Log) -> None:
    """It is named in the record when it was used, with all that is known of it."""
    mine = waiver("user:bob", hours=1)
    handler = handler_with(inventory(("w", waivers_item([mine, waiver("user:bob", "unused", hours=1)]))))
    assert handler(event(), lambda_context())["allow"] is True
    record = log.record()
    assert record["decision"]["waived"] == ["strict"]
    assert record["decision"]["shadowDenied"] == ["other"]
    assert record["waiversUsed"] == [
        {
            "policyId": "strict",
            "until": mine.until.isoformat(timespec="seconds"),
            "reason": "r",
            "approvedBy": "a",
            "holder": "user:bob",
        }
    ]
    assert record["facts"]["waivers"] == ["strict", "unused"]


def test_a_waiver_that_another_policy_honors_is_in_the_record(log: Log) -> None:
    """The record names the policy that would have denied, and every waiver that may be why it did not."""
    policies = PERMIT + (
        '@id("copied") @message("No.") forbid (principal, action, resource) '
        'unless { context.waivers.contains("strict") };'
    )
    handler = handler_with(inventory(("w", waivers_item([waiver("user:bob", hours=1)]))), policies)
    assert handler(event(), lambda_context())["allow"] is True
    record = log.record()
    assert record["decision"]["waived"] == ["copied"]
    assert [each["policyId"] for each in record["waiversUsed"]] == ["strict"]


def test_a_waiver_that_ended_is_none(log: Log) -> None:
    """DynamoDB may take days to remove it."""
    handler = handler_with(inventory(("w", waivers_item([waiver("user:bob", seconds=-1)]))))
    assert handler(event(), lambda_context())["allow"] is False
    record = log.record()
    assert record["decision"]["waived"] == []
    assert "waiversUsed" not in record
    assert "waivers" not in record["facts"]


def test_a_waiver_of_nothing_is_not_used(log: Log) -> None:
    """One for a policy that would not have applied anyway."""
    policies = PERMIT + (
        '@id("phones") @message("No.") forbid (principal, action, resource) when { context.platform == "ios" } '
        'unless { context.waivers.contains("phones") };'
    )
    handler = handler_with(inventory(("w", waivers_item([waiver("user:bob", "phones", hours=1)]))), policies)
    assert handler(event(), lambda_context())["allow"] is True
    assert log.record()["decision"]["waived"] == []


def test_problems_are_a_warning_and_counted(log: Log) -> None:
    """A record of an unavailable source is of level WARNING, with its own metric."""
    broken = inventory(("d", {"commonName": {"S": "laptop-1"}, "os": {"S": "new"}}))
    handler_with(broken, PERMIT)(event(), lambda_context())
    record = log.record()
    assert (record["level"], record["InventoryErrors"]) == ("WARNING", 1)
    (metrics,) = record["_aws"]["CloudWatchMetrics"]
    assert {"Name": "InventoryErrors", "Unit": "Count"} in metrics.pop("Metrics")
    assert metrics == {"Namespace": "ClientConnect", "Dimensions": [["EndpointId"], ["FunctionName"]]}
    assert list(record["unavailable"]) == ["inventory"]
    assert record["unavailable"]["inventory"].startswith("MalformedItem")


MALFORMED_WAIVERS: list[Item] = [
    {"holder": {"S": "user:bob"}, "waivers": {"S": "x"}},
    {"holder": {"S": "user:bob"}},
    {"holder": {"S": "user:bob"}, "waivers": {"M": {"strict": {"S": "x"}}}},
    {"holder": {"S": "user:bob"}, "waivers": {"M": {"\x01" * 390_000: {"NULL": True}}}},
    {"holder": {"S": "user:bob"}, "waivers": {"M": {"strict": {"M": {"until": {"S": "soon"}}}}}},
]


@pytest.mark.parametrize("waivers", MALFORMED_WAIVERS)
def test_a_malformed_waiver_is_none_and_costs_nothing_else(log: Log, waivers: Item) -> None:
    """Who may write only waivers cannot take the device from a policy, nor lock anybody out."""
    policies = PERMIT + (
        '@id("bad") @message("No.") forbid (principal, action, resource) '
        'when { !(context has device) || context.inventory == "unavailable" };'
    )
    device = {"commonName": {"S": "laptop-1"}}
    handler = handler_with(inventory(("d", device), ("w", waivers)), policies)
    assert handler(event(common_name="laptop-1"), lambda_context())["allow"] is True
    record = log.record()
    assert (record["level"], record["WaiverErrors"]) == ("WARNING", 1)
    assert "InventoryErrors" not in record
    assert record["facts"]["inventory"] == "known"
    assert record["unavailable"]["waivers"].startswith('MalformedItem: waivers of "user:bob": ')
    assert len(record["unavailable"]["waivers"]) <= 3000


def test_a_malformed_waiver_costs_no_other_waiver(log: Log) -> None:
    """Of the same user."""
    item = waivers_item([waiver("user:bob", hours=1)])
    item["waivers"]["M"]["another"] = {"M": {"until": {"S": "soon"}}}
    assert handler_with(inventory(("w", item)))(event(), lambda_context())["allow"] is True
    assert log.record()["decision"]["waived"] == ["strict"]


@pytest.mark.parametrize("inventory_state", ["known", "unknown", "unavailable"])
def test_an_entry_says_what_the_facts_say(inventory_state: Any) -> None:
    """The inventory's answer reaches the policies unchanged."""
    device = Device() if inventory_state == "known" else None
    entry = InventoryEntry(inventory=inventory_state, device=device, problem="")
    facts = FactSources().build(REQUEST, {"inventory": entry}, {}).facts
    assert (facts.inventory, facts.device) == (inventory_state, device)
    assert isinstance(facts, Facts)


def test_no_time_for_the_registry_changes_no_decision(log: Log) -> None:
    """The connection is allowed, and that it is not registered is counted."""

    class Slow:
        def record(self, *_: object, **__: object) -> None:
            threading.Event().wait(1)

    sources = FactSources(registry=cast("Any", Slow()), deadlines=Deadlines())
    handler = ConnectHandler(Authorizer(PERMIT).decide, Settings(), sources=sources)
    answer = handler(event(), lambda_context(milliseconds=210))
    assert answer["allow"] is True
    assert ERROR_DENIAL not in answer.values()
    assert log.record()["RegistryErrors"] == 1


def test_a_registry_that_neither_counts_nor_registers_says_both(log: Log) -> None:
    """The second problem does not hide the first."""

    class Broken:
        def others(self, _request: ConnectionRequest) -> None:
            raise OSError("no count")

        def record(self, *_: object, **__: object) -> None:
            raise OSError("no record")

    around = FactSources(registry=cast("Any", Broken()), counts_connections=True, deadlines=Deadlines())
    handler = ConnectHandler(Authorizer(PERMIT).decide, Settings(), sources=around)
    assert handler(event(), lambda_context())["allow"] is True
    assert log.record()["unavailable"] == {"registry": "OSError: no count; OSError: no record"}


class CountingItems(Items):
    """Tables that also count, as the registry's index does."""

    def query(self, table: str, _index: str, **_: object) -> list[Item]:
        """Return as many as the table's name is long, of another device."""
        request = REQUEST._replace(common_name="laptop-2")
        item = connections.connection_item(Facts(request), Decision(allowed=True), policies="")
        return [item] * len(table)


NOTHING = Authorizer(PERMIT)
TABLES = Settings(
    time_zone=ZoneInfo("Asia/Tokyo"),
    devices_table="devices",
    waivers_table="waivers",
    connections_table="open",
)


def test_what_is_not_configured_is_not_there() -> None:
    """Not even threads, which would cost a cold start."""
    zone = ZoneInfo("Asia/Tokyo")
    nothing = configured_sources(Settings(time_zone=zone), NOTHING, counts_connections=True)
    assert nothing == FactSources(time_zone=zone)


@pytest.mark.parametrize("settings", [Settings(), TABLES], ids=["nothing else", "tables"])
def test_the_networks_of_the_policies_are_facts(settings: Settings) -> None:
    """Whether anything else is asked or not."""
    authorizer = SimpleNamespace(networks=object(), validation_error=lambda _: "")
    around = configured_sources(
        settings, cast("Authorizer", authorizer), counts_connections=False, tables=cast("Tables", Items())
    )
    assert around.networks is authorizer.networks


@pytest.mark.parametrize(
    ("settings", "counts_connections", "is_asked"),
    [(TABLES, True, True), (TABLES, False, False), (TABLES._replace(connections_table=None), True, False)],
)
def test_ec2_is_there_only_where_connections_of_a_registry_count(
    settings: Settings,
    counts_connections: bool,  # noqa: FBT001 - a table
    is_asked: bool,  # noqa: FBT001
) -> None:
    """A source that is never asked costs no cold start."""
    around = configured_sources(
        settings, NOTHING, counts_connections=counts_connections, tables=cast("Tables", Items())
    )
    assert (around.open_connections is not None) is is_asked


def scanned(valid_until: datetime) -> tuple[str, Item]:
    """Return what the registry holds of a scan that counts until then."""
    return "open", {
        "connectionId": {"S": "reauthorizer"},
        "countsValidUntil": {"N": str(valid_until.timestamp())},
        "countedEndpoints": {"SS": [REQUEST.endpoint_id]},
        "confirmedBefore": {"S": "2026-11-22T09:00:00.000+00:00"},
    }


def counting(
    monkeypatch: pytest.MonkeyPatch, *, valid_for: timedelta
) -> tuple[SteppingClock, CountingItems, connections.ConnectionTable]:
    """Return a registry whose last scan counts for so long, with its clock and its items."""
    clock = SteppingClock(datetime(2026, 11, 22, 9, tzinfo=UTC))
    monkeypatch.setattr(connections, "datetime", clock)
    items = CountingItems(scanned(clock.time + valid_for))
    return clock, items, connections.ConnectionTable(cast("Tables", items), name="open")


def test_connections_count_while_a_scan_is_young_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """When the next one is overdue, the number is unconfirmed; it is looked for again with each connection."""
    clock, items, registry = counting(monkeypatch, valid_for=timedelta(seconds=10))
    seen = []
    for _ in range(2):
        seen.append((len(registry.others(REQUEST)), items.reads))
        clock.time += timedelta(seconds=5)
    for _ in range(2):
        with pytest.raises(connections.NotCounted):
            registry.others(REQUEST)
        seen.append((0, items.reads))
        clock.time += timedelta(seconds=5)
    assert seen == [(4, 1), (4, 1), (0, 2), (0, 3)]


def test_a_number_that_nobody_vouches_for_is_absent_with_the_reason(
    monkeypatch: pytest.MonkeyPatch, log: Log
) -> None:
    """A limit lets everybody pass then, so the record is a warning, and an alarm fires."""
    _, _, registry = counting(monkeypatch, valid_for=timedelta(0))
    around = FactSources(registry=registry, counts_connections=True, deadlines=Deadlines())
    handler = ConnectHandler(Authorizer(PERMIT).decide, Settings(), sources=around)
    assert handler(event(), lambda_context())["allow"] is True
    record = log.record()
    assert record["unavailable"]["registry"].startswith("NotCounted: no re-authorizer has completed a scan")
    assert (record["level"], record["RegistryErrors"]) == ("WARNING", 1)


def test_a_new_scan_counts_within_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a process that knows one which counts still: all processes count alike."""
    clock, items, registry = counting(monkeypatch, valid_for=timedelta(hours=1))
    reads = []
    for _ in range(6):
        registry.others(REQUEST)
        reads.append(items.reads)
        clock.time += timedelta(seconds=20)
    assert reads == [1, 1, 1, 2, 2, 2]


def test_each_table_is_asked_by_its_name() -> None:
    """Devices, waivers and connections are as the settings say."""
    items = CountingItems(
        ("devices", device_item("laptop-1", Device(compliant=True))),
        ("waivers", waivers_item([waiver("user:bob", hours=1)])),
        scanned(datetime(2190, 1, 1, tzinfo=UTC)),
    )
    around = configured_sources(TABLES, NOTHING, counts_connections=True, tables=cast("Tables", items))
    found = around.collect(REQUEST, seconds=5)
    assert found.problems == {}
    assert (found.facts.time_zone, found.facts.device, found.facts.waivers) == (
        ZoneInfo("Asia/Tokyo"),
        Device(compliant=True),
        {"strict"},
    )
    assert found.facts.active_connections == len("open")


def test_the_settings_of_the_tables_reach_them() -> None:
    """How long a waiver may last, and whether devices share a certificate."""
    items = CountingItems(
        ("waivers", waivers_item([waiver("user:bob", hours=2)])), scanned(datetime(2190, 1, 1, tzinfo=UTC))
    )
    mine = REQUEST._replace(common_name="laptop-2")  # as that of each connection in the table

    def found(**settings: Any) -> Any:
        chosen = TABLES._replace(**settings)
        around = configured_sources(chosen, NOTHING, counts_connections=True, tables=cast("Tables", items))
        return around.collect(mine, seconds=5)

    assert found(longest_waiver=121).facts.waivers == {"strict"}
    assert found(longest_waiver=119).facts.waivers == set()
    assert found(shared_certificates=False).facts.active_connections == 0
    assert found(shared_certificates=True).facts.active_connections == len("open")


@pytest.mark.parametrize(
    ("settings", "down"),
    [
        (TABLES._replace(connections_table=None), {"inventory"}),
        (TABLES._replace(devices_table=None, waivers_table=None), {"registry"}),
        (TABLES, {"inventory", "registry"}),
    ],
    ids=["an inventory", "a registry", "both"],
)
def test_a_dynamodb_that_is_down_is_a_fact(
    monkeypatch: pytest.MonkeyPatch, settings: Settings, down: set[str]
) -> None:
    """The configured sources are unavailable then, and the rest of it is not missed."""
    for name in ("AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "nowhere")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    problems = (
        configured_sources(settings, NOTHING, counts_connections=True).collect(REQUEST, seconds=30).problems
    )
    assert problems.keys() == down
    assert all(problem.startswith("EndpointConnectionError: ") for problem in problems.values())


@pytest.mark.parametrize(("minutes", "counts"), [(59, True), (61, False), (400 * 24 * 60, False)])
def test_a_waiver_longer_than_allowed_does_not_count(minutes: int, *, counts: bool) -> None:
    """Whoever wrote it into the table; it is named, and other waivers count as ever."""
    held = [waiver("user:bob", minutes=minutes), waiver("user:bob", "other", minutes=5)]
    items = Items(("w", waivers_item(held)))
    limited = DeviceTable(cast("Tables", items), devices="d", waivers="w", longest_waiver=timedelta(hours=1))
    found = collected(inventory=limited)
    assert found.facts.waivers == ({"strict", "other"} if counts else {"other"})
    assert found.long_waivers == (
        () if counts else (replace(held[0], until=held[0].until.replace(microsecond=0)),)
    )


def test_a_waiver_may_be_exactly_as_long_as_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    """To the second, by the clock of the handler."""
    clock = SteppingClock(datetime(2190, 11, 22, 9, tzinfo=UTC))
    monkeypatch.setattr(device_inventory, "datetime", clock)
    held = replace(waiver("user:bob"), until=clock.time + timedelta(hours=1))
    limited = DeviceTable(
        cast("Tables", Items(("w", waivers_item([held])))),
        devices="d",
        waivers="w",
        longest_waiver=timedelta(hours=1),
    )
    assert limited.look_up([REQUEST])[0].waivers == (held,)
    clock.time -= timedelta(seconds=1)
    assert limited.look_up([REQUEST])[0].long_waivers == (held,)


def test_without_the_table_of_devices_the_waivers_are_still_known() -> None:
    """A re-authorizer treats them as what they are: the device alone is unavailable."""
    allowed = replace(waiver("user:bob", "a", minutes=5), until=datetime(2190, 1, 1, tzinfo=UTC))
    items = Items(
        ("w", waivers_item([waiver("device:laptop-1", "b", hours=9)])),
        ("w", waivers_item([allowed]) | {"holder": {"S": "user:eve"}}),
        ("w", {"holder": {"S": "user:alice"}, "waivers": {"S": "x"}}),
    )
    requests = [
        ConnectionRequest.from_event(event(username=name, common_name=device))
        for name, device in (("bob", "laptop-1"), ("eve", ""), ("alice", ""))
    ]
    table = DeviceTable(
        cast("Tables", items), devices="d", waivers="w", longest_waiver=timedelta(days=100_000)
    )
    bob, eve, alice = table.look_up_waivers(requests, problem="down")
    assert items.reads == 1
    assert {(each.inventory, each.device, each.problem) for each in (bob, eve, alice)} == {
        ("unavailable", None, "down")
    }
    assert [each.policy_id for each in bob.waivers] == ["b"]
    assert eve.waivers == (replace(allowed, holder="user:eve"),)
    assert (alice.waivers, alice.waiver_problem) == (
        (),
        'MalformedItem: waivers of "user:alice": "waivers" is of type S, not M',
    )
    strict = DeviceTable(cast("Tables", items), devices="d", waivers="w", longest_waiver=timedelta(hours=1))
    assert [each.policy_id for each in strict.look_up_waivers(requests, problem="down")[0].long_waivers] == [
        "b"
    ]


def test_a_waiver_longer_than_allowed_is_in_the_record(log: Log) -> None:
    """Whoever wonders why a user with a waiver was denied finds it there, whatever happened to logging."""
    long = waiver("user:bob", hours=2)
    items = Items(("w", waivers_item([long])))
    limited = DeviceTable(cast("Tables", items), devices="d", waivers="w", longest_waiver=timedelta(hours=1))
    handler = handler_with(limited)
    assert handler(event(), lambda_context())["allow"] is False
    assert log.record()["waiversTooLong"] == [{**long.to_record(), "holder": "user:bob"}]


@pytest.mark.parametrize("value", ["8h", "480", "m", "-1m", "1.5m"])
def test_fails_for_a_longest_waiver_that_is_no_minutes(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The construct writes minutes; whoever changes the variable learns what to give."""
    monkeypatch.setenv("CLIENT_CONNECT_LONGEST_WAIVER", value)
    with pytest.raises(
        ValueError, match=r'CLIENT_CONNECT_LONGEST_WAIVER is ".*"; give minutes, such as "480m"'
    ):
        Settings.from_environment()
    monkeypatch.setenv("CLIENT_CONNECT_LONGEST_WAIVER", "480m")
    assert Settings.from_environment().longest_waiver == 480
