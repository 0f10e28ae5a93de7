"""The runtime's log, as Lambda writes it."""

from __future__ import annotations

import contextlib
import json
import logging
import re
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator


# Characters that would break, hide or disguise a line: control and direction marks, line separators, lone surrogates.
_UNCLEAN = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


class Log(logging.Handler):
    """Keeps the lines that Lambda's own JSON formatter makes of the records."""

    def __init__(self) -> None:
        super().__init__()
        utils = pytest.importorskip(
            "awslambdaric.lambda_runtime_log_utils", reason="awslambdaric is published for Linux only"
        )
        self.setFormatter(utils.JsonFormatter())
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a line."""
        self.lines.append(self.format(record))

    def records(self) -> list[dict[str, Any]]:
        """Return what was logged since the last call, each checked to be one clean line of JSON."""
        lines, self.lines = self.lines, []
        for line in lines:
            assert line.endswith("\n")
            assert not _UNCLEAN.search(line[:-1])
        return [json.loads(line, parse_constant=pytest.fail) for line in lines]

    def record(self) -> dict[str, Any]:
        """Return the one record that was logged since the last call."""
        (record,) = self.records()
        return record


@contextlib.contextmanager
def captured() -> Iterator[Log]:
    """Log as in Lambda, where no other handler is attached."""
    logger, log = logging.getLogger("client_connect"), Log()
    logger.addHandler(log)
    logger.propagate = False
    try:
        yield log
    finally:
        logger.removeHandler(log)
        logger.propagate = True
