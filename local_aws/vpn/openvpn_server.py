"""A real OpenVPN server, which asks over its management socket whether each client may connect."""

from __future__ import annotations

import contextlib
import os
import time
from typing import TYPE_CHECKING

from local_aws.process import running, tail
from local_aws.vpn.networks import inside
from local_aws.vpn.requirements import tool

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
    from pathlib import Path

    from local_aws.vpn.certificates import Issuer
    from local_aws.vpn.networks import Internet

# The server's own address in the tunnel, and its port.
TUNNEL_ADDRESS = "10.100.0.1"
PORT = 443

_START_SECONDS = 30.0
_SERVER = (
    "--mode",
    "server",
    "--tls-server",
    "--topology",
    "subnet",
    "--server",
    "10.100.0.0",
    "255.255.252.0",
)
_NETWORK = ("--dev", "tun0", "--dev-type", "tun", "--proto", "udp6", "--port", str(PORT), "--multihome")
# As Client VPN does: a certificate can be in use twice, and a user name is needed only where the directory wants one.
_CLIENTS = ("--verify-client-cert", "require", "--duplicate-cn", "--auth-user-pass-optional", "--dh", "none")
# A storm from one machine is no attack. A client that has left without a word is missed after some seconds, which is
# and the longest that one on a busy machine may be silent.
_PATIENCE = (
    *("--connect-freq", "1000", "1", "--connect-freq-initial", "1000", "1", "--max-clients", "500"),
    *("--ping", "2", "--ping-restart", "15", "--push", "ping 2", "--push", "ping-restart 60"),
    *("--hand-window", "60", "--reneg-sec", "0"),
)
_CIPHERS = ("--data-ciphers", "AES-256-GCM", "--disable-dco", "--verb", "3")


class ServerFailed(Exception):
    """The server did not start; the message ends with what it logged."""


@contextlib.contextmanager
def openvpn_server(directory: Path, internet: Internet, authority: Issuer) -> Iterator[Path]:
    """Run a server in its namespace, and give its management socket.

    Args:
        directory: The folder of the run, with the socket and the log.
        internet: The networks.
        authority: Issues the server's certificate, and those of the clients.

    Raises:
        ServerFailed: When it ends, or does not listen in time.
    """
    certificate = authority.server("vpn.example.com")
    socket, log = directory / "management", directory / "server.log"
    command: list[str | Path] = [
        *(tool("openvpn"), *_SERVER, *_NETWORK, *_CLIENTS, *_PATIENCE, *_CIPHERS),
        *("--ca", authority.certificate, "--cert", certificate.certificate, "--key", certificate.key),
        *("--management", socket, "unix", "--management-client-auth"),
    ]
    with (
        log.open("w") as output,
        running(
            inside(internet.server, command), environment=os.environ, directory=directory, output=output
        ) as process,
    ):
        _wait_for(socket, process, log)
        yield socket


def _wait_for(socket: Path, process: subprocess.Popen[str], log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while not socket.exists():
        if process.poll() is not None or time.monotonic() > deadline:
            raise ServerFailed(
                f"the OpenVPN server did not start; its log ends with\n{tail(log.read_text('utf-8', 'replace'))}"
            )
        time.sleep(0.02)
