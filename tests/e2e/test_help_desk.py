"""The page for the help desk: each command is run against emulated CloudWatch Logs, Lambda, EC2 and DynamoDB."""

from __future__ import annotations

import io
import json
import os
import re
import shlex
import time
import zipfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest
from typer.testing import CliRunner

from client_connect.blocks import Block
from client_connect.waiver import Waiver
from client_connect_tools.cli import main
from client_connect_tools.deployed.description import describe_handler, describe_reauthorizer
from client_connect_tools.devices.blocks import write_block
from client_connect_tools.devices.waivers import waive
from local_aws.client_vpn_api import ClientVpnApi
from local_aws.client_vpn_state import EndpointConfiguration
from local_aws.emulator import RUNTIME
from tests.support.connection_logs import connection
from tests.support.events import connect_handler, event
from tests.support.log_lines import captured

if TYPE_CHECKING:
    from collections.abc import Iterator

    from typer.testing import Result

    from local_aws.emulator import Emulator

pytestmark = pytest.mark.e2e

PAGE = (Path(__file__).parents[2] / "docs" / "user-says.md").read_text("utf-8")
EXAMPLES = re.findall(r"```text\n\$ client-connect ([^\n]*)\n(.*?)```", PAGE, re.DOTALL)
HANDLER, REAUTHORIZER = "AWSClientVPN-HelpDesk", "HelpDesk-Reauthorizer"
ENDPOINT, SILENT = "cvpn-endpoint-0123456789abcdef0", "cvpn-endpoint-0fedcba9876543210"
LOG = "/aws/vpn/help-desk"
POLICIES = """
@id("staff") permit (principal in ClientVpn::Group::"staff", action, resource);
@id("windows-too-old") @message("Please update Windows. Reference: {connection-id}")
forbid (principal, action, resource)
when { context has os && context.os has build && context.os.build < 22631 };
"""
_TIMES = re.compile(
    r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\dZ|(?:today|on \d{4}-\d\d-\d\d),? (?:most recently )?at \d\d:\d\d"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """The logs that the help desk reads."""

    emulator: Emulator
    variables: dict[str, str]

    def run(self, *arguments: str, **variables: str) -> Result:
        """Run ``client-connect``, with the handler named in the environment."""
        with mock.patch.dict(os.environ, {**self.variables, **variables}):
            return CliRunner().invoke(main, arguments)


@pytest.fixture(scope="module")
def desk(emulator: Emulator) -> Iterator[Desk]:
    """Make functions with their aliases, logs, an endpoint with a connection log, blocks and waivers."""
    arns = [
        _function(emulator, HANDLER, describe_handler("0123456789ab", {}, is_unqualified=False)),
        _function(emulator, REAUTHORIZER, describe_reauthorizer(HANDLER, "1", "0123456789ab", {})),
    ]
    _write(emulator, f"/aws/lambda/{HANDLER}", [*_decisions(), "REPORT RequestId: 1\tDuration: 1 ms\n"])
    _write(emulator, f"/aws/lambda/{REAUTHORIZER}", _ended())
    _write(emulator, LOG, _connections())
    table = _table(emulator)
    with ClientVpnApi(limits={}) as api:
        logging = EndpointConfiguration(connection_log_group=LOG)
        api.add_endpoint(ENDPOINT, handler=f"{arns[0]}:live", configuration=logging)
        api.add_endpoint("cvpn-endpoint-0000000000000000a", handler=f"{arns[0]}er", configuration=logging)
        yield Desk(
            emulator=emulator,
            variables={
                **emulator.environment,
                **api.environment,
                "CLIENT_CONNECT_HANDLER": HANDLER,
                "CLIENT_CONNECT_WAIVERS_TABLE": table,
                "TZ": "UTC",
            },
        )


def _function(emulator: Emulator, name: str, description: str) -> str:
    client, code = emulator.client("lambda"), io.BytesIO()
    with zipfile.ZipFile(code, "w") as file:
        file.writestr("index.py", "def handler(event, context): return {}\n")
    made = client.create_function(
        FunctionName=name,
        Description=description,
        Runtime=RUNTIME,  # type: ignore[arg-type]
        Role="arn:aws:iam::000000000000:role/help-desk",
        Handler="index.handler",
        Code={"ZipFile": code.getvalue()},
    )
    version = client.publish_version(FunctionName=name)["Version"]
    client.create_alias(FunctionName=name, Name="live", FunctionVersion=version)
    return made["FunctionArn"].removesuffix(f":{version}")


def _write(emulator: Emulator, group: str, entries: list[Any]) -> None:
    logs = emulator.client("logs")
    if not logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]:
        logs.create_log_group(logGroupName=group)
    logs.create_log_stream(logGroupName=group, logStreamName="help-desk")
    now = int(time.time() * 1000)
    lines = [each if isinstance(each, str) else json.dumps(each) for each in entries]
    events: Any = [{"timestamp": now - 60_000 + number, "message": line} for number, line in enumerate(lines)]
    logs.put_log_events(logGroupName=group, logStreamName="help-desk", logEvents=events)


def _decisions() -> list[Any]:
    with captured() as log:
        handler = connect_handler(POLICIES)
        for username, changes in {
            "alice": {"connection_id": "cvpn-connection-0a11ce"},
            "bob": {"connection_id": "cvpn-connection-0b0b", "platform_version": "10.0.19045,amd64"},
            "frank": {"connection_id": "cvpn-connection-0f4a"},
        }.items():
            handler(event(username=username, common_name=f"laptop-{username}", **changes))
        handler(event(username="erin", common_name="laptop-erin", public_ip="unknown"))
        return log.records()


def _ended() -> list[Any]:
    return [
        {
            "at": _ago(0).isoformat(),
            "message": "connection was terminated",
            "connection": "cvpn-connection-0f4a",
            "reason": "policies",
            "dryRun": False,
            "told": {"username": "frank", "commonName": "laptop-frank"},
            "decision": {"allowed": False, "determining": ["windows-too-old"], "errors": []},
        }
    ]


def _connections() -> list[Any]:
    def attempt(name: str, minutes: int, **changes: str) -> dict[str, Any]:
        at = f"{_ago(minutes):%Y-%m-%d %H:%M:%S}"
        fields = {
            "connection_id": f"cvpn-connection-{name}",
            "username": name,
            "common_name": f"laptop-{name}",
            "connection_start_time": at,
        }
        return connection(**fields | changes)

    failed = {"connection_attempt_status": "failed"}
    return [
        attempt("dora", 9, **failed, connection_attempt_failure_reason="client-connect-handler-throttled"),
        attempt("hugo", 8, **failed, connection_attempt_failure_reason="authentication-failed"),
        attempt(
            "ines",
            7,
            username="NA",
            common_name="macbook-7",
            connection_attempt_status="waiting-for-assertion",
        ),
    ]


def _ago(minutes: int) -> datetime:
    return datetime.now(UTC) - timedelta(minutes=minutes)


def _table(emulator: Emulator) -> str:
    dynamodb, name = emulator.client("dynamodb"), "help-desk-waivers"
    dynamodb.create_table(
        TableName=name,
        AttributeDefinitions=[{"AttributeName": "holder", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "holder", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    end = datetime.now(UTC) + timedelta(days=30)
    block = Block(holder="user:grace", until=end, reason="dismissed, INC-4711", by="carol")
    write_block(dynamodb, name, block, by="arn:aws:sts::111111111111:assumed-role/help-desk/carol")
    waiver = Waiver(
        policy_id="windows-too-old",
        holder="device:laptop-bob",
        until=end,
        reason="update on Friday, INC-4712",
        approved_by="dave",
    )
    waive(dynamodb, name, waiver, by="arn:aws:sts::111111111111:assumed-role/help-desk/carol")
    return name


@pytest.mark.parametrize(("command", "shown"), EXAMPLES, ids=[command for command, _ in EXAMPLES])
def test_the_page_shows_what_each_command_prints(desk: Desk, command: str, shown: str) -> None:
    """All but the times, which are those of the test."""
    result = desk.run(*shlex.split(command))
    assert _TIMES.sub("TIME", result.output) == _TIMES.sub("TIME", shown)


def test_the_page_has_a_command_for_each_symptom() -> None:
    """A section without one would leave the help desk alone."""
    sections = re.split(r"^## ", PAGE, flags=re.MULTILINE)[1:]
    assert len(sections) > 8
    for section in sections:
        assert re.search(r"\$ client-connect |^(client-connect|aws) ", section, re.MULTILINE), (
            section.partition("\n")[0]
        )


def test_why_reads_the_log_groups_that_are_named(desk: Desk) -> None:
    """Of CloudWatch Logs, without looking for the handler."""
    groups = [part for name in (f"/aws/lambda/{HANDLER}", LOG) for part in ("--log-group", name)]
    result = desk.run(
        "why", "--username", "DORA", *groups, "--since", "1h", "--json", CLIENT_CONNECT_HANDLER="no"
    )
    assert result.exit_code == 0
    (found,) = json.loads(result.stdout)["events"]
    assert (found["because"], found["source"]) == ("client-connect-handler-throttled", "connection log")
    assert desk.run("why", "--username", "dora", *groups[:2], "--since", "1h").exit_code == 1


def test_why_fails_for_a_log_group_that_is_gone(desk: Desk) -> None:
    """A history with a log missing would be a wrong one."""
    gone = desk.run("why", "--username", "dora", "--log-group", "/gone", "--since", "1h")
    assert (gone.exit_code, gone.stdout) == (2, "")
    assert 'there is no log group "/gone"' in gone.stderr


def test_why_says_which_endpoint_logs_no_connections(desk: Desk) -> None:
    """Whoever was throttled there is nowhere."""
    with ClientVpnApi(limits={}) as api:
        arn = desk.emulator.client("lambda").get_function(FunctionName=HANDLER)["Configuration"][
            "FunctionArn"
        ]
        api.add_endpoint(SILENT, handler=arn)
        result = desk.run("why", "--username", "bob", AWS_ENDPOINT_URL_EC2=api.endpoint)
    assert result.stderr == (
        f"{SILENT} logs no connections: users who were throttled or could not sign in there are not found\n"
    )
    assert result.stdout.startswith("bob was denied once")


def test_why_needs_no_handler_for_files(desk: Desk, tmp_path: Path) -> None:
    """The variable of a shell does not get in the way of them."""
    file = tmp_path / "log.jsonl"
    file.write_text(json.dumps(_connections()[0]), "utf-8")
    result = desk.run("why", str(file), "--username", "dora", CLIENT_CONNECT_HANDLER="nobody")
    assert result.exit_code == 0


def test_why_fails_for_a_handler_that_is_not_there(desk: Desk) -> None:
    """With the Region, because that is what is mostly wrong."""
    result = desk.run("why", "--username", "bob", "--handler", "AWSClientVPN-nobody")
    assert result.exit_code == 2
    assert 'there is no function "AWSClientVPN-nobody"' in result.stderr
    refused = desk.run("why", "--username", "bob", "--handler", HANDLER, "--region", "eu-west-1")
    assert refused.exit_code == 2
    assert "set AWS_REGION" in refused.stderr
