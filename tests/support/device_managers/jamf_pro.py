"""Jamf Pro's list of computers."""

from __future__ import annotations

from typing import Any

from tests.support.device_managers.server import ManagerServer, Reply, Request

_LARGEST_PAGE = 2000
_SECTIONS = {
    "GENERAL": "general",
    "HARDWARE": "hardware",
    "OPERATING_SYSTEM": "operatingSystem",
    "USER_AND_LOCATION": "userAndLocation",
    "GROUP_MEMBERSHIPS": "groupMemberships",
}


class JamfProServer(ManagerServer):
    """A server in Jamf's cloud."""

    host = "example.jamfcloud.com"
    token_path = "/api/oauth/token"  # noqa: S105 - a path

    def list(self, request: Request) -> Reply:
        """A page by its number from 0; sections that were not asked for are null."""
        if request.path != "/api/v2/computers-inventory":
            return Reply(404, {"httpStatus": 404, "errors": []})
        size = int(request.query.get("page-size", "100"))
        if size > _LARGEST_PAGE:
            return Reply(400, {"httpStatus": 400, "errors": [{"field": "page-size"}]})
        wanted = {_SECTIONS[value] for name, value in request.parameters if name == "section"} or {"general"}
        first = int(request.query.get("page", "0")) * size
        results = [
            {
                name: value if name in ("id", "udid") or name in wanted else None
                for name, value in each.items()
            }
            for each in self.devices[first : first + size]
        ]
        return Reply(200, {"totalCount": len(self.devices), "results": results})


def device(number: int, **changes: Any) -> dict[str, Any]:
    """Return a computer as Jamf Pro has it."""
    return {
        "id": str(number + 1),
        "udid": f"{number:08X}-0000-1000-8000-000000000000",
        "general": {
            "name": f"mac-{number}",
            "lastContactTime": "2026-11-30T07:02:49.308Z",
            "reportDate": "2026-11-29T07:00:00Z",
            "remoteManagement": {"managed": True},
            "managementId": f"m-{number}",
        },
        "hardware": {"serialNumber": f"C02{number:06}", "model": "MacBook Pro"},
        "operatingSystem": {"name": "macOS", "version": "15.1", "build": "24B83"},
        "userAndLocation": {"username": f"user{number}", "email": f"user{number}@example.com"},
        "groupMemberships": [
            {"groupId": "1", "groupName": "All Managed Clients", "smartGroup": True},
            {"groupId": "17", "groupName": "Compliant Macs", "smartGroup": True},
        ],
        **changes,
    }
