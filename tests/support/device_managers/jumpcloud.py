"""JumpCloud's list of systems."""

from __future__ import annotations

import base64
from typing import Any

from tests.support.device_managers.server import (
    CLIENT_ID,
    CLIENT_SECRET,
    TOKEN,
    ManagerServer,
    Reply,
    Request,
)

_LARGEST_PAGE = 100


class JumpCloudServer(ManagerServer):
    """The console, with the token endpoint of service accounts; or with an API key."""

    host = "console.jumpcloud.com"
    token_path = "/oauth2/token"  # noqa: S105 - a path

    def token_host(self) -> str:
        """The host of tokens."""
        return "admin-oauth.id.jumpcloud.com"

    def is_authorized(self, request: Request) -> bool:
        """Whether the API key is right."""
        return request.headers.get("x-api-key") == TOKEN

    def check_token_request(self, request: Request) -> bool:
        """The id and the secret come by HTTP Basic."""
        pair = base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
        return request.headers.get("authorization") == f"Basic {pair}" and request.form.get("scope") == "api"

    def list(self, request: Request) -> Reply:
        """A page by limit, which is 10 by default, and skip."""
        if request.path != "/api/systems":
            return Reply(404, {"message": "Not Found"})
        size = min(int(request.query.get("limit", "10")), _LARGEST_PAGE)
        first = int(request.query.get("skip", "0"))
        return Reply(200, {"totalCount": len(self.devices), "results": self.devices[first : first + size]})


def device(number: int, **changes: Any) -> dict[str, Any]:
    """Return a system as JumpCloud has it."""
    return {
        "_id": f"{number:024x}",
        "id": f"{number:024x}",
        "displayName": f"laptop-{number}",
        "hostname": f"laptop-{number}.local",
        "serialNumber": f"JC{number:06}",
        "os": "Windows",
        "version": "10.0.22631",
        "lastContact": "2026-11-30T07:02:49.000Z",
        "active": True,
        "agentVersion": "2.1.0",
        "fde": {"active": True, "keyPresent": True},
        **changes,
    }
