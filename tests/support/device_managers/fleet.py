"""Fleet's list of hosts."""

from __future__ import annotations

from typing import Any

from tests.support.device_managers.server import ManagerServer, Reply, Request


class FleetServer(ManagerServer):
    """A Fleet server."""

    host = "fleet.example.com"

    def list(self, request: Request) -> Reply:
        """The count, or a page by its number from 0; policies only where they are asked for."""
        if request.path == "/api/v1/fleet/hosts/count":
            return Reply(200, {"count": len(self.devices)})
        if request.path != "/api/v1/fleet/hosts":
            return Reply(404, {"message": "Resource Not Found"})
        size = int(request.query.get("per_page", "100"))
        first = int(request.query.get("page", "0")) * size
        with_policies = request.query.get("populate_policies") == "true"
        hosts = [
            {name: value for name, value in each.items() if with_policies or name != "policies"}
            for each in self.devices[first : first + size]
        ]
        return Reply(200, {"hosts": hosts})


def device(number: int, **changes: Any) -> dict[str, Any]:
    """Return a host as Fleet has it."""
    return {
        "id": number + 1,
        "uuid": f"{number:08x}-1111",
        "hardware_serial": f"FL{number:06}",
        "hostname": f"host-{number}",
        "computer_name": f"Host {number}",
        "platform": "darwin",
        "os_version": "macOS 15.1",
        "seen_time": "2026-11-30T07:02:49Z",
        "status": "online",
        "issues": {"failing_policies_count": 0, "total_issues_count": 0},
        "mdm": {"enrollment_status": "On (automatic)", "connected_to_fleet": True},
        "policies": [
            {"id": 12, "name": "FileVault", "response": "pass", "critical": True},
            {"id": 40, "name": "Firewall", "response": "pass", "critical": False},
        ],
        **changes,
    }
