"""The monitoring of a deployed handler: its denials reach a queue, and what it defines is there."""

from __future__ import annotations

import base64
import gzip
import json
import os
import re
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest
from typer.testing import CliRunner

from client_connect_notifications import forwarder
from client_connect_tools.cli import main
from local_aws import cdk_cli
from local_aws.deployed_handler import handler_of
from local_aws.emulator import ROOT
from tests.support.apps import HERE, synthesize
from tests.support.aws_cli import expanded, understood

if TYPE_CHECKING:
    from local_aws.deployed_handler import DeployedHandler
    from local_aws.emulator import Emulator

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(
        sys.platform != "linux", reason="the bundle is built for Lambda and runs on this machine"
    ),
]

OPERATIONS = (ROOT / "docs" / "operations.md").read_text("utf-8")
EVENT: dict[str, Any] = {
    "connection-id": "cvpn-connection-0123456789abcdef0",
    "endpoint-id": "cvpn-endpoint-0123456789abcdef0",
    "common-name": "laptop-17",
    "username": "mallory",
    "platform": "win",
    "platform-version": "10.0.22631,amd64",
    "public-ip": "198.51.100.7",
    "client-openvpn-version": "2.7.0",
    "groups": ["staff"],
    "schema-version": "v3",
}


@dataclass(frozen=True)
class Monitored:
    """The deployed app."""

    emulator: Emulator
    outputs: dict[str, str]

    @property
    def handler(self) -> DeployedHandler:
        """The handler."""
        return handler_of(self.emulator, self.outputs)

    def deny(self, **changes: Any) -> dict[str, Any]:
        """Have the handler deny a connection, and return its record."""
        invocation = self.handler.invoke({**EVENT, **changes})
        assert invocation.answer["allow"] is False
        return invocation.record


@pytest.fixture(scope="module")
def monitored(account: Emulator) -> Monitored:
    """A deployed handler with its monitoring."""
    app = synthesize(ROOT / "tests" / "e2e" / "monitored_app.py", account.directory / "Monitored.out", HERE)
    return Monitored(account, cdk_cli.deploy(account, stack="Monitored", app=app))


def received(emulator: Any, queue: str) -> dict[str, Any]:
    """Wait for one message, at most 30 seconds, and return it."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        for message in (
            emulator.client("sqs").receive_message(QueueUrl=queue, WaitTimeSeconds=1).get("Messages", [])
        ):
            emulator.client("sqs").delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
            found: dict[str, Any] = json.loads(message["Body"])
            return found
    pytest.fail("no message came")


def subscription_event(*messages: str, kind: str = "DATA_MESSAGE") -> dict[str, Any]:
    """Return what CloudWatch Logs sends to a function."""
    lines = [{"id": f"7{number}", "timestamp": 1, "message": text} for number, text in enumerate(messages)]
    content = {"messageType": kind, "logGroup": "handler", "logStream": "s", "logEvents": lines}
    return {"awslogs": {"data": base64.b64encode(gzip.compress(json.dumps(content).encode())).decode()}}


def test_a_denial_reaches_the_target_of_the_example_rule(monitored: Monitored) -> None:
    """From the client's request through the log, the forwarder, the bus and the rule to the queue.

    The emulator knows only patterns of plain words, and takes the pattern of the subscription for such: it delivers
    the lines that have ``.FunctionName``, ``.allow``, ``IS`` and ``FALSE``, which here are in the name of the user.
    """
    record = monitored.deny(username="mallory.allow IS FALSE .FunctionName")
    found = received(monitored.emulator, monitored.outputs["QueueUrl"])
    assert (found["source"], found["detail-type"]) == ("cdk-client-connect", "Client VPN Connection Denied")
    detail = found["detail"]
    assert (detail["version"], detail["at"]) == ("1", record["at"])
    assert detail["decision"]["determining"] == record["decision"]["determining"] == ["blocked-users"]
    assert detail["decision"]["message"] == "You may not."
    assert detail["request"]["username"] == "mallory.allow IS FALSE .FunctionName"
    assert detail["request"]["connection-id"] == EVENT["connection-id"]


def test_a_lost_log_group_comes_back_with_its_subscription(monitored: Monitored) -> None:
    """By the documented commands as they are pasted, after ``names``; then denials are announced again."""
    emulator = monitored.emulator
    with mock.patch.dict(os.environ, emulator.environment):
        printed = CliRunner().invoke(main, ["names", monitored.handler.function_name, "--json"])
    names = json.loads(printed.stdout)
    assert names["LOG_GROUP"] == monitored.outputs["LogName"]
    assert names["FORWARDER"] == monitored.outputs["ForwarderName"]
    logs = emulator.client("logs")
    (before,) = logs.describe_subscription_filters(logGroupName=names["LOG_GROUP"])["subscriptionFilters"]
    logs.delete_log_group(logGroupName=names["LOG_GROUP"])
    commands, _ = re.findall(
        r"```sh\n(.*?)```", OPERATIONS.split("## Lost records")[1].split("\n## ")[0], re.DOTALL
    )
    for line in commands.splitlines():
        call = understood(expanded(line, names))
        getattr(logs, call.operation)(**call.arguments)
    (after,) = logs.describe_subscription_filters(logGroupName=names["LOG_GROUP"])["subscriptionFilters"]
    for same in ("filterPattern", "destinationArn"):
        assert after[same] == before[same]  # type: ignore[literal-required]
    record = monitored.deny(username="mallory3.allow IS FALSE .FunctionName")
    assert received(emulator, monitored.outputs["QueueUrl"])["detail"]["at"] == record["at"]


def test_the_deployed_forwarder_takes_what_logs_send(monitored: Monitored) -> None:
    """Invoked with the log's real lines, it announces the denials among them; a control message is nothing."""
    emulator = monitored.emulator
    record = monitored.deny(username="mallory2")
    lines = emulator.client("logs").filter_log_events(logGroupName=monitored.outputs["LogName"])["events"]
    messages = [
        line["message"] for line in lines if record["at"] in line["message"] or "START" in line["message"]
    ]
    for event in (subscription_event(kind="CONTROL_MESSAGE"), subscription_event(*messages)):
        answer = emulator.client("lambda").invoke(
            FunctionName=monitored.outputs["ForwarderName"], Payload=json.dumps(event)
        )
        assert "FunctionError" not in answer
    assert received(emulator, monitored.outputs["QueueUrl"])["detail"]["request"]["username"] == "mallory2"


def in_process(monitored: Monitored, destination: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the forwarder of this process send to the emulator."""
    for name, value in monitored.emulator.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv(forwarder.DESTINATION_ARN, destination)


def test_a_denial_reaches_a_topic(monitored: Monitored, monkeypatch: pytest.MonkeyPatch) -> None:
    """The forwarder publishes the event's detail where the destination is a topic."""
    emulator: Any = monitored.emulator
    topic = emulator.client("sns").create_topic(Name="denials")["TopicArn"]
    queue = emulator.client("sqs").create_queue(QueueName="denials")["QueueUrl"]
    arn = emulator.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])[
        "Attributes"
    ]
    emulator.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn["QueueArn"])
    in_process(monitored, topic, monkeypatch)
    record = monitored.deny(username="mallory3")
    forwarder.handler(subscription_event(json.dumps(record)), None)
    message = received(emulator, queue)
    assert message["Subject"] == "Client VPN Connection Denied"
    assert json.loads(message["Message"])["request"]["username"] == "mallory3"


def test_failed_connections_are_counted(monitored: Monitored) -> None:
    """The metric filter is on the connection log, with its dimensions."""
    logs: Any = monitored.emulator.client("logs")
    (found,) = logs.describe_metric_filters(logGroupName=monitored.outputs["ConnectionLogName"])[
        "metricFilters"
    ]
    (transformation,) = found["metricTransformations"]
    assert "$.connection-attempt-failure-reason" in found["filterPattern"]
    assert transformation["dimensions"] == {
        "EndpointId": "$.client-vpn-endpoint-id",
        "Reason": "$.connection-attempt-failure-reason",
    }


def test_alarms_watch_the_alias(monitored: Monitored) -> None:
    """The deployed alarm has the names of the deployed function and alias."""
    cloudwatch: Any = monitored.emulator.client("cloudwatch")  # type: ignore[call-overload]
    found = {alarm.get("MetricName"): alarm for alarm in cloudwatch.describe_alarms()["MetricAlarms"]}
    name = monitored.handler.function_name
    assert {each["Name"]: each["Value"] for each in found["Throttles"]["Dimensions"]} == {
        "FunctionName": name,
        "Resource": f"{name}:live",
    }
    assert found["Throttles"]["TreatMissingData"] == "notBreaching"


def test_the_dashboard_is_there(monitored: Monitored) -> None:
    """Its body is JSON whose first widget names alarms that exist."""
    cloudwatch: Any = monitored.emulator.client("cloudwatch")  # type: ignore[call-overload]
    body = cloudwatch.get_dashboard(DashboardName=monitored.outputs["DashboardName"])["DashboardBody"]
    first, *_ = json.loads(body)["widgets"]
    arns = {alarm["AlarmArn"] for alarm in cloudwatch.describe_alarms()["MetricAlarms"]}
    assert set(first["properties"]["alarms"]) == arns
