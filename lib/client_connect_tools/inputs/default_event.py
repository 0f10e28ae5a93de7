"""The event of a connection, as far as nothing else is given."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

# Attributes are empty as if not sent, so the caller sets each one that the policies look at.
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
