"""MiniStack, a local AWS emulator, as a context manager."""

from __future__ import annotations

import contextlib
import http.client
import os
import platform
import secrets
import socket
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self, overload

import boto3
from botocore.config import Config

from local_aws.function_log import END_OF_LOG
from local_aws.lambda_image import SDK, link_image
from local_aws.process import running, tail

if TYPE_CHECKING:
    from types import TracebackType

    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_iam import IAMClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_logs import CloudWatchLogsClient

ROOT = Path(__file__).parents[1]
ACCOUNT = "000000000000"
REGION = "us-east-1"

# The emulator runs functions with the interpreter that runs itself, on this machine.
RUNTIME = f"python{sys.version_info.major}.{sys.version_info.minor}"
ARCHITECTURE = "arm64" if platform.machine() in ("arm64", "aarch64") else "x86_64"

_HOST = "127.0.0.1"
_TOOLS = Path(sys.executable).parent
_FUNCTION_SITE = Path(__file__).parent / "function_site"
# The functions inherit the variables of the emulator, so this project is on the path of its process only.
_PROGRAM = (
    f"import sys; sys.path.insert(0, {str(ROOT)!r}); from local_aws import emulator_process as e; e.main()"
)
_START_SECONDS = 60.0

# No answer of the emulator is worth a second request.
_CLIENT_CONFIG = Config(proxies={}, connect_timeout=5, read_timeout=60, retries={"max_attempts": 0})


class EmulatorFailed(Exception):
    """The emulator did not start."""


class Emulator:
    """A local AWS account on a free loopback port, which lives as long as the ``with`` block.

    Everything it writes is in ``directory``, which is removed with it. It answers only requests that are signed with
    this run's access key, which is random: it runs functions as the user who started it.

    Raises:
        EmulatorFailed: From ``with``, when it does not answer in time; with the end of its log.
    """

    def __init__(self) -> None:
        self._resources = contextlib.ExitStack()
        self._port = 0
        self._access_key_id = f"AKIA{secrets.token_hex(8).upper()}"
        self._secret_access_key = secrets.token_urlsafe(30)
        self._clients: dict[tuple[str, str], Any] = {}
        self._clients_lock = threading.Lock()

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as resources:
            directory = tempfile.TemporaryDirectory(prefix="local-aws-", ignore_cleanup_errors=True)
            self.directory = Path(resources.enter_context(directory))
            self._port = _free_port()
            self._image = link_image(self.directory / "image", SDK)
            log = resources.enter_context(self._log_file.open("w"))
            self._process = resources.enter_context(
                running(
                    [sys.executable, "-c", _PROGRAM],
                    environment=self._own_environment(),
                    directory=self.directory,
                    output=log,
                )
            )
            self._wait_until_healthy()
            self._resources = resources.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._resources.close()

    @property
    def endpoint(self) -> str:
        """The URL of every service."""
        return f"http://{_HOST}:{self._port}"

    @property
    def pid(self) -> int:
        """The emulator's process, which is also its process group."""
        return self._process.pid

    @property
    def environment(self) -> dict[str, str]:
        """The variables of a child process that uses the emulator as AWS, and never the user's account."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        return inherited | {
            "PATH": tools_path(),
            "NO_PROXY": ",".join(filter(None, (os.environ.get("NO_PROXY"), _HOST, "localhost"))),
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ENDPOINT_URL_S3": self.endpoint,  # keeps the bucket's name in the path
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            **self._keys,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    @overload
    def client(self, service: Literal["cloudformation"], region: str = ...) -> CloudFormationClient: ...
    @overload
    def client(self, service: Literal["dynamodb"], region: str = ...) -> DynamoDBClient: ...
    @overload
    def client(self, service: Literal["iam"], region: str = ...) -> IAMClient: ...
    @overload
    def client(self, service: Literal["lambda"], region: str = ...) -> LambdaClient: ...
    @overload
    def client(self, service: Literal["logs"], region: str = ...) -> CloudWatchLogsClient: ...
    def client(
        self,
        service: Literal["cloudformation", "dynamodb", "iam", "lambda", "logs"],
        region: str = REGION,
    ) -> CloudFormationClient | DynamoDBClient | IAMClient | LambdaClient | CloudWatchLogsClient:
        """Return a boto3 client of one of the emulator's services: always the same one, from whatever thread."""
        with self._clients_lock:
            if (service, region) not in self._clients:
                session = boto3.Session(self._access_key_id, self._secret_access_key, region_name=region)
                client: Any = session.client(service, endpoint_url=self.endpoint, config=_CLIENT_CONFIG)
                self._clients[service, region] = client
            return self._clients[service, region]  # type: ignore[no-any-return]

    def log(self) -> str:
        """Return what the emulator has logged so far."""
        return self._log_file.read_text("utf-8", "replace")

    @property
    def _log_file(self) -> Path:
        return self.directory / "emulator.log"

    @property
    def _keys(self) -> dict[str, str]:
        return {
            "AWS_ACCESS_KEY_ID": self._access_key_id,
            "AWS_SECRET_ACCESS_KEY": self._secret_access_key,
        }

    def _own_environment(self) -> dict[str, str]:
        # Nothing is inherited: the emulator hands its own environment on to the functions.
        return {
            "PATH": tools_path(),
            "HOME": str(self.directory),
            "TMPDIR": str(self.directory),
            "LANG": "C.UTF-8",
            **self._keys,
            "PYTHONPATH": str(_FUNCTION_SITE),
            "LOCAL_AWS_IMAGE": str(self._image),  # read by the function site
            END_OF_LOG: secrets.token_hex(16),
            "NODE_PATH": str(ROOT / "node_modules"),  # the SDK that Lambda's Node.js image has
            "BIND_HOST": _HOST,
            "GATEWAY_PORT": str(self._port),
            "MINISTACK_HOST": _HOST,
            "MINISTACK_ACCOUNT_ID": ACCOUNT,
            "MINISTACK_REGION": REGION,
            "S3_DATA_DIR": str(self.directory / "s3"),
            "STATE_DIR": str(self.directory / "state"),
            "IOT_MTLS_ENABLED": "0",  # would listen on every interface
            "SFTP_ENABLED": "0",
            "DOCKER_HOST": "unix:///nonexistent",  # it would tidy up containers that are not ours
        }

    def _wait_until_healthy(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while not _answers(self._port):
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise EmulatorFailed(
                    f"the emulator does not answer at {self.endpoint}; its log ends with\n{tail(self.log())}"
                )
            time.sleep(0.1)


def tools_path() -> str:
    """Return a search path with the tools of this virtual environment first: Node, npm and uv are the locked ones."""
    return os.pathsep.join((str(_TOOLS), os.environ.get("PATH", os.defpath)))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection(_HOST, port, timeout=5)
    try:
        connection.request("GET", "/_ministack/health")
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
