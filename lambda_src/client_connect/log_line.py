"""A line of a log that is never too long, whatever others wrote into what it records.

A line that CloudWatch Logs does not take whole is lost to metrics, alarms, notifications and replays. So where others
wrote very much, such as into the tags of a device, that part is cut, and the rest gets through.

Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html
"""

from __future__ import annotations

import json

from client_connect.light_typing import TYPE_CHECKING
from client_connect.shortening import cut

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

# In bytes. CloudWatch Logs takes 1 MiB; but what handles a line on its way may still have the former limit, 256 KiB.
LONGEST_LINE = 250_000
# Names the parts of a line that were cut.
CUT = "cut"
# The key that makes metrics of the other keys.
_METRICS = "_aws"

_TEXT, _ITEMS, _DEEPEST = 255, 20, 2
_LARGEST_PART = 32_000

_encode = json.JSONEncoder(ensure_ascii=False, default=str).encode


def encoded(fields: Mapping[str, Any]) -> bytes:
    """Return a line of JSON, with its longest parts cut where it would be too long."""
    line = _bytes(fields)
    return line if len(line) <= LONGEST_LINE else _bytes(_cut_to_fit(fields, len(line)))


def _cut_to_fit(fields: Mapping[str, Any], length: int) -> dict[str, Any]:
    """Cut the longest parts, as many as must be."""
    lengths = {name: len(_bytes(value)) for name, value in fields.items() if name != _METRICS}
    shorter, names = dict(fields), []
    for name in sorted(lengths, key=lambda name: -lengths[name]):
        if length <= LONGEST_LINE - 1000:  # what names the parts
            break
        part = _cut(fields[name])
        left = len(_bytes(part))
        if left > _LARGEST_PART:
            part, left = None, 0
        shorter[name] = part
        names.append(name)
        length += left - lengths[name]
    return {**shorter, CUT: names}


def _cut(value: Any, depth: int = 0) -> Any:  # noqa: ANN401 - whatever JSON holds
    if isinstance(value, str):
        return cut(value, _TEXT)
    if not isinstance(value, list | tuple | dict):
        return value
    if depth > _DEEPEST:
        return None
    if isinstance(value, dict):
        return {cut(name, _TEXT): _cut(item, depth + 1) for name, item in list(value.items())[:_ITEMS]}
    return [_cut(item, depth + 1) for item in value[:_ITEMS]]


def _bytes(value: object) -> bytes:
    return _encode(value).encode(errors="backslashreplace")
