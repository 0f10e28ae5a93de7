"""The example of a device manager's webhook: its own code, on a table of the emulator."""

from __future__ import annotations

import base64
import hashlib
import hmac
import importlib.util
import json
import os
import time
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Any

import pytest

from client_connect import ConnectionRequest, Device
from client_connect.sources.device_inventory import DeviceTable
from client_connect.sources.items import Key, device_item, device_of
from local_aws.emulator import ROOT
from tests.support.programs import CONTEXT, OUTDIR, Finished, run_program

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path
    from types import ModuleType

    from local_aws.emulator import Emulator

pytestmark = pytest.mark.e2e

WRONG_SIGNATURE = "the signature is not that of the timestamp and the body"
EXAMPLE = ROOT / "examples" / "device-webhook"
DEVICES = "devices-of-the-webhook"
EVENT = {
    "device": "laptop-17",
    "at": "2025-11-22T10:00:00+01:00",
    "compliant": True,
    "osVersion": "10.0.22631.4317",
    "labels": {"owner": "bob"},
}


@pytest.fixture(scope="module")
def _table(emulator: Emulator) -> None:
    """A table of devices."""
    emulator.client("dynamodb").create_table(
        TableName=DEVICES,
        KeySchema=[{"AttributeName": "commonName", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "commonName", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )


@pytest.fixture
def webhook(emulator: Emulator, _table: None, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The function's module, with its secret in the emulator."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in emulator.environment.items():
        monkeypatch.setenv(name, value)
    import boto3  # noqa: PLC0415 - the default session is made with the environment above

    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    secret = boto3.client("secretsmanager").create_secret(Name=os.urandom(8).hex(), SecretString="shared")
    monkeypatch.setenv("SECRET", secret["ARN"])
    monkeypatch.setenv("DEVICES_TABLE", DEVICES)
    spec = importlib.util.spec_from_file_location("webhook", EXAMPLE / "function" / "webhook.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def signed(event: object, *, secret: bytes = b"shared", timestamp: str | None = None) -> dict[str, Any]:
    """Return the request of an event."""
    body = json.dumps(event).encode()
    timestamp = str(int(time.time())) if timestamp is None else timestamp
    signature = "sha256=" + hmac.new(secret, timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    return {"headers": {"x-signature": signature, "x-timestamp": timestamp}, "body": body.decode()}


def answered(webhook: ModuleType, request: dict[str, Any]) -> tuple[int, str]:
    """Send a request; return the status and the message."""
    answer = webhook.handler(request, None)
    return answer["statusCode"], json.loads(answer["body"])["message"]


def send(
    webhook: ModuleType,
    event: object,
    *,
    secret: bytes = b"shared",
    encoded: bool = False,
    timestamp: str | None = None,
) -> tuple[int, str]:
    """Send an event; return the status and the message."""
    request = signed(event, secret=secret, timestamp=timestamp) | {"isBase64Encoded": encoded}
    body = request["body"].encode()
    request["body"] = base64.b64encode(body).decode() if encoded else body.decode()
    return answered(webhook, request)


def known(emulator: Emulator, name: str) -> Device | None:
    """Return a device as the handler reads it."""
    answer = emulator.client("dynamodb").get_item(TableName=DEVICES, Key={"commonName": {"S": name}})
    return device_of(answer["Item"]) if "Item" in answer else None


@pytest.mark.parametrize("encoded", [False, True])
def test_an_event_is_written_as_the_handler_reads_it(
    emulator: Emulator, webhook: ModuleType, *, encoded: bool
) -> None:
    """A body in base64 as well as a plain one."""
    assert send(webhook, EVENT, encoded=encoded) == (200, "written")
    device = known(emulator, "laptop-17")
    assert device
    assert device.to_record() == {
        "compliant": True,
        "lastSeen": "2025-11-22T09:00:00.000+00:00",
        "os": {"major": 10, "minor": 0, "build": 22631},
        "tags": {"owner": "bob"},
    }


def test_an_older_event_undoes_nothing(emulator: Emulator, webhook: ModuleType) -> None:
    """Even one that is older by a fraction of a second; the same one again is written again."""
    new = {"device": "a", "at": "2025-11-22T09:00:00.5Z", "compliant": False}
    old = {"device": "a", "at": "2025-11-22T09:00:00Z", "compliant": True}
    assert send(webhook, new) == (200, "written")
    assert send(webhook, old) == (200, "older than what is known")
    assert send(webhook, new) == (200, "written")
    device = known(emulator, "a")
    assert device
    assert device.compliant is False


def test_an_event_of_the_second_of_an_import_is_written(emulator: Emulator, webhook: ModuleType) -> None:
    """The command writes whole seconds."""
    imported = device_item("b", Device(last_seen=datetime(2025, 11, 22, 9, tzinfo=UTC)))
    emulator.client("dynamodb").put_item(TableName=DEVICES, Item=imported)
    older = {"device": "b", "at": "2025-11-22T08:59:59.9Z"}
    assert send(webhook, older) == (200, "older than what is known")
    assert send(webhook, {**older, "at": "2025-11-22T09:00:00.1Z"}) == (200, "written")


def test_a_clock_that_is_ahead_keeps_no_later_event_out(emulator: Emulator, webhook: ModuleType) -> None:
    """An event of the future happened by now, and so did what was imported."""
    ahead = {"device": "c", "at": (datetime.now(UTC) + timedelta(minutes=4)).isoformat(), "compliant": True}
    imported = device_item("d", Device(last_seen=datetime(9999, 11, 22, tzinfo=UTC), compliant=True))
    assert send(webhook, ahead) == (200, "written")
    emulator.client("dynamodb").put_item(TableName=DEVICES, Item=imported)
    for name in ("c", "d"):
        event = {"device": name, "at": datetime.now(UTC).isoformat(), "compliant": False}
        assert send(webhook, event) == (200, "written")
        device = known(emulator, name)
        assert device
        assert device.compliant is False


def test_what_a_clock_ahead_signed_undoes_nothing_when_it_is_sent_again(
    emulator: Emulator, webhook: ModuleType
) -> None:
    """Whenever it comes, the same request is as old as it was."""
    then = datetime.now(UTC) + timedelta(minutes=1)
    old = {"device": "e", "at": then.isoformat(), "compliant": True}
    new = {"device": "e", "at": (then + timedelta(seconds=1)).isoformat(), "compliant": False}
    recorded = signed(old, timestamp=str(int(then.timestamp())))
    assert answered(webhook, recorded) == (200, "written")
    assert send(webhook, new, timestamp=str(int(then.timestamp()) + 1)) == (200, "written")
    assert answered(webhook, recorded) == (200, "older than what is known")
    device = known(emulator, "e")
    assert device
    assert device.compliant is False


def test_a_wrong_signature_writes_nothing(emulator: Emulator, webhook: ModuleType) -> None:
    """Neither does one that is missing."""
    event = {**EVENT, "device": "forged"}
    assert send(webhook, event, secret=b"guessed") == (401, WRONG_SIGNATURE)
    assert webhook.handler({"headers": {}, "body": json.dumps(event)}, None)["statusCode"] == 401
    assert known(emulator, "forged") is None


@pytest.mark.parametrize("seconds", [-86_400, -400, 400, 86_400])
def test_an_old_or_future_request_writes_nothing(
    emulator: Emulator, webhook: ModuleType, seconds: int
) -> None:
    """Whoever recorded one cannot send it again later; nor can one be made to be used later."""
    event = {**EVENT, "device": "recorded"}
    timestamp = str(int(time.time()) + seconds)
    late = (401, "the timestamp is not within 300 seconds of now")
    assert send(webhook, event, timestamp=timestamp) == late
    assert known(emulator, "recorded") is None


@pytest.mark.parametrize(
    "timestamp", ["", "now", "-1", "1e9", "1" * 13, "\u0661", " 1", "2026-11-22T09:00:00Z"]
)
def test_a_timestamp_that_is_none_writes_nothing(webhook: ModuleType, timestamp: str) -> None:
    """Even if it is signed."""
    assert send(webhook, EVENT, timestamp=timestamp)[0] == 401


def test_the_timestamp_is_signed(webhook: ModuleType) -> None:
    """With another one, the signature of a recorded request is wrong; so is that of a moved boundary."""
    request = signed(EVENT, timestamp=str(int(time.time()) - 400))
    moved = str(int(time.time()))
    assert answered(webhook, {**request, "headers": {**request["headers"], "x-timestamp": moved}}) == (
        401,
        WRONG_SIGNATURE,
    )
    headers = {name: value for name, value in request["headers"].items() if name != "x-timestamp"}
    assert answered(webhook, {**request, "headers": headers}) == (401, WRONG_SIGNATURE)


@pytest.mark.parametrize("hours", [0.2, 24, 24 * 365])
def test_an_event_of_the_future_writes_nothing(webhook: ModuleType, hours: float) -> None:
    """A clock may be some minutes ahead, not more."""
    event = {**EVENT, "at": (datetime.now(UTC) + timedelta(hours=hours)).isoformat()}
    assert send(webhook, event) == (400, '"at" is more than 300 seconds ahead')


def test_two_secrets_while_one_is_rotated(webhook: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sender can change at any time between."""
    secrets = webhook.boto3.client("secretsmanager")
    secrets.put_secret_value(SecretId=os.environ["SECRET"], SecretString="new\nshared\n")
    assert [send(webhook, EVENT, secret=secret)[0] for secret in (b"new", b"shared", b"other", b"")] == [
        *(200, 200, 401, 401)
    ]
    later = time.monotonic() + webhook.SECRET_READ_EVERY_S
    monkeypatch.setattr(time, "monotonic", lambda: later)
    secrets.put_secret_value(SecretId=os.environ["SECRET"], SecretString="new")
    assert [send(webhook, EVENT, secret=secret)[0] for secret in (b"new", b"shared")] == [200, 401]


@pytest.mark.parametrize("value", [" ", "\n\n", "a\nb\nc"])
def test_fails_for_a_secret_that_is_none(webhook: ModuleType, value: str) -> None:
    """An empty one could be guessed, and a third one was forgotten."""
    webhook.boto3.client("secretsmanager").put_secret_value(SecretId=os.environ["SECRET"], SecretString=value)
    with pytest.raises(ValueError, match="store one, or the new and the old one"):
        send(webhook, EVENT, secret=b"")


def test_a_removed_device_is_marked(emulator: Emulator, webhook: ModuleType) -> None:
    """So that neither an older event nor a repeated one brings it back; a newer one does."""
    seen = {"device": "gone", "at": "2025-11-22T09:00:00Z", "compliant": True}
    removed = {"device": "gone", "at": "2025-11-22T10:00:00Z", "removed": True, "compliant": True}
    tables = inventory(emulator)
    assert send(webhook, seen) == (200, "written")
    assert tables("gone") == "known"
    assert send(webhook, removed) == (200, "written")
    assert tables("gone") == "unknown"
    assert send(webhook, seen) == (200, "older than what is known")
    assert tables("gone") == "unknown"
    assert send(webhook, {**seen, "at": "2025-11-22T11:00:00Z"}) == (200, "written")
    assert tables("gone") == "known"


def inventory(emulator: Emulator) -> Callable[[str], str]:
    """Return a function that reads a device from the handler's inventory."""
    dynamodb = emulator.client("dynamodb")

    class Items:
        def get(self, keys: Iterable[Key]) -> dict[Key, Any]:
            devices = [key for key in keys if key.table == DEVICES]
            answers = {
                key: dynamodb.get_item(TableName=DEVICES, Key={key.name: {"S": key.value}}) for key in devices
            }
            return {key: answer["Item"] for key, answer in answers.items() if "Item" in answer}

    table = DeviceTable(Items(), devices=DEVICES, waivers="waivers")  # type: ignore[arg-type]

    def state(name: str) -> str:
        address = IPv4Address("192.0.2.1")
        request = ConnectionRequest("c", "e", platform="win", public_ip=address, common_name=name)
        (entry,) = table.look_up([request])
        return entry.inventory

    return state


def test_a_secret_that_was_replaced_is_soon_refused(
    webhook: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process may live for hours, and whoever has the old secret must not write as long."""
    assert send(webhook, EVENT)[0] == 200
    webhook.boto3.client("secretsmanager").put_secret_value(SecretId=os.environ["SECRET"], SecretString="new")
    later = time.monotonic() + webhook.SECRET_READ_EVERY_S
    monkeypatch.setattr(time, "monotonic", lambda: later)
    assert send(webhook, EVENT)[0] == 401
    assert send(webhook, EVENT, secret=b"new")[0] == 200


@pytest.mark.parametrize(
    ("event", "message"),
    [
        ([], "the body is not an object"),
        ({**EVENT, "device": ""}, '"device" is empty'),
        ({**EVENT, "device": None}, '"device" is not of type str'),
        ({**EVENT, "at": "now"}, "Invalid isoformat string: 'now'"),
        ({**EVENT, "at": "2025-11-22T09:00:00"}, '"at" has no time zone'),
        ({**EVENT, "compliant": "true"}, '"compliant" is not of type bool'),
        ({**EVENT, "osVersion": "ten"}, '"osVersion" is not two or more numbers'),
        ({**EVENT, "removed": "true"}, '"removed" is not of type bool'),
        ({**EVENT, "labels": {"a": 1}}, '"a" is not of type str'),
    ],
)
def test_fails_for_what_is_no_event(webhook: ModuleType, event: object, message: str) -> None:
    """The sender learns why."""
    assert send(webhook, event) == (400, message)


def test_the_app_is_synthesized(tmp_path: Path) -> None:
    """The function may write devices and read its secret, touches no waiver, and leaves the handler room to run."""
    variables = {OUTDIR: str(tmp_path), CONTEXT: json.dumps({"aws:cdk:bundling-stacks": []})}
    assert run_program(EXAMPLE / "app.py", folder=ROOT, variables=variables) == Finished(0, "", "")
    resources = json.loads((tmp_path / "DeviceWebhook.template.json").read_text("utf-8"))["Resources"]
    (function,) = [
        each["Properties"]
        for each in resources.values()
        if each["Type"] == "AWS::Lambda::Function" and each["Properties"].get("Handler") == "webhook.handler"
    ]
    assert function["ReservedConcurrentExecutions"] == 10
    (policy,) = [
        each["Properties"]["PolicyDocument"]["Statement"]
        for name, each in resources.items()
        if each["Type"] == "AWS::IAM::Policy" and name.startswith("Webhook")
    ]
    actions = [statement["Action"] for statement in policy]
    assert {action for each in actions for action in ([each] if isinstance(each, str) else each)} == {
        *("dynamodb:PutItem", "secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret"),
    }
    assert all("Waivers" not in json.dumps(statement["Resource"]) for statement in policy)
