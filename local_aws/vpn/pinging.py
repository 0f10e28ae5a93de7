"""Packets through a client's tunnel, for as long as it lasts."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from local_aws.process import running
from local_aws.vpn.networks import inside
from local_aws.vpn.openvpn_server import TUNNEL_ADDRESS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local_aws.vpn.openvpn_client import Client

_PROGRAM = Path(__file__).with_name("ping_program.py")


class Pings:
    """The answers to a client's pings."""

    def __init__(self, log: Path) -> None:
        self._log = log

    @property
    def answered(self) -> int:
        """How many were answered so far."""
        return len(self._log.read_bytes().splitlines())


@contextlib.contextmanager
def pinging(client: Client) -> Iterator[Pings]:
    """Ping the server's address in the tunnel ten times a second."""
    log = client.directory / f"{client.name}.pings"
    command = inside(client.namespace, [sys.executable, "-I", _PROGRAM, TUNNEL_ADDRESS])
    with (
        log.open("w") as output,
        running(command, environment=os.environ, directory=client.directory, output=output),
    ):
        yield Pings(log)
