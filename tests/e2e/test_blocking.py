"""A stolen laptop and a dismissed employee: kept out and cut off by one command, which proves it."""

from __future__ import annotations

import json
import os
import re
import sys
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest
from typer.testing import CliRunner

from client_connect import Device
from client_connect.blocks import Block, device_key, folded, user_key
from client_connect.reauthorizer.unknown_connections import UnknownConnections
from client_connect.sources.items import block_attributes, device_item, waivers_item
from client_connect.waiver import Waiver
from client_connect_tools.cli import main
from local_aws import cdk_cli
from local_aws.client_vpn_api import ClientVpnApi
from local_aws.client_vpn_state import Connection
from local_aws.emulator import ROOT
from local_aws.live_connections import ENDPOINT, Client, LiveConnections
from tests.support.apps import HERE, handler_of, synthesize
from tests.support.aws_cli import expanded, understood
from tests.support.log_lines import captured
from tests.support.reauthorization import NO_MACS, PERMIT, client, ids, terminated

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from client_connect.sources.items import Item
    from local_aws.deployed_handler import DeployedHandler
    from local_aws.emulator import Emulator

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(
        sys.platform != "linux", reason="the bundle is built for Lambda and runs on this machine"
    ),
]

POLICIES = (
    PERMIT
    + """
@id("compliant") @message("No.") forbid (principal, action, resource)
when { context has device && context.device has compliant && !context.device.compliant }
unless { context.waivers.contains("compliant") };
@id("outage") forbid (principal, action, resource) when { context.inventory == "unavailable" };
"""
)
OTHER = "eu-west-1"
INCIDENTS = (ROOT / "docs" / "incidents.md").read_text("utf-8")
# Of AWS's services, what the emulator does not have; that the commands exist is checked against their models.
NOT_EMULATED = (
    *("aws cloudtrail ", "aws dynamodb list-backups ", "aws dynamodb restore-table-from-backup "),
    *("client-connect certificates ", "pip ", "export ", "eval "),
)
DOCS = (ROOT / "docs" / "another-region.md").read_text("utf-8")
WHY = ("--reason", "dismissed", "--by", "carol")


@dataclass(frozen=True, slots=True, kw_only=True)
class Company:
    """A deployed handler with an inventory, a registry and a re-authorizer, and an endpoint with open connections."""

    handler: DeployedHandler
    api: ClientVpnApi
    assembly: str

    def run(self, *arguments: str, status: int = 0) -> str:
        """Run ``client-connect`` in this process; return what it printed."""
        variables = {
            **self.handler.emulator.environment,
            **self.api.environment,
            "CLIENT_CONNECT_HANDLER": self.handler.function_name,
        }
        with mock.patch.dict(os.environ, variables):
            result = CliRunner().invoke(main, arguments)
        assert result.exit_code == status, result.output
        return result.output

    def ask(self, name: str, *, device: str | None = None) -> dict[str, Any]:
        """Ask as Client VPN does; return the record."""
        asking = Client(connection_id=f"cvpn-connection-{name}", username=name, common_name=device)
        record: dict[str, Any] = self.handler.invoke(asking.request().to_event()).record
        return record

    def connect(self, name: str, *, device: str | None = None, is_saml: bool = False) -> str:
        """Open a connection that the handler allows; return its id."""
        assert self.ask(name, device=device)["allow"] is True
        connection_id = f"cvpn-connection-{name}"
        told = Connection(
            connection_id=connection_id,
            username="" if is_saml else name,
            common_name=device or ("" if is_saml else name),
            established=datetime.now(UTC).timestamp(),
        )
        self.api.connect(ENDPOINT, [told])
        return connection_id

    def status(self, connection_id: str) -> str:
        """Return what EC2 says of a connection."""
        return self.api.status(ENDPOINT, connection_id)


@pytest.fixture(scope="module")
def company(account: Emulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    """Deploy it once."""
    folder = tmp_path_factory.mktemp("blocking")
    policies = folder / "vpn.cedar"
    policies.write_text(POLICIES, "utf-8")
    with ClientVpnApi(limits={}) as api:
        api.add_endpoint(ENDPOINT)
        context = {**HERE, "policies": str(policies), "endpoint": ENDPOINT, "ec2": api.endpoint}
        app = synthesize(APP, folder / "cdk.out", {**context, "stack": "Blocking", "inventory": "yes"})
        handler = handler_of(account, cdk_cli.deploy(account, stack="Blocking", app=app))
        yield Company(handler=handler, api=api, assembly=app)


APP = ROOT / "tests" / "e2e" / "reauthorized_app.py"


def test_a_dismissed_employee_is_out_at_once_and_nobody_else(company: Company) -> None:
    """Under SAML, where EC2 does not know whose the connection is; in another spelling of the name."""
    bob = company.connect("bob@corp.example", is_saml=True)
    alice = company.connect("alice@corp.example", is_saml=True)
    printed = company.run("block", "--user", "BOB@corp.example", "--for", "7d", *WHY)
    assert "denies because of the block" in printed
    assert "1 open connection ended" in printed
    assert f"{bob} at {ENDPOINT}: bob@corp.example; was active, EC2 now says: terminated" in printed
    assert company.status(bob) == "terminated"
    assert company.status(alice) == "active"
    for name in ("bob@corp.example", "bob", "CORP\\bob"):
        record = company.ask(name)
        assert (record["allow"], record["block"]["by"]) == (False, "carol")
    for name in ("alice@corp.example", "bob@partner.example"):
        assert company.ask(name)["allow"] is True
    listed = company.run("blocks", "--active", "--json")
    (kept,) = [json.loads(line) for line in listed.splitlines()]
    assert (kept["holder"], kept["reason"], kept["state"]) == ("user:bob@corp.example", "dismissed", "active")
    assert kept["grantedBy"].startswith("arn:aws:")
    assert "unblocked user:bob@corp.example" in company.run("unblock", "--user", "bob@corp.example")
    assert company.ask("bob@corp.example")["allow"] is True
    assert company.run("blocks", "--active") == ""
    assert "unblocked user:bob@corp.example" in company.run("blocks")


def test_a_stolen_laptop_stays_out_whatever_the_sync_and_waivers_say(company: Company) -> None:
    """The next sync admits it again, and the help desk waives everything."""
    laptop = company.connect("eve", device="laptop-17")
    other = company.connect("frank", device="laptop-18")
    company.run("block", "--device", "LAPTOP-17", "--no-end", *WHY, "--message", "Call 4711.")
    assert (company.status(laptop) == "terminated", company.status(other)) == (
        True,
        "active",
    )
    dynamodb = company.handler.emulator.client("dynamodb")
    outputs = company.handler.outputs
    dynamodb.put_item(
        TableName=outputs["Devices"],
        Item=device_item("laptop-17", Device(compliant=True, last_seen=datetime.now(UTC))),
    )
    company.run(
        *("devices", "waive", "--policy", "compliant", "--device", "laptop-17", "--for", "1h"),
        *("--reason", "r", "--approved-by", "a", "--waivers-table", outputs["Waivers"]),
    )
    record = company.ask("eve", device="laptop-17")
    assert (record["allow"], record["decision"]["message"]) == (False, "Call 4711.")
    assert "laptop-17" in company.run("devices", "waivers", "--waivers-table", outputs["Waivers"])
    assert "blocked" not in company.run("devices", "waivers", "--waivers-table", outputs["Waivers"])
    company.run("unblock", "--device", "laptop-17")


def test_cut_alone_ends_connections_and_lets_the_client_in_again(company: Company) -> None:
    """The client is not blocked; a client without a connection is reported."""
    gina = company.connect("gina")
    assert "1 open connection ended" in company.run("cut", "--user", "gina")
    assert company.status(gina) == "terminated"
    assert company.ask("gina")["allow"] is True
    assert "0 open connections ended" in company.run("cut", "--user", "nobody")


def test_what_stays_open_is_said_with_status_1(company: Company) -> None:
    """The block holds, and EC2 fails to terminate."""
    stubborn = Connection(connection_id="cvpn-connection-hal", username="hal", stubborn=True)
    company.api.connect(ENDPOINT, [stubborn])
    with mock.patch("client_connect_tools.deployed.cutting._PROOF_S", 1.0):
        printed = company.run("block", "--user", "hal", "--for", "1h", *WHY, status=1)
    assert "NOT ENDED" in printed
    company.run("unblock", "--user", "hal")
    company.api.disconnect(ENDPOINT, "cvpn-connection-hal")


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("block", *WHY, "--for", "1h"), "give either --device or --user"),
        (("block", *WHY, "--user", "bob"), "give --until, --for or --no-end"),
        (("block", *WHY, "--user", "bob", "--no-end", "--for", "1h"), "--no-end contradicts"),
        (("block", *WHY, "--user", "bob", "--until", "2020-01-01T00:00:00Z"), "which is over"),
        (("block", *WHY, "--user", " ", "--no-end"), "--user is empty"),
        (("block", *WHY, "--user", "bob", "--no-end", "--message", "{nobody}"), "no placeholder"),
        (("block", *WHY, "--user", "bob", "--no-end", "--message", "TEMPORARY"), "use other words"),
    ],
)
def test_fails_for_wrong_use_before_anything_is_changed(
    company: Company, arguments: tuple[str, ...], problem: str
) -> None:
    """With status 2."""
    assert problem in company.run(*arguments, status=2)
    assert company.run("blocks", "--active") == ""


def test_two_spellings_are_two_blocks_and_removing_one_says_that_the_other_holds(company: Company) -> None:
    """Status 1: the name is still kept out."""
    for name in ("ivy", "ivy@corp.example"):
        company.run("block", "--user", name, "--for", "1h", *WHY, "--no-cut")
    printed = company.run("unblock", "--user", "ivy", status=1)
    assert "still kept out by the block of user:ivy@corp.example" in printed
    assert company.ask("ivy")["allow"] is False
    company.run("unblock", "--user", "ivy@corp.example")
    assert company.ask("ivy")["allow"] is True
    assert "there is no block of user:ivy in this spelling" in company.run(
        "unblock", "--user", "ivy", status=1
    )


def test_fails_for_a_handler_of_another_region(company: Company) -> None:
    """Its table would be looked for in the Region of the environment, where there may be another one."""
    arn = company.handler.function_arn.replace("us-east-1", "eu-west-1")
    variables = {"AWS_ENDPOINT_URL": company.handler.emulator.environment["AWS_ENDPOINT_URL"]}
    with mock.patch.dict(os.environ, variables):
        printed = company.run("blocks", "--handler", arn, status=2)
    assert "eu-west-1" in printed
    assert company.run("blocks", "--handler", company.handler.function_arn, "--active") == ""


@pytest.fixture
def world(emulator: Emulator) -> Iterator[LiveConnections]:
    """Tables and an own endpoint."""
    with ClientVpnApi(limits={}) as api:
        created = LiveConnections(emulator=emulator, api=api)
        created.create()
        yield created


def blocked(holder: str, until: datetime | None = None) -> Item:
    """Return the item of a block."""
    kind, _, name = holder.partition(":")
    key = device_key(name) if kind == "device" else user_key(name)
    attributes = block_attributes(Block(holder, until=until, reason="r", by="b"))
    return {"holder": {"S": key}, "blocks": {"M": {folded(name): {"M": attributes}}}}


def test_a_run_ends_what_is_blocked_beyond_every_cap(world: LiveConnections) -> None:
    """A cap of nothing, a waiver of everything, and 30 connections of one who is blocked."""
    world.connect([client("alice"), *(client(f"bob{each}", username="bob") for each in range(30))])
    world.put("waivers", blocked("user:BOB"))
    waiver = Waiver(
        policy_id="client-connect:blocked",
        until=datetime.now(UTC) + timedelta(days=1),
        reason="r",
        approved_by="a",
        holder="user:bob",
    )
    world.put("waivers", waivers_item([waiver]))
    with world.reached():
        outcome = world.run(PERMIT, inventory=True, maximum_terminations=0)
    assert terminated(world) == sorted(ids(*(f"bob{each}" for each in range(30))))
    assert (outcome.cap_exceeded, outcome.counted) == (False, 0)
    assert outcome.scan is not None
    assert outcome.scan.denied == {"blocked": 30}


@pytest.mark.parametrize(("ends", "number"), [(True, 1), (False, 0)])
def test_a_dry_run_ends_what_is_blocked_only_if_it_is_one_because_of_shadow_mode(
    world: LiveConnections, *, ends: bool, number: int
) -> None:
    """A block holds in shadow mode; a run that is asked to be dry ends nothing."""
    world.connect([client("bob"), client("alice")])
    world.put("waivers", blocked("user:bob"))
    with world.reached():
        outcome = world.run(PERMIT, inventory=True, dry_run=True, ends_blocked=ends)
    assert (len(terminated(world)), outcome.ended, outcome.terminated) == (number, number, 1)


@pytest.mark.parametrize("unknown", list(UnknownConnections))
def test_a_connection_that_the_registry_does_not_know_is_ended_by_what_ec2_tells(
    world: LiveConnections, unknown: UnknownConnections
) -> None:
    """Others that it does not know are left alone."""
    world.connect(
        [
            client("bob", registered=False),
            client("carol", registered=False),
            client("dora", username=None, common_name="laptop-17", registered=False),
        ]
    )
    world.put("waivers", blocked("user:CORP\\bob"))
    world.put("waivers", blocked("device:laptop-17"))
    with world.reached():
        world.run(PERMIT, inventory=True, unknown_connections=unknown, certificate_endpoints=(ENDPOINT,))
    assert terminated(world) == ids("bob", "dora")


def test_a_block_that_is_over_and_a_table_that_is_down_end_nobody(world: LiveConnections) -> None:
    """An unknown fact is no reason to end a connection."""
    world.connect([client("bob")])
    world.put("waivers", blocked("user:bob", until=datetime.now(UTC) - timedelta(seconds=1)))
    with world.reached():
        world.run(PERMIT, inventory=True)
        world.put("waivers", blocked("user:bob"))
        world.delete_table("waivers")
        world.run(PERMIT, inventory=True)
    assert terminated(world) == []


def test_while_only_devices_are_down_a_block_still_ends_a_connection(world: LiveConnections) -> None:
    """Blocks are in the table of waivers."""
    world.connect([client("bob"), client("alice")])
    world.put("waivers", blocked("user:bob"))
    world.delete_table("devices")
    with world.reached():
        world.run(PERMIT, inventory=True)
    assert terminated(world) == ids("bob")


@pytest.fixture(scope="module")
def elsewhere(company: Company) -> Company:
    """Deploy the same app, to another Region."""
    emulator = company.handler.emulator
    cdk_cli.bootstrap(emulator, region=OTHER)
    outputs = cdk_cli.deploy(emulator, stack="Blocking", app=company.assembly, region=OTHER)
    return replace(company, handler=handler_of(emulator, outputs))


def test_another_region_decides_the_same_with_what_was_exported_here(
    company: Company, elsewhere: Company, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the commands of the documentation; before what they move is there, the answers differ."""
    regions = [each.handler.function_arn.split(":")[3] for each in (company, elsewhere)]
    assert regions == ["us-east-1", OTHER]
    dynamodb = company.handler.emulator.client("dynamodb")
    for name, compliant in (("sound", True), ("broken", False), ("stolen", True), ("waived", False)):
        item = device_item(name, Device(compliant=compliant, last_seen=datetime.now(UTC)))
        dynamodb.put_item(TableName=company.handler.outputs["Devices"], Item=item)
    waive = (
        "devices",
        "waive",
        "--policy",
        "compliant",
        "--for",
        "1h",
        "--reason",
        "r",
        "--approved-by",
        "a",
    )
    waivers = ("--waivers-table", company.handler.outputs["Waivers"])
    company.run(*waive, "--device", "waived", *waivers)
    company.run(*waive, "--user", "joan", *waivers)
    company.run("block", "--device", "stolen", "--for", "1h", *WHY, "--no-cut")
    company.run("block", "--user", "CORP\\kurt", "--no-end", *WHY, "--message", "Call 4711.", "--no-cut")
    expected = decisions(company)
    assert {allow for allow, *_ in expected} == {True, False}
    assert decisions(elsewhere) != expected
    monkeypatch.chdir(tmp_path)
    commands = re.findall(r"^ *client-connect ((?:blocks|devices) .*)$", DOCS, re.MULTILINE)
    assert len(commands) == 6
    for command in commands:
        company.run(*command.replace("--handler Vpn", "--handler Blocking").split())
    assert decisions(elsewhere) == expected
    company.run("unblock", "--device", "stolen")
    company.run("unblock", "--user", "CORP\\kurt")


def decisions(of: Company) -> list[tuple[bool, list[str], str, str]]:
    """Return how each user is decided on each device: why, with the client's message and who blocked it."""
    records = [
        of.ask(user, device=device)
        for user in ("alice", "joan", "kurt@corp.example")
        for device in ("sound", "broken", "stolen", "waived", None)
    ]
    return [
        (
            record["allow"],
            record["decision"]["determining"],
            record["decision"]["message"],
            record.get("block", {}).get("grantedBy", ""),
        )
        for record in records
    ]


def test_a_table_that_is_not_the_handlers_is_refused(company: Company) -> None:
    """As when a variable still names that of another Region or account."""
    printed = company.run("blocks", "--waivers-table", "other", status=2)
    assert "--waivers-table or CLIENT_CONNECT_WAIVERS_TABLE is other; leave one of them out" in printed


def test_a_region_without_the_stack_is_named(company: Company) -> None:
    """Whatever the words of CloudFormation are."""
    for command in (("blocks",), ("names",), ("devices", "list")):
        handler = ("Blocking",) if command == ("names",) else ("--handler", "Blocking")
        printed = company.run(*command, *handler, "--region", "ap-southeast-2", status=2)
        assert 'there is no stack "Blocking" in ap-southeast-2' in printed


def on_call(company: Company) -> list[list[str]]:
    """Return the commands of the page for those on call, with what ``names`` puts into the variables."""
    names = json.loads(company.run("names", company.handler.function_name, "--json"))
    assert names["FUNCTION"] == company.handler.function_name
    assert (names["REAUTHORIZER"], names["ENDPOINT"]) == (
        company.handler.outputs["ReauthorizerName"],
        ENDPOINT,
    )
    shown = re.findall(r"^```sh\n(.*?)^```", INCIDENTS, re.DOTALL | re.MULTILINE)
    lines = [line for example in shown for line in example.splitlines()]
    return [expanded(line, names) for line in lines if not line.startswith(NOT_EMULATED)]


def test_each_command_of_the_page_for_on_call_runs_as_pasted(company: Company) -> None:
    """A rule is disabled, a laptop is stolen, and no one looks up more than the name of the stack."""
    emulator = company.handler.emulator
    commands = on_call(company)
    assert len(commands) > 15
    (rule,) = {words[4] for words in commands if words[:3] == ["aws", "events", "describe-rule"]}
    events: Any = emulator.client("events")  # type: ignore[call-overload]
    events.disable_rule(Name=rule)
    stolen = company.connect("nora", device="laptop-17")
    for program, *words in commands:
        if program == "aws":
            call = understood([program, *words])
            client: Any = emulator.client(call.service)  # type: ignore[call-overload]
            # There is no provisioned concurrency yet, where it is asked for.
            with suppress(client.exceptions.from_code("ProvisionedConcurrencyConfigNotFoundException")):
                getattr(client, call.operation)(**call.arguments)
        elif words[0] != "rollback":  # there is one version only; see the next test
            company.run(*words, status=1 if words[:3] == ["why", "--username", "ceo"] else 0)
    assert events.describe_rule(Name=rule)["State"] == "ENABLED"
    assert company.status(stolen) == "terminated"
    assert "ceo-mac" in company.run("devices", "waivers", "--active")
    company.run("devices", "unwaive", "--policy", "compliant-device", "--device", "ceo-mac")
    company.run("unblock", "--device", "laptop-17")
    company.run("unblock", "--user", "bob@corp.example")


def test_shadow_mode_set_by_hand_is_seen_and_taken_back_by_two_commands(company: Company) -> None:
    """Those of the page; in between everybody gets in."""
    name = company.handler.function_name
    functions = company.handler.emulator.client("lambda")
    company.handler.emulator.client("dynamodb").put_item(
        TableName=company.handler.outputs["Devices"], Item=device_item("rooted", Device(compliant=False))
    )
    assert company.ask("lena", device="rooted")["allow"] is False
    assert "SHADOW MODE" not in company.run("versions", name)
    variables = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    for changed in ("true", "false"):
        functions.update_function_configuration(
            FunctionName=name, Environment={"Variables": {**variables, "CLIENT_CONNECT_SHADOW_MODE": changed}}
        )
        if changed == "true":
            version = functions.publish_version(FunctionName=name)["Version"]
            functions.update_alias(FunctionName=name, Name="live", FunctionVersion=version)
    assert company.ask("lena", device="rooted")["allow"] is True
    first, *_ = [
        line for line in company.run("versions", name).splitlines() if "answers" in line and "%" in line
    ]
    assert "SHADOW MODE" in first
    assert "CLIENT_CONNECT_SHADOW_MODE" in company.run("rollback", name, "--yes", "--no-reauthorizer")
    assert company.ask("lena", device="rooted")["allow"] is False
    warned = company.run("rollback", name, "--to", version, "--no-reauthorizer", status=2)
    assert f"Version {version} is in SHADOW MODE" in warned


def test_a_session_that_a_waiver_keeps_open_leaves_a_record(world: LiveConnections) -> None:
    """With the waiver: who granted it, and why."""
    world.connect([client("bob", platform="mac"), client("alice")])
    waiver = Waiver(
        policy_id="no-macs",
        until=datetime.now(UTC) + timedelta(days=1),
        reason="travels",
        approved_by="carol",
        holder="user:bob",
        granted_by="arn:aws:iam::111111111111:user/carol",
    )
    world.put("waivers", waivers_item([waiver]))
    policies = NO_MACS.replace('"mac" };', '"mac" } unless { context.waivers.contains("no-macs") };')
    with captured() as log, world.reached():
        world.run(policies, inventory=True)
    assert terminated(world) == []
    (record,) = [each for each in log.records() if each["message"] == "connection stays because of a waiver"]
    assert (record["connection"], record["reason"]) == ("cvpn-connection-bob", "waiver")
    assert record["decision"]["waived"] == ["no-macs"]
    assert record["waiversUsed"] == [waiver.to_record()]
