"""The runtime in a plain Python program, without the CDK and without Lambda."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
from datetime import UTC, datetime
from ipaddress import ip_address

import pytest

import client_connect
from client_connect import Authorizer, ConnectionRequest, Decision, Facts, response
from tests.support.events import event

AUTHORIZER = Authorizer("""
    @id("staff")
    permit (principal in ClientVpn::Group::"staff", action, resource);

    @id("maintenance")
    @message("The VPN is closed on Sundays.")
    @status("maintenance")
    forbid (principal, action, resource)
    when { context.time.weekday == 7 };
""")


def test_an_event_is_decided_by_policies() -> None:
    """Read the event, gather the facts, decide."""
    request = ConnectionRequest.from_event(event("v2", groups=["staff"]))
    monday = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
    assert AUTHORIZER.decide(Facts(request, now=monday)) == Decision(allowed=True, determining=("staff",))


def test_a_request_is_made_by_hand_and_answered_as_aws_expects() -> None:
    """A missing argument is absent; the decision turns into the response."""
    request = ConnectionRequest(
        connection_id="c",
        endpoint_id="e",
        username="bob",
        groups=("staff",),
        platform="mac",
        public_ip=ip_address("2001:db8::7"),
    )
    sunday = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
    decision = AUTHORIZER.decide(Facts(request, now=sunday))
    assert response(
        allow=decision.allowed,
        message=decision.message,
        statuses=decision.statuses,
        schema_version=request.schema_version,
    ) == {
        "allow": False,
        "error-msg-on-denied-connection": "The VPN is closed on Sundays.",
        "posture-compliance-statuses": ["maintenance"],
        "schema-version": "v3",
    }


@pytest.mark.parametrize("name", [module.name for module in pkgutil.iter_modules(client_connect.__path__)])
def test_the_examples_in_docstrings_run(name: str) -> None:
    """A reader can copy them."""
    assert doctest.testmod(importlib.import_module(f"client_connect.{name}")).failed == 0
