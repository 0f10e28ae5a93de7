"""The helpers that start real programs: what they start is where it should be, and ends with them."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import queue
import shutil
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from local_aws import cdk_cli
from local_aws.emulator import ROOT, RUNTIME, Emulator, EmulatorFailed
from local_aws.function_log import read_until
from local_aws.runtime_client import FunctionFailed, RuntimeClient, RuntimeStopped

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.e2e

linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc, or runs awslambdaric")

FUNCTION = """
import logging
import os
import sys

def handler(event, context):
    logging.getLogger("client_connect").info("asked", extra={"decision": {"allowed": True}})
    if event.get("raise"):
        raise ValueError("no such thing")
    if event.get("exit"):
        os._exit(7)
    return {
        "variable": os.environ.get("VARIABLE"),
        "left": context.get_remaining_time_in_millis(),
        "foreign": [path for path in sys.path if path.endswith("site-packages")],
    }
"""

SDK_FUNCTION = """
import boto3, botocore, dateutil, jmespath, s3transfer, six, urllib3

client = boto3.client("sts")

def handler(event, context):
    return {"region": client.meta.region_name} if event.get("offline") else client.get_caller_identity()
"""


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """A bundle of one file."""
    (tmp_path / "function.py").write_text(FUNCTION, "utf-8")
    return tmp_path


def processes_with_temporary_directory(directory: Path) -> list[str]:
    """Return the command lines of the processes that were given this directory, or one in it, as TMPDIR."""
    commands = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if f"\0TMPDIR={directory}".encode() in b"\0" + (process / "environ").read_bytes():
                commands.append((process / "cmdline").read_text("utf-8").replace("\0", " "))
    return commands


def listening_addresses(pid: int) -> set[str]:
    """Return the local addresses, as /proc writes them, of the process's listening sockets."""
    sockets = set()
    for file in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile
            sockets.add(str(file.readlink()))
    tables = [Path(f"/proc/{pid}/net/{table}").read_text("utf-8") for table in ("tcp", "tcp6")]
    lines = [line.split() for table in tables for line in table.splitlines()]
    return {line[1].split(":")[0] for line in lines if line[3] == "0A" and f"socket:[{line[9]}]" in sockets}


def invoke_function(emulator: Emulator, bundle: Path) -> None:
    """Create a function from a bundle and invoke it."""
    archive = Path(shutil.make_archive(str(emulator.directory / "bundle"), "zip", bundle))
    client = emulator.client("lambda")
    client.create_function(
        FunctionName="probe",
        Role="arn:aws:iam::000000000000:role/probe",
        Runtime=RUNTIME,  # type: ignore[arg-type]
        Handler="function.handler",
        Code={"ZipFile": archive.read_bytes()},
    )
    client.get_waiter("function_active_v2").wait(FunctionName="probe", WaiterConfig={"Delay": 1})
    assert "FunctionError" not in client.invoke(FunctionName="probe", Payload=b"{}")


class TestEmulator:
    """The emulator, started and stopped for each test."""

    @linux
    def test_listens_on_loopback_only_and_leaves_nothing_behind(self, bundle: Path) -> None:
        """It listens on 127.0.0.1 alone, and its workers and files end with it."""
        with Emulator() as emulator:
            assert listening_addresses(emulator.pid) == {"0100007F"}
            invoke_function(emulator, bundle)
            commands = processes_with_temporary_directory(emulator.directory)
            assert [command for command in commands if "_worker.py" in command]
        assert processes_with_temporary_directory(emulator.directory) == []
        assert not emulator.directory.exists()

    def test_functions_log_json_as_on_lambda(self, bundle: Path) -> None:
        """An INFO record with extra fields arrives in CloudWatch Logs as one JSON line."""
        with Emulator() as emulator:
            invoke_function(emulator, bundle)
            events = emulator.client("logs").filter_log_events(logGroupName="/aws/lambda/probe")["events"]
        lines = [event["message"] for event in events if event["message"].startswith("{")]
        (record,) = map(json.loads, lines)
        assert (record["level"], record["message"], record["decision"]) == (
            "INFO",
            "asked",
            {"allowed": True},
        )

    def test_the_log_of_an_invocation_is_whole_however_late_it_is_read(self) -> None:
        """It ends where the function site ends it, and where the function's process ends; nothing of it is left."""
        lines: queue.Queue[str] = queue.Queue()

        def read() -> None:
            for line in ("first", "second", "end", "of the next"):
                time.sleep(0.3)
                lines.put(line)

        reader = threading.Thread(target=read)
        reader.start()
        assert read_until("end", lines, reader) == "first\nsecond"
        assert read_until("end", lines, reader) == "of the next"

    def test_each_invocation_has_its_own_log(self, bundle: Path) -> None:
        """Even where many come at the same time: no line is missing, or given to another one."""
        with Emulator() as emulator:
            invoke_function(emulator, bundle)

            def log(_number: int) -> list[str]:
                answer = emulator.client("lambda").invoke(FunctionName="probe", Payload=b"{}", LogType="Tail")
                return base64.b64decode(answer["LogResult"]).decode().splitlines()

            with ThreadPoolExecutor(4) as pool:
                logs = list(pool.map(log, range(40)))
        assert [sum('"asked"' in line for line in each) for each in logs] == [1] * 40

    def test_functions_see_nothing_but_their_code(self, bundle: Path) -> None:
        """A bundle that lacks something fails here, as it would on Lambda."""
        (bundle / "function.py").write_text(
            "import cedarpy, client_connect\ndef handler(event, context): ...\n"
        )
        with Emulator() as emulator, pytest.raises(AssertionError, match="FunctionError"):
            invoke_function(emulator, bundle)

    def test_functions_have_the_sdk_of_lambdas_image(self, bundle: Path) -> None:
        """A function that brings no boto3 reaches the emulator by it, as Lambda's image has it."""
        (bundle / "function.py").write_text(SDK_FUNCTION, "utf-8")
        with Emulator() as emulator:
            invoke_function(emulator, bundle)

    def test_child_processes_cannot_reach_the_users_account(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """No AWS variable of the user's is handed on."""
        monkeypatch.setenv("AWS_PROFILE", "production")
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "real")
        monkeypatch.setenv("AWS_ENDPOINT_URL_LAMBDA", "https://lambda.us-east-1.amazonaws.com")
        with Emulator() as emulator:
            environment = emulator.environment
        assert environment["AWS_ACCESS_KEY_ID"] not in {"real", ""}
        assert environment["AWS_CONFIG_FILE"] == os.devnull
        assert {"AWS_PROFILE", "AWS_ENDPOINT_URL_LAMBDA"}.isdisjoint(environment)

    def test_fails_with_the_end_of_its_log(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """An emulator that cannot start says why, and leaves nothing behind."""
        monkeypatch.setattr("local_aws.emulator._free_port", lambda: 99999)
        emulator = Emulator()
        with (
            pytest.raises(
                EmulatorFailed, match=r"(?s)does not answer at .*:99999; its log ends with.*0-65535"
            ),
            emulator,
        ):
            pytest.fail("it started")
        assert not emulator.directory.exists()


@linux
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(
    ("step", "directory"), [("cdk bootstrap", "cdk-bootstrap"), ("cdk deploy", "jsii-kernel")]
)
def test_demo_stops_everything_when_it_is_stopped(
    number: signal.Signals, step: str, directory: str, tmp_path: Path
) -> None:
    """Ctrl-C and SIGTERM in the middle of a deployment leave no process and no file."""
    environment = os.environ | {"TMPDIR": str(tmp_path), "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-m", "local_aws.demo"]
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as demo:
        assert demo.stdout is not None
        assert any(step in line for line in demo.stdout)
        wait_for(lambda: any(name.startswith(directory) for name in directories_in(tmp_path)))
        demo.send_signal(number)
        demo.communicate(timeout=60)
    assert demo.returncode == 128 + number
    assert processes_with_temporary_directory(tmp_path) == []
    assert list(tmp_path.iterdir()) == []


@linux
def test_a_signal_while_the_time_limit_starts_does_not_leave_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Or the program that was stopped would go on for as long as the limit is."""
    timers: list[threading.Timer] = []

    def start(timer: threading.Timer) -> None:
        threading.Thread.start(timer)
        timers.append(timer)
        raise KeyboardInterrupt

    monkeypatch.setattr(threading.Timer, "start", start)
    with Emulator() as emulator, pytest.raises(KeyboardInterrupt):
        cdk_cli.bootstrap(emulator)
    (timer,) = timers
    timer.join(5)
    assert not timer.is_alive()


def directories_in(directory: Path) -> list[str]:
    """Return the names of the directories at any depth, while others write and remove them."""
    return [name for _, names, _ in os.walk(directory) for name in names]


def wait_for(condition: Callable[[], object]) -> None:
    """Wait until something is so, at most 20 seconds."""
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@linux
class TestRuntimeClient:
    """A function of one file under ``awslambdaric``."""

    def test_runs_a_function_with_nothing_but_its_bundle(self, bundle: Path) -> None:
        """The function sees its own variables, its deadline, and no package of this environment."""
        with RuntimeClient(bundle, handler="function.handler", environment={"VARIABLE": "value"}) as runtime:
            answer = runtime.invoke({}, seconds=5)
            (record,) = runtime.log_records
        assert (answer["variable"], answer["foreign"]) == ("value", [])
        assert 4000 < answer["left"] <= 5000
        assert record["decision"] == {"allowed": True}

    def test_functions_have_the_sdk_of_lambdas_image(self, bundle: Path) -> None:
        """A function that brings no boto3 has a client for its Region."""
        (bundle / "function.py").write_text(SDK_FUNCTION, "utf-8")
        with RuntimeClient(bundle, handler="function.handler") as runtime:
            assert runtime.invoke({"offline": True}) == {"region": "us-east-1"}

    def test_reports_what_the_function_raises_and_goes_on(self, bundle: Path) -> None:
        """An error of one invocation is its payload, and the next invocation works."""
        with RuntimeClient(bundle, handler="function.handler") as runtime:
            with pytest.raises(FunctionFailed, match="ValueError: no such thing") as caught:
                runtime.invoke({"raise": True})
            assert caught.value.payload["errorType"] == "ValueError"
            assert runtime.invoke({})["variable"] is None

    def test_fails_when_the_module_cannot_be_imported(self, bundle: Path) -> None:
        """A wrong handler fails at the start, with Lambda's own error."""
        with (
            pytest.raises(FunctionFailed, match="No module named 'missing'"),
            RuntimeClient(bundle, handler="missing.f"),
        ):
            pytest.fail("it started")

    def test_fails_when_the_interpreter_ends(self, bundle: Path) -> None:
        """A function that ends its process is distinguished from one that answers late."""
        with (
            RuntimeClient(bundle, handler="function.handler") as runtime,
            pytest.raises(RuntimeStopped, match="ended with 7"),
        ):
            runtime.invoke({"exit": True})
