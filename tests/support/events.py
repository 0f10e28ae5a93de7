"""Events, requests and handlers of the runtime, and what an answer must be."""

from __future__ import annotations

import json
import re
from ipaddress import IPv6Address
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from client_connect import Authorizer, ConnectionRequest, Facts
from client_connect.handler import ConnectHandler
from client_connect.settings import Settings

if TYPE_CHECKING:
    from client_connect import Decision

VERSIONS = ("v1", "v2", "v3", "v4")
MISSING = object()
PERMIT = '@id("all") permit (principal, action, resource);'


def event(version: str = "v3", **changes: object) -> dict[str, Any]:
    """Return a valid event of a schema version; changes name fields with underscores, or drop them."""
    fields: dict[str, object] = {
        "connection-id": "cvpn-connection-0123456789abcdef0",
        "endpoint-id": "cvpn-endpoint-0123456789abcdef0",
        "common-name": "laptop-1",
        "username": "Bob",
        "platform": "win",
        "platform-version": "10.0.22631,amd64",
        "public-ip": "198.51.100.7",
        "client-openvpn-version": "2.6.12",
        "schema-version": version,
    }
    if version != "v1":
        fields["groups"] = ["staff", "admins"]
    if version not in ("v1", "v2"):
        fields["aws-client-version"] = "5.2.1"
    fields |= {name.replace("_", "-"): value for name, value in changes.items()}
    return {name: value for name, value in fields.items() if value is not MISSING}


def decide(policies: str, **changes: object) -> Decision:
    """Decide an event by policies."""
    return Authorizer(policies).decide(Facts(ConnectionRequest.from_event(event(**changes))))


def connect_handler(policies: str = PERMIT, **settings: Any) -> ConnectHandler:
    """Return a handler of policies, as ``start`` makes it."""
    authorizer = Authorizer(policies)
    return ConnectHandler(authorizer.decide, Settings(**settings), policies=authorizer.policies.digest)


def lambda_context(
    *, milliseconds: int = 10_000, function_name: str = "AWSClientVPN-test"
) -> SimpleNamespace:
    """Return what the handler reads of Lambda's context object."""
    return SimpleNamespace(function_name=function_name, get_remaining_time_in_millis=lambda: milliseconds)


def assert_valid(answer: dict[str, Any], event: object) -> None:
    """Hold an answer against what AWS documents, with the version and the key that the event asks for."""
    version = event.get("schema-version") if isinstance(event, dict) else None
    if not (isinstance(version, str) and re.fullmatch("v[1-9][0-9]{0,3}", version, re.ASCII)):
        version = "v3"
    key = f"error-msg-on-{'failed-posture-compliance' if version == 'v1' else 'denied-connection'}"
    message, statuses = answer[key], answer["posture-compliance-statuses"]
    assert answer.keys() == {"allow", key, "posture-compliance-statuses", "schema-version"}
    assert answer["schema-version"] == version
    assert isinstance(answer["allow"], bool)
    assert isinstance(message, str)
    assert (message == "") if answer["allow"] else (0 < len(message) <= 255)
    assert isinstance(statuses, list)
    assert len(statuses) <= 10
    assert all(isinstance(status, str) and 0 < len(status) <= 255 for status in statuses)
    json.dumps(answer, ensure_ascii=False).encode()


def connection_requests() -> st.SearchStrategy[ConnectionRequest]:
    """Generate any request that ``from_event`` may return."""
    text = st.text(min_size=1, max_size=20)
    addresses = st.ip_addresses().map(
        lambda address: (isinstance(address, IPv6Address) and address.ipv4_mapped) or address
    )
    return st.builds(
        ConnectionRequest,
        connection_id=text,
        endpoint_id=text,
        common_name=st.none() | text,
        username=st.none() | text,
        platform=st.sampled_from(["win", "Win", "mac", ""]) | st.text(max_size=20),
        platform_version=st.sampled_from([None, "10.0 64bit", "6.1.7601,amd64"]) | text,
        public_ip=addresses,
        client_openvpn_version=st.sampled_from([None, "2.6.12", "999999999.999999999.999999999"]) | text,
        groups=st.lists(text, unique=True, max_size=4).map(tuple),
        aws_client_version=st.none() | text,
        schema_version=st.integers(1, 9999).map("v{}".format),
    ).map(
        lambda request: request if request.username or request.common_name else request._replace(username="x")
    )


def message_of(answer: dict[str, Any]) -> str:
    """Return the message of an answer, under either key."""
    (message,) = (value for key, value in answer.items() if key.startswith("error-msg"))
    return message
