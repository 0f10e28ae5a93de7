"""A device sync deployed by the real CDK CLI: what Intune says decides the next connection."""

from __future__ import annotations

import base64
import json
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from local_aws import cdk_cli
from local_aws.client_vpn_api import ClientVpnApi
from local_aws.client_vpn_state import Connection
from local_aws.emulator import ROOT
from local_aws.live_connections import ENDPOINT
from tests.support.apps import HERE, handler_of, synthesize
from tests.support.device_managers.intune import IntuneServer, common_name, device
from tests.support.device_managers.server import CLIENT_ID, CLIENT_SECRET

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local_aws.emulator import Emulator

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(
        sys.platform != "linux", reason="the bundle is built for Lambda and runs on this machine"
    ),
]

APP = ROOT / "tests" / "e2e" / "synced_app.py"
EVENT: dict[str, Any] = {
    "connection-id": "cvpn-connection-0123456789abcdef0",
    "endpoint-id": ENDPOINT,
    "common-name": common_name(1),
    "username": "alice",
    "platform": "win",
    "platform-version": "10.0.22631,amd64",
    "public-ip": "198.51.100.7",
    "client-openvpn-version": "2.7.0",
    "groups": ["staff"],
    "schema-version": "v3",
}


@dataclass(frozen=True)
class Run:
    """One invocation of the sync."""

    answer: Any
    record: dict[str, Any]
    log: str
    failed: bool


@dataclass(frozen=True)
class Deployed:
    """The deployed app, and Intune."""

    emulator: Emulator
    outputs: dict[str, str]
    server: IntuneServer
    api: ClientVpnApi

    def sync(self, event: object = None) -> Run:
        """Invoke the sync as the schedule does, and wait."""
        answer = self.emulator.client("lambda").invoke(
            FunctionName=self.outputs["SyncName"], Payload=json.dumps(event or {}), LogType="Tail"
        )
        log = base64.b64decode(answer.get("LogResult", "")).decode()
        lines = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
        (record,) = [line for line in lines if line.get("logger") == "client_connect_devices"]
        return Run(json.loads(answer["Payload"].read()), record, log, "FunctionError" in answer)

    def connect(self, number: int, **changes: Any) -> dict[str, Any]:
        """Ask the handler for a connection of a device."""
        handler = handler_of(self.emulator, self.outputs)
        return handler.invoke({**EVENT, "common-name": common_name(number), **changes}).answer


@pytest.fixture(scope="module")
def server() -> Iterator[IntuneServer]:
    """Intune with ten devices."""
    with IntuneServer([device(number) for number in range(10)]) as running:
        yield running


@pytest.fixture(scope="module")
def api() -> Iterator[ClientVpnApi]:
    """EC2's calls of Client VPN, with one endpoint."""
    with ClientVpnApi(limits={}) as running:
        running.add_endpoint(ENDPOINT)
        yield running


@pytest.fixture(scope="module")
def deployed(account: Emulator, server: IntuneServer, api: ClientVpnApi) -> Deployed:
    """The deployed app, with credentials in its secret."""
    context = {**HERE, "manager": server.url, "endpoint": ENDPOINT, "ec2": api.endpoint}
    app = synthesize(APP, account.directory / "Synced.out", context)
    outputs = cdk_cli.deploy(account, stack="Synced", app=app)
    secrets: Any = account.client("secretsmanager")  # type: ignore[call-overload]
    secrets.put_secret_value(
        SecretId=outputs["SecretArn"],
        SecretString=json.dumps(
            {"clientId": CLIENT_ID, "clientSecret": CLIENT_SECRET, "expires": "2999-01-01"}
        ),
    )
    return Deployed(account, outputs, server, api)


def test_a_device_that_becomes_noncompliant_is_denied_after_the_next_sync(deployed: Deployed) -> None:
    """With the message of the rule; and let in again once it is compliant."""
    assert deployed.connect(1)["allow"] is False  # nothing is in the inventory yet
    run = deployed.sync()
    assert not run.failed
    assert run.answer["written"] == {"new": 10}
    assert deployed.connect(1)["allow"] is True

    deployed.server.devices[1]["complianceState"] = "noncompliant"
    run = deployed.sync()
    assert run.record["sync"]["named"] == {"no longer compliant": [common_name(1)]}
    denied = deployed.connect(1)
    assert denied["allow"] is False
    assert "does not comply" in denied["error-msg-on-denied-connection"]
    assert deployed.connect(2)["allow"] is True

    deployed.server.devices[1]["complianceState"] = "compliant"
    deployed.sync()
    assert deployed.connect(1)["allow"] is True


def test_an_open_connection_of_the_device_ends_at_once(deployed: Deployed) -> None:
    """The sync starts the re-authorizer, which terminates this connection and no other."""
    deployed.sync()
    for number in (3, 4):
        id_ = f"cvpn-connection-{number}"
        assert deployed.connect(number, **{"connection-id": id_})["allow"] is True
        deployed.api.connect(
            ENDPOINT, [Connection(connection_id=id_, username="alice", common_name=common_name(number))]
        )
    assert deployed.api.terminations == []
    deployed.server.devices[3]["complianceState"] = "noncompliant"
    deployed.sync()
    deadline = time.monotonic() + 60
    while not deployed.api.terminations:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert deployed.api.terminations == ["cvpn-connection-3"]
    deployed.server.devices[3]["complianceState"] = "compliant"


def test_a_run_is_recorded_with_metrics(deployed: Deployed) -> None:
    """As CloudWatch takes them from the line, by the function's name."""
    deployed.sync()
    record = deployed.sync().record
    assert record["message"] == "device sync complete"
    assert record["FunctionName"] == deployed.outputs["SyncName"]
    (definition,) = record["_aws"]["CloudWatchMetrics"]
    assert (definition["Namespace"], definition["Dimensions"]) == ("ClientConnect", [["FunctionName"]])
    metrics = {metric["Name"]: record[metric["Name"]] for metric in definition["Metrics"]}
    assert metrics.pop("SyncTime") > 0
    assert metrics.pop("SyncSecretDaysToExpiry") > 300_000
    assert metrics == {
        "DevicesDuplicated": 0,
        "DevicesListed": 10,
        "DevicesMatched": 10,
        "DevicesMissing": 0,
        "DevicesRejected": 0,
        "DevicesUnchanged": 10,
        "DevicesWritten": 0,
        "SyncBrakeEngaged": 0,
        "SyncComplete": 1,
        "SyncCredentialsRejected": 0,
    }


def test_the_brake_holds_and_an_operator_releases_it(deployed: Deployed) -> None:
    """By an event, as docs/device-managers.md has it."""
    deployed.sync()
    devices = list(deployed.server.devices)
    del deployed.server.devices[1:]
    run = deployed.sync()
    assert (run.record["level"], run.record["SyncBrakeEngaged"]) == ("ERROR", 1)
    assert deployed.connect(5)["allow"] is True
    run = deployed.sync({"acceptChanges": 9})
    assert run.record["SyncBrakeEngaged"] == 0
    assert deployed.connect(5)["allow"] is False
    deployed.server.devices[:] = devices
    deployed.sync()
    assert deployed.connect(5)["allow"] is True


def test_refused_credentials_fail_the_run_without_being_logged(deployed: Deployed) -> None:
    """The inventory stays as it is, and the record says what to do."""
    secrets: Any = deployed.emulator.client("secretsmanager")  # type: ignore[call-overload]
    good = secrets.get_secret_value(SecretId=deployed.outputs["SecretArn"])["SecretString"]
    bad = json.dumps({"clientId": CLIENT_ID, "clientSecret": "no-longer-valid"})
    deployed.sync()
    secrets.put_secret_value(SecretId=deployed.outputs["SecretArn"], SecretString=bad)
    run = deployed.sync()
    assert run.failed
    assert run.record["error"]["type"] == "CredentialsRejected"
    assert "AADSTS7000215" in run.record["error"]["detail"]
    assert (run.record["SyncComplete"], run.record["SyncCredentialsRejected"]) == (0, 1)
    assert "no-longer-valid" not in run.log + json.dumps(run.answer)
    assert deployed.connect(2)["allow"] is True
    secrets.put_secret_value(SecretId=deployed.outputs["SecretArn"], SecretString=good)
    assert not deployed.sync().failed
