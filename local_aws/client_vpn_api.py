"""EC2's Client VPN calls on a loopback port, which the emulator does not know.

It speaks EC2's query protocol over HTTP, so unchanged programs use it through ``AWS_ENDPOINT_URL_EC2``.
Source: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/Query-Requests.html
"""

from __future__ import annotations

import threading
import time
import uuid
from collections import Counter
from functools import cached_property
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

import boto3
from botocore.config import Config

from local_aws.client_vpn_actions import Refused, Service, perform
from local_aws.client_vpn_state import (
    ClientConnectOptions,
    Connection,
    ConnectionStatus,
    Endpoint,
    EndpointConfiguration,
)
from local_aws.emulator import REGION
from local_aws.rate_limit import RateLimit, TokenBucket

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from types import TracebackType

# The limits that AWS grants an account in a Region.
# Source: https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html
LIMITS: Mapping[str, RateLimit] = {
    "DescribeClientVpnConnections": RateLimit(burst=100, per_second=20),
    "TerminateClientVpnConnections": RateLimit(burst=50, per_second=5),
}

_THROTTLED = "RequestLimitExceeded"
_NAMESPACE = "http://ec2.amazonaws.com/doc/2016-11-15/"


def faster_clock(speed: float) -> Callable[[], float]:
    """Return a clock that starts at the present time and runs ``speed`` times as fast as the real one."""
    begin, started = time.time(), time.monotonic()
    return lambda: begin + (time.monotonic() - started) * speed


class ClientVpnApi:
    """A Region's Client VPN endpoints and the API to them, which lives as long as the ``with`` block.

    Answers ``DescribeClientVpnConnections``, ``TerminateClientVpnConnections``, ``DescribeClientVpnEndpoints``,
    ``ModifyClientVpnEndpoint`` (only the client connect options), ``CreateTags`` and ``DeleteTags`` (of
    endpoints), ``ExportClientVpnClientCertificateRevocationList``, ``ExportClientVpnClientConfiguration``, and
    ``InvalidAction`` otherwise.

    Args:
        clock: Gives the service's time in seconds since 1970: that of its states and of its throttling.
            ``faster_clock`` makes hours pass in seconds.
        limits: What is throttled, by action; the rest is not. Default: what AWS grants.
        latency_seconds: How long each answer takes, by the real clock.
        termination_seconds: How long a connection is ``terminating``, by ``clock``.
        stale_seconds: How long a connection is still described as active after a call to terminate
            it, and an endpoint with the tags of before they changed, by ``clock``: EC2 is eventually consistent.

    Attributes:
        requests: How often each action was asked for, with those that were throttled or failed.
        throttled: How often each action was throttled.
    """

    def __init__(
        self,
        *,
        clock: Callable[[], float] = time.time,
        limits: Mapping[str, RateLimit] = LIMITS,
        latency_seconds: float = 0.0,
        termination_seconds: float = 2.0,
        stale_seconds: float = 0.0,
    ) -> None:
        self.requests: Counter[str] = Counter()
        self.throttled: Counter[str] = Counter()
        self._clock = clock
        self._latency = latency_seconds
        self._service = Service(termination_seconds=termination_seconds, stale_seconds=stale_seconds)
        self._buckets = {action: TokenBucket(limit, now=clock()) for action, limit in limits.items()}
        self._failures: dict[str, list[Refused]] = {}
        self._losses: dict[str, list[Refused]] = {}
        self._lock = threading.Lock()
        self._closing = threading.Event()

    def __enter__(self) -> Self:
        self._server = _Server(("127.0.0.1", 0), _request_handler(self._answer))
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()

    @property
    def endpoint(self) -> str:
        """The URL of the API."""
        return "http://{}:{}".format(*self._server.server_address[:2])

    @property
    def environment(self) -> dict[str, str]:
        """The variable that AWS's SDKs find it with."""
        return {"AWS_ENDPOINT_URL_EC2": self.endpoint}

    def client(self) -> Any:  # noqa: ANN401 - the stubs of EC2 weigh more than all others together
        """Return a boto3 client, which does not retry: always the same one."""
        return self._client

    @cached_property
    def _client(self) -> Any:  # noqa: ANN401 - see client()
        session = boto3.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name=REGION)  # noqa: S106
        config = Config(proxies={}, connect_timeout=5, read_timeout=60, retries={"total_max_attempts": 1})
        return session.client("ec2", endpoint_url=self.endpoint, config=config)

    def add_endpoint(
        self,
        endpoint_id: str,
        *,
        handler: str | None = None,
        configuration: EndpointConfiguration | None = None,
    ) -> None:
        """Add an endpoint, with the ARN of its client connect handler if it has one, or replace it."""
        options = ClientConnectOptions(enabled=handler is not None, function_arn=handler or "")
        with self._lock:
            self._service.endpoints[endpoint_id] = Endpoint(
                endpoint_id=endpoint_id,
                created=self._clock(),
                client_connect_options=options,
                configuration=configuration or EndpointConfiguration(),
            )

    def has_endpoint(self, endpoint_id: str) -> bool:
        """Whether there is an endpoint of this id."""
        with self._lock:
            return endpoint_id in self._service.endpoints

    def remove_endpoint(self, endpoint_id: str) -> None:
        """Remove an endpoint with its connections."""
        with self._lock:
            del self._service.endpoints[endpoint_id]

    def connect(self, endpoint_id: str, connections: Iterable[Connection]) -> None:
        """Add connections to an endpoint."""
        with self._lock:
            self._service.endpoints[endpoint_id].add(connections)

    def disconnect(self, endpoint_id: str, connection_id: str) -> None:
        """End a connection as its client does."""
        with self._lock:
            self._connection(endpoint_id, connection_id).leave(self._clock())

    def status(self, endpoint_id: str, connection_id: str) -> ConnectionStatus:
        """Return what a connection is, however stale the API's answer may be."""
        with self._lock:
            return self._connection(endpoint_id, connection_id).status(self._clock())

    def client_connect_options(self, endpoint_id: str) -> ClientConnectOptions:
        """Return an endpoint's client connect handler."""
        with self._lock:
            return self._service.endpoints[endpoint_id].client_connect_options

    def tags(self, endpoint_id: str) -> dict[str, str]:
        """Return an endpoint's tags, however stale the API's answer may be."""
        with self._lock:
            return dict(self._service.endpoints[endpoint_id].tags)

    @property
    def terminations(self) -> list[str]:
        """The connections it was asked to terminate and could, in that order; asked twice, there twice."""
        with self._lock:
            return list(self._service.terminations)

    def fail_next(
        self,
        action: str,
        *,
        times: int = 1,
        code: str = _THROTTLED,
        status: HTTPStatus = HTTPStatus.SERVICE_UNAVAILABLE,
        performed: bool = False,
    ) -> None:
        """Answer an action's next requests with an error, by default as if they were throttled.

        With ``performed`` they take place all the same, as when an answer is lost.
        """
        failures = [Refused(code, "It was configured to answer so.", status=status) for _ in range(times)]
        told = self._losses if performed else self._failures
        with self._lock:
            told.setdefault(action, []).extend(failures)

    def _connection(self, endpoint_id: str, connection_id: str) -> Connection:
        connection = self._service.endpoints[endpoint_id].find(connection_id)
        if connection is None:
            raise KeyError(connection_id)
        return connection

    def _answer(self, body: str) -> tuple[HTTPStatus, str]:
        """Return the status and the XML for a request."""
        self._closing.wait(self._latency)
        parameters = dict(parse_qsl(body, keep_blank_values=True))
        parameters.pop("Version", None)
        action, request_id = parameters.pop("Action", ""), uuid.uuid4()
        try:
            inner = self._perform(action, parameters)
        except Refused as refused:
            return refused.status, (
                f"<Response><Errors><Error><Code>{refused.code}</Code><Message>{escape(str(refused))}</Message>"
                f"</Error></Errors><RequestID>{request_id}</RequestID></Response>"
            )
        return HTTPStatus.OK, (
            f'<{action}Response xmlns="{_NAMESPACE}"><requestId>{request_id}</requestId>{inner}</{action}Response>'
        )

    def _perform(self, action: str, parameters: Mapping[str, str]) -> str:
        with self._lock:
            now = self._clock()
            self.requests[action] += 1
            try:
                self._require_turn(action, now)
                answer = perform(self._service, action, parameters, now=now)
                self._require_delivery(action)
            except Refused as refused:
                self.throttled[action] += refused.code == _THROTTLED
                raise
        return answer

    def _require_turn(self, action: str, now: float) -> None:
        if failures := self._failures.get(action):
            raise failures.pop(0)
        bucket = self._buckets.get(action)
        if bucket is not None and not bucket.take(now=now):
            raise Refused(_THROTTLED, "Request limit exceeded.", status=HTTPStatus.SERVICE_UNAVAILABLE)

    def _require_delivery(self, action: str) -> None:
        if losses := self._losses.get(action):
            raise losses.pop(0)


class _Server(ThreadingHTTPServer):
    request_queue_size = 128


def _request_handler(answer: Callable[[str], tuple[HTTPStatus, str]]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        wbufsize = -1  # one packet for an answer's head and body

        def do_POST(self) -> None:
            status, xml = answer(self.rfile.read(int(self.headers["Content-Length"])).decode())
            body = f'<?xml version="1.0" encoding="UTF-8"?>\n{xml}'.encode()
            self.send_response(status)
            self.send_header("Content-Type", "text/xml;charset=UTF-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_args: object) -> None:
            """Say nothing."""

    return Handler
