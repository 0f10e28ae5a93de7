"""Loaded by every Python process of the emulator: gives functions the logging that Lambda gives them.

Lambda's runtime installs a JSON handler on the root logger before it imports a function; MiniStack runs
functions without one, so records below WARNING would be lost and the others would lose their fields.
The field names and their order are those of Lambda's JSON format.

It also ends the log of each invocation by a separate line, so the emulator knows that it has all of it.
"""  # noqa: INP001 - a directory for PYTHONPATH

import json
import logging
import os
import sys
import sysconfig
import time
from typing import TextIO

_OWN_ATTRIBUTES = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}


class _LambdaJsonFormatter(logging.Formatter):
    converter = staticmethod(time.gmtime)

    def format(self, record: logging.LogRecord) -> str:
        fields = {
            "timestamp": self.formatTime(record, "%Y-%m-%dT%H:%M:%SZ"),
            "level": record.levelname,
            "message": record.getMessage(),
            "logger": record.name,
            "errorMessage": self.formatException(record.exc_info) if record.exc_info else None,
        }
        extra = {name: value for name, value in vars(record).items() if name not in _OWN_ATTRIBUTES}
        found = {name: value for name, value in (fields | extra).items() if value is not None}
        return json.dumps(found, ensure_ascii=False, default=str)


class _AnswersAfterTheLog:
    """The stream over which a function answers the emulator: before each answer the log is ended."""

    def __init__(self, stream: TextIO, end: str) -> None:
        self._stream = stream
        self._end = f"{end}\n".encode()
        self.flush = stream.flush

    def write(self, text: str) -> int:
        if text.startswith(('{"status": "ok"', '{"status": "error"')):
            sys.stderr.flush()
            os.write(2, self._end)
        return self._stream.write(text)


if "AWS_LAMBDA_FUNCTION_NAME" in os.environ:
    # Lambda has the function's code, the standard library and its image's packages, nothing of the emulator's or of
    # this project. (Node is started by a Python script of its package, which needs that.)
    if any(argument.endswith("_worker.py") for argument in sys.orig_argv):
        _library = sysconfig.get_path("stdlib")
        sys.path[:] = [path for path in sys.path if path.startswith(_library) and "-packages" not in path]
        sys.path.append(os.environ["LOCAL_AWS_IMAGE"])
        sys.stdout = _AnswersAfterTheLog(sys.stdout, os.environ["LOCAL_AWS_END_OF_LOG"])
    _handler = logging.StreamHandler()  # stderr: the emulator speaks to the function over stdout
    _handler.setFormatter(_LambdaJsonFormatter())
    logging.basicConfig(handlers=[_handler], level=logging.INFO)
