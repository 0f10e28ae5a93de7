"""Whatever happens to DynamoDB, the client is answered in time: under AWS's own runtime client, over real sockets."""

from __future__ import annotations

import contextlib
import json
import socket
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from client_connect import settings
from client_connect_tools import Bundle, Rules
from local_aws.emulator import ARCHITECTURE, REGION, RUNTIME
from local_aws.runtime_client import RuntimeClient

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(
        sys.platform != "linux", reason="the bundle is built for Lambda and runs on this machine"
    ),
]

EVENT = {
    "connection-id": "cvpn-connection-1",
    "endpoint-id": "cvpn-endpoint-1",
    "common-name": "laptop-1",
    "username": "bob",
    "platform": "win",
    "public-ip": "198.51.100.7",
    "schema-version": "v3",
}
ERRORS = "com.amazonaws.dynamodb.v20120810#"
TABLES = {settings.DEVICES_TABLE: "Devices", settings.WAIVERS_TABLE: "Waivers"}
REGISTRY = {settings.CONNECTIONS_TABLE: "Connections"}

# Less than the least timeout of a handler with tables: whoever waits longer gets no message.
SECONDS = 5.0


@contextlib.contextmanager
def answering(status: int, answer: dict[str, Any]) -> Iterator[str]:
    """A service that gives each request the same answer."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            body = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/x-amz-json-1.0")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield "http://{}:{}".format(*server.server_address[:2])
    finally:
        server.shutdown()
        server.server_close()


@contextlib.contextmanager
def silent() -> Iterator[str]:
    """A service that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


@contextlib.contextmanager
def dribbling() -> Iterator[str]:
    """A service that sends a byte now and then, so no read of a socket ever times out."""
    stopped = threading.Event()

    def serve(server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while not stopped.is_set():
                threading.Thread(target=dribble, args=server.accept()[:1], daemon=True).start()

    def dribble(connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection:
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
            while not stopped.wait(0.2):
                connection.sendall(b" ")

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=serve, args=(server,), daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.getsockname()[1]}"
        finally:
            stopped.set()
            server.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def refusing() -> Iterator[str]:
    """A port without a listener."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    yield f"http://127.0.0.1:{port}"


def throttled(operation: str = "ProvisionedThroughputExceededException") -> dict[str, Any]:
    """Return the answer of a table that has no capacity left."""
    return {"__type": ERRORS + operation, "message": "slow down"}


UNPROCESSED = {"Responses": {}, "UnprocessedKeys": {"Devices": {"Keys": [{"commonName": {"S": "laptop-1"}}]}}}
FAULTS = {
    "refuses": (refusing, "EndpointConnectionError"),
    "is silent": (silent, "ReadTimeoutError|TimeoutError"),
    "dribbles": (dribbling, "TimeoutError"),
    "throttles": (lambda: answering(400, throttled()), "ProvisionedThroughputExceededException"),
    "leaves keys unprocessed": (lambda: answering(200, UNPROCESSED), "Unprocessed"),
    "is broken": (lambda: answering(500, {"__type": "InternalServerError"}), "InternalServerError"),
    "forbids": (lambda: answering(400, throttled("AccessDeniedException")), "AccessDeniedException"),
    "says nonsense": (lambda: answering(200, {"Responses": 7}), "Error"),
    "says nothing": (lambda: answering(200, {}), "KeyError"),
}


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle whose policies let registered devices in."""
    folder = tmp_path_factory.mktemp("bundle")
    Bundle(Rules(registered_devices=True).to_cedar(), RUNTIME.removeprefix("python"), ARCHITECTURE).build(
        folder
    )
    return folder


@pytest.fixture(scope="module")
def open_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle whose policies let everybody in."""
    folder = tmp_path_factory.mktemp("open-bundle")
    Bundle(Rules().to_cedar(), RUNTIME.removeprefix("python"), ARCHITECTURE).build(folder)
    return folder


def environment(endpoint: str, tables: dict[str, str]) -> dict[str, str]:
    """Return the variables of a function whose DynamoDB is at an endpoint."""
    return tables | {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "NO_PROXY": "127.0.0.1",
    }


@pytest.mark.parametrize("fault", FAULTS)
def test_an_inventory_that_fails_denies_with_a_message(bundle: Path, fault: str) -> None:
    """Never an exception, never an allow, never later than the function's timeout; the record says what it was."""
    service, problem = FAULTS[fault]
    with (
        service() as endpoint,
        RuntimeClient(
            bundle,
            handler="client_connect.handler.handler",
            environment=environment(endpoint, TABLES),
        ) as runtime,
    ):
        for _ in range(2):
            answer = runtime.invoke(EVENT, seconds=SECONDS)
            assert answer["allow"] is False
            assert "could not be checked just now" in answer["error-msg-on-denied-connection"]
            record = runtime.log_records[-1]
            assert record["level"] == "WARNING"
            assert record["decision"]["determining"] == ["inventory-available"]
            assert any(name in record["unavailable"]["inventory"] for name in problem.split("|"))


@pytest.mark.parametrize("fault", FAULTS)
def test_a_registry_that_fails_changes_no_decision(open_bundle: Path, fault: str) -> None:
    """The connection is allowed in time, and the failure is counted."""
    if fault in ("leaves keys unprocessed", "says nonsense", "says nothing"):
        pytest.skip("a write takes no notice of what the answer holds")
    service, problem = FAULTS[fault]
    with (
        service() as endpoint,
        RuntimeClient(
            open_bundle,
            handler="client_connect.handler.handler",
            environment=environment(endpoint, REGISTRY),
        ) as runtime,
    ):
        answer = runtime.invoke(EVENT, seconds=SECONDS)
        assert answer["allow"] is True
        record = runtime.log_records[-1]
        assert (record["Allowed"], record["RegistryErrors"]) == (1, 1)
        assert any(
            name in record["unavailable"]["registry"] for name in (*problem.split("|"), "TimeoutError")
        )
