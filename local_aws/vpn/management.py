"""OpenVPN's management interface: the events of a server's clients, and the commands to it.

Source: https://github.com/OpenVPN/openvpn/blob/v2.6.14/doc/management-notes.txt
"""

from __future__ import annotations

import re
import socket
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

_START_SECONDS = 15.0
_CLIENT = re.compile(r">CLIENT:(CONNECT|REAUTH|ESTABLISHED|DISCONNECT),(\d+)(?:,(\d+))?")
_VARIABLE = ">CLIENT:ENV,"
_LONGEST_ARGUMENT = 255  # bytes; OPTION_PARM_SIZE of OpenVPN
_END = ">CLIENT:ENV,END"


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """An event of a client.

    Attributes:
        kind: ``CONNECT``, ``REAUTH``, ``ESTABLISHED`` or ``DISCONNECT``.
        client: The server's number of the client.
        key: The number of the key that it negotiates; empty without one.
        variables: What the server knows of it, such as ``IV_PLAT`` and ``untrusted_ip``.
    """

    kind: str
    client: str
    key: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)


class Management:
    """The connection to a server's management socket.

    Args:
        path: The socket, which the server makes.
        notify: Called with everything that happens, from one thread.
    """

    def __init__(self, path: Path, notify: Callable[[Notification], None]) -> None:
        self._notify = notify
        self._lock = threading.Lock()
        self._socket = _connected(path)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def close(self) -> None:
        """Hang up, and wait for what is just being told."""
        self._socket.shutdown(socket.SHUT_RDWR)
        self._reader.join()
        self._socket.close()

    def allow(self, client: str, key: str) -> None:
        """Let a client in."""
        self._send(f"client-auth-nt {client} {key}")

    def deny(self, client: str, key: str, *, reason: str, message: str) -> None:
        """Refuse a client, with a reason for the server's log and, unless it is empty, a message for the user.

        Both are cut to the 255 bytes that the interface takes; of a longer one the server would refuse the command,
        and the client would get no answer.
        """
        told = f" {_quoted(message)}" if message else ""
        self._send(f"client-deny {client} {key} {_quoted(reason)}{told}")

    def end(self, client: str) -> None:
        """End a client's session for good: it does not connect again by itself."""
        self._send(f"client-kill {client} HALT")

    def drop(self, client: str) -> None:
        """End a client's session as an outage does: it connects again by itself."""
        self._send(f"client-kill {client} RESTART")

    def _send(self, line: str) -> None:
        with self._lock:
            self._socket.sendall(line.encode() + b"\n")

    def _read(self) -> None:
        variables: dict[str, str] = {}
        begun = Notification(kind="", client="")
        with self._socket.makefile("rb") as lines:
            for raw in lines:
                line = raw.decode("utf-8", "replace").rstrip("\r\n")
                if found := _CLIENT.match(line):
                    kind, client, key = found.groups()
                    variables = {}
                    begun = Notification(kind=kind, client=client, key=key or "", variables=variables)
                elif line == _END:
                    self._notify(begun)
                elif line.startswith(_VARIABLE):
                    name, _, value = line.removeprefix(_VARIABLE).partition("=")
                    variables[name] = value


def _connected(path: Path) -> socket.socket:
    deadline = time.monotonic() + _START_SECONDS
    while True:
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.connect(str(path))
        except OSError:
            connection.close()
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return connection


def _quoted(text: str) -> str:
    """Quote an argument of a command, which is one line of at most so many bytes."""
    short = text.encode()[:_LONGEST_ARGUMENT].decode(errors="ignore")
    escaped = re.sub(r'(["\\])', r"\\\1", short).replace("\n", " ").replace("\r", " ")
    return f'"{escaped}"'
