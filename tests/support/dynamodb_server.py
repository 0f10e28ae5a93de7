"""A DynamoDB behind a real socket that answers what a test asks for, even what DynamoDB never would."""

from __future__ import annotations

import json
import threading
from collections import deque
from contextlib import contextmanager
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, NamedTuple

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.session import get_session
from botocore.validate import validate_parameters

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from email.message import Message

    from botocore.model import ServiceModel

REGION = "eu-central-1"
ACCESS_KEY, SECRET_KEY, TOKEN = "AKIDEXAMPLE", "secret", "token"


class Asked(NamedTuple):
    """A request as it came."""

    operation: str
    parameters: dict[str, Any]
    headers: Message
    connection: int


class DynamoDb:
    """The requests, and the answers to give, in turn; an answer that is missing is a server error."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.asked: list[Asked] = []
        self._answers: deque[Callable[[BaseHTTPRequestHandler], None]] = deque()

    def answer(self, body: object, *, status: int = 200, headers: dict[str, str] | None = None) -> None:
        """Answer the next request: with JSON, or with text as it is."""
        data = (body if isinstance(body, str) else json.dumps(body)).encode()

        def send(to: BaseHTTPRequestHandler) -> None:
            to.send_response(status)
            for name, value in {"Content-Length": str(len(data)), **(headers or {})}.items():
                to.send_header(name, value)
            to.end_headers()
            to.wfile.write(data)

        self.misbehave(send)

    def refuse(self, code: str, message: str = "", *, status: int = 400) -> None:
        """Answer the next request with an error."""
        self.answer({"__type": f"com.amazonaws.dynamodb.v20120810#{code}", "message": message}, status=status)

    def misbehave(self, send: Callable[[BaseHTTPRequestHandler], None]) -> None:
        """Answer the next request in some other way."""
        self._answers.append(send)

    def take(self, request: BaseHTTPRequestHandler) -> None:
        """Check a request, and answer it."""
        body = request.rfile.read(int(request.headers["Content-Length"]))
        operation = request.headers["X-Amz-Target"].removeprefix("DynamoDB_20120810.")
        parameters = json.loads(body)
        self.asked.append(Asked(operation, parameters, request.headers, id(request)))
        problem = _problem(operation, parameters, body, request)
        if problem or not self._answers:
            request.send_error(500, problem or "no answer is left")
        else:
            self._answers.popleft()(request)


@contextmanager
def dynamodb_server() -> Iterator[DynamoDb]:
    """Serve."""

    class Requests(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            dynamodb.take(self)

        def log_message(self, *_args: object) -> None:
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_args: object) -> None:
            """Say nothing of a client that has gone."""

    server = Server(("127.0.0.1", 0), Requests)
    dynamodb = DynamoDb("http://{}:{}".format(*server.server_address[:2]))
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield dynamodb
    finally:
        server.shutdown()
        server.server_close()


@cache
def _model() -> ServiceModel:
    return get_session().get_service_model("dynamodb")


def _problem(operation: str, parameters: dict[str, Any], body: bytes, request: BaseHTTPRequestHandler) -> str:
    """Return why DynamoDB would not take a request: what its model says, and the signature that it expects."""
    shape = _model().operation_model(operation).input_shape
    try:
        validate_parameters(parameters, shape)
    except Exception as error:  # noqa: BLE001 - whatever is wrong with it
        return str(error).replace("\n", " ")
    headers = {
        name: request.headers[name]
        for name in ("Content-Type", "X-Amz-Target", "Accept-Encoding", "X-Amz-Security-Token")
        if name in request.headers
    }
    url = f"http://{request.headers['Host']}{request.path}"
    expected = AWSRequest("POST", url, headers, body)
    scope = request.headers["Authorization"].partition("Credential=")[2].split("/")
    expected.context["timestamp"] = request.headers["X-Amz-Date"]
    expected.headers["X-Amz-Date"] = request.headers["X-Amz-Date"]
    signer = SigV4Auth(Credentials(scope[0], SECRET_KEY), "dynamodb", REGION)
    signature = signer.signature(
        signer.string_to_sign(expected, signer.canonical_request(expected)), expected
    )
    return "" if request.headers["Authorization"].endswith(signature) else "the signature is another"
