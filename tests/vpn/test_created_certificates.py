"""A real OpenVPN server and a real client take what ``client-connect certificates create`` writes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from client_connect_tools.cli import main
from local_aws.client_vpn_api import ClientVpnApi
from local_aws.live_connections import ENDPOINT
from local_aws.vpn.certificates import Certificate
from local_aws.vpn.local_vpn import LocalVpn
from local_aws.vpn.openvpn_client import ClientOptions
from tests.vpn.test_local_vpn import Handler

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.vpn


class Created:
    """The files that the command writes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "created"
        self._run("create", "--server", "vpn.example.com")

    @property
    def certificate(self) -> Path:
        """The authority's own certificate."""
        return self.folder / "ca.crt"

    def server(self, _common_name: str) -> Certificate:
        """Return that of the server."""
        return Certificate(certificate=self.folder / "server.crt", key=self.folder / "server.key")

    def client(self, common_name: str) -> Certificate:
        """Return what the profile of a new client has."""
        exported = self.folder / "exported.ovpn"
        exported.write_text(
            f"client\nremote vpn.example.com 443\n<ca>\n{self.certificate.read_text()}</ca>\n"
        )
        self._run("create", "--client", common_name)
        self._run("profile", str(exported), "--client", common_name)
        profile = (self.folder / f"{common_name}.ovpn").read_text()
        files = []
        for kind in ("cert", "key"):
            (content,) = re.findall(rf"<{kind}>\n(.*?)</{kind}>", profile, re.DOTALL)
            files.append(self.folder / f"{common_name}-of-profile.{kind}")
            files[-1].write_text(content)
        return Certificate(certificate=files[0], key=files[1])

    def _run(self, *arguments: str) -> None:
        result = CliRunner().invoke(main, ["certificates", *arguments, "--folder", str(self.folder)])
        assert result.exit_code == 0, result.output


def test_a_client_connects_with_what_its_profile_has() -> None:
    """The handler is asked for its common name, and the server's certificate counts as that of a server."""
    api = ClientVpnApi(limits={})
    api.add_endpoint(ENDPOINT)
    with LocalVpn(ask=Handler(), api=api, endpoint_id=ENDPOINT, users={}, authority=Created) as vpn:
        client = vpn.connect(
            common_name="alice-laptop",
            options=ClientOptions(arguments=("--verify-x509-name", "vpn.example.com", "name")),
        )
        assert client.wait() == "up"
        assert vpn.attempts[-1].event["common-name"] == "alice-laptop"
