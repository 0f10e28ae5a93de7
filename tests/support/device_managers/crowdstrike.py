"""CrowdStrike Falcon's list of hosts."""

from __future__ import annotations

from typing import Any

from tests.support.device_managers.server import ManagerServer, Reply, Request

_LARGEST_PAGE = 10_000


class CrowdStrikeServer(ManagerServer):
    """The cloud eu-1."""

    host = "api.eu-1.crowdstrike.com"
    token_path = "/oauth2/token"  # noqa: S105 - a path

    def list(self, request: Request) -> Reply:
        """A page by an opaque offset, with the fields that were asked for."""
        if request.path != "/devices/combined/devices/v1":
            return Reply(404, {"errors": [{"code": 404, "message": "Not found"}]})
        size = int(request.query.get("limit", "100"))
        if not 1 <= size <= _LARGEST_PAGE:
            return Reply(400, {"errors": [{"code": 400, "message": "limit must be from 1 to 10000"}]})
        first = int(request.query.get("offset", "opaque-0").removeprefix("opaque-"))
        fields = request.query.get("fields", "").split(",")
        page = self.devices[first : first + size]
        pagination: dict[str, Any] = {"total": len(self.devices), "limit": size}
        if first + size < len(self.devices):
            pagination["next"] = f"opaque-{first + size}"
        return Reply(
            200,
            {
                "meta": {"query_time": 0.1, "pagination": pagination, "trace_id": "t"},
                "errors": [],
                "resources": [{name: each[name] for name in each if name in fields} for each in page],
            },
        )


def device(number: int, **changes: Any) -> dict[str, Any]:
    """Return a host as Falcon has it."""
    return {
        "device_id": f"{number:032x}",
        "cid": "c" * 32,
        "hostname": f"LAPTOP-{number}",
        "serial_number": f"CS{number:06}",
        "platform_name": "Windows",
        "os_version": "Windows 11",
        "os_build": "22631",
        "major_version": "10",
        "minor_version": "0",
        "last_seen": "2026-11-30T07:02:49Z",
        "status": "normal",
        "reduced_functionality_mode": "no",
        "tags": ["FalconGroupingTags/Staff"],
        **changes,
    }
