"""Shared by the tests of the replay: log lines in every form, and sets of policies that read everything."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from client_connect_tools.replay import Comparison, Tally, replay

if TYPE_CHECKING:
    from collections.abc import Iterable

PERMIT = '@id("all") permit (principal, action, resource);'
NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def forbid(id_: str, clause: str = "", scope: str = "principal") -> str:
    """Return a forbid."""
    return f'@id("{id_}") forbid ({scope}, action, resource) {clause};'


def request(**changes: object) -> dict[str, Any]:
    """Return an event; changes name fields with underscores."""
    fields: dict[str, Any] = {
        "connection-id": "cvpn-connection-1",
        "endpoint-id": "cvpn-endpoint-1",
        "common-name": "laptop-1",
        "username": "Bob",
        "platform": "win",
        "platform-version": "10.0.22631,amd64",
        "public-ip": "198.51.100.7",
        "client-openvpn-version": "2.6.12",
        "groups": ["staff"],
        "aws-client-version": "5.2.1",
        "schema-version": "v3",
    }
    return fields | {name.replace("_", "-"): value for name, value in changes.items()}


def record(
    *, allowed: bool = True, determining: Iterable[str] = ("all",), minutes: int = 0, **changes: object
) -> dict[str, Any]:
    """Return a decision record with what replaying needs of it."""
    return {
        "level": "INFO",
        "message": "connection allowed",  # what makes it look like an envelope
        "at": (NOON + timedelta(minutes=minutes)).isoformat(timespec="milliseconds"),
        "allow": allowed,
        "request": request(**changes),
        "decision": {"allowed": allowed, "determining": list(determining)},
    }


def connection(**changes: object) -> dict[str, Any]:
    """Return an entry of Client VPN's connection log; changes name fields with underscores."""
    fields: dict[str, Any] = {
        "connection-log-type": "connection-attempt",
        "connection-attempt-status": "successful",
        "connection-reset-status": "NA",
        "connection-attempt-failure-reason": "NA",
        "connection-id": "cvpn-connection-1",
        "client-vpn-endpoint-id": "cvpn-endpoint-1",
        "transport-protocol": "udp",
        "connection-start-time": "2026-11-23 12:00:00",
        "connection-last-update-time": "2026-11-23 12:00:01",
        "client-ip": "10.0.1.2",
        "common-name": "laptop-1",
        "device-type": "win",
        "device-ip": "198.51.100.7",
        "port": "50096",
        "ingress-bytes": "0",
        "connection-end-time": "NA",
        "username": "Bob",
    }
    return fields | {name.replace("_", "-"): value for name, value in changes.items()}


def denied_connection(**changes: object) -> dict[str, Any]:
    """Return an entry for a connection that the handler denied."""
    failed = {
        "connection-attempt-status": "failed",
        "connection-attempt-failure-reason": "client-connect-failed",
    }
    return connection() | failed | {name.replace("_", "-"): value for name, value in changes.items()}


def lines(*entries: object) -> bytes:
    """Return a block of JSON lines."""
    return "".join(json.dumps(entry) + "\n" for entry in entries).encode()


def replayed(new: str, *entries: object, old: str | None = None) -> Tally:
    """Replay entries."""
    return replay(Comparison(new=new, old=old), [lines(*entries)])
