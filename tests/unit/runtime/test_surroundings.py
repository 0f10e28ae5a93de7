"""What the handler asks beside its client, and what becomes of it when a source fails."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

import pytest

from client_connect import Authorizer, ConnectionRequest, Device, Facts
from client_connect.custom_facts import CustomFacts
from client_connect.deadlines import Deadlines
from client_connect.handler import ConnectHandler
from client_connect.inventory import DeviceTable, InventoryEntry
from client_connect.items import Item, device_item, waivers_item
from client_connect.settings import ERROR_DENIAL, Settings
from client_connect.surroundings import Surroundings
from client_connect.waiver import Waiver

from .conftest import PERMIT, event, lambda_context

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from client_connect.tables import Key, Tables

    from .conftest import Log

REQUEST = ConnectionRequest.from_event(event())
WAIVABLE = (
    PERMIT
    + """
@id("strict") @message("No.") forbid (principal, action, resource)
unless { context.waivers.contains("strict") };
@id("other") @shadow forbid (principal, action, resource)
unless { context.waivers.contains("other") };
"""
)


class Items:
    """Tables as they answer when nothing is wrong with them, held in memory: what is tested here is around them."""

    def __init__(self, *items: tuple[str, Item]) -> None:
        self._items = items
        self.reads = 0

    def get(self, keys: Iterable[Key]) -> dict[Key, Item]:
        """Return the items that are there."""
        self.reads += 1
        return {key: item for key in keys for table, item in self._items if _is(key, table, item)}


def _is(key: Key, table: str, item: Item) -> bool:
    return key.table == table and item.get(key.name) == {"S": key.value}


def inventory(*items: tuple[str, Item]) -> DeviceTable:
    """Return an inventory with these items."""
    return DeviceTable(cast("Tables", Items(*items)), devices="d", waivers="w")


def waiver(holder: str, policy_id: str = "strict", **delay: float) -> Waiver:
    """Return a waiver that lasts so long from now."""
    until = datetime.now(UTC) + timedelta(**delay)
    return Waiver(policy_id=policy_id, until=until, reason="r", approved_by="a", holder=holder)


def gathered(seconds: float = 5, **sources: Any) -> Any:
    """Gather the facts of a request."""
    return Surroundings(deadlines=Deadlines(), **sources).gather(REQUEST, seconds=seconds)


def test_without_sources_the_facts_are_the_request_and_the_clock() -> None:
    """Nothing is asked and no thread is started."""
    facts = Surroundings().gather(REQUEST, seconds=0).facts
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
    found = gathered(inventory=table)
    assert found.facts.device == Device(compliant=True)
    assert found.facts.waivers == {"a", "b"}
    assert [each.policy_id for each in found.waivers] == ["a", "b"]
    assert items.reads == 1


def test_without_a_common_name_there_is_no_device() -> None:
    """The inventory is there, but the device is unknown; the user's waivers count all the same."""
    request = ConnectionRequest.from_event(event(common_name=""))
    table = inventory(("w", waivers_item([waiver("user:bob", hours=1)])))
    facts = Surroundings(deadlines=Deadlines(), inventory=table).gather(request, seconds=5).facts
    assert (facts.inventory, facts.waivers) == ("unknown", {"strict"})


def test_a_source_that_raises_is_unavailable() -> None:
    """Each for itself, with the reason."""

    def fails(_request: ConnectionRequest) -> dict[str, object]:
        raise RuntimeError("no risk today")

    found = gathered(inventory=inventory(), custom=CustomFacts(fails, why_invalid=lambda _: ""))
    assert (found.facts.inventory, found.facts.custom_facts) == ("unknown", "unavailable")
    assert found.problems == {"customFacts": "RuntimeError: no risk today"}


def test_a_source_that_hangs_is_unavailable_in_time() -> None:
    """It is left behind, again and again, and never waited for."""
    released = threading.Event()
    try:
        hangs = CustomFacts(lambda _: {"ok": released.wait(60)}, why_invalid=lambda _: "")
        surroundings = Surroundings(deadlines=Deadlines(), custom=hangs)
        for _ in range(12):  # more than there are threads
            found = surroundings.gather(REQUEST, seconds=0.02)
            assert found.problems == {"customFacts": "TimeoutError: no answer within 0.0 s"}
    finally:
        released.set()


def test_a_malformed_item_makes_one_connection_unavailable() -> None:
    """Also when it is a waiver that is malformed: it might have been one that ended."""
    for table, item in (
        ("d", {"commonName": {"S": "laptop-1"}, "os": {"S": "new"}}),
        ("w", {"holder": {"S": "user:bob"}}),
    ):
        found = gathered(inventory=inventory((table, item)))
        assert (found.facts.inventory, found.facts.device, found.facts.waivers) == (
            "unavailable",
            None,
            set(),
        )
        assert found.problems["inventory"].startswith("MalformedItem: ")


def test_many_connections_are_looked_up_together() -> None:
    """One read for all, and the entries in the order of the requests."""
    items = Items(("d", device_item("laptop-2", Device(compliant=False))))
    table = DeviceTable(cast("Tables", items), devices="d", waivers="w")
    requests = [ConnectionRequest.from_event(event(common_name=name)) for name in ("x", "laptop-2", "y")]
    entries = table.look_up(requests)
    assert [entry.inventory for entry in entries] == ["unknown", "known", "unknown"]
    assert items.reads == 1


def handler_with(table: DeviceTable, policies: str = WAIVABLE) -> Callable[..., dict[str, Any]]:
    """Return a handler with an inventory."""
    surroundings = Surroundings(inventory=table, deadlines=Deadlines())
    return ConnectHandler(Authorizer(policies).decide, Settings(), surroundings=surroundings)


def test_a_waiver_affects_only_its_policy(log: Log) -> None:
    """It is named in the record when it was used, with all that is known of it."""
    mine = waiver("user:bob", hours=1)
    handler = handler_with(inventory(("w", waivers_item([mine, waiver("user:bob", "unused", hours=1)]))))
    assert handler(event(), lambda_context())["allow"] is True
    record = log.record()
    assert record["decision"]["waived"] == ["strict"]
    assert record["decision"]["shadowDenied"] == ["other"]
    assert [each["policyId"] for each in record["waiversUsed"]] == ["strict"]
    assert record["waiversUsed"][0]["approvedBy"] == "a"
    assert record["facts"]["waivers"] == ["strict", "unused"]


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
    """A record of an unavailable source is of level WARNING, with a metric of its own."""
    broken = inventory(("d", {"commonName": {"S": "laptop-1"}, "os": {"S": "new"}}))
    handler_with(broken, PERMIT)(event(), lambda_context())
    record = log.record()
    assert (record["level"], record["InventoryErrors"]) == ("WARNING", 1)
    names = [metric["Name"] for metric in record["_aws"]["CloudWatchMetrics"][0]["Metrics"]]
    assert "InventoryErrors" in names
    assert record["unavailable"]["inventory"].startswith("MalformedItem")


@pytest.mark.parametrize("inventory_state", ["known", "unknown", "unavailable"])
def test_an_entry_says_what_the_facts_say(inventory_state: Any) -> None:
    """What the inventory found reaches the policies unchanged."""
    device = Device() if inventory_state == "known" else None
    entry = InventoryEntry(inventory=inventory_state, device=device, problem="")
    facts = Surroundings().put_together(REQUEST, {"inventory": entry}, {}).facts
    assert (facts.inventory, facts.device) == (inventory_state, device)
    assert isinstance(facts, Facts)


def test_no_time_for_the_registry_changes_no_decision(log: Log) -> None:
    """The connection is allowed, and that it is not registered is counted."""

    class Slow:
        def record(self, *_: object, **__: object) -> None:
            threading.Event().wait(1)

    surroundings = Surroundings(registry=cast("Any", Slow()), deadlines=Deadlines())
    handler = ConnectHandler(Authorizer(PERMIT).decide, Settings(), surroundings=surroundings)
    answer = handler(event(), lambda_context(milliseconds=210))
    assert answer["allow"] is True
    assert ERROR_DENIAL not in answer.values()
    assert log.record()["RegistryErrors"] == 1
