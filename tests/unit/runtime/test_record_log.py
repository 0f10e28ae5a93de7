"""The log of the records: the lines that Lambda's own format would have, whatever happens to logging."""

from __future__ import annotations

import io
import json
import logging
import os
import re
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from client_connect import record_log
from client_connect.logger_log import LoggerLog
from client_connect.record_log import DescriptorLog
from tests.support.log_lines import Log

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FIELDS = {"at": "2026-11-30", "Allowed": 1, "_aws": {"Timestamp": 1}, "request": {"groups": ["Zoë \\ 部長"]}}

# Logs a record after each of the things that are done to logging, through Lambda's framed log or its standard output.
PROGRAM = """
import io, logging, logging.config, os, sys
from awslambdaric.bootstrap import _setup_logging, create_log_sink, LogFormat
with create_log_sink() as sink:
    _setup_logging(LogFormat.JSON, "INFO", sink)
    from client_connect import record_log
    record_log.log.write(logging.INFO, "first", {"_aws": {}}, request_id="id")
    logging.config.dictConfig({"version": 1})
    logging.disable(logging.CRITICAL)
    logging.addLevelName(logging.WARNING, "warn")
    logging.getLogger().handlers.clear()
    sys.stdout = io.StringIO()
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    record_log.log.write(logging.WARNING, "second", {"text": "\\ud800\\n"})
    if hasattr(sink, "file"):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sink.fd)
    record_log.log.write(logging.ERROR, "third", {"long": "x" * 300_000}, exception=ValueError("no"))
"""


def run(tmp_path: Path, *, framed: bool) -> bytes:
    """Run the program as Lambda does, and return what reached the log."""
    with (tmp_path / "log").open("wb") as log:
        environment = {**os.environ, "AWS_LAMBDA_FUNCTION_NAME": "f"}
        descriptors: tuple[int, ...] = ()
        if framed:
            descriptors = (log.fileno(),)
            environment["_LAMBDA_TELEMETRY_LOG_FD"] = str(log.fileno())
        subprocess.run(
            [sys.executable, "-c", PROGRAM],
            env=environment,
            pass_fds=descriptors,
            stdout=subprocess.DEVNULL if framed else log,
            check=True,
            timeout=60,
        )
    return (tmp_path / "log").read_bytes()


def frames(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the kind and the content of each frame."""
    while data:
        length = int.from_bytes(data[4:8], "big")
        yield data[:4], data[16 : 16 + length]
        data = data[16 + length :]


def summary(lines: list[bytes]) -> list[tuple[str, str]]:
    """Return the levels and messages, each line checked to be one of Lambda's format."""
    records = [json.loads(line) for line in lines]
    assert all(line.endswith(b"\n") and line.count(b"\n") == 1 for line in lines)
    assert records[0]["requestId"] == "id"
    assert records[2]["errorType"] == "ValueError"
    return [(record["level"], record["message"]) for record in records]


def test_records_go_to_lambdas_log_as_its_runtime_writes_them(tmp_path: Path) -> None:
    """In frames on the descriptor that Lambda gives, by level, whatever happens to logging and descriptors."""
    utils = pytest.importorskip("awslambdaric.lambda_runtime_log_utils")
    found = list(frames(run(tmp_path, framed=True)))
    levels = (logging.INFO, logging.WARNING, logging.ERROR)
    assert [kind for kind, _ in found] == [utils._JSON_FRAME_TYPES[level] for level in levels]
    assert summary([line for _, line in found]) == [
        ("INFO", "first"),
        ("WARNING", "second"),
        ("ERROR", "third"),
    ]


def test_records_go_to_standard_output_where_lambda_gives_no_descriptor(tmp_path: Path) -> None:
    """As in a container image: to where standard output went at the start."""
    pytest.importorskip("awslambdaric")
    lines = run(tmp_path, framed=False).splitlines(keepends=True)
    assert summary(lines) == [("INFO", "first"), ("WARNING", "second"), ("ERROR", "third")]


def written(tmp_path: Path, *arguments: Any, **keywords: Any) -> dict[str, Any]:
    """Return the line that a descriptor gets, with the order of its keys."""
    with (tmp_path / "log").open("wb") as file:
        DescriptorLog(file.fileno()).write(*arguments, **keywords)
    line: dict[str, Any] = json.loads((tmp_path / "log").read_bytes())
    return line


def failure() -> Exception:
    """Return an exception that was raised, with a text of two lines."""
    try:
        int("not\nhere")
    except ValueError as error:
        return error
    raise AssertionError


@pytest.mark.parametrize("level", [logging.INFO, logging.WARNING, logging.ERROR])
@pytest.mark.parametrize("failed", [False, True])
def test_a_line_is_what_lambdas_formatter_makes(tmp_path: Path, level: int, *, failed: bool) -> None:
    """Key by key and in its order, so queries, metric filters and replays read it as before."""
    error = failure() if failed else None
    log, logger = Log(), logging.getLogger("client_connect")
    logger.addHandler(log)
    try:
        LoggerLog().write(level, "message", FIELDS, exception=error)
    finally:
        logger.removeHandler(log)
    expected = log.record()
    found = written(tmp_path, level, "message", FIELDS, exception=error)
    assert list(found) == list(expected)
    for time_or_place in ("timestamp", "location"):
        found.pop(time_or_place, None)
        expected.pop(time_or_place, None)
    assert found == expected


@pytest.mark.parametrize("kind", ["disabled", "level", "disable", "reconfigured"])
def test_outside_lambda_the_handlers_of_the_logger_get_every_record(
    monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """Whatever its level is: a test that captures them must see what is recorded."""
    log, logger = Log(), logging.getLogger("client_connect")
    monkeypatch.setattr(logger, "handlers", [log])
    monkeypatch.setattr(logger, "propagate", False)
    monkeypatch.setattr(logger, "disabled", kind in ("disabled", "reconfigured"))
    monkeypatch.setattr(logger, "level", logging.CRITICAL if kind == "level" else logging.NOTSET)
    monkeypatch.setattr(logging.root.manager, "disable", logging.CRITICAL if kind == "disable" else 0)
    LoggerLog().write(logging.INFO, "message", FIELDS, request_id="id")
    assert log.record()["Allowed"] == 1


def test_without_lambda_records_go_to_the_logger() -> None:
    """This process is none of Lambda's."""
    assert isinstance(record_log.of_process(), LoggerLog)


def test_records_go_where_the_emulators_logging_goes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An emulator may need standard output for itself; a handler without a descriptor is passed over."""
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "f")
    with (tmp_path / "log").open("w") as file:
        handlers = [logging.NullHandler(), logging.StreamHandler(io.StringIO()), logging.StreamHandler(file)]
        monkeypatch.setattr(logging.getLogger(), "handlers", handlers)
        record_log.of_process().write(logging.INFO, "message", {})
    assert json.loads((tmp_path / "log").read_text("utf-8"))["message"] == "message"


class Lock:
    """A lock that notes when it was held."""

    def __init__(self) -> None:
        self.events: list[str] = []

    def acquire(self, *, timeout: float) -> bool:
        """Take it, if waiting for it ends."""
        self.events.append("acquired" if 0 < timeout < 1 else "waits too long")
        return True

    def release(self) -> None:
        """Give it back."""
        self.events.append("released")


def handler_of_lambda(monkeypatch: pytest.MonkeyPatch, descriptor: int | None) -> logging.Handler:
    """Let this process log as Lambda's, to frames on a descriptor or else to standard output."""
    bootstrap = pytest.importorskip("awslambdaric.bootstrap")
    sink = bootstrap.StandardLogSink() if descriptor is None else bootstrap.FramedTelemetryLogSink(descriptor)
    handler: logging.Handler = bootstrap.LambdaLoggerHandlerWithFrameType(sink)
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "f")
    monkeypatch.setattr(logging.getLogger(), "handlers", [handler])
    return handler


@pytest.mark.parametrize("level", [logging.INFO, logging.WARNING, logging.ERROR])
def test_a_frame_has_its_kind_length_and_time(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, level: int
) -> None:
    """As Lambda's runtime writes them, while nothing else writes."""
    lock, path = Lock(), tmp_path / "log"
    with path.open("wb") as file:
        monkeypatch.setattr(handler_of_lambda(monkeypatch, file.fileno()), "lock", lock)
        log = record_log.of_process()
        earliest = time.time_ns() // 1000
        log.write(level, "message", {})
        latest = time.time_ns() // 1000
    ((kind, line),) = frames(path.read_bytes())
    utils = pytest.importorskip("awslambdaric.lambda_runtime_log_utils")
    assert kind == utils._JSON_FRAME_TYPES[level]
    assert path.read_bytes()[16:] == line
    assert earliest <= int.from_bytes(path.read_bytes()[8:16], "big") <= latest
    assert json.loads(line)["message"] == "message"
    assert lock.events == ["acquired", "released"]


def test_a_record_reaches_the_log_when_its_duplicate_was_closed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As by a package that closes every descriptor that it did not open."""
    with (tmp_path / "log").open("wb") as file:
        handler_of_lambda(monkeypatch, file.fileno())
        duplicate = os.dup(file.fileno())  # the lowest number that is free, and the next one is the same
        os.close(duplicate)
        log = record_log.of_process()
        os.close(duplicate)
        log.write(logging.INFO, "message", {})
    assert b"message" in (tmp_path / "log").read_bytes()


@pytest.mark.parametrize("has_handler", [True, False])
def test_without_a_descriptor_of_lambda_records_are_lines_on_standard_output(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], *, has_handler: bool
) -> None:
    """As in a container image, even if logging is not configured."""
    handler_of_lambda(monkeypatch, None)
    if not has_handler:
        monkeypatch.setattr(logging.getLogger(), "handlers", [])
    record_log.of_process().write(logging.INFO, "message", {})
    assert json.loads(capfd.readouterr().out)["message"] == "message"


@pytest.mark.parametrize("error", [OSError, ValueError, AttributeError])
def test_a_stream_that_has_no_descriptor_is_passed_over(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], error: type[Exception]
) -> None:
    """However it says so."""

    class Stream(io.StringIO):
        def fileno(self) -> int:
            raise error

    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "f")
    monkeypatch.setattr(logging.getLogger(), "handlers", [logging.StreamHandler(Stream())])
    record_log.of_process().write(logging.INFO, "message", {})
    assert json.loads(capfd.readouterr().out)["message"] == "message"


def test_a_log_that_was_closed_and_has_no_original_goes_to_standard_error(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Lambda logs that too."""
    with (tmp_path / "log").open("wb") as file:
        log = DescriptorLog(file.fileno())
    log.write(logging.INFO, "message", {})
    assert json.loads(capfd.readouterr().err)["message"] == "message"


def test_a_record_of_an_invocation_has_its_id(tmp_path: Path) -> None:
    """By the key of Lambda's own lines; a record of none has no such key."""
    assert written(tmp_path, logging.INFO, "message", {}, request_id="id")["requestId"] == "id"
    assert "requestId" not in written(tmp_path, logging.INFO, "message", {})


def test_a_log_that_nobody_waits_for_gets_the_whole_record() -> None:
    """A module may have set the descriptor so, and whoever reads it may be slow."""
    reads, writes = os.pipe()
    os.set_blocking(writes, False)
    found = bytearray()

    def read() -> None:
        deadline = time.monotonic() + 30
        while not os.get_blocking(writes) and time.monotonic() < deadline:  # until the pipe was full
            time.sleep(0.001)
        while part := os.read(reads, 4096):
            found.extend(part)

    thread = threading.Thread(target=read)
    try:
        log = DescriptorLog(writes)
        thread.start()
        log.write(logging.INFO, "message", {"long": "x" * 200_000})
        assert os.get_blocking(writes)
    finally:
        os.close(writes)
        thread.join()
        os.close(reads)
    assert json.loads(found)["long"] == "x" * 200_000


def test_a_line_has_the_time_in_utc(tmp_path: Path) -> None:
    """To the second, wherever the machine is."""
    earliest = datetime.now(UTC).replace(microsecond=0)
    line = written(tmp_path, logging.INFO, "message", {})
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", line["timestamp"])
    assert earliest <= datetime.fromisoformat(line["timestamp"]) <= datetime.now(UTC)


def test_a_record_says_where_an_exception_was_raised(tmp_path: Path) -> None:
    """The innermost frame, as Lambda's formatter writes it."""
    error = failure()
    assert error.__traceback__ is not None
    line = written(tmp_path, logging.ERROR, "message", {}, exception=error)
    assert line["location"] == f"{__file__}:failure:{error.__traceback__.tb_lineno}"


def test_a_thread_that_hangs_while_it_logs_delays_no_record(tmp_path: Path) -> None:
    """Its lock is waited for, but not forever."""
    lock = logging.StreamHandler().lock
    assert lock is not None
    held, released = threading.Event(), threading.Event()

    def hang() -> None:
        with lock:
            held.set()
            released.wait()

    thread = threading.Thread(target=hang)
    thread.start()
    held.wait()
    try:
        with (tmp_path / "log").open("wb") as file:
            DescriptorLog(file.fileno(), lock=lock).write(logging.INFO, "message", {})
    finally:
        released.set()
        thread.join()
    assert b"message" in (tmp_path / "log").read_bytes()


# Things that a module, or a package that it imports, may do to the descriptors of its process.
CLOSED = "os.closerange(3, 256)"
REOPENED = "os.closerange(3, 256); files = [open(os.devnull, 'w') for _ in range(9)]"
REDIRECTED = f"{REOPENED}; os.dup2(files[0].fileno(), 1)"
BUSY = "os.set_blocking(1, False)"


@pytest.mark.skipif(sys.platform == "win32", reason="not Lambda's descriptors")
@pytest.mark.parametrize(
    ("doing", "error"), [(CLOSED, 0), (REOPENED, 0), ("os.close(1)", 0), (REDIRECTED, 1), (BUSY, 0)]
)
def test_records_outlive_what_happens_to_descriptors(doing: str, error: int) -> None:
    """They go to where they belong, and else to standard error, which Lambda logs too; never to another file."""
    program = f"""
import logging, os
from client_connect import record_log
{doing}
for number in range(100):
    record_log.log.write(logging.INFO, str(number), {{"long": "x" * 4000}})
"""
    result = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "AWS_LAMBDA_FUNCTION_NAME": "f"},
        capture_output=True,
        check=True,
        timeout=60,
    )
    outputs = [result.stdout, result.stderr]
    assert [json.loads(line)["message"] for line in outputs[error].splitlines()] == [
        str(number) for number in range(100)
    ]
    assert outputs[1 - error] == b""
