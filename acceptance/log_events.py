"""Reading a log group until what is looked for has arrived."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from acceptance.place import Place

_SECONDS = 180.0
_POLL_SECONDS, _POLL_SECONDS_HERE = 3.0, 0.2

Lines = list[dict[str, Any]]


def lines_of(place: Place, group: str, *, until: Callable[[Lines], bool], seconds: float = _SECONDS) -> Lines:
    """Return the lines of a log group that are JSON objects, when they are complete or the time is over.

    Args:
        place: Where the group is.
        group: The group.
        until: Whether the lines so far are complete.
        seconds: How long to wait for that.
    """
    deadline = time.monotonic() + seconds
    while not until(lines := _read(place, group)) and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS if place.is_aws else _POLL_SECONDS_HERE)
    return lines


def _read(place: Place, group: str) -> Lines:
    pages = place.client("logs").get_paginator("filter_log_events").paginate(logGroupName=group)
    texts = [event["message"].strip() for page in pages for event in page["events"]]
    return [json.loads(text) for text in texts if text.startswith("{")]
