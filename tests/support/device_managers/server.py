"""Shared by the servers: tokens that expire, a record of requests, and faults."""

from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Self

    # The effect of a fault in place of, or to, the answer of a request for a list.
    Fault = Callable[["Reply"], "Reply"]

CLIENT_ID, CLIENT_SECRET = "the-client-id", "the-client-secret"
TOKEN = "the-fixed-token"  # noqa: S105 - the test's own


class Reply:
    """An answer.

    Args:
        status: The status.
        value: The JSON of the body; or bytes, as they are.
        headers: Further headers.
    """

    def __init__(self, status: int, value: Any = None, headers: dict[str, str] | None = None) -> None:
        self.status = status
        self.body = value if isinstance(value, bytes) else json.dumps(value).encode()
        self.headers = {"Content-Type": "application/json", **(headers or {})}
        self.seconds_per_byte = 0.0
        self.cut = False

    @property
    def value(self) -> Any:
        """The JSON of the body."""
        return json.loads(self.body)


class Request:
    """A request.

    Attributes:
        host: The host that it is for.
        path: The path.
        query: The parameters; of a repeated one, the last.
        parameters: All parameters in their order.
        form: The fields of the body.
        headers: The headers by lower-case names.
    """

    def __init__(self, method: str, target: str, headers: dict[str, str], body: bytes) -> None:
        parts = urlsplit(target)
        self.method = method
        self.host = headers.get("host", "")
        self.path = parts.path
        self.parameters = parse_qsl(parts.query, keep_blank_values=True)
        self.query = dict(self.parameters)
        self.form = dict(parse_qsl(body.decode()))
        self.headers = headers


class ManagerServer:
    """A server on a free loopback port.

    Attributes:
        devices: The devices that it lists, as its API has them.
        faults: What happens to requests for lists, by their number from 0.
        requests: All requests.
        token_uses: How many requests for lists a token is good for.
    """

    host = ""
    token_path = ""
    fixed_token = False

    def __init__(self, devices: list[dict[str, Any]] | None = None) -> None:
        self.devices = devices or []
        self.faults: dict[int, Fault] = {}
        self.requests: list[Request] = []
        self.lists = 0
        self.token_uses = 1_000_000
        self.expires_in: Any = 3600
        self._uses: dict[str, int] = {}
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_of(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.005})
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def url(self) -> str:
        """The address."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def reply(self, request: Request) -> Reply:
        """Answer a request."""
        with self._lock:
            self.requests.append(request)
            if self.token_path and request.path == self.token_path:
                return self._token(request)
            if request.host != self.host:
                return Reply(404, {"error": "no such host"})
            number, self.lists = self.lists, self.lists + 1
            reply = self._refusal(request) or self.list(request)
            fault = self.faults.get(number)
        return reply if fault is None else fault(reply)

    def list(self, request: Request) -> Reply:
        """Answer a request for a list."""
        raise NotImplementedError

    def is_authorized(self, request: Request) -> bool:
        """Whether a request has a fixed token that is right."""
        return request.headers.get("authorization") == f"Bearer {TOKEN}"

    def check_token_request(self, request: Request) -> bool:
        """Whether a request for a token has the right credentials."""
        form = request.form
        return (form.get("client_id"), form.get("client_secret")) == (CLIENT_ID, CLIENT_SECRET)

    def token_host(self) -> str:
        """The host of the token endpoint."""
        return self.host

    def _token(self, request: Request) -> Reply:
        if request.host != self.token_host() or request.method != "POST":
            return Reply(404, {"error": "no such host"})
        if request.form.get("grant_type") != "client_credentials" or not self.check_token_request(request):
            return Reply(
                401, {"error": "invalid_client", "error_description": "AADSTS7000215: Invalid secret"}
            )
        token = f"token-{len(self._uses)}"
        self._uses[token] = 0
        return Reply(200, {"token_type": "Bearer", "access_token": token, "expires_in": self.expires_in})

    def _refusal(self, request: Request) -> Reply | None:
        if not self.token_path or self.fixed_token:
            return None if self.is_authorized(request) else Reply(401, {"error": "unauthorized"})
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if token not in self._uses or self._uses[token] >= self.token_uses:
            return Reply(401, {"error": {"code": "InvalidAuthenticationToken"}})
        self._uses[token] += 1
        return None


def _handler_of(server: ManagerServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer()

        def do_POST(self) -> None:
            self._answer()

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            headers = {name.lower(): value for name, value in self.headers.items()}
            reply = server.reply(Request(self.command, self.path, headers, body))
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(reply.body)))
            self.end_headers()
            try:
                if reply.cut:
                    self.wfile.write(reply.body[: len(reply.body) // 2])
                    self.close_connection = True
                elif reply.seconds_per_byte:
                    for byte in reply.body:
                        self.wfile.write(bytes([byte]))
                        self.wfile.flush()
                        time.sleep(reply.seconds_per_byte)
                else:
                    self.wfile.write(reply.body)
            except OSError:
                self.close_connection = True

        def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002 - as the base class has it
            """Log nothing."""

    return Handler
