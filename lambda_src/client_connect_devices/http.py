"""Requests to a device manager: HTTPS only, to one host each, within limits of size and time.

The standard library's client, because what AWS pins in Lambda's image changes. Redirects are errors: no list answers
with one, and a redirect could take the credentials to another host.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import random
import socket
import ssl
import threading
import time
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from client_connect_devices.errors import ManagerUnavailable, OutOfTime, UnexpectedAnswer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from client_connect_devices.deadline import Deadline

LARGEST_ANSWER = 64 * 1024 * 1024
_CHUNK = 256 * 1024
_CONNECT_TIMEOUT_S = 10.0
_READ_TIMEOUT_S = 60.0
# One answer, to its last byte: a server that sends a byte now and then must not hold a run.
_LONGEST_ANSWER_S = 120.0

_ATTEMPTS = 6
_FIRST_PAUSE_S = 1.0
_LONGEST_PAUSE_S = 60.0
_AGAIN = frozenset((408, 429, 500, 502, 503, 504))
_LOOPBACK = frozenset(("127.0.0.1", "localhost"))
_USER_AGENT = "cdk-client-connect-device-sync"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer.

    Attributes:
        status: The status code.
        value: The JSON value; ``None`` when the content is no JSON.
        problem: Why the content is no JSON; empty when it is.
    """

    status: int
    value: Any
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Content:
    status: int
    headers: Mapping[str, str]
    body: bytes


class Client:
    """Sends requests, and sends them again where that is worth trying.

    Args:
        deadline: When the run must be over.
        test_server: For tests alone: the URL of a server on this machine that receives every request in place of the
            host it is for, without TLS. No construct sets it.
        pause_factor: For tests alone: what pauses are multiplied by.
    """

    def __init__(self, deadline: Deadline, *, test_server: str = "", pause_factor: float = 1.0) -> None:
        if test_server and urlsplit(test_server).hostname not in _LOOPBACK:
            raise ValueError("a test server must be on this machine")
        self._deadline = deadline
        self._test_server = test_server
        self._pause_factor = pause_factor
        self._connections: dict[str, http.client.HTTPConnection] = {}
        self._context: ssl.SSLContext | None = None
        self.requests = 0
        self.retries = 0

    def get(self, url: str, headers: Mapping[str, str]) -> Answer:
        """Request a URL, and again after failures that pass.

        Raises:
            ManagerUnavailable: When it fails for longer than is worth waiting.
            UnexpectedAnswer: When the answer is too large, compressed or a redirect, or the URL is not HTTPS.
            OutOfTime: When the run's time is over.
        """
        return self._send("GET", url, headers, None)

    def post_form(self, url: str, headers: Mapping[str, str], form: str) -> Answer:
        """Post a form, as to an OAuth token endpoint."""
        content_type = {"Content-Type": "application/x-www-form-urlencoded"}
        return self._send("POST", url, {**headers, **content_type}, form.encode())

    def post_json(self, url: str, headers: Mapping[str, str], value: object) -> Answer:
        """Post a JSON value."""
        body = json.dumps(value).encode()
        return self._send("POST", url, {**headers, "Content-Type": "application/json"}, body)

    def close(self) -> None:
        """Close all connections."""
        for connection in self._connections.values():
            connection.close()
        self._connections.clear()

    def _send(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> Answer:
        where = place(url)
        problem = ""
        for attempt in range(_ATTEMPTS):
            self._deadline.require()
            asked_pause = None
            try:
                content = self._try(method, url, headers, body)
            except (OSError, http.client.HTTPException) as error:
                self._drop(url)
                problem = f"{where} cannot be reached: {_described(error)}"
            else:
                if content.status not in _AGAIN:
                    return _answer(content, where)
                problem = f"{where} answers with status {content.status}"
                asked_pause = _retry_after(content.headers)
            if attempt + 1 < _ATTEMPTS:
                self._wait(attempt, asked_pause, problem)
        raise ManagerUnavailable(f"{problem}, {_ATTEMPTS} times in a row")

    def _wait(self, attempt: int, asked: float | None, problem: str) -> None:
        if asked is not None and asked > _LONGEST_PAUSE_S:
            raise ManagerUnavailable(f"{problem} and asks to wait {asked:.0f} s; the next run tries again")
        backoff = min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2**attempt) * random.uniform(0.5, 1)  # noqa: S311 - spreads the load
        seconds = max(backoff, asked or 0.0) * self._pause_factor
        if self._deadline.left() <= seconds:
            raise OutOfTime(f"{problem}, and the run's time is used up")
        self.retries += 1
        self._deadline.pause(seconds)

    def _try(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> _Content:
        parts = urlsplit(url)
        is_plain = url.isascii() and url.isprintable() and " " not in url
        if not is_plain or parts.scheme != "https" or not parts.hostname or parts.username or parts.password:
            raise UnexpectedAnswer(f"{place(url)} is not an HTTPS address of a host")
        connection = self._connection(parts.netloc)
        path = parts.path or "/"
        self.requests += 1
        with self._guarded(connection) as deadline:
            connection.request(
                method,
                f"{path}?{parts.query}" if parts.query else path,
                body,
                {"Host": parts.netloc, "User-Agent": _USER_AGENT, "Accept": "application/json", **headers},
            )
            response = connection.getresponse()
            content = _read(response, place(url), deadline)
            if response.will_close:
                self._drop(url)
            return content

    def _connection(self, netloc: str) -> http.client.HTTPConnection:
        connection = self._connections.get(netloc)
        if connection is None:
            connection = self._connections[netloc] = self._new_connection(netloc)
        return connection

    def _new_connection(self, netloc: str) -> http.client.HTTPConnection:
        if self._test_server:
            return http.client.HTTPConnection(urlsplit(self._test_server).netloc, timeout=_CONNECT_TIMEOUT_S)
        if self._context is None:
            self._context = ssl.create_default_context()
        return http.client.HTTPSConnection(netloc, timeout=_CONNECT_TIMEOUT_S, context=self._context)

    def _drop(self, url: str) -> None:
        connection = self._connections.pop(urlsplit(url).netloc, None)
        if connection is not None:
            connection.close()

    @contextlib.contextmanager
    def _guarded(self, connection: http.client.HTTPConnection) -> Iterator[float]:
        """Cut the connection when one answer takes too long, whatever the server sends meanwhile."""
        seconds = min(_LONGEST_ANSWER_S, self._deadline.left())
        if connection.sock is None:
            connection.connect()
        connection.sock.settimeout(min(_READ_TIMEOUT_S, max(0.1, seconds)))
        timer = threading.Timer(seconds, _cut, [connection.sock])
        timer.daemon = True
        timer.start()
        try:
            yield time.monotonic() + seconds
        finally:
            timer.cancel()


def place(url: str) -> str:
    """Return a URL as messages may name it: without its query, which may hold a cursor or a name."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "an address that is none"
    return f"{parts.scheme}://{parts.hostname}{parts.path}"[:300]


def _cut(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)


def _read(response: http.client.HTTPResponse, where: str, deadline: float) -> _Content:
    encoding = response.headers.get("Content-Encoding", "identity").lower()
    if encoding not in ("identity", ""):
        raise UnexpectedAnswer(f"{where} answers compressed ({encoding:.20}), which was not asked for")
    body = bytearray()
    while chunk := response.read1(_CHUNK):
        body += chunk
        if len(body) > LARGEST_ANSWER:
            raise UnexpectedAnswer(
                f"{where} answers with more than {LARGEST_ANSWER >> 20} MiB; set a smaller page_size"
            )
        if time.monotonic() > deadline:
            raise TimeoutError("the answer does not end")
    response.close()  # read1 does not notice the end, and the connection waits for it
    length = response.headers.get("Content-Length", "")
    if length.isdecimal() and int(length) != len(body):
        raise http.client.IncompleteRead(b"", int(length) - len(body))
    return _Content(status=response.status, headers=dict(response.headers.items()), body=bytes(body))


def _answer(content: _Content, where: str) -> Answer:
    if 300 <= content.status < 400:  # noqa: PLR2004 - the redirects of HTTP
        raise UnexpectedAnswer(
            f"{where} redirects (status {content.status}), which is not followed: the credentials could go to another "
            "host; give the address that it redirects to"
        )
    headers = {name.lower(): value for name, value in content.headers.items()}
    kind = headers.get("content-type", "").split(";")[0].strip().lower()
    if kind != "application/json" and not kind.endswith("+json"):
        return Answer(
            status=content.status, value=None, problem=f"it is {kind[:60] or 'of no type'}, not JSON"
        )
    try:
        return Answer(status=content.status, value=json.loads(content.body, parse_constant=_refuse))
    except (ValueError, RecursionError):
        return Answer(status=content.status, value=None, problem="it is not valid JSON")


def _refuse(name: str) -> None:
    raise ValueError(name)


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds to wait that an answer asks for, as a number or a date; ``None`` without, or if unreadable."""
    text = next((value for name, value in headers.items() if name.lower() == "retry-after"), "").strip()
    if text.isascii() and text.isdecimal() and len(text) < 10:  # noqa: PLR2004 - longer is no wait
        return float(text)
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def _described(error: BaseException) -> str:
    if isinstance(error, http.client.HTTPException) and not isinstance(error, ConnectionError):
        # Its text may be what the server sent, which may be what it was sent.
        return type(error).__name__
    return f"{type(error).__name__}: {error}"[:200]
