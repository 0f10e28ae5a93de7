"""The whole endpoint: the networks, the server, the bridge to the handler, and the clients."""

from __future__ import annotations

import contextlib
import itertools
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Self

from local_aws.vpn.bridge import Bridge
from local_aws.vpn.certificates import Authority
from local_aws.vpn.networks import Internet
from local_aws.vpn.openvpn_client import Client, ClientOptions
from local_aws.vpn.openvpn_server import openvpn_server
from local_aws.vpn.run_directory import run_directory

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from local_aws.client_vpn_api import ClientVpnApi
    from local_aws.vpn.attempts import Attempt
    from local_aws.vpn.bridge import Ask, User
    from local_aws.vpn.certificates import Issuer

OFFICE = "198.51.100.7"


class LocalVpn:
    """A Client VPN endpoint on this machine, for as long as the ``with`` block runs; it needs root.

    :func:`local_aws.vpn.requirements.missing` says whether it can run here.

    Args:
        ask: Asks the client connect handler, such as ``DeployedHandler.invoke``.
        api: The EC2 API; connections appear in it, and what it is asked to terminate is ended.
        endpoint_id: An endpoint that ``api`` has.
        users: The directory, by names in lower case.
        report: Called with each attempt when it is settled, from several threads.
        authority: Makes the authority that issues certificates, with its files in a folder.

    Attributes:
        directory: The folder of the run, with the logs of the server and of the clients.
        authority: Issues certificates.
        internet: The networks.
        bridge: Has the attempts.
    """

    def __init__(  # noqa: PLR0913 - one keyword per part
        self,
        *,
        ask: Ask,
        api: ClientVpnApi,
        endpoint_id: str,
        users: Mapping[str, User],
        report: Callable[[Attempt], None] = lambda _attempt: None,
        authority: Callable[[Path], Issuer] = Authority,
    ) -> None:
        self._bridge_to = partial(
            Bridge, ask=ask, api=api, endpoint_id=endpoint_id, users=users, report=report
        )
        self._authority_in = authority
        self._resources = contextlib.ExitStack()
        self._clients: list[Client] = []
        self._numbers = itertools.count()
        self.directory: Path
        self.authority: Issuer
        self.internet: Internet
        self.bridge: Bridge

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as resources:
            self.directory = resources.enter_context(run_directory())
            self.authority = self._authority_in(self.directory)
            self.internet = Internet(self.directory.name)
            server = openvpn_server(self.directory, self.internet, self.authority)
            management = resources.enter_context(server)
            self.bridge = resources.enter_context(self._bridge_to(management=management))
            resources.callback(self.stop_clients)
            self._resources = resources.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._resources.close()

    @property
    def attempts(self) -> list[Attempt]:
        """All attempts to connect, the first one first."""
        return self.bridge.attempts

    def connect(
        self,
        *,
        common_name: str,
        options: ClientOptions,
        at: str = OFFICE,
        namespace: str | None = None,
    ) -> Client:
        """Start a client, which is still connecting; ``Client.wait`` waits for its outcome.

        Args:
            common_name: The device, which gets a certificate of this name.
            options: How it connects.
            at: The public address of its place.
            namespace: Its place instead, as ``internet.place`` returns it.
        """
        client = Client(
            name=f"client-{next(self._numbers)}",
            directory=self.directory,
            namespace=namespace or self.internet.place(at),
            authority=self.authority,
            certificate=self.authority.client(common_name),
            options=options,
        )
        self._clients.append(client)
        client.start()
        return client

    def stop_clients(self) -> None:
        """End all clients, at the same time: each takes a second to report it to the server."""
        with ThreadPoolExecutor(len(self._clients) or 1) as pool:
            list(pool.map(Client.stop, self._clients))
        self._clients.clear()
