"""`client-connect devices sync --dry-run` against a local device manager and a table of the emulator."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from client_connect_devices.table import Table
from client_connect_tools.cli import main
from tests.support.device_managers import faults
from tests.support.device_managers.intune import IntuneServer, common_name, device
from tests.support.device_managers.syncing import INTUNE, SECRET
from tests.support.device_managers.syncing import sync as run_sync

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from typer.testing import Result

    from local_aws.emulator import Emulator

pytestmark = pytest.mark.e2e

NAME = "compared-devices"
OPTIONS = ("--source", "intune", "--set", "tenant=contoso.example", "--dry-run")


@pytest.fixture(scope="module")
def dynamodb(emulator: Emulator) -> Any:
    """A client, with an empty table of devices and one of waivers."""
    client = emulator.client("dynamodb")
    for name, key in ((NAME, "commonName"), (f"{NAME}-waivers", "holder")):
        client.create_table(
            TableName=name,
            KeySchema=[{"AttributeName": key, "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
    return client


@pytest.fixture
def server(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> Iterator[IntuneServer]:
    """Intune with five devices, and the variables of a laptop."""
    for name, value in emulator.environment.items():
        monkeypatch.setenv(name, value)
    with IntuneServer([device(number) for number in range(5)]) as running:
        monkeypatch.setenv("CLIENT_CONNECT_SYNC_TEST_SERVER", running.url)
        monkeypatch.setenv("CLIENT_CONNECT_SYNC_CREDENTIALS", SECRET)
        yield running


def command(*arguments: str) -> Result:
    """Run the command."""
    return CliRunner().invoke(main, ["devices", "sync", *arguments])


def test_a_dry_run_shows_what_a_run_would_do(server: IntuneServer, dynamodb: Any) -> None:
    """And does nothing of it."""
    run_sync(server, INTUNE, Table(dynamodb, NAME))
    dynamodb.put_item(TableName=NAME, Item={"commonName": {"S": common_name(31).upper()}})
    before = dynamodb.scan(TableName=NAME)["Items"]
    server.devices[1]["complianceState"] = "noncompliant"
    server.devices[2]["azureADDeviceId"] = None
    server.devices += [device(30), device(31), device(32, azureADDeviceId=device(30)["azureADDeviceId"])]
    result = command(*OPTIONS, "--devices-table", NAME)
    assert result.exit_code == 1, result.output
    assert result.stdout.splitlines() == [
        "intune: 8 devices listed in 2 requests",
        '  compared with the table "compared-devices"',
        "  compliance: 5 compliant, 1 not compliant",
        "  matched: 4",
        "  possible: 1",
        f"    {common_name(31)} is there as {common_name(31).upper()}",
        "  rejected: 1",
        f"    {device(2)['id']}: no common name",
        "  duplicates: 1",
        f"    {common_name(30)}: 2 devices",
        "  unchanged: 3",
        "  would be no longer compliant: 1",
        f"    {common_name(1)}",
        "  would be new: 2",
        f"    {common_name(30)}",
        f"    {common_name(31)}",
        "  would be not listed, waiting: 1",
        f"    {common_name(2)}",
    ]
    assert dynamodb.scan(TableName=NAME)["Items"] == before
    record = json.loads(command(*OPTIONS, "--devices-table", NAME, "--json").stdout)
    assert record["changes"]["new"] == [common_name(30), common_name(31)]
    assert (record["matched"], record["listed"], record["unchanged"]) == (4, 8, 3)


def test_without_a_table_everything_is_new(server: IntuneServer) -> None:
    """To look at a manager before there is an inventory."""
    result = command(*OPTIONS)
    assert (result.exit_code, "would be new: 5" in result.stdout) == (0, True)
    assert len(server.requests) == 2


def test_the_settings_of_the_function_can_be_used(
    server: IntuneServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As they are in its variable."""
    monkeypatch.setenv("CLIENT_CONNECT_SYNC_SOURCE", json.dumps({**INTUNE, "common_name": "serialNumber"}))
    result = command("--dry-run", "--json")
    assert json.loads(result.stdout)["changes"]["new"][0] == "SN000000"
    assert server.requests


def test_the_brake_of_the_function_can_be_used(
    server: IntuneServer, dynamodb: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As its variable has it."""
    settings = {**INTUNE, "name": "braked", "common_name": "deviceName"}
    run_sync(server, settings, Table(dynamodb, NAME))
    monkeypatch.setenv("CLIENT_CONNECT_SYNC_SOURCE", json.dumps(settings))
    monkeypatch.setenv("CLIENT_CONNECT_SYNC_OPTIONS", json.dumps({"brake_floor": 0}))
    server.devices[1]["complianceState"] = "noncompliant"
    result = command("--dry-run", "--devices-table", NAME)
    assert (result.exit_code, "the brake would hold" in result.stdout) == (1, True)
    monkeypatch.setenv("CLIENT_CONNECT_SYNC_OPTIONS", json.dumps({"brake": 0}))
    assert 'there is no setting "brake"' in command("--dry-run", "--devices-table", NAME).stderr


def test_numbers_flags_and_lists_are_read_from_texts(server: IntuneServer) -> None:
    """Named as the arguments of the construct."""
    settings = (
        "--set",
        "page_size=2",
        "--set",
        "in_grace_period_is_compliant=true",
        "--tag",
        "owner=userPrincipalName",
    )
    server.devices[0]["complianceState"] = "inGracePeriod"
    record = json.loads(command(*OPTIONS, *settings, "--json").stdout)
    assert (record["compliance"], record["requests"]) == ({"compliant": 5}, 4)


WRONG: dict[str, tuple[tuple[str, ...], str]] = {
    "no dry run": (OPTIONS[:-1], "add --dry-run"),
    "no source": (("--dry-run",), "give --source, one of"),
    "an unknown source": (("--dry-run", "--source", "kandji"), "kind='kandji' must be one of"),
    "no tenant": (("--dry-run", "--source", "intune"), "tenant is missing"),
    "an unknown setting": (
        (*OPTIONS, "--set", "page=5"),
        'there is no setting "page"; did you mean "page_size"',
    ),
    "no value": ((*OPTIONS, "--set", "page_size"), "--set page_size: give a name and a value"),
    "settings without a source": (
        ("--dry-run", "--set", "page_size=5"),
        "--set and --tag belong to --source",
    ),
}


@pytest.mark.parametrize("name", WRONG)
@pytest.mark.usefixtures("server")
def test_fails_with_status_2_for_wrong_use(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With status 2 and what to do."""
    arguments, message = WRONG[name]
    if name == "settings without a source":
        monkeypatch.setenv("CLIENT_CONNECT_SYNC_SOURCE", json.dumps(INTUNE))
    result = command(*arguments)
    assert (result.exit_code, message in " ".join(result.stderr.split())) == (2, True), result.stderr


def test_a_manager_that_fails_ends_the_command(server: IntuneServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the error, and without a credential."""
    server.faults = {0: faults.html}
    result = command(*OPTIONS)
    assert (result.exit_code, "UnexpectedAnswer" in result.stderr) == (2, True)
    monkeypatch.setenv(
        "CLIENT_CONNECT_SYNC_CREDENTIALS", '{"clientId": "a", "clientSecret": "hunter2-wrong"}'
    )
    result = command(*OPTIONS)
    assert (result.exit_code, "CredentialsRejected" in result.stderr) == (2, True)
    assert "hunter2" not in result.output
    monkeypatch.delenv("CLIENT_CONNECT_SYNC_CREDENTIALS")
    assert "there are no credentials" in command(*OPTIONS).stderr


def test_show_says_what_each_manager_says(server: IntuneServer, dynamodb: Any) -> None:
    """So that it can be seen which of them has no verdict."""
    server.devices = [device(90, complianceState="error")]
    run_sync(server, {**INTUNE, "name": "edr"}, Table(dynamodb, NAME))
    arguments = [
        "devices",
        "show",
        common_name(90),
        "--devices-table",
        NAME,
        "--waivers-table",
        f"{NAME}-waivers",
    ]
    shown = CliRunner().invoke(main, arguments).stdout
    assert '  edr says: {"id": ' in shown
    record = json.loads(CliRunner().invoke(main, [*arguments, "--json"]).stdout)
    assert record["sources"]["edr"]["judges"] is True
    assert "compliant" not in record["sources"]["edr"]


def test_the_state_of_syncs_is_neither_listed_nor_imported(
    server: IntuneServer, dynamodb: Any, tmp_path: Path
) -> None:
    """It is no device."""
    run_sync(server, {**INTUNE, "name": "state"}, Table(dynamodb, NAME))
    listed = CliRunner().invoke(main, ["devices", "list", "--devices-table", NAME]).stdout
    assert "device-sync:" not in listed
    file = tmp_path / "devices.jsonl"
    file.write_text('{"commonName": "device-sync:state"}\n', "utf-8")
    result = CliRunner().invoke(main, ["devices", "import", str(file), "--dry-run"])
    assert (result.exit_code, "are kept for the state of device syncs" in result.stderr) == (1, True)
