"""An API of another kind, with each way of paging."""

from __future__ import annotations

from typing import Any

from tests.support.device_managers.server import ManagerServer, Reply, Request


class JsonServer(ManagerServer):
    """Assets under ``/v2/assets``, paged as ``paging`` says.

    Attributes:
        paging: ``none``, ``link``, ``cursor``, ``page`` or ``offset``.
    """

    host = "assets.example.com"
    paging = "none"

    def is_authorized(self, request: Request) -> bool:
        """Whether the key is right."""
        return request.headers.get("x-api-key") == "Key the-fixed-token"

    def list(self, request: Request) -> Reply:
        """A page."""
        if request.path != "/v2/assets":
            return Reply(404, {"error": "not found"})
        if self.paging == "none":
            return Reply(200, self.devices)
        size = int(request.query.get("size", "10"))
        position = request.query.get("at")
        first = {
            "link": lambda: int(position or 0),
            "cursor": lambda: int((position or "c0")[1:]),
            "page": lambda: (int(position or 1) - 1) * size,
            "offset": lambda: int(position or 0),
        }[self.paging]()
        following = first + size if first + size < len(self.devices) else None
        meta: dict[str, Any] = {"total": len(self.devices)}
        if following is not None:
            meta["next"] = (
                f"/v2/assets?size={size}&at={following}" if self.paging == "link" else f"c{following}"
            )
        return Reply(200, {"data": {"assets": self.devices[first : first + size]}, "meta": meta})


def device(number: int, **changes: Any) -> dict[str, Any]:
    """Return an asset."""
    return {
        "asset": {"id": number, "serial": f"A{number:06}"},
        "state": "In Compliance",
        "lifecycle": "in use",
        "seen": "2026-11-30 08:02:49",
        "system": "Ubuntu 24.04.1 LTS",
        "user.name": f"user{number}",
        **changes,
    }
