"""The envelopes of log systems: CloudWatch Logs, Firehose, OpenSearch, Splunk, Datadog, Athena and others."""

from __future__ import annotations

import base64
import binascii
import re
import zlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

# Where the entry itself is, the likeliest first: its parsed fields may stand next to it.
_LIKELY = (
    *("@message", "message", "_raw", "_source", "result", "event", "log", "line", "content", "attributes"),
    *(
        "logEvents",
        "events",
        "results",
        "hits",
        "records",
        "Records",
        "rows",
        "data",
        "body",
        "text",
        "fields",
    ),
)
_ROW_KEYS = frozenset({"field", "value"})
_BASE64 = re.compile(r"(?:H4sI|eyJ)[A-Za-z0-9+/\s]+={0,2}\s*")
_LONGEST = 64 * 1024 * 1024
_GZIP_OR_ZLIB = 47


def parts(value: dict[str, Any]) -> Iterator[object]:
    """Yield where in an envelope entries may be, the likeliest first; one of these holds them."""
    if (row := value.get("ResultSet")) is not None:
        yield _athena(row)
    for key in _LIKELY:
        if value.get(key) not in (None, "", {}):
            yield value[key]
    for key, other in value.items():
        if key not in _LIKELY and (isinstance(other, dict | list) or _may_hold_json(other)):
            yield other


def is_empty(value: dict[str, Any]) -> bool:
    """Whether it is an envelope without entries, such as the last page of several."""
    inner = [value[key] for key in _LIKELY if isinstance(value.get(key), list | dict)]
    return bool(inner) and all(not each or (isinstance(each, dict) and is_empty(each)) for each in inner)


def row_of_fields(elements: list[Any]) -> dict[str, Any] | None:
    """Return the row that Logs Insights writes as a list of fields with values."""
    if not elements or not all(isinstance(each, dict) and each.keys() <= _ROW_KEYS for each in elements):
        return None
    return {str(each.get("field")): each.get("value") for each in elements}


def unpacked(text: str) -> str:
    """Return what a text stands for: subscriptions are compressed and written in base64."""
    if _BASE64.fullmatch(text) is None:
        return text
    try:
        packed = base64.b64decode(text)
        if packed.startswith(b"\x1f\x8b"):
            packed = zlib.decompressobj(_GZIP_OR_ZLIB).decompress(packed, _LONGEST)
        return packed.decode()
    except (binascii.Error, zlib.error, UnicodeDecodeError):
        return text


def _may_hold_json(value: object) -> bool:
    return isinstance(value, str) and ("{" in value or _BASE64.fullmatch(value) is not None)


def _athena(result: object) -> list[dict[str, object]]:
    """Return the rows of ``aws athena get-query-results``; the first has the columns."""
    rows = result.get("Rows") if isinstance(result, dict) else None
    cells = [
        [cell.get("VarCharValue") for cell in row["Data"] if isinstance(cell, dict)]
        for row in (rows if isinstance(rows, list) else [])
        if isinstance(row, dict) and isinstance(row.get("Data"), list)
    ]
    return [{str(name): value for name, value in zip(cells[0], row, strict=False)} for row in cells[1:]]
