"""A bundle under ``awslambdaric``, AWS's own runtime client for Python, in an interpreter with nothing else.

The Runtime API that it talks to is a small loopback server.
Source: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import sys
import tempfile
import threading
import time
import uuid
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Self

from local_aws.emulator import RUNTIME
from local_aws.lambda_image import RUNTIME_CLIENT, SDK, link_image
from local_aws.process import running, tail

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Mapping
    from contextlib import AbstractContextManager
    from types import TracebackType

_API = "/2018-06-01/runtime"
_NAME = "AWSClientVPN-local"
_START_SECONDS = 30.0
_POLL_SECONDS = 0.1

# -I and -S leave the standard library alone on the path; the order is Lambda's: the function, then the image.
_OPTIONS = ("-I", "-S", "-B")
_START = """
import runpy, sys
sys.path[:0] = sys.argv[1:3]
sys.argv = ["awslambdaric", sys.argv[3]]
runpy.run_module("awslambdaric", run_name="__main__")
"""


class FunctionFailed(Exception):
    """The function reported an error instead of an answer.

    Attributes:
        payload: What Lambda would answer: ``errorType``, ``errorMessage``, ``stackTrace``.
    """

    def __init__(self, payload: dict[str, Any]) -> None:
        super().__init__(f"{payload.get('errorType')}: {payload.get('errorMessage')}")
        self.payload = payload


class RuntimeStopped(Exception):
    """The interpreter ended or did not answer; the message ends with what it wrote."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Invocation:
    request_id: str
    event: bytes
    deadline: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outcome:
    failed: bool
    payload: dict[str, Any]


class RuntimeClient:
    """A function in its own interpreter, from ``with`` on ready to be invoked.

    Args:
        bundle: The directory that Lambda would get as the function's code.
        handler: ``module.function``, as Lambda takes it.
        environment: The function's own environment variables.

    Raises:
        FunctionFailed: From ``with``, when the module cannot be imported.
        RuntimeStopped: From ``with``, when the interpreter ends or is not ready within 30 seconds.
    """

    def __init__(self, bundle: Path, *, handler: str, environment: Mapping[str, str] | None = None) -> None:
        self._bundle = bundle
        self._handler = handler
        self._environment = dict(environment or {})
        self._resources = contextlib.ExitStack()

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as resources:
            directory = Path(resources.enter_context(tempfile.TemporaryDirectory(prefix="local-aws-")))
            self._log = directory / "function.log"
            self._api = resources.enter_context(_RuntimeApi())
            image = link_image(directory / "image", (*RUNTIME_CLIENT, *SDK))
            log = resources.enter_context(self._log.open("w"))
            self._process = resources.enter_context(self._run(image, log))
            self._wait_until_ready()
            self._resources = resources.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._resources.close()

    def invoke(self, event: object, *, seconds: float = 10.0) -> dict[str, Any]:
        """Invoke the function and return its answer.

        Args:
            event: Anything that JSON can express.
            seconds: The time the function sees as left.

        Raises:
            FunctionFailed: When the function raised.
            RuntimeStopped: When the interpreter ended, or did not answer in that time.
        """
        request_id, deadline = str(uuid.uuid4()), time.time() + seconds
        self._api.send(
            _Invocation(request_id=request_id, event=json.dumps(event).encode(), deadline=deadline)
        )
        return self._outcome(seconds)

    @property
    def log_lines(self) -> list[str]:
        """The function's output so far, to standard output and error."""
        return self._log.read_text("utf-8").splitlines()

    @property
    def log_records(self) -> list[dict[str, Any]]:
        """The lines of ``log_lines`` that are JSON objects, as Lambda's JSON log format makes them."""
        return [json.loads(line) for line in self.log_lines if line.startswith("{")]

    def _run(self, image: Path, log: IO[str]) -> AbstractContextManager[subprocess.Popen[str]]:
        # The log is a file, not a pipe: a line is there before the answer that follows it.
        command: list[str | Path] = [
            *(sys.executable, *_OPTIONS, "-c", _START),
            *(self._bundle.resolve(), image, self._handler),
        ]
        environment = self._lambda_environment() | self._environment
        return running(command, environment=environment, directory=self._bundle, output=log)

    def _lambda_environment(self) -> dict[str, str]:
        return {
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EXECUTION_ENV": f"AWS_Lambda_{RUNTIME}",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
            "AWS_LAMBDA_FUNCTION_NAME": _NAME,
            "AWS_LAMBDA_FUNCTION_VERSION": "1",
            "AWS_LAMBDA_LOG_FORMAT": "JSON",
            "AWS_LAMBDA_LOG_LEVEL": "INFO",
            "AWS_LAMBDA_RUNTIME_API": self._api.address,
            "AWS_REGION": "us-east-1",
            "LAMBDA_TASK_ROOT": str(self._bundle),
            "LANG": "en_US.UTF-8",
            "PATH": os.defpath,
            "PYTHONTZPATH": "",  # Lambda's image has no time zone data
            "TZ": ":UTC",
        }

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while not self._api.ready.wait(_POLL_SECONDS):
            if self._api.outcomes.qsize():
                self._outcome(_POLL_SECONDS)
            self._require_running(deadline)

    def _outcome(self, seconds: float) -> dict[str, Any]:
        deadline = time.monotonic() + seconds
        while True:
            with contextlib.suppress(queue.Empty):
                outcome = self._api.outcomes.get(timeout=_POLL_SECONDS)
                break
            self._require_running(deadline)
        if outcome.failed:
            raise FunctionFailed(outcome.payload)
        return outcome.payload

    def _require_running(self, deadline: float) -> None:
        if self._process.poll() is not None and not self._api.outcomes.qsize():
            raise RuntimeStopped(f"the interpreter ended with {self._process.returncode}:\n{self._tail()}")
        if time.monotonic() > deadline:
            raise RuntimeStopped(f"the function did not answer in time:\n{self._tail()}")

    def _tail(self) -> str:
        return tail("\n".join(self.log_lines))


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - socketserver's own types
        """Say nothing of an interpreter that is ended while it waits for its next invocation."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _RuntimeApi:
    """The Lambda Runtime API for one interpreter.

    Attributes:
        ready: Set when the interpreter asks for its first invocation.
        outcomes: What it answered or reported.
    """

    def __init__(self) -> None:
        self.ready = threading.Event()
        self.outcomes: queue.Queue[_Outcome] = queue.Queue()
        self._invocations: queue.Queue[_Invocation] = queue.Queue()
        self._server = _Server(("127.0.0.1", 0), self._request_handler())

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.socket.close()  # server_close() would wait for the handler of a pending "next"

    @property
    def address(self) -> str:
        """Host and port, as ``AWS_LAMBDA_RUNTIME_API`` has them."""
        return "{}:{}".format(*self._server.server_address[:2])

    def send(self, invocation: _Invocation) -> None:
        """Give the interpreter its next invocation."""
        self._invocations.put(invocation)

    def _request_handler(self) -> type[BaseHTTPRequestHandler]:
        api = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                api.ready.set()
                invocation = api._invocations.get()
                self._answer(HTTPStatus.OK, invocation.event, _headers(invocation))

            def do_POST(self) -> None:
                payload = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                api.outcomes.put(_Outcome(failed=self.path.endswith("/error"), payload=payload))
                self._answer(HTTPStatus.ACCEPTED, b"", {})

            def _answer(self, status: HTTPStatus, body: bytes, headers: dict[str, str]) -> None:
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_args: object) -> None:
                """Say nothing."""

        return Handler


def _headers(invocation: _Invocation) -> dict[str, str]:
    return {
        "Content-Type": "application/json",
        "Lambda-Runtime-Aws-Request-Id": invocation.request_id,
        "Lambda-Runtime-Deadline-Ms": str(int(invocation.deadline * 1000)),
        "Lambda-Runtime-Invoked-Function-Arn": f"arn:aws:lambda:us-east-1:000000000000:function:{_NAME}:live",
        "Lambda-Runtime-Trace-Id": "Root=1-00000000-000000000000000000000000",
    }
