"""The connection that the benchmarks ask about."""

from __future__ import annotations

from typing import Any

EVENT: dict[str, Any] = {
    "connection-id": "cvpn-connection-1",
    "endpoint-id": "cvpn-endpoint-1",
    "common-name": "laptop-1",
    "username": "bob",
    "platform": "win",
    "platform-version": "10.0.22631,amd64",
    "public-ip": "198.51.103.7",
    "client-openvpn-version": "2.7.0",
    "groups": ["staff"],
    "aws-client-version": "",
    "schema-version": "v3",
}
