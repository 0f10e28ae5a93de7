"""Microsoft Graph's list of managed devices."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from tests.support.device_managers.server import ManagerServer, Reply, Request

_PATH = "/v1.0/deviceManagement/managedDevices"
_LARGEST_PAGE = 1000


class IntuneServer(ManagerServer):
    """Graph, with the token endpoint of a tenant."""

    host = "graph.microsoft.com"
    token_path = "/contoso.example/oauth2/v2.0/token"  # noqa: S105 - a path

    def token_host(self) -> str:
        """The host of Entra ID."""
        return "login.microsoftonline.com"

    def check_token_request(self, request: Request) -> bool:
        """The scope is needed too."""
        scope = request.form.get("scope")
        return super().check_token_request(request) and scope == "https://graph.microsoft.com/.default"

    def list(self, request: Request) -> Reply:
        """A page with a link to the next; without ``$skip``, which does not page."""
        if request.path != _PATH:
            return Reply(404, {"error": {"code": "ResourceNotFound"}})
        size = min(int(request.query.get("$top", "1000")), _LARGEST_PAGE)
        first = int(request.query.get("$skiptoken", "0"))
        page = self.devices[first : first + size]
        fields = request.query.get("$select", "").split(",")
        answer: dict[str, Any] = {
            "@odata.context": f"https://{self.host}/v1.0/$metadata#deviceManagement/managedDevices",
            "@odata.count": len(self.devices),
            "value": [{name: each[name] for name in each if name in fields} for each in page],
        }
        if first + size < len(self.devices):
            select = quote(request.query.get("$select", ""))
            answer["@odata.nextLink"] = (
                f"https://{self.host}{_PATH}?$select={select}&$top={size}&$skiptoken={first + size}"
            )
        return Reply(200, answer)


def device(number: int, **changes: Any) -> dict[str, Any]:
    """Return a device as Graph has it."""
    return {
        "id": f"{number:08x}-034c-705c-4c03-5c704c035c70",
        "azureADDeviceId": f"{number:08X}-1111-4222-8333-444455556666",
        "deviceName": f"LAPTOP-{number}",
        "serialNumber": f"SN{number:06}",
        "userPrincipalName": f"user{number}@contoso.example",
        "lastSyncDateTime": "2026-11-29T23:02:49.3086979-08:00",
        "operatingSystem": "Windows",
        "osVersion": "10.0.22631.4317",
        "complianceState": "compliant",
        "deviceRegistrationState": "registered",
        "isEncrypted": True,
        **changes,
    }


def common_name(number: int) -> str:
    """Return the common name of a device's certificate, which is its Entra id in lower case."""
    return f"{number:08x}-1111-4222-8333-444455556666"
