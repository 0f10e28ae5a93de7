"""From the handler's log to a bus or a topic: one notification per decision that is announced.

CloudWatch Logs invokes it with lines of the log, some seconds after the client got its answer. Whatever could
not be sent makes the invocation fail, so Lambda repeats it: a denial may be announced twice, with the same
``id``, but is not lost for a failure that passes. A line that cannot be read, however large or deeply nested it is,
is dropped and counted; it never prevents the announcement of the others.

Sources: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/SubscriptionFilters.html
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevents.html
https://docs.aws.amazon.com/sns/latest/api/API_PublishBatch.html
"""

from __future__ import annotations

import base64
import gzip
import json
import logging
import math
import os
import time
from functools import cache
from typing import TYPE_CHECKING, Any, TypeAlias

import boto3
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

DESTINATION_ARN = "DESTINATION_ARN"
# The ids of permits, as JSON: of allowed connections, only those that one of them allowed are announced.
ALLOWED_BY = "ALLOWED_BY"
SOURCE = "cdk-client-connect"
DETAIL_TYPE = "Client VPN Connection Denied"
ALLOWED_DETAIL_TYPE = "Client VPN Connection Allowed"
VERSION = "1"

# The parts of a record that a notification has, and their length: no text of a request or a policy is longer where
# Client VPN takes it, so only errors are ever cut. The whole fits into any event, however it is escaped.
_REQUEST = ("connection-id", "username", "common-name", "platform", "platform-version", "public-ip")
_DECISION = ("determining", "message", "statuses", "errors")
# For an allowed connection, what might have denied it too.
_ALLOWED_DECISION = ("allowed", "determining", "waived", "shadowDenied", "statuses", "errors")
_ERROR = ("type", "detail")
_PARTS = ("request", "decision", "error")
MAX_TEXT_LENGTH = 255
MAX_ITEMS = 20
# No value of a record nests deeper than a list of texts. What does is left out.
_DEEPEST = 1

# The longest line that CloudWatch Logs takes.
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html
MAX_LINE_LENGTH = 1024 * 1024

# Limits of PutEvents and of PublishBatch alike; the rest of 256 KiB is for what surrounds the details.
MAX_BATCH_ENTRIES = 10
MAX_BATCH_BYTES = 250_000

_PAUSES_S = (0.2, 1.0)

# Sends details, and returns those that were refused.
Send: TypeAlias = "Callable[[list[str]], list[str]]"

_logger = logging.getLogger("client_connect_notifications")


class UnreadableLine(ValueError):
    """A line of the log cannot be read; the message says why."""


class NotDelivered(Exception):
    """Some notifications could not be sent; Lambda will repeat the invocation."""


def handler(event: dict[str, Any], _context: object) -> None:
    """Announce the decisions among some lines of the log.

    Raises:
        NotDelivered: When the bus or the topic refused some again and again.
    """
    payload = json.loads(gzip.decompress(base64.b64decode(event["awslogs"]["data"])))
    if payload["messageType"] != "DATA_MESSAGE":  # a control message asks only whether we can be reached
        return
    details, dropped = [], 0
    for line in payload["logEvents"]:
        try:
            detail = notification(line)
        except UnreadableLine as error:
            dropped += 1
            _logger.warning(
                "a line cannot be read", extra={"line": str(line.get("id")), "reason": str(error)}
            )
        else:
            details += [detail] if detail else []
    if dropped:
        _count_dropped(dropped)
    deliver(details, _sender(os.environ[DESTINATION_ARN]))


def notification(line: dict[str, Any]) -> str | None:
    """Return the detail of the event for a line of the log, as JSON; ``None`` when it records no decision.

    The subscription's pattern decides whether allowed connections come here.

    Args:
        line: ``id`` and ``message``, as a subscription has them.

    Raises:
        UnreadableLine: When the line is no JSON, or more than any record or any event may be.
    """
    record = _record(line["message"])
    if not isinstance(record, dict) or not isinstance(record.get("allow"), bool):
        return None
    if record["allow"] and not _is_announced(record):
        return None
    chosen = {
        "version": VERSION,
        "id": line["id"],
        "allow": record["allow"],
        **{key: record[key] for key in ("at", "endpoint", "requestId", "policies") if key in record},
        **_parts(
            record,
            request=_REQUEST,
            decision=_ALLOWED_DECISION if record["allow"] else _DECISION,
            error=_ERROR,
        ),
    }
    detail = {name: _cut_part(value) if name in _PARTS else _cut(value) for name, value in chosen.items()}
    text = json.dumps(detail if detail == chosen else {**detail, "cut": True})
    if len(text) > MAX_BATCH_BYTES:
        raise UnreadableLine(f"its notification has {len(text)} bytes; an event takes {MAX_BATCH_BYTES}")
    return text


def _is_announced(record: dict[str, Any]) -> bool:
    """Tell whether one of the permits that are announced allowed a connection."""
    wanted = os.environ.get(ALLOWED_BY)
    if wanted is None:
        return True
    decision = record.get("decision")
    determining = decision.get("determining") if isinstance(decision, dict) else None
    found = determining if isinstance(determining, list) else []
    return (
        decision is not None
        and bool(decision.get("allowed"))
        and any(each in found for each in json.loads(wanted))
    )


def _record(message: str) -> object:
    """Return what a line says.

    Raises:
        UnreadableLine: When it is no JSON, or longer or more deeply nested than a record.
    """
    if len(message) > MAX_LINE_LENGTH:
        raise UnreadableLine(f"it has {len(message)} characters; a record has at most {MAX_LINE_LENGTH}")
    try:
        return json.loads(message, parse_constant=_refuse_constant, parse_float=_finite)
    except RecursionError:
        raise UnreadableLine("it is nested too deeply") from None
    except ValueError:
        raise UnreadableLine("it is not JSON") from None


def _refuse_constant(name: str) -> None:
    """Refuse NaN and Infinity, which Python reads and no service takes.

    Raises:
        ValueError: Always.
    """
    raise ValueError(name)


def _finite(text: str) -> float:
    """Read a number with a fraction or an exponent; 1e999 would be written as Infinity.

    Raises:
        ValueError: When it is too large.
    """
    number = float(text)
    if math.isinf(number):
        raise ValueError(text)
    return number


def _count_dropped(count: int) -> None:
    """Log the metric ``DroppedLines`` of this function."""
    definition = {
        "Namespace": "ClientConnect",
        "Dimensions": [["FunctionName"]],
        "Metrics": [{"Name": "DroppedLines", "Unit": "Count"}],
    }
    _logger.warning(
        "lines were dropped",
        extra={
            "DroppedLines": count,
            "FunctionName": os.environ.get("AWS_LAMBDA_FUNCTION_NAME", "unknown"),
            "_aws": {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [definition]},
        },
    )


def _parts(record: dict[str, Any], **parts: tuple[str, ...]) -> dict[str, Any]:
    """Return these keys of the parts that the record has."""
    return {
        name: {key: record[name][key] for key in keys if key in record[name]}
        for name, keys in parts.items()
        if isinstance(record.get(name), dict)
    }


def _cut_part(part: dict[str, Any]) -> dict[str, Any]:
    return {name: _cut(value) for name, value in part.items()}


def _cut(value: Any, depth: int = 0) -> Any:  # noqa: ANN401 - whatever JSON holds
    if isinstance(value, str):
        return _without_surrogates(value[:MAX_TEXT_LENGTH])
    if isinstance(value, list) and depth < _DEEPEST:
        return [_cut(item, depth + 1) for item in value[:MAX_ITEMS]]
    return None if isinstance(value, list | dict) else value


def _without_surrogates(text: str) -> str:
    """Replace halves of a character, which JSON can hold and UTF-8 cannot."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def deliver(details: list[str], send: Send) -> None:
    """Send all in batches, and again what was refused.

    Args:
        details: What to send.
        send: Sends a batch, and returns what was refused.

    Raises:
        NotDelivered: When some were refused each time. The others were sent.
    """
    refused = details
    for pause in (0.0, *_PAUSES_S):
        if not refused:
            return
        time.sleep(pause)
        refused = [detail for batch in batches(refused) for detail in _sent(batch, send)]
    if refused:
        raise NotDelivered(f"{len(refused)} of {len(details)} notifications were refused")


def _sent(batch: list[str], send: Send) -> list[str]:
    """Send a batch, and return what was refused of it: all, when the whole request was. The others go on."""
    try:
        return send(batch)
    except ClientError as error:
        _logger.warning("a request was refused", extra={"reason": str(error)})
        return batch


def batches(details: Iterable[str]) -> Iterator[list[str]]:
    """Split into batches that one request may hold."""
    batch: list[str] = []
    for detail in details:
        if batch and (len(batch) == MAX_BATCH_ENTRIES or sum(map(len, [*batch, detail])) > MAX_BATCH_BYTES):
            yield batch
            batch = []
        batch.append(detail)
    if batch:
        yield batch


@cache
def _sender(destination: str) -> Send:
    """Return what sends to the bus or the topic of this ARN; its client is kept between invocations."""
    return _topic_sender(destination) if destination.split(":")[2] == "sns" else _bus_sender(destination)


def _bus_sender(bus: str) -> Send:
    client = boto3.client("events")

    def send(details: list[str]) -> list[str]:
        entries = [
            {"EventBusName": bus, "Source": SOURCE, "DetailType": _detail_type(detail), "Detail": detail}
            for detail in details
        ]
        answer = client.put_events(Entries=entries)
        results = zip(details, answer["Entries"], strict=True)
        return [_refused(detail, result) for detail, result in results if "ErrorCode" in result]

    return send


def _topic_sender(topic: str) -> Send:
    client = boto3.client("sns")

    def send(details: list[str]) -> list[str]:
        entries = [
            {"Id": str(number), "Subject": _detail_type(detail), "Message": detail}
            for number, detail in enumerate(details)
        ]
        answer = client.publish_batch(TopicArn=topic, PublishBatchRequestEntries=entries)
        failed = answer.get("Failed", [])
        return [_refused(details[int(result["Id"])], result) for result in failed]

    return send


def _detail_type(detail: str) -> str:
    return ALLOWED_DETAIL_TYPE if json.loads(detail)["allow"] else DETAIL_TYPE


def _refused(detail: str, result: dict[str, Any]) -> str:
    code, reason = (
        result.get("ErrorCode", result.get("Code")),
        result.get("ErrorMessage", result.get("Message")),
    )
    _logger.warning("a notification was refused", extra={"code": code, "reason": reason})
    return detail
