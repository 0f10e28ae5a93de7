"""A DynamoDB that has one device and answers at once, so nothing but our own time differs."""

from __future__ import annotations

import json
import multiprocessing
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

DEVICES_TABLE, WAIVERS_TABLE = "Devices", "Waivers"
DEVICE = {
    "commonName": {"S": "laptop-1"},
    "compliant": {"BOOL": True},
    "lastSeen": {"S": "2026-11-22T09:00:00Z"},
    "os": {"S": "10.0.22631"},
    "tags": {"M": {"owner": {"S": "bob"}}},
}
_ANSWERS = {
    "BatchGetItem": {"Responses": {DEVICES_TABLE: [DEVICE], WAIVERS_TABLE: []}, "UnprocessedKeys": {}},
    "GetItem": {"Item": DEVICE},
}
_BODIES = {operation: json.dumps(answer).encode() for operation, answer in _ANSWERS.items()}


@contextmanager
def one_device() -> Iterator[dict[str, str]]:
    """Serve, and give the environment variables that the AWS SDK finds it with."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Answers)
    process = multiprocessing.get_context("fork").Process(target=server.serve_forever, daemon=True)
    process.start()  # apart, or it would compete with what is measured
    try:
        yield {
            "AWS_ENDPOINT_URL": "http://{}:{}".format(*server.server_address[:2]),
            "AWS_DEFAULT_REGION": "eu-central-1",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
        }
    finally:
        process.terminate()
        server.server_close()


class _Answers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        body = _BODIES[self.headers["X-Amz-Target"].partition(".")[2]]
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/x-amz-json-1.0\r\nContent-Length: {len(body)}\r\n\r\n"
        self.wfile.write(head.encode() + body)

    def log_message(self, *_args: object) -> None:
        """Say nothing."""
