"""What the policies see of a connection: the request, the clock, and later devices and connections."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from typing import TYPE_CHECKING, Any

from client_connect.versions import OsVersion, Version

if TYPE_CHECKING:
    from client_connect.request import ConnectionRequest

_ACTION = {"type": "ClientVpn::Action", "id": "connect"}


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that a decision depends on, in the terms of ``schema.cedarschema``.

    Attributes:
        request: The connection that asks to be established.
        now: The time of the decision, with its time zone. Default: now.
        time_zone: The zone in which policies see the weekday and the minute of the day. Default: UTC.
    """

    request: ConnectionRequest
    now: datetime = field(default_factory=_now, kw_only=True)
    time_zone: tzinfo = field(default=UTC, kw_only=True)

    def __post_init__(self) -> None:
        """Refuse a time without a zone, which would mean another moment on every machine.

        Raises:
            ValueError: When ``now`` has no time zone.
        """
        if self.now.tzinfo is None:
            raise ValueError(f"now ({self.now.isoformat()}) has no time zone; add one, such as tzinfo=UTC")

    def cedar_request(self) -> dict[str, Any]:
        """Return principal, action, resource and context for the Cedar engine."""
        return {
            "principal": self._principal(),
            "action": _ACTION,
            "resource": {"type": "ClientVpn::Endpoint", "id": self.request.endpoint_id},
            "context": self._context(),
        }

    def cedar_entities(self) -> list[dict[str, Any]]:
        """Return the entities that the request refers to, for the Cedar engine."""
        groups = [{"type": "ClientVpn::Group", "id": name} for name in self.request.groups]
        return [{"uid": self._principal(), "attrs": {}, "parents": groups if self.request.username else []}]

    def _principal(self) -> dict[str, str]:
        if self.request.username:
            return {"type": "ClientVpn::User", "id": self.request.username}
        return {"type": "ClientVpn::Device", "id": self.request.common_name or ""}

    def _context(self) -> dict[str, Any]:
        request = self.request
        platform = request.platform.lower()
        windows = OsVersion.of_windows(request.platform_version) if platform == "win" else None
        context: dict[str, Any] = {
            "connectionId": request.connection_id,
            "platform": platform,
            "platformVersion": request.platform_version,
            "os": _record(windows),
            "publicIp": _extension("ip", str(request.public_ip)),
            "openvpn": _record(Version.of_client(request.client_openvpn_version)),
            "awsClient": _record(Version.of_client(request.aws_client_version)),
            "time": self._time(),
            "username": request.username and request.username.lower(),
            "commonName": request.common_name,
            "inventory": "disabled",
            "waivers": [],
        }
        return {name: value for name, value in context.items() if value is not None}

    def _time(self) -> dict[str, Any]:
        local = self.now.astimezone(self.time_zone)
        instant = self.now.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds")
        return {
            "now": _extension("datetime", f"{instant}Z"),
            "weekday": local.isoweekday(),
            "minuteOfDay": local.hour * 60 + local.minute,
        }


def _extension(function: str, argument: str) -> dict[str, dict[str, str]]:
    return {"__extn": {"fn": function, "arg": argument}}


def _record(version: OsVersion | Version | None) -> dict[str, int] | None:
    if version is None:
        return None
    parts = {name: getattr(version, name) for name in version.__dataclass_fields__}
    return {name: part for name, part in parts.items() if part is not None}
