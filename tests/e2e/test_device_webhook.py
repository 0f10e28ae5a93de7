"""The example of a device manager's webhook: its own code, on a table of the emulator."""

from __future__ import annotations

import base64
import hashlib
import hmac
import importlib.util
import json
import os
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from client_connect import Device
from client_connect.items import device_item, device_of
from local_aws.emulator import ROOT, Emulator

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import ModuleType

pytestmark = pytest.mark.e2e

EXAMPLE = ROOT / "examples" / "device-webhook"
EVENT = {
    "device": "laptop-17",
    "at": "2025-11-22T10:00:00+01:00",
    "compliant": True,
    "osVersion": "10.0.22631.4317",
    "labels": {"owner": "bob"},
}


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    """The emulator with a table of devices."""
    with Emulator() as running:
        running.client("dynamodb").create_table(
            TableName="devices",
            KeySchema=[{"AttributeName": "commonName", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "commonName", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        yield running


@pytest.fixture
def webhook(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The function's module, with its secret in the emulator."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in emulator.environment.items():
        monkeypatch.setenv(name, value)
    import boto3  # noqa: PLC0415 - the default session is made with the environment above

    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    secret = boto3.client("secretsmanager").create_secret(Name=os.urandom(8).hex(), SecretString="shared")
    monkeypatch.setenv("SECRET", secret["ARN"])
    monkeypatch.setenv("DEVICES_TABLE", "devices")
    spec = importlib.util.spec_from_file_location("webhook", EXAMPLE / "function" / "webhook.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def send(
    webhook: ModuleType, event: object, *, secret: bytes = b"shared", encoded: bool = False
) -> tuple[int, str]:
    """Send an event; return the status and the message."""
    body = json.dumps(event).encode()
    signature = "sha256=" + hmac.new(secret, body, hashlib.sha256).hexdigest()
    request: dict[str, Any] = {"headers": {"x-signature": signature}, "isBase64Encoded": encoded}
    request["body"] = base64.b64encode(body).decode() if encoded else body.decode()
    answer = webhook.handler(request, None)
    return answer["statusCode"], json.loads(answer["body"])["message"]


def known(emulator: Emulator, name: str) -> Device | None:
    """Return a device as the handler reads it."""
    answer = emulator.client("dynamodb").get_item(TableName="devices", Key={"commonName": {"S": name}})
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
    """Also one that is older by a fraction of a second; the same one again is written again."""
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
    emulator.client("dynamodb").put_item(TableName="devices", Item=imported)
    older = {"device": "b", "at": "2025-11-22T08:59:59.9Z"}
    assert send(webhook, older) == (200, "older than what is known")
    assert send(webhook, {**older, "at": "2025-11-22T09:00:00.1Z"}) == (200, "written")


def test_a_clock_that_is_ahead_keeps_no_later_event_out(emulator: Emulator, webhook: ModuleType) -> None:
    """An event of the future happened by now, and so did what was imported."""
    ahead = {"device": "c", "at": (datetime.now(UTC) + timedelta(hours=1)).isoformat(), "compliant": True}
    imported = device_item("d", Device(last_seen=datetime(9999, 11, 22, tzinfo=UTC), compliant=True))
    assert send(webhook, ahead) == (200, "written")
    emulator.client("dynamodb").put_item(TableName="devices", Item=imported)
    for name in ("c", "d"):
        event = {"device": name, "at": datetime.now(UTC).isoformat(), "compliant": False}
        assert send(webhook, event) == (200, "written")
        device = known(emulator, name)
        assert device
        assert device.compliant is False


def test_a_wrong_signature_writes_nothing(emulator: Emulator, webhook: ModuleType) -> None:
    """Neither does one that is missing."""
    event = {**EVENT, "device": "forged"}
    assert send(webhook, event, secret=b"guessed") == (401, "the signature is not that of the body")
    assert webhook.handler({"headers": {}, "body": json.dumps(event)}, None)["statusCode"] == 401
    assert known(emulator, "forged") is None


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
        ({**EVENT, "labels": {"a": 1}}, '"a" is not of type str'),
    ],
)
def test_fails_for_what_is_no_event(webhook: ModuleType, event: object, message: str) -> None:
    """The sender is told why."""
    assert send(webhook, event) == (400, message)


def test_the_app_is_synthesized(tmp_path: Path) -> None:
    """The function may write devices and read its secret, touches no waiver, and leaves the handler room to run."""
    context = json.dumps({"aws:cdk:bundling-stacks": []})
    environment = {**os.environ, "CDK_OUTDIR": str(tmp_path), "CDK_CONTEXT_JSON": context}
    subprocess.run([sys.executable, str(EXAMPLE / "app.py")], env=environment, check=True)
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
    assert {action for statement in policy for action in statement["Action"]} == {
        *(f"dynamodb:{action}" for action in ("PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem")),
        *("secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret"),
    }
    assert all("Waivers" not in json.dumps(statement["Resource"]) for statement in policy)
