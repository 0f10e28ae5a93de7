"""Waivers and blocks of one Region's table in that of another: nothing is lost, and nothing there is overwritten."""

from __future__ import annotations

import itertools
import json
import os
import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from unittest import mock
from uuid import uuid4

import pytest
from typer.testing import CliRunner

from client_connect.blocks import Block
from client_connect.device import Device
from client_connect.sources.items import HOLDER, block_attributes, device_item
from client_connect.waiver import Waiver
from client_connect_tools.cli import main
from client_connect_tools.devices.blocks import key_of, remove_block, write_block
from client_connect_tools.devices.moving import BLOCKS, WAIVERS, Import, Kind
from client_connect_tools.devices.waivers import unwaive, waive

if TYPE_CHECKING:
    from pathlib import Path

    from local_aws.emulator import Emulator

pytestmark = pytest.mark.e2e

HERE, THERE = "us-east-1", "eu-west-1"
NOW = datetime.now(UTC).replace(microsecond=0)
CAROL, DORA = (f"arn:aws:iam::111111111111:user/{name}" for name in ("carol", "dora"))


class Regions:
    """A table of waivers and one of devices in each of two Regions, by the same names, and the command."""

    def __init__(self, emulator: Emulator) -> None:
        self.emulator = emulator
        self.table = f"waivers-{uuid4().hex}"
        self.devices = f"devices-{uuid4().hex}"
        for region in (HERE, THERE):
            for table, key in ((self.table, HOLDER), (self.devices, "commonName")):
                self.dynamodb(region).create_table(
                    TableName=table,
                    KeySchema=[{"AttributeName": key, "KeyType": "HASH"}],
                    AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"}],
                    BillingMode="PAY_PER_REQUEST",
                )

    def dynamodb(self, region: str) -> Any:
        """Return DynamoDB of a Region."""
        return self.emulator.client("dynamodb", region)

    def run(self, *arguments: str | Path, status: int = 0) -> str:
        """Run ``client-connect`` with the first Region in the environment; return all that it printed."""
        tables = {
            "CLIENT_CONNECT_WAIVERS_TABLE": self.table,
            "CLIENT_CONNECT_DEVICES_TABLE": self.devices,
        }
        with mock.patch.dict(os.environ, {**self.emulator.environment, **tables}):
            result = CliRunner().invoke(main, [str(each) for each in arguments])
        assert result.exit_code == status, (result.output, result.exception)
        return result.output

    def items(self, region: str, table: str | None = None) -> list[dict[str, Any]]:
        """Return all items of a table of a Region."""
        found = self.dynamodb(region).scan(TableName=table or self.table)["Items"]
        return sorted(found, key=lambda item: str(item.get(HOLDER, item)))


@pytest.fixture
def regions(emulator: Emulator) -> Regions:
    """Two Regions with tables of their own."""
    return Regions(emulator)


def waiver(policy: str = "windows", holder: str = "user:bob", **changes: Any) -> Waiver:
    """Return a waiver with everything that there can be of one."""
    what: dict[str, Any] = {
        "policy_id": policy,
        "holder": holder,
        "until": NOW + timedelta(days=7),
        "reason": "new laptop",
        "approved_by": "eve",
        "granted_by": CAROL,
        "granted_at": NOW - timedelta(hours=1),
    }
    return Waiver(**{**what, **changes})


def block(holder: str = "user:Bob@corp.example", **changes: Any) -> Block:
    """Return a block with everything that there can be of one."""
    what: dict[str, Any] = {
        "holder": holder,
        "until": NOW + timedelta(days=7),
        "reason": "dismissed",
        "by": "eve",
        "granted_by": CAROL,
        "granted_at": NOW - timedelta(hours=1),
        "message": "Call 4711.",
    }
    return Block(**{**what, **changes})


COMMANDS = {"waivers": ("devices", "waivers"), "blocks": ("blocks",)}


def put(regions: Regions, region: str, entry: Waiver | Block) -> None:
    """Grant or block."""
    if isinstance(entry, Waiver):
        waive(regions.dynamodb(region), regions.table, entry)
    else:
        write_block(regions.dynamodb(region), regions.table, entry)


def exported(regions: Regions, kind: str, folder: Path) -> Path:
    """Export those of the first Region."""
    file = folder / f"{kind}.jsonl"
    assert "exported" in regions.run(*COMMANDS[kind], "export", "--output", file)
    return file


LONG = "because " * 400
ENTRIES: dict[str, list[Any]] = {
    "waivers": [
        waiver(),
        waiver("mac", reason=LONG),
        waiver(holder=f"device:{'x' * 2000}", granted_by="", granted_at=None),
    ],
    "blocks": [
        block(),
        block("user:bob", until=None, message="", reason=LONG),
        block(f"device:{'y' * 1500}", reason="", by="", granted_by="", granted_at=None),
    ],
}
ONE: dict[str, Any] = {"waivers": waiver(), "blocks": block()}


@pytest.mark.parametrize("kind", COMMANDS)
def test_what_counts_moves_to_another_region_to_the_last_attribute(
    regions: Regions, tmp_path: Path, kind: str
) -> None:
    """With long texts and names, who granted it and when; importing it again writes nothing."""
    for entry in ENTRIES[kind]:
        put(regions, HERE, entry)
    file = exported(regions, kind, tmp_path)
    assert file.stat().st_mode & 0o777 == 0o600
    assert "3 " in regions.run(*COMMANDS[kind], "import", file, "--region", THERE, "--dry-run")
    assert regions.items(THERE) == []
    assert "written, 0 there already" in regions.run(*COMMANDS[kind], "import", file, "--region", THERE)
    assert regions.items(THERE) == regions.items(HERE)
    printed = regions.run(*COMMANDS[kind], "import", file, "--region", THERE, "--json")
    assert json.loads(printed) == {"written": 0, "same": 3, "ended": [], "others": [], "conflicts": []}
    assert regions.items(THERE) == regions.items(HERE)


@pytest.mark.parametrize("kind", COMMANDS)
def test_another_one_in_the_place_stays_and_is_reported(regions: Regions, tmp_path: Path, kind: str) -> None:
    """Status 1; ``--replace`` takes that of the file, and leaves a trace of the other."""
    entry = ONE[kind]
    make = waiver if kind == "waivers" else block
    put(regions, HERE, entry)
    file = exported(regions, kind, tmp_path)
    put(regions, THERE, make(until=NOW + timedelta(days=1), granted_by=DORA))
    before = regions.items(THERE)
    for options in ((), ("--dry-run",)):
        printed = regions.run(*COMMANDS[kind], "import", file, "--region", THERE, *options, status=1)
        assert "conflict, not written: user:" in printed
        assert "another one is there" in printed
        assert (NOW + timedelta(days=1)).isoformat()[:19] in printed
        assert regions.items(THERE) == before
    regions.run(*COMMANDS[kind], "import", file, "--region", THERE, "--replace")
    listed = regions.run(*COMMANDS[kind], "--region", THERE)
    assert "replaced" in listed
    (active,) = regions.run(*COMMANDS[kind], "--active", "--json", "--region", THERE).splitlines()
    assert json.loads(active)["grantedBy"] == CAROL


@pytest.mark.parametrize("by", [None, CAROL])
@pytest.mark.parametrize("kind", [WAIVERS, BLOCKS], ids=lambda kind: kind.name)
def test_of_two_in_one_place_the_second_is_a_conflict(
    regions: Regions, kind: Kind[Any], by: str | None
) -> None:
    """Whether they are written or it is only said what would be."""
    make = waiver if kind is WAIVERS else block
    moved = Import(kind=kind, dynamodb=regions.dynamodb(THERE), table=regions.table, by=by)
    first, second = make(), make(reason="another one")
    moved.run([first, second, first])
    assert moved.outcome.written == moved.outcome.same == [first]
    assert [conflict.entry for conflict in moved.outcome.conflicts] == [second]


@pytest.mark.parametrize("kind", COMMANDS)
def test_what_was_ended_there_does_not_come_back(regions: Regions, tmp_path: Path, kind: str) -> None:
    """It was revoked after the first import; a second one must not grant it again."""
    put(regions, HERE, ONE[kind])
    file = exported(regions, kind, tmp_path)
    regions.run(*COMMANDS[kind], "import", file, "--region", THERE)
    if kind == "waivers":
        unwaive(regions.dynamodb(THERE), regions.table, holder="user:bob", policy_id="windows", by=DORA)
    else:
        remove_block(regions.dynamodb(THERE), regions.table, "user:bob@corp.example", by=DORA)
    printed = regions.run(*COMMANDS[kind], "import", file, "--region", THERE, status=1)
    assert f"by {DORA}" in printed
    assert regions.run(*COMMANDS[kind], "--active", "--region", THERE) == ""
    assert "written, 0" in regions.run(*COMMANDS[kind], "import", file, "--region", THERE, "--replace")
    assert "user:" in regions.run(*COMMANDS[kind], "--active", "--region", THERE)


@pytest.mark.parametrize("kind", COMMANDS)
def test_what_has_ended_since_the_export_is_named_and_what_the_file_lacks_too(
    regions: Regions, tmp_path: Path, kind: str
) -> None:
    """Neither is an error, and neither is passed over without a word."""
    put(regions, HERE, ONE[kind])
    file = exported(regions, kind, tmp_path)
    first, entry, last = file.read_text("utf-8").splitlines()
    over = json.dumps({**json.loads(entry), "until": "2020-01-01T00:00:00Z"})
    file.write_text(f"{first}\n{over}\n{last}\n", "utf-8")
    put(regions, THERE, waiver(holder="user:zoe") if kind == "waivers" else block("user:zoe"))
    printed = regions.run(*COMMANDS[kind], "import", file, "--region", THERE)
    assert "0 " in printed
    assert "not written, because it has ended meanwhile: user:" in printed
    assert "not in the file, and left as it is: user:zoe" in printed


@pytest.mark.parametrize("kind", [*COMMANDS, "devices"])
def test_an_export_cut_short_anywhere_writes_nothing(regions: Regions, tmp_path: Path, kind: str) -> None:
    """In a line and between two; status 2."""
    command = COMMANDS.get(kind, ("devices",))
    for number in range(3):
        regions.dynamodb(HERE).put_item(
            TableName=regions.devices, Item=device_item(f"pc-{number}", Device(compliant=True))
        )
    for entry in ENTRIES.get(kind, []):
        put(regions, HERE, entry)
    file = tmp_path / "file.jsonl"
    regions.run(*command, "export", "--output", file)
    whole = file.read_bytes()
    lines = whole.splitlines(keepends=True)
    cuts = [b"".join(lines[:number]) for number in range(1, 5)] + [whole[:-12], whole[: len(lines[0]) + 9]]
    cuts += [b"".join([*lines[:2], *lines[3:]]), lines[0][:-4]]
    for cut in cuts:
        file.write_bytes(cut)
        regions.run(*command, "import", file, "--region", THERE, status=2)
    assert (regions.items(THERE), regions.items(THERE, regions.devices)) == ([], [])
    file.write_bytes(whole)
    regions.run(*command, "import", file, "--region", THERE)
    table = regions.devices if kind == "devices" else regions.table
    assert len(regions.items(THERE, table)) >= 2


@pytest.mark.parametrize(("wanted", "given"), list(itertools.permutations([*COMMANDS, "devices"], 2)))
def test_a_file_of_another_kind_names_the_command_for_it(
    regions: Regions, tmp_path: Path, wanted: str, given: str
) -> None:
    """And nothing is written."""
    commands = {**COMMANDS, "devices": ("devices",)}
    file = tmp_path / "file.jsonl"
    regions.run(*commands[given], "export", "--output", file)
    printed = regions.run(*commands[wanted], "import", file, "--region", THERE, status=2)
    assert f"client-connect {' '.join(commands[given])} import" in printed


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "it is empty"),
        ("commonName\npc\n", "does not begin an export of waivers"),
        ('{"clientConnectExport": "waivers"}\n{}\n{"exported": 2}\n', "says that 2 waivers were exported"),
        ('{"clientConnectExport": "sheep"}\n{"exported": 0}\n', "no kind that this version knows"),
    ],
)
def test_a_file_that_is_no_export_is_refused(
    regions: Regions, tmp_path: Path, text: str, problem: str
) -> None:
    """As a whole, with what to do."""
    file = tmp_path / "file.jsonl"
    file.write_text(text, "utf-8")
    assert problem in regions.run("devices", "waivers", "import", file, status=2)


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ('{"holder": "user:x"}', '"policyId" is missing'),
        ('{"holder": "group:x", "policyId": "p"}', '"holder" must be'),
        ('{"holder": "user:x", "policyId": "p", "until": "soon", "reason": "r", "approvedBy": "a"}', "until"),
        ('{"holder": "user:x", "policyId": 7}', '"policyId" is not a text'),
        (
            '{"holder": "user:x", "policyId": "p", "until": "2999-01-01T00Z", "reason": "", "approvedBy": "", "x": ""}',
            '"x" is nothing that a waiver has',
        ),
        ("[]", "not a JSON object"),
        ('{"holder": "user:x", "holder": "user:y"}', "it has a key twice"),
        ("nonsense", "Expecting value"),
    ],
)
def test_one_wrong_line_writes_nothing(regions: Regions, tmp_path: Path, line: str, problem: str) -> None:
    """Status 1, with the number of the line."""
    put(regions, HERE, waiver())
    file = exported(regions, "waivers", tmp_path)
    first, good, _ = file.read_text("utf-8").splitlines()
    file.write_text(f'{first}\n{good}\n{line}\n{{"exported": 2}}', "utf-8")
    printed = regions.run("devices", "waivers", "import", file, "--region", THERE, status=1)
    assert f"{file}:3: " in printed
    assert problem in printed
    assert regions.items(THERE) == []


@pytest.mark.parametrize("kind", COMMANDS)
def test_two_imports_at_once_are_the_same_as_one(regions: Regions, tmp_path: Path, kind: str) -> None:
    """Each is there once, and none left a trace of another that it would have replaced."""
    make = waiver if kind == "waivers" else block
    for number in range(20):
        put(regions, HERE, make(holder=f"user:u{number}"))
    file = exported(regions, kind, tmp_path)
    outcomes = []
    start = threading.Barrier(2)

    def once() -> None:
        which: Any = WAIVERS if kind == "waivers" else BLOCKS
        given = [each for _, each in which.read(file.read_text("utf-8").splitlines())]
        start.wait(60)
        importing = Import(kind=which, dynamodb=regions.dynamodb(THERE), table=regions.table, by=DORA)
        importing.run(given)
        outcomes.append(importing.outcome)

    threads = [threading.Thread(target=once) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert sum(len(each.written) for each in outcomes) == 20
    assert [each.conflicts for each in outcomes] == [[], []]
    assert regions.items(THERE) == regions.items(HERE)


@pytest.mark.parametrize("kind", [*COMMANDS, "devices"])
def test_a_region_without_the_table_is_named(regions: Regions, tmp_path: Path, kind: str) -> None:
    """The stack is not deployed there yet."""
    command = COMMANDS.get(kind, ("devices",))
    regions.dynamodb(HERE).put_item(TableName=regions.devices, Item=device_item("pc", Device()))
    for entry in (waiver(), block()):
        put(regions, HERE, entry)
    file = tmp_path / "file.jsonl"
    regions.run(*command, "export", "--output", file)
    for arguments in (("import", file), ("export",)):
        printed = regions.run(*command, *arguments, "--region", "ap-southeast-2", status=2)
        assert f'there is no table "{regions.devices if kind == "devices" else regions.table}"' in printed
        assert "whether the stack is deployed there" in printed


def test_a_block_that_cannot_be_read_is_not_left_behind_without_a_word(
    regions: Regions, tmp_path: Path
) -> None:
    """It keeps a user out here; there it would not."""
    attributes = {**block_attributes(block()), "until": {"S": "soon"}}
    regions.dynamodb(HERE).put_item(
        TableName=regions.table,
        Item={
            HOLDER: {"S": key_of("user:bob")},
            "blocks": {"M": {"bob": {"M": attributes}}},
        },
    )
    file = tmp_path / "file.jsonl"
    printed = regions.run("blocks", "export", "--output", file, status=1)
    assert 'not exported, because it cannot be read: user:bob: "until" is not a time' in printed
    assert file.read_text("utf-8").endswith('{"exported": 0}\n')


def test_an_option_before_a_further_command_is_refused(regions: Regions) -> None:
    """It would apply to the list only, and be ignored without a word."""
    for command in COMMANDS.values():
        printed = regions.run(*command, "--region", THERE, "export", status=2)
        assert 'give options after "export"' in printed
