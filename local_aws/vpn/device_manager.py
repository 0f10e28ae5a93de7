"""A device manager on a loopback port: a list of devices as JSON, which whoever uses it changes."""

from __future__ import annotations

import json
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Iterable

# Its host name. The sync asks a server on this machine in its place.
URL = "https://devices.example.com/devices"
TOKEN = "the-token-of-the-sync"  # noqa: S105 - of a server that lives as long as a demonstration


class DeviceManager:
    """The manager, which lives as long as the ``with`` block.

    Args:
        devices: The common names of its devices, all of them compliant.
    """

    def __init__(self, devices: Iterable[str]) -> None:
        self._compliant = dict.fromkeys(devices, True)

    def __enter__(self) -> Self:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _request_handler(self))
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def address(self) -> str:
        """Where it listens."""
        return "http://{}:{}".format(*self._server.server_address[:2])

    def judge(self, device: str, *, compliant: bool) -> None:
        """Find a device compliant, or not."""
        self._compliant[device] = compliant

    def answer(self) -> bytes:
        """Return the list."""
        devices = [
            {"id": number, "certificate": name, "compliant": compliant}
            for number, (name, compliant) in enumerate(self._compliant.items())
        ]
        return json.dumps(devices).encode()


def _request_handler(manager: DeviceManager) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            authorized = self.headers.get("Authorization") == f"Bearer {TOKEN}"
            content = manager.answer() if authorized else b"{}"
            self.send_response(HTTPStatus.OK if authorized else HTTPStatus.UNAUTHORIZED)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_arguments: object) -> None:
            """Log nothing."""

    return Handler
