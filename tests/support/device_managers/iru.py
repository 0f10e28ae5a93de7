"""Iru's list of devices."""

from __future__ import annotations

from typing import Any

from tests.support.device_managers.server import ManagerServer, Reply, Request

_LARGEST_PAGE = 300


class IruServer(ManagerServer):
    """A tenant in the US."""

    host = "accuhive.api.kandji.io"

    def list(self, request: Request) -> Reply:
        """A bare array by limit and offset."""
        if request.path != "/api/v1/devices":
            return Reply(404, {"detail": "Not found."})
        size = min(int(request.query.get("limit", "300")), _LARGEST_PAGE)
        first = int(request.query.get("offset", "0"))
        return Reply(200, self.devices[first : first + size])


def device(number: int, **changes: Any) -> dict[str, Any]:
    """Return a device as Iru has it."""
    return {
        "device_id": f"{number:08x}-2222",
        "device_name": f"mac-{number}",
        "serial_number": f"K{number:06}",
        "platform": "Mac",
        "os_version": "15.1",
        "last_check_in": "2026-11-30T07:02:49.150080Z",
        "user": {"email": f"user{number}@example.com", "name": f"User {number}"} if number % 2 else "",
        "blueprint_name": "Staff",
        "mdm_enabled": True,
        "agent_installed": True,
        "is_missing": False,
        "is_removed": False,
        **changes,
    }
