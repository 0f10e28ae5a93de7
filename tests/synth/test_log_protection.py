"""The log groups of decisions can be protected from being deleted."""

from __future__ import annotations

from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_logs as logs

from cdk_client_connect import (
    ClientConnectHandler,
    ConnectionReauthorizer,
    ConnectionRegistry,
    InvalidArgument,
)

from .conftest import NO_BUNDLING, template

ENDPOINT_ID = "cvpn-endpoint-0123456789abcdef0"


def define(stack: cdk.Stack, **arguments: Any) -> None:
    """Define a handler and its re-authorizer with the same arguments."""
    registry = ConnectionRegistry(stack, "Registry")
    handler = ClientConnectHandler(stack, "Handler", connection_registry=registry, **arguments)
    ConnectionReauthorizer(stack, "Reauthorizer", handler=handler, endpoints=[ENDPOINT_ID], **arguments)


def protected(stack: cdk.Stack) -> set[str]:
    """Return the log groups that are protected, without their hashes."""
    found = template(stack).find_resources("AWS::Logs::LogGroup")
    return {id_[:-8] for id_, each in found.items() if each["Properties"].get("DeletionProtectionEnabled")}


def test_only_the_logs_of_decisions_are_protected() -> None:
    """Those of support functions go with the stack, which they must not hold up."""
    stack = cdk.Stack(cdk.App(context=NO_BUNDLING), "Stack")
    define(stack, log_deletion_protection=True)
    assert protected(stack) == {"HandlerLogGroup", "ReauthorizerLogGroup"}
    other = cdk.Stack(cdk.App(context=NO_BUNDLING), "Stack")
    define(other)
    assert protected(other) == set()


WRONG = r"is for a new log group, but log_group is given; .*_enabled=True$"


def test_fails_for_a_log_group_that_is_given() -> None:
    """Otherwise no one would notice that it is not protected."""
    stack = cdk.Stack(cdk.App(context=NO_BUNDLING), "Stack")
    given = logs.LogGroup(stack, "Log")
    with pytest.raises(InvalidArgument, match=WRONG):
        ClientConnectHandler(stack, "Handler", log_group=given, log_deletion_protection=True)
    assert stack.node.try_find_child("Handler") is None


def test_fails_for_a_log_group_that_a_reauthorizer_is_given() -> None:
    """As for the handler."""
    stack = cdk.Stack(cdk.App(context=NO_BUNDLING), "Stack")
    registry, given = ConnectionRegistry(stack, "Registry"), logs.LogGroup(stack, "Log")
    handler = ClientConnectHandler(stack, "Handler", connection_registry=registry)
    with pytest.raises(InvalidArgument, match=WRONG):
        ConnectionReauthorizer(
            stack,
            "Reauthorizer",
            handler=handler,
            endpoints=[ENDPOINT_ID],
            log_group=given,
            log_deletion_protection=True,
        )


def test_fails_for_what_is_no_flag() -> None:
    """The text "false" would turn it on."""
    stack = cdk.Stack(cdk.App(context=NO_BUNDLING), "Stack")
    with pytest.raises(InvalidArgument, match="log_deletion_protection='false' must be True or False"):
        ClientConnectHandler(stack, "Handler", log_deletion_protection="false")  # type: ignore[arg-type]
