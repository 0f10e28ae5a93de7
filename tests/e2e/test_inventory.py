"""A handler with an inventory, deployed by the real CDK CLI: devices, waivers, and a table that is gone."""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from client_connect import Device
from client_connect.sources.items import Item, device_item, waivers_item
from client_connect.waiver import Waiver
from client_connect_tools import Rules
from tests.support.apps import deploy_handler

if TYPE_CHECKING:
    from local_aws.deployed_handler import DeployedHandler, Invocation
    from local_aws.emulator import Emulator

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(
        sys.platform != "linux", reason="the bundle is built for Lambda and runs on this machine"
    ),
]

RULES = Rules(compliant_devices=True, days_since_last_seen=30, connections_per_user=1)
NOW = datetime.now(UTC)
COMPLIANT = Device(compliant=True, last_seen=NOW)
NOT_COMPLIANT = Device(compliant=False, last_seen=NOW)


@pytest.fixture(scope="module")
def handler(account: Emulator, tmp_path_factory: pytest.TempPathFactory) -> DeployedHandler:
    """A handler that lets compliant devices in, with an inventory and a registry."""
    policies = tmp_path_factory.mktemp("policies") / "devices.cedar"
    policies.write_text(RULES.to_cedar(), "utf-8")
    return deploy_handler(
        account, stack="Inventory", policies=policies, deviceInventory="true", connectionRegistry="true"
    )


def put(handler: DeployedHandler, table: str, item: Item) -> None:
    """Write an item."""
    handler.emulator.client("dynamodb").put_item(TableName=handler.outputs[table], Item=item)


def connect(handler: DeployedHandler, device: str, **fields: Any) -> Invocation:
    """Let a device ask."""
    return handler.invoke(
        {
            "connection-id": f"cvpn-connection-{device}",
            "endpoint-id": "cvpn-endpoint-1",
            "common-name": device,
            "username": "Bob",
            "platform": "win",
            "platform-version": "",
            "public-ip": "198.51.100.7",
            "client-openvpn-version": "",
            "groups": [],
            "aws-client-version": "",
            "schema-version": "v3",
            **fields,
        }
    )


def outcome(invocation: Invocation) -> tuple[bool, list[str]]:
    """Return whether the connection is allowed, and the policies that decided."""
    return invocation.answer["allow"], invocation.record["decision"]["determining"]


def test_a_device_that_nobody_knows_is_denied(handler: DeployedHandler) -> None:
    """The table has no such common name."""
    invocation = connect(handler, "stranger")
    assert outcome(invocation) == (False, ["registered-device"])
    assert invocation.record["facts"] == {"timeZone": "UTC", "inventory": "unknown"}


def test_a_device_that_turns_non_compliant_is_denied_the_next_time(handler: DeployedHandler) -> None:
    """The last write decides."""
    put(handler, "DevicesTable", device_item("laptop-1", COMPLIANT))
    assert outcome(connect(handler, "laptop-1")) == (True, ["authenticated"])
    put(handler, "DevicesTable", device_item("laptop-1", NOT_COMPLIANT))
    invocation = connect(handler, "laptop-1")
    assert outcome(invocation) == (False, ["compliant-device"])
    assert "company policy" in invocation.answer["error-msg-on-denied-connection"]
    assert invocation.record["facts"]["device"]["compliant"] is False


@pytest.mark.parametrize("holder", ["device:laptop-2", "user:bob"])
def test_a_waiver_lets_in_until_its_time(handler: DeployedHandler, holder: str) -> None:
    """For the device or for the user, and each use is in the record."""
    put(handler, "DevicesTable", device_item("laptop-2", NOT_COMPLIANT))
    until = datetime.now(UTC) + timedelta(seconds=8)
    waiver = Waiver(
        policy_id="compliant-device",
        until=until.replace(microsecond=0),
        reason="new laptop",
        approved_by="carol",
        holder=holder,
    )
    put(handler, "WaiversTable", waivers_item([waiver]))
    invocation = connect(handler, "laptop-2")
    assert outcome(invocation) == (True, ["authenticated"])
    assert invocation.record["decision"]["waived"] == ["compliant-device"]
    assert invocation.record["waiversUsed"] == [waiver.to_record()]
    time.sleep(max(0.0, (waiver.until - datetime.now(UTC)).total_seconds()))
    assert outcome(connect(handler, "laptop-2")) == (False, ["compliant-device"])


def test_a_malformed_item_is_an_inventory_that_is_unavailable(handler: DeployedHandler) -> None:
    """The text "true" may mean anything, so it lets no one in, and the record says what is wrong."""
    put(handler, "DevicesTable", {"commonName": {"S": "laptop-3"}, "compliant": {"S": "true"}})
    invocation = connect(handler, "laptop-3")
    assert outcome(invocation) == (False, ["inventory-available"])
    assert "try again" in invocation.answer["error-msg-on-denied-connection"]
    assert 'MalformedItem: "compliant" is of type S' in invocation.record["unavailable"]["inventory"]
    assert invocation.record["InventoryErrors"] == 1


def test_allowed_connections_are_registered(handler: DeployedHandler) -> None:
    """With the request, the decision, the time and the policies; a denied one is not."""
    put(handler, "DevicesTable", device_item("laptop-4", COMPLIANT))
    allowed = connect(handler, "laptop-4", username="Alice")
    connect(handler, "stranger", username="Alice")
    items = handler.emulator.client("dynamodb").scan(TableName=handler.outputs["ConnectionsTable"])["Items"]
    (item,) = [item for item in items if item["principal"] == {"S": "user:alice"}]
    assert item["connectionId"] == {"S": "cvpn-connection-laptop-4"}
    assert item["policies"] == {"S": allowed.record["policies"]}
    assert '"username": "Alice"' in item["request"]["S"]


def test_connections_are_counted_while_the_registry_is_kept_up_to_date(handler: DeployedHandler) -> None:
    """Without a recent run of the re-authorizer it is unknown who has left, and the number is absent."""
    put(handler, "DevicesTable", device_item("laptop-5", COMPLIANT))
    assert connect(handler, "laptop-5", username="Eve").answer["allow"]
    second = {"username": "EVE", "connection-id": "cvpn-connection-second"}
    unknown = connect(handler, "laptop-5", **second).record
    assert "activeConnections" not in unknown["facts"]
    assert unknown["unavailable"]["registry"].startswith("NotCounted: no re-authorizer has completed a scan")
    hour_ago = (datetime.now(UTC) - timedelta(hours=1)).isoformat(timespec="milliseconds")
    put(
        handler,
        "ConnectionsTable",
        {
            "connectionId": {"S": "reauthorizer"},
            "countsValidUntil": {"N": str(int(time.time()) + 60)},
            "countedEndpoints": {"SS": ["cvpn-endpoint-1"]},
            "confirmedBefore": {"S": hour_ago},
        },
    )
    third = connect(handler, "laptop-5", username="eve", **{"connection-id": "cvpn-connection-third"})
    assert outcome(third) == (True, ["authenticated"])
    assert third.record["facts"]["activeConnections"] == 0  # the device replaces its own
    put(handler, "DevicesTable", device_item("phone-5", COMPLIANT))
    fourth = connect(handler, "phone-5", username="eve")
    # The emulator does not know this call of EC2's.
    assert "InvalidAction" in fourth.record["unavailable"]["openConnections"]
    assert "activeConnections" not in fourth.record["facts"]
    assert outcome(fourth) == (True, ["authenticated"])


def test_a_table_that_is_gone_denies_with_a_message(handler: DeployedHandler) -> None:
    """The last test of the module: the table is deleted under the running function."""
    put(handler, "DevicesTable", device_item("laptop-6", COMPLIANT))
    assert connect(handler, "laptop-6", username="Frank").answer["allow"]
    handler.emulator.client("dynamodb").delete_table(TableName=handler.outputs["DevicesTable"])
    invocation = connect(handler, "laptop-6", username="Frank")
    assert outcome(invocation) == (False, ["inventory-available"])
    assert (
        invocation.answer["error-msg-on-denied-connection"]
        == "Your device could not be checked just now. Please try again in a few minutes."
    )
    assert "ResourceNotFoundException" in invocation.record["unavailable"]["inventory"]
