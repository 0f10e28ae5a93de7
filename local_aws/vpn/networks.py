"""An internet of network namespaces: the server's, and one for each place that clients connect from.

They make public addresses real: a client at 198.51.100.7 is seen there by the server, and nothing leaves this machine.
"""

from __future__ import annotations

import subprocess
from ipaddress import ip_address
from typing import TYPE_CHECKING

from local_aws.vpn.requirements import tool

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

SERVER_IPV4, SERVER_IPV6 = "192.0.2.1", "2001:db8:ffff::1"

_BRIDGE = "internet"


class NetworkFailed(Exception):
    """A namespace or a device could not be made; the message has what ``ip`` said."""


class Internet:
    """The networks of one run; :func:`run_directory` removes them.

    Args:
        run: The name of the run, which begins those of the namespaces.

    Attributes:
        server: The namespace of the server.
    """

    def __init__(self, run: str) -> None:
        self._run = run
        self._places: dict[tuple[str, ...], str] = {}
        self.server = f"{run}-server"
        _ip("netns", "add", self.server)
        _ip("link", "set", "lo", "up", namespace=self.server)
        _ip("link", "add", _BRIDGE, "type", "bridge", namespace=self.server)
        _ip("link", "set", _BRIDGE, "up", namespace=self.server)
        for address in (SERVER_IPV4, SERVER_IPV6):
            _add_address(address, _BRIDGE, namespace=self.server)

    def place(self, *addresses: str) -> str:
        """Return the namespace of these public addresses, made at the first call."""
        if addresses not in self._places:
            number = len(self._places)
            self._places[addresses] = namespace = f"{self._run}-{number}"
            self._join(namespace, f"place{number}")
            for address in addresses:
                _add_address(address, "eth0", namespace=namespace)
                _ip("route", "add", address, "dev", _BRIDGE, namespace=self.server)
        return self._places[addresses]

    def _join(self, namespace: str, port: str) -> None:
        _ip("netns", "add", namespace)
        cable = ("type", "veth", "peer", "name", "eth0", "netns", namespace)
        _ip("link", "add", port, *cable, namespace=self.server)
        _ip("link", "set", port, "master", _BRIDGE, "up", namespace=self.server)
        for device in ("lo", "eth0"):
            _ip("link", "set", device, "up", namespace=namespace)
        for server in (SERVER_IPV4, SERVER_IPV6):
            _ip("route", "add", server, "dev", "eth0", namespace=namespace)


def inside(namespace: str | None, command: Sequence[str | Path]) -> list[str | Path]:
    """Return the command that runs another one in a namespace, or in the network of this machine."""
    return list(command) if namespace is None else [tool("ip"), "netns", "exec", namespace, *command]


def _add_address(address: str, device: str, *, namespace: str) -> None:
    # IPv6 would take a second to find out that the address is free.
    options = ("nodad",) if ip_address(address).version == 6 else ()  # noqa: PLR2004 - of the protocol
    _ip("address", "add", address, "dev", device, *options, namespace=namespace)


def _ip(*arguments: str, namespace: str | None = None) -> None:
    command = [tool("ip"), *(("-n", namespace) if namespace else ()), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NetworkFailed(f"{' '.join(command)} failed: {done.stderr.strip()}")
