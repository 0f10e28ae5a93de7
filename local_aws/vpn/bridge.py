"""The Client VPN service's part between OpenVPN and the client connect handler.

It authenticates the user, as a directory would, makes the event of what the server knows of the client, asks the
handler, and lets the client in or shows it the handler's message. Connections are those of the EC2 API: what is
established is listed there, and what is terminated there is ended here.

Source: https://docs.aws.amazon.com/vpn/latest/clientvpn-admin/connection-authorization.html
"""

from __future__ import annotations

import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from local_aws.client_vpn_state import Connection
from local_aws.vpn.attempts import Attempt
from local_aws.vpn.management import Management

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from local_aws.client_vpn_api import ClientVpnApi
    from local_aws.deployed_handler import Invocation
    from local_aws.vpn.management import Notification

    # Asks the handler; raises whatever keeps it from answering.
    Ask = Callable[[Mapping[str, Any]], Invocation]

# The service's answer when the handler gives no valid answer.
NO_ANSWER = "Error establishing connection. Please contact your administrator."

_LONGEST_USERNAME = 255
_WORKERS = 4  # as many functions run at once; more would take each other's time on this machine
_TERMINATIONS_EVERY = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A user of the directory.

    Attributes:
        password: The password.
        groups: The groups.
    """

    password: str
    groups: tuple[str, ...] = ()


class Bridge:
    """Serves one endpoint for as long as the ``with`` block runs.

    Args:
        management: The server's management socket.
        ask: Asks the handler.
        api: Lists the connections, and is asked to terminate them.
        endpoint_id: An endpoint that ``api`` has.
        users: The directory, by names in lower case.
        report: Called with each attempt when it is settled, from several threads.

    Attributes:
        attempts: All attempts, in the order the server reported them.
    """

    def __init__(  # noqa: PLR0913 - one keyword per part
        self,
        *,
        management: Path,
        ask: Ask,
        api: ClientVpnApi,
        endpoint_id: str,
        users: Mapping[str, User],
        report: Callable[[Attempt], None] = lambda _attempt: None,
    ) -> None:
        self.attempts: list[Attempt] = []
        self._ask, self._api, self._endpoint_id = ask, api, endpoint_id
        self._users, self._report = users, report
        self._clients: dict[str, Attempt] = {}
        self._pool = ThreadPoolExecutor(_WORKERS)
        self._closing = threading.Event()
        self._terminator = threading.Thread(target=self._terminate, daemon=True)
        self._management = Management(management, self._notified)

    def __enter__(self) -> Self:
        self._terminator.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        self._terminator.join()
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._management.close()

    def drop(self, attempt: Attempt) -> None:
        """End an established connection as an outage does: a client that retries comes back."""
        self._management.drop(attempt.client)

    def _notified(self, told: Notification) -> None:
        if told.kind == "CONNECT":
            new = self._clients[told.client] = Attempt(client=told.client, seen=told.variables)
            self.attempts.append(new)
            self._pool.submit(self._settle, new, told.key)
        elif told.kind == "REAUTH":  # the service asks the handler once
            self._management.allow(told.client, told.key)
        elif attempt := self._clients.get(told.client):
            if told.kind == "ESTABLISHED":
                self._establish(attempt, told.variables)
            else:
                self._leave(attempt)

    def _establish(self, attempt: Attempt, variables: Mapping[str, str]) -> None:
        connection = Connection(
            connection_id=attempt.connection_id,
            username=attempt.event["username"],
            common_name=attempt.event["common-name"],
            client_ip=variables.get("ifconfig_pool_remote_ip", ""),
            established=time.time(),
        )
        self._api.connect(self._endpoint_id, [connection])
        attempt.is_established = True

    def _leave(self, attempt: Attempt) -> None:
        if attempt.is_established and attempt.connection_id not in self._api.terminations:
            self._api.disconnect(self._endpoint_id, attempt.connection_id)
        attempt.has_ended = True

    def _settle(self, attempt: Attempt, key: str) -> None:
        user = self._authenticated(attempt.seen)
        if user is None:
            attempt.failure = "the user could not be authenticated"
            self._deny(attempt, key, "")
        else:
            attempt.event = _event(self._endpoint_id, attempt.seen, user)
            try:
                invocation = self._ask(attempt.event)
                message = _message(invocation.answer)
            except Exception as error:  # noqa: BLE001 - whatever it is, the service goes on
                attempt.failure = f"{type(error).__name__}: {error}"
                self._deny(attempt, key, NO_ANSWER)
            else:
                attempt.invocation = invocation
                self._answer(attempt, key, message)
        self._report(attempt)

    def _answer(self, attempt: Attempt, key: str, message: str) -> None:
        if attempt.is_allowed:
            self._management.allow(attempt.client, key)
        else:
            self._deny(attempt, key, message)

    def _deny(self, attempt: Attempt, key: str, message: str) -> None:
        attempt.told = message
        self._management.deny(attempt.client, key, reason=attempt.failure or "denied", message=message)

    def _authenticated(self, seen: Mapping[str, str]) -> User | None:
        """Return the user; one without groups when there is a certificate alone."""
        username = seen.get("username", "")
        if not username:
            return User(password="")
        user = self._users.get(username.lower())
        return user if user is not None and user.password == seen.get("password", "") else None

    def _terminate(self) -> None:
        """End what EC2 was asked to terminate."""
        done: set[str] = set()
        while not self._closing.wait(_TERMINATIONS_EVERY):
            for connection_id in set(self._api.terminations) - done:
                done.add(connection_id)
                for attempt in list(self.attempts):
                    if attempt.connection_id == connection_id and not attempt.has_ended:
                        self._management.end(attempt.client)


def _message(answer: Mapping[str, Any]) -> str:
    """Return the message for the user, which every answer has."""
    message: str = answer["error-msg-on-denied-connection"]
    return message


def _event(endpoint_id: str, seen: Mapping[str, str], user: User) -> dict[str, Any]:
    return {
        "connection-id": f"cvpn-connection-{uuid.uuid4().hex[:17]}",
        "endpoint-id": endpoint_id,
        "common-name": seen.get("common_name", ""),
        "username": seen.get("username", "")[:_LONGEST_USERNAME],
        "platform": seen.get("IV_PLAT", ""),
        "platform-version": seen.get("IV_PLAT_VER", ""),
        "public-ip": seen.get("untrusted_ip") or seen.get("untrusted_ip6", ""),
        "client-openvpn-version": seen.get("IV_VER", ""),
        "groups": list(user.groups),
        "aws-client-version": seen.get("UV_AWS_CLIENT_VERSION", ""),
        "schema-version": "v3",
    }
