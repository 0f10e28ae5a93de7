"""Where the records go outside Lambda: to the handlers of the logger ``client_connect``."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from client_connect.printable import printable

if TYPE_CHECKING:
    from collections.abc import Mapping

LOGGER = "client_connect"

_LogRecord = logging.LogRecord


class LoggerLog:
    """The handlers of the logger ``client_connect``, which get every record, whatever the logger's level."""

    def write(
        self,
        level: int,
        message: str,
        fields: Mapping[str, Any],
        *,
        exception: BaseException | None = None,
        request_id: str | None = None,
    ) -> None:
        """Hand a record to the handlers."""
        exc_info = None
        if exception is not None:
            text = str(exception)
            clean = exception if text.isprintable() else Exception(printable(text))
            exc_info = type(exception), clean, exception.__traceback__
        record = _LogRecord(LOGGER, level, __file__, 0, message, (), exc_info)
        record.__dict__.update(fields)
        if request_id:
            record.aws_request_id = request_id
        logging.getLogger(LOGGER).callHandlers(record)
