"""Blocks: who is kept out by one, and that nothing lifts it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

import pytest

from client_connect import Authorizer, ConnectionRequest
from client_connect.blocks import (
    BLOCKED,
    BLOCKS_UNKNOWN,
    Block,
    covering,
    device_key,
    folded,
    keys_of,
    user_key,
)
from client_connect.handler import ConnectHandler
from client_connect.settings import Settings
from client_connect.sources.deadlines import Deadlines
from client_connect.sources.device_inventory import DeviceTable
from client_connect.sources.fact_sources import FactSources
from client_connect.sources.items import Item, block_attributes, waivers_item
from client_connect.waiver import Waiver
from tests.support.events import PERMIT, event
from tests.support.fact_sources import WAIVABLE, Items, inventory

if TYPE_CHECKING:
    from collections.abc import Iterable

    from client_connect.sources.dynamodb import Key
    from tests.support.log_lines import Log

NOW = datetime.now(UTC)
LATER = NOW + timedelta(days=1)


def item(block: Block, **changes: Any) -> tuple[str, Item]:
    """Return the item of a block, as the table of waivers holds it."""
    kind, _, name = block.holder.partition(":")
    key = device_key(name) if kind == "device" else user_key(name)
    attributes = {**block_attributes(block), **changes}
    return "w", {"holder": {"S": key}, "blocks": {"M": {folded(name): {"M": attributes}}}}


def answer(
    *items: tuple[str, Item],
    policies: str = WAIVABLE,
    table: DeviceTable | None = None,
    shadow_mode: bool = False,
    **fields: Any,
) -> dict[str, Any]:
    """Return what a handler answers to a connection."""
    authorizer = Authorizer(policies)
    sources = FactSources(inventory=table or inventory(*items), deadlines=Deadlines())
    settings = Settings(shadow_mode=shadow_mode, default_message="No.")
    handler = ConnectHandler(authorizer.decide, settings, sources=sources)
    found: dict[str, Any] = handler(event(**fields))
    return found


@pytest.mark.parametrize(
    ("blocked", "name", "kept_out"),
    [
        ("bob", "bob", True),
        ("bob", "BOB", True),
        ("Bob ", "bob", True),
        ("bob", "CORP\\bob", True),
        ("bob", "bob@corp.example", True),
        ("bob@corp.example", "Bob@Corp.Example", True),
        ("bob@corp.example", "bob", True),
        ("bob@corp.example", "CORP\\bob", True),
        ("bob@corp.example", "bob@partner.example", False),
        ("CORP\\bob", "bob", True),
        ("CORP\\bob", "OTHER\\bob", False),
        ("mallory", "m\u00e1llory", True),  # Active Directory treats it as the same name
        ("m\u00e1llory", "mallory", True),
        ("m\u00e1llory", "ma\u0301llory", True),  # another form of the same characters
        ("bob", "\uff42\uff4f\uff42", True),  # full width
        ("bob", "b\u200bo\u00adb", True),  # invisible characters
        ("kim", "\u212aim", True),  # the Kelvin sign
        ("stra\u00dfe", "STRASSE", True),
        ("bob", "bobby", False),
        ("bob", "alice", False),
        ("bob", "alice@bob", False),
    ],
)
def test_no_spelling_of_a_name_gets_past_a_block(blocked: str, name: str, *, kept_out: bool) -> None:
    """But another user's name does, and the same name in another domain."""
    found = answer(item(Block(f"user:{blocked}", until=LATER)), policies=PERMIT, username=name)
    assert found["allow"] is not kept_out


@pytest.mark.parametrize(
    ("blocked", "fields", "kept_out"),
    [
        ("device:LAPTOP-17", {"common_name": "laptop-17", "username": "bob"}, True),
        ("device:laptop-17", {"common_name": "laptop-18", "username": "bob"}, False),
        ("user:bob", {"common_name": "bob", "username": ""}, True),  # the certificate names the user
        ("user:laptop-17", {"common_name": "laptop-17", "username": "bob"}, False),
        ("device:laptop@17", {"common_name": "laptop", "username": ""}, False),
    ],
)
def test_a_device_is_kept_out_by_its_common_name(
    blocked: str, fields: dict[str, str], *, kept_out: bool
) -> None:
    """And a user without a user name by that of the certificate."""
    assert answer(item(Block(blocked)), policies=PERMIT, **fields)["allow"] is not kept_out


def test_a_long_name_has_a_key_that_dynamodb_takes() -> None:
    """Folded, a character may become 18; a key takes 2,048 bytes."""
    for name in ("\ufdfa" * 255, "\U0001f600" * 300, "@", "\\", "", " "):
        request = ConnectionRequest.from_event(event(username=name or "x", common_name=name or "x"))
        for key in keys_of(request):
            assert len(key.encode()) < 2048
            (prefix, kind, rest) = key.split(":", 2)
            assert (prefix, kind in ("user", "device"), bool(rest)) == ("blocked", True, True)
        holder = f"user:{request.username}"
        assert list(covering(request, user_key(request.username or ""), [Block(holder)])), name


def test_no_waiver_and_no_shadow_mode_lift_a_block(log: Log) -> None:
    """The record says who decided it and why; the client learns neither."""
    waivers = [
        Waiver(policy_id=id_, until=LATER, reason="r", approved_by="a", holder="user:bob")
        for id_ in ("strict", "other", BLOCKED)
    ]
    block = Block("user:bob", until=LATER, reason="dismissed", by="carol", granted_by="arn:c", granted_at=NOW)
    for shadow_mode in (False, True):
        found = answer(item(block), ("w", waivers_item(waivers)), shadow_mode=shadow_mode, username="bob")
        assert (found["allow"], found["error-msg-on-denied-connection"]) == (False, "No.")
    record = log.records()[-1]
    assert (record["message"], record["Denied"], record["Blocked"]) == ("connection denied", 1, 1)
    assert record["decision"]["determining"] == [BLOCKED]
    assert record["block"] == block.to_record()
    assert record["block"]["by"] == "carol"
    assert record["facts"]["blocked"] == "yes"
    assert {each["Name"] for each in record["_aws"]["CloudWatchMetrics"][0]["Metrics"]} >= {"Blocked"}


def test_a_block_ends_at_its_time_and_another_user_is_unaffected(log: Log) -> None:
    """Whether or not DynamoDB has removed it; without an end it holds."""
    over = item(Block("user:bob", until=NOW - timedelta(seconds=1)))
    assert answer(over, policies=PERMIT, username="bob")["allow"]
    assert not answer(item(Block("user:bob")), policies=PERMIT, username="bob")["allow"]
    assert answer(item(Block("user:bob")), policies=PERMIT, username="alice")["allow"]
    record = log.records()[-1]
    assert "Blocked" not in record
    assert "blocked" not in record["facts"]


def test_the_client_is_told_the_message_of_the_block() -> None:
    """With its placeholders, as that of a policy."""
    block = Block("user:bob", message="Call 4711 about {username}.")
    found = answer(item(block), policies=PERMIT, username="bob")
    assert found["error-msg-on-denied-connection"] == "Call 4711 about bob."


@pytest.mark.parametrize(
    "broken",
    [
        {"until": {"S": "tomorrow"}},
        {"until": {"N": "5"}},
        {"until": {"S": "2020-01-01T00:00:00"}},
        {"name": {"N": "5"}},
        {"reason": {"L": []}},
    ],
)
def test_a_malformed_block_holds(log: Log, broken: Item) -> None:
    """It was meant to keep a user or device out; the record says what is wrong, and counts it."""
    block = Block("user:bob", until=LATER, reason="dismissed", by="carol")
    assert not answer(item(block, **broken), policies=PERMIT, username="CORP\\bob")["allow"]
    record = log.record()
    assert record["unavailable"]["blocks"].startswith('MalformedItem: blocks of "blocked:user:bob": ')
    assert (record["BlockErrors"], record["level"]) == (1, "WARNING")


@pytest.mark.parametrize("blocks", [{"S": "x"}, {"L": []}, {"M": {"bob": {"S": "x"}}}, {"NULL": True}])
def test_an_item_without_readable_blocks_holds(blocks: Item) -> None:
    """Whatever was written by hand."""
    written: Item = {"holder": {"S": "blocked:user:bob"}, "blocks": blocks}
    assert not answer(("w", written), policies=PERMIT, username="bob")["allow"]


def test_unknown_attributes_of_a_block_are_ignored(log: Log) -> None:
    """A later version may write more."""
    block = item(Block("user:bob", until=LATER), ticket={"S": "INC-1"}, score={"N": "1"})
    assert not answer(block, policies=PERMIT, username="bob")["allow"]
    assert "unavailable" not in log.record()


class Down:
    """Tables that cannot be read."""

    def get(self, _keys: Iterable[Key]) -> dict[Key, Item]:
        """Fail."""
        raise OSError("down")


def test_while_blocks_cannot_be_read_only_policies_that_say_so_let_anybody_in(log: Log) -> None:
    """A blocked user must not get in because a table is down."""
    down = DeviceTable(cast("Any", Down()), devices="d", waivers="w")
    found = answer(table=down, policies=PERMIT, username="bob")
    assert not found["allow"]
    assert "try again" in found["error-msg-on-denied-connection"]
    record = log.record()
    assert record["decision"]["determining"] == [BLOCKS_UNKNOWN]
    assert record["facts"]["blocked"] == "unavailable"
    assert answer(table=down, policies=PERMIT, shadow_mode=True, username="bob")["allow"]
    says_so = '@id("any") permit (principal, action, resource) when { context.inventory != "known" };'
    assert answer(table=down, policies=says_so, username="bob")["allow"]


def test_a_malformed_device_does_not_hide_a_block() -> None:
    """The inventory is unavailable for it then, and the block was read all the same."""
    device: Item = {"commonName": {"S": "laptop-17"}, "compliant": {"S": "yes"}}
    says_so = '@id("any") permit (principal, action, resource) when { context.inventory != "known" };'
    blocked = item(Block("device:laptop-17"))
    fields = {"username": "bob", "common_name": "laptop-17"}
    assert answer(("d", device), policies=says_so, **fields)["allow"]
    assert not answer(("d", device), blocked, policies=says_so, **fields)["allow"]


def test_blocks_cost_no_second_read() -> None:
    """Device, waivers and blocks are one request."""
    items = Items(item(Block("user:bob")))
    table = DeviceTable(cast("Any", items), devices="d", waivers="w")
    answer(table=table, username="bob", common_name="laptop-17")
    assert items.reads == 1
