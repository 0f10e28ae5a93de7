"""A device manager's webhook, written into the table of devices.

The function behind a URL of Lambda. A request is a JSON object, signed together with the time of sending::

    X-Timestamp: <seconds since 1970>
    X-Signature: sha256=<HMAC-SHA256 of timestamp, "." and body, in hexadecimal>

    {"device": "laptop-17", "at": "2026-11-22T09:00:00Z", "compliant": true, "osVersion": "10.0.22631",
     "labels": {"owner": "bob"}}

``device`` is the common name of the client certificate, ``at`` the time of the event; the rest may be missing.
``"removed": true`` says that the device manager no longer knows the device. Change ``item_of`` to what your device
manager sends.

A request that was recorded is refused five minutes after it was sent, and until then changes nothing that an event
with a later ``at`` says. Keep the device manager's clock right: when it is put back, its events are older than what is
known until it has caught up. A device that is removed stays as a mark: without it, an older event would bring the
device back.

To rotate the secret, store the new one and the old one in two lines, change the sender, then store the new one alone.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import re
import time
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

import boto3

SECRET_READ_EVERY_S = 300
WINDOW_S = 300
_SIGNATURE = "x-signature"
_TIMESTAMP = "x-timestamp"
_SECONDS = re.compile(r"[0-9]{1,12}", re.ASCII)
_MOST_SECRETS = 2
_VERSION = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9}){1,2}(?=\.|\Z)")


class InvalidEvent(ValueError):
    """The body is no event; the message says why."""


def handler(request: dict[str, Any], _context: object) -> dict[str, Any]:
    """Answer a request to the function's URL."""
    body, headers = _body(request), request["headers"]
    timestamp = headers.get(_TIMESTAMP, "")
    if not _is_signed(timestamp, body, headers.get(_SIGNATURE, "")):
        return _answer(401, "the signature is not that of the timestamp and the body")
    if not _is_recent(timestamp):
        return _answer(401, f"the timestamp is not within {WINDOW_S} seconds of now")
    try:
        item = item_of(json.loads(body), datetime.fromtimestamp(int(timestamp), UTC))
    except (InvalidEvent, ValueError, RecursionError) as error:
        return _answer(400, str(error))
    return _answer(200, "written" if _write(item) else "older than what is known")


def item_of(event: object, sent: datetime) -> dict[str, Any]:
    """Return the item of a device, as docs/devices-command.md describes it.

    Args:
        event: The body.
        sent: The signed time of sending, in whole seconds.

    Raises:
        InvalidEvent: When the event is not of its form.
    """
    if not isinstance(event, dict):
        raise InvalidEvent("the body is not an object")
    item: dict[str, Any] = {
        "commonName": {"S": _text(event, "device")},
        "lastSeen": {"S": _time(_text(event, "at"), sent)},
    }
    if _of_type(event.get("removed", False), bool, "removed"):
        return item | {"removed": {"BOOL": True}}
    if event.get("compliant") is not None:
        item["compliant"] = {"BOOL": _of_type(event["compliant"], bool, "compliant")}
    if event.get("osVersion") is not None:
        item["os"] = {"S": _numbers(_text(event, "osVersion"))}
    labels = _of_type(event.get("labels") or {}, dict, "labels")
    if labels:
        item["tags"] = {"M": {name: {"S": _text(labels, name)} for name in labels}}
    return item


def _body(request: dict[str, Any]) -> bytes:
    text = request.get("body") or ""
    return base64.b64decode(text) if request.get("isBase64Encoded") else text.encode()


def _is_signed(timestamp: str, body: bytes, signature: str) -> bool:
    signed = timestamp.encode() + b"." + body
    secrets = _secrets(int(time.monotonic() // SECRET_READ_EVERY_S))
    expected = ("sha256=" + hmac.new(secret, signed, hashlib.sha256).hexdigest() for secret in secrets)
    return any(hmac.compare_digest(each.encode(), signature.encode()) for each in expected)


def _is_recent(timestamp: str) -> bool:
    """Whether a request was sent just now, by a clock that is a little behind or ahead."""
    return bool(_SECONDS.fullmatch(timestamp)) and abs(time.time() - int(timestamp)) <= WINDOW_S


@lru_cache(maxsize=1)
def _secrets(_period: int) -> tuple[bytes, ...]:
    """Return the secrets that are shared with the device manager, read again in each period.

    Raises:
        ValueError: When none is given, or more than the new and the old one.
    """
    answer = boto3.client("secretsmanager").get_secret_value(SecretId=os.environ["SECRET"])
    secrets = tuple(line.strip().encode() for line in answer["SecretString"].splitlines() if line.strip())
    if not 1 <= len(secrets) <= _MOST_SECRETS:
        raise ValueError(
            f"the secret has {len(secrets)} lines; store one, or the new and the old one while it rotates"
        )
    return secrets


def _write(item: dict[str, Any]) -> bool:
    """Write an item unless a newer one is there; return whether it was written.

    Events may arrive in any order, and more than once. Times in UTC compare as texts, but a second that
    ``client-connect devices import`` wrote has no fraction: ``09:00:00Z``. A time later than that of any event, which
    the command may have written, is no newer event.
    """
    dynamodb = boto3.client("dynamodb")
    last_seen = item["lastSeen"]["S"]
    try:
        dynamodb.put_item(
            TableName=os.environ["DEVICES_TABLE"],
            Item=item,
            ConditionExpression=(
                "attribute_not_exists(lastSeen) OR lastSeen <= :time OR lastSeen = :second OR lastSeen > :latest"
            ),
            ExpressionAttributeValues={
                ":time": {"S": last_seen},
                ":second": {"S": last_seen.partition(".")[0] + "Z"},
                ":latest": {"S": _in_utc(_latest())},
            },
        )
    except dynamodb.exceptions.ConditionalCheckFailedException:
        return False
    return True


def _text(values: dict[str, Any], name: str) -> str:
    text: str = _of_type(values.get(name), str, name)
    if not (text and name):
        raise InvalidEvent(f'"{name}" is empty')
    return text


def _of_type(value: Any, kind: type, name: str) -> Any:  # noqa: ANN401 - whatever JSON holds
    if not isinstance(value, kind):
        raise InvalidEvent(f'"{name}" is not of type {kind.__name__}')
    return value


def _time(text: str, sent: datetime) -> str:
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise InvalidEvent('"at" has no time zone')
    if at > _latest():
        raise InvalidEvent(f'"at" is more than {WINDOW_S} seconds ahead')
    # No later than it was sent: by a clock that is ahead, an event would make all that follow it older. And whenever
    # it comes it is the same, or an event that is sent again would be a newer one.
    return _in_utc(at if at - sent < timedelta(seconds=1) else sent)


def _latest() -> datetime:
    """Return the latest time that an event may have, by a clock that is a little ahead."""
    return datetime.now(UTC) + timedelta(seconds=WINDOW_S)


def _in_utc(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _numbers(version: str) -> str:
    """Return the first three numbers of a version: "10.0.22631.4317" is "10.0.22631"."""
    match = _VERSION.match(version)
    if match is None:
        raise InvalidEvent('"osVersion" is not two or more numbers')
    return match[0]


def _answer(status: int, message: str) -> dict[str, Any]:
    return {"statusCode": status, "body": json.dumps({"message": message})}
