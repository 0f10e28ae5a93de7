"""The resources that stay when a stack is removed, and when its first deployment fails."""

from __future__ import annotations

from typing import Any

import aws_cdk as cdk
import pytest

from cdk_client_connect import (
    ClientConnectHandler,
    ConnectionMonitoring,
    ConnectionReauthorizer,
    ConnectionRegistry,
    DeviceInventory,
    GradualDeployment,
    ServiceLinkedRole,
)

from .conftest import NO_BUNDLING, endpoint, template

# The resources that stay, by the beginning of their logical ids. Everything else goes.
KEPT = {
    "HandlerLogGroup": "AWS::Logs::LogGroup",
    "ReauthorizerLogGroup": "AWS::Logs::LogGroup",
    "InventoryDevices": "AWS::DynamoDB::Table",
    "InventoryWaivers": "AWS::DynamoDB::Table",
}
# Versions stay when another one is published; they go with the function, not by their own policy.
VERSION = "AWS::Lambda::Version"


@pytest.fixture(scope="module")
def resources() -> dict[str, dict[str, Any]]:
    """The resources of a stack with all that it may have."""
    stack = cdk.Stack(cdk.App(context=NO_BUNDLING), "Stack")
    handler = ClientConnectHandler(
        stack,
        "Handler",
        device_inventory=DeviceInventory(stack, "Inventory"),
        connection_registry=ConnectionRegistry(stack, "Registry"),
    )
    monitoring = ConnectionMonitoring(
        stack,
        "Monitoring",
        handler=handler,
        endpoints=[endpoint(stack, handler)],
        connection_log_group=None,
    )
    ConnectionReauthorizer(
        stack, "Reauthorizer", handler=handler, endpoints=["cvpn-endpoint-0123456789abcdef0"]
    )
    GradualDeployment(stack, "Rollout", handler=handler, monitoring=monitoring)
    found: dict[str, dict[str, Any]] = template(stack).to_json()["Resources"]
    return found


def test_records_devices_and_waivers_stay(resources: dict[str, dict[str, Any]]) -> None:
    """They stay even when they are replaced, but not when the deployment fails that creates them."""
    kept = {
        id_: each
        for id_, each in resources.items()
        if each.get("DeletionPolicy", "Delete") != "Delete" and each["Type"] != VERSION
    }
    assert {id_[:-8]: each["Type"] for id_, each in kept.items()} == KEPT
    policies = {(each["DeletionPolicy"], each["UpdateReplacePolicy"]) for each in kept.values()}
    assert policies == {("RetainExceptOnCreate", "Retain")}


def test_what_holds_data_says_what_becomes_of_it(resources: dict[str, dict[str, Any]]) -> None:
    """No table or log is removed by oversight."""
    data = [
        each for each in resources.values() if each["Type"] in ("AWS::DynamoDB::Table", "AWS::Logs::LogGroup")
    ]
    assert len(data) == 8
    assert all("DeletionPolicy" in each and "UpdateReplacePolicy" in each for each in data)


def test_nothing_deletes_the_service_linked_role(resources: dict[str, dict[str, Any]]) -> None:
    """Its creator has no call for a removal, and no permission for one."""
    (creating,) = (
        each
        for id_, each in resources.items()
        if each["Type"] == "Custom::AWS" and not id_.startswith("Reauthorizer")
    )
    assert set(creating["Properties"]) == {"ServiceToken", "Create", "InstallLatestAwsSdk"}
    assert "iam:DeleteServiceLinkedRole" not in str(resources)


def test_a_service_linked_role_of_the_stack_stays() -> None:
    """But not when the first deployment fails: the next one could not create it again."""
    stack = cdk.Stack(cdk.App(context=NO_BUNDLING), "Stack")
    ClientConnectHandler(stack, "Handler", service_linked_role=ServiceLinkedRole.CLOUDFORMATION)
    template(stack).has_resource(
        "AWS::IAM::ServiceLinkedRole",
        {"DeletionPolicy": "RetainExceptOnCreate", "UpdateReplacePolicy": "Retain"},
    )
