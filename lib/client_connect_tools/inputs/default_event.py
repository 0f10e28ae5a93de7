"""The event of a connection of which nothing else is said."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

# What a client did not send is empty, so that who asks says himself what the policies look at.
DEFAULT_EVENT: Mapping[str, str | list[str]] = {
    "connection-id": "cvpn-connection-0123456789abcdef0",
    "endpoint-id": "cvpn-endpoint-0123456789abcdef0",
    "common-name": "",
    "username": "",
    "platform": "win",
    "platform-version": "",
    "public-ip": "192.0.2.1",
    "client-openvpn-version": "",
    "groups": [],
    "aws-client-version": "",
    "schema-version": "v3",
}
