"""The forms of these logs, made of entries and their lines as JSON."""
# ruff: noqa: E501 - a form is one line

from __future__ import annotations

import base64
import csv
import gzip
import io
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

STREAM = "2026/11/23/[$LATEST]0123456789abcdef"


def table(
    columns: list[str], rows: list[list[str]], *, delimiter: str = ",", quoting: int = csv.QUOTE_MINIMAL
) -> str:
    """Return a table."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, quoting=quoting, lineterminator="\n")  # type: ignore[arg-type]
    writer.writerows([columns, *rows])
    return text.getvalue()


def flat(entry: dict[str, Any], parent: str = "") -> dict[str, str]:
    """Return an entry as Logs Insights shows it: a column for each key."""
    cells: dict[str, str] = {}
    for key, value in entry.items():
        name = f"{parent}{key}"
        if isinstance(value, dict):
            cells |= flat(value, f"{name}.")
        elif isinstance(value, list):
            cells |= {f"{name}.{position}": str(each) for position, each in enumerate(value)}
        else:
            cells[name] = str(int(value)) if isinstance(value, bool) else str(value)
    return cells


def packed(texts: list[str]) -> str:
    """Return what a subscription sends."""
    sent = {"messageType": "DATA_MESSAGE", "logEvents": [{"id": "1", "message": text} for text in texts]}
    return base64.b64encode(gzip.compress(json.dumps(sent).encode())).decode()


def wrapped(text: str) -> str:
    """Return a text as it is copied from a terminal of 80 columns."""
    return "\n".join(text[start : start + 80] for start in range(0, len(text), 80))


FORMS: dict[str, Callable[[list[dict[str, Any]], list[str]], str]] = {
    "JSON lines": lambda _, texts: "\n".join(texts),
    "with CRLF": lambda _, texts: "\r\n".join(texts),
    "indented": lambda entries, _: "\n".join(json.dumps(each, indent=4) for each in entries),
    "indented, CRLF": lambda entries, _: "\r\n".join(json.dumps(each, indent=2).replace("\n", "\r\n") for each in entries),
    "an array": lambda entries, _: json.dumps(entries),
    "an array, a line each": lambda _, texts: "[\n" + ",\n".join(texts) + "\n]\n",
    "an array, indented": lambda entries, _: json.dumps(entries, indent=2),
    "two arrays": lambda entries, _: f"{json.dumps(entries[:1])}\n{json.dumps(entries[1:], indent=1)}",
    "with commas at the ends": lambda _, texts: ",\n".join(texts) + ",",
    "several in a line": lambda _, texts: "".join(texts),
    "aws logs tail, short": lambda _, texts: "\n".join(f"2026-11-23T12:00:00 {text}\n" for text in texts),
    "aws logs tail, detailed": lambda _, texts: "\n".join(f"2026-11-23T12:00:00.000000+00:00 {STREAM} {text}" for text in texts),
    "aws logs tail, json": lambda entries, _: "\n".join(
        f"2026-11-23T12:00:00.000000+00:00 {STREAM} \n{json.dumps(each, indent=4)}" for each in entries
    ),
    "aws logs tail, in color": lambda _, texts: "\n".join(
        f"\x1b[32m2026-11-23T12:00:00.000000+00:00\x1b[0m \x1b[36m{STREAM}\x1b[0m {text}" for text in texts
    ),
    "exported to S3": lambda _, texts: "\n".join(f"2026-11-23T12:00:00.000Z {text}" for text in texts),
    "console": lambda _, texts: table(["timestamp", "message"], [["1795466235000", text] for text in texts]),
    "console, with line ends": lambda _, texts: table(["timestamp", "message"], [["1795466235000", f"{text}\n"] for text in texts]),
    "Insights": lambda _, texts: table(["@timestamp", "@message"], [["2026-11-23 20:37:15.000", text] for text in texts]),
    "Insights, the message alone": lambda _, texts: table(["@message"], [[text] for text in texts]),
    "Insights, a column each": lambda entries, _: table([*flat(entries[0])], [[*flat(each).values()] for each in entries]),
    "Insights, Markdown": lambda _, texts: "| @timestamp | @message |\n| --- | --- |\n" + "\n".join(f"| 2026-11-23 20:37:15.000 | {text} |" for text in texts),
    "Insights, JSON": lambda _, texts: json.dumps([{"@timestamp": "2026", "@message": text, "@ptr": "C"} for text in texts], indent=2),
    "Insights, JSON that was parsed": lambda entries, _: json.dumps([{"@timestamp": "2026", "@message": each} for each in entries]),
    "get-query-results": lambda _, texts: json.dumps({"results": [[{"field": "@ptr", "value": "C"}, {"field": "@message", "value": text}] for text in texts], "status": "Complete"}, indent=4),
    "get-query-results, its rows": lambda _, texts: json.dumps([[{"field": "@message", "value": text}] for text in texts], indent=4),
    "Athena": lambda entries, _: table(
        [key.replace("-", "_") for key in entries[0]],
        [[value if isinstance(value, str) else json.dumps(value) for value in each.values()] for each in entries],
        quoting=csv.QUOTE_ALL,
    ),
    "semicolons": lambda _, texts: table(["timestamp", "message"], [["1", text] for text in texts], delimiter=";"),
    "tabs": lambda _, texts: table(["timestamp", "message"], [["1", text] for text in texts], delimiter="\t"),
    "a table without a header": lambda _, texts: table(["1", texts[0]], [["2", text] for text in texts[1:]]),
    "filter-log-events": lambda _, texts: json.dumps({"events": [{"logStreamName": STREAM, "timestamp": 1, "message": text, "eventId": "1"} for text in texts], "searchedLogStreams": []}, indent=4),
    "filter-log-events, pages": lambda _, texts: "\n".join(json.dumps({"events": [{"message": text}], "nextToken": "x"}, indent=4) for text in texts),
    "--query, events": lambda _, texts: json.dumps([{"message": text} for text in texts], indent=4),
    "--query, messages": lambda _, texts: json.dumps(texts, indent=4),
    "--query, times and messages": lambda _, texts: json.dumps([[1795466235000, text] for text in texts], indent=4),
    "--query, as text": lambda _, texts: "\t".join(texts),
    "--query, times and messages as text": lambda _, texts: "\n".join(f"1795466235000\t{text}" for text in texts),
    "messages as jq -c prints them": lambda _, texts: "\n".join(map(json.dumps, texts)),
    "a subscription, base64": lambda _, texts: json.dumps({"awslogs": {"data": packed(texts)}}),
    "Kinesis": lambda _, texts: json.dumps({"Records": [{"kinesis": {"data": packed(texts)}}]}, indent=1),
    "Firehose": lambda _, texts: json.dumps({"records": [{"recordId": "1", "data": packed([text])} for text in texts]}),
    "Firehose, one after the other": lambda _, texts: "".join(json.dumps({"messageType": "DATA_MESSAGE", "logEvents": [{"message": text}]}) for text in texts),
    "OpenSearch": lambda entries, texts: json.dumps({"took": 1, "hits": {"total": {"value": 3}, "hits": [{"_id": "1", "_source": each | {"@message": text}} for each, text in zip(entries, texts, strict=True)]}}, indent=2),
    "OpenSearch, a hit a line": lambda entries, _: "\n".join(json.dumps({"_index": "cwl", "_source": each}) for each in entries),
    "OpenSearch, fields": lambda _, texts: "\n".join(json.dumps({"_index": "cwl", "fields": {"@message": [text]}}) for text in texts),
    "Splunk": lambda _, texts: "\n".join(json.dumps({"preview": False, "offset": 0, "result": {"_raw": text, "_time": "x"}}) for text in texts),
    "Splunk, results": lambda _, texts: json.dumps({"preview": False, "results": [{"_raw": text} for text in texts]}),
    "Splunk, a table": lambda _, texts: table(["_time", "_raw", "host"], [["2026", text, "h"] for text in texts], quoting=csv.QUOTE_ALL),
    "Splunk, collected": lambda entries, _: "\n".join(json.dumps({"time": 1, "event": each}) for each in entries),
    "Datadog": lambda entries, _: json.dumps({"data": [{"id": "1", "type": "log", "attributes": {"message": "connection allowed", "attributes": each}} for each in entries], "meta": {}}, indent=2),
    "Datadog, content": lambda entries, _: json.dumps({"logs": [{"id": "1", "content": {"message": "m", "attributes": each}} for each in entries]}),
    "Datadog, a table": lambda _, texts: table(["Date", "Host", "Service", "Content"], [["2026", "h", "s", text] for text in texts]),
    "Loki": lambda _, texts: json.dumps({"status": "success", "data": {"result": [{"stream": {}, "values": [["1", text] for text in texts]}]}}),
    "syslog": lambda _, texts: "\n".join(f"<14>1 2026-11-23T12:00:00Z host vpn - - - {text}" for text in texts),
    "copied from a terminal": lambda _, texts: "\n".join(map(wrapped, texts)),
    "aws logs tail, copied from a terminal": lambda _, texts: "\n".join(wrapped(f"2026-11-23T12:00:00 {text}") for text in texts),
    "among other lines": lambda _, texts: "\n".join(f"START RequestId: 1 Version: 1\n{text}\nEND RequestId: 1\nREPORT RequestId: 1\tDuration: 1 ms" for text in texts),
    "indented among other lines": lambda entries, _: "\n".join(f"START RequestId: 1\n{json.dumps(each, indent=2)}\nEND RequestId: 1" for each in entries),
}  # fmt: skip
