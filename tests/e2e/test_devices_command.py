"""`client-connect devices` against DynamoDB of the emulator, which can be made to fail."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from collections import defaultdict
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.httpsession import URLLib3Session
from typer.testing import CliRunner
from urllib3.response import HTTPResponse

from client_connect import Device
from client_connect.sources.items import COMMON_NAME, HOLDER, device_item, device_of, waivers_item, waivers_of
from client_connect.waiver import Waiver
from client_connect_tools.cli import main
from local_aws.emulator import ROOT
from tests.support.device_exports import INTUNE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from botocore.awsrequest import AWSPreparedRequest
    from typer.testing import Result

    from client_connect.sources.items import Item
    from local_aws.emulator import Emulator

    Fault = Callable[[dict[str, Any]], tuple[int, dict[str, Any]] | None]

pytestmark = pytest.mark.e2e

NOW = datetime.now(UTC).replace(microsecond=0)
TABLES = {"CLIENT_CONNECT_DEVICES_TABLE": "devices", "CLIENT_CONNECT_WAIVERS_TABLE": "waivers"}


class FaultyDynamoDb:
    """Hands requests on to DynamoDB, but answers those of an operation by its faults first, in their order.

    It does so within this process, before a request is sent: a server that signs what it hands on would do so for
    anybody on this machine.
    """

    def __init__(self) -> None:
        self.faults: defaultdict[str, list[Fault]] = defaultdict(list)
        self.requests: list[str] = []

    @contextmanager
    def answering(self) -> Iterator[None]:
        """Answer what boto3 sends within the block; what a fault sends itself goes to DynamoDB."""
        send = URLLib3Session.send

        def answered(session: URLLib3Session, request: AWSPreparedRequest) -> AWSResponse:
            target = request.headers.get("X-Amz-Target", b"")
            service, _, operation = (target if isinstance(target, str) else target.decode()).partition(".")
            if service != "DynamoDB_20120810":
                return send(session, request)
            self.requests.append(operation)
            faults = self.faults[operation]
            with pytest.MonkeyPatch.context() as original:
                original.setattr(URLLib3Session, "send", send)
                answer = faults.pop(0)(json.loads(request.body)) if faults else None
            return send(session, request) if answer is None else _answer(request.url, *answer)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(URLLib3Session, "send", answered)
            yield


def _answer(url: str, status: int, answer: dict[str, Any]) -> AWSResponse:
    content = json.dumps(answer).encode()
    headers = {"Content-Type": "application/x-amz-json-1.0", "Content-Length": str(len(content))}
    raw = HTTPResponse(io.BytesIO(content), preload_content=False)
    return AWSResponse(url, status, headers, raw)


def untouched(body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    """Leave every item unprocessed."""
    return 200, {"UnprocessedItems": body["RequestItems"]}


def refusal(kind: str, status: int = 400) -> Fault:
    """Refuse a request."""
    error = {"__type": f"com.amazonaws.dynamodb.v20120810#{kind}", "message": "not now"}
    return lambda _: (status, error)


def cancelled(code: str) -> tuple[int, dict[str, Any]]:
    """Refuse a transaction because of its first item."""
    return 400, {
        "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
        "message": "cancelled",
        "CancellationReasons": [{"Code": code}, {"Code": "None"}],
    }


class Inventory:
    """The two tables, empty, and the command."""

    def __init__(self, emulator: Emulator) -> None:
        self.client = emulator.client("dynamodb")
        self.server = FaultyDynamoDb()
        self.environment = {
            **emulator.environment,
            **TABLES,
        }
        self.caller: str = emulator.client("sts").get_caller_identity()["Arn"]

    def run(self, *arguments: str | Path, **environment: str | None) -> Result:
        """Run the command."""
        with self.server.answering():
            return CliRunner().invoke(
                main, ["devices", *map(str, arguments)], env={**self.environment, **environment}
            )

    def put(self, table: str, item: Item) -> None:
        """Write an item."""
        self.client.put_item(TableName=table, Item=item)

    def items(self, table: str) -> list[Item]:
        """Return all items."""
        pages = self.client.get_paginator("scan").paginate(TableName=table)
        return [item for page in pages for item in page["Items"]]

    def devices(self) -> dict[str, Device]:
        """Return all devices by their names."""
        return {item[COMMON_NAME]["S"]: device_of(item) for item in self.items("devices")}

    def waivers(self, holder: str) -> dict[str, Waiver]:
        """Return the waivers of a device or a user by their policies."""
        item = self.client.get_item(TableName="waivers", Key={HOLDER: {"S": holder}}).get("Item")
        return {waiver.policy_id: waiver for waiver in waivers_of(item)} if item else {}


@pytest.fixture
def inventory(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> Iterator[Inventory]:
    """Empty tables, which can be made to fail."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    inventory = Inventory(emulator)
    for table, key in (("devices", COMMON_NAME), ("waivers", HOLDER)):
        inventory.client.create_table(
            TableName=table,
            KeySchema=[{"AttributeName": key, "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
    yield inventory
    for table in ("devices", "waivers"):
        inventory.client.delete_table(TableName=table)


@pytest.fixture
def sixty(tmp_path: Path) -> Path:
    """Sixty devices: two batches and a part."""
    file = tmp_path / "sixty.jsonl"
    file.write_text("".join(f'{{"commonName": "pc-{number}"}}\n' for number in range(60)))
    return file


def waiver(policy: str, *, hours: int, holder: str = "user:bob") -> Waiver:
    """Return a waiver that ends, or ended, so many hours from now."""
    return Waiver(
        policy_id=policy, until=NOW + timedelta(hours=hours), reason="why", approved_by="eve", holder=holder
    )


WAIVE = ("waive", "--reason", "new laptop", "--approved-by", "carol")


def test_a_csv_file_is_imported(inventory: Inventory, tmp_path: Path) -> None:
    """Known columns are read, others are tags, empty cells are not known; a second time changes nothing."""
    file = tmp_path / "devices.csv"
    file.write_bytes(
        b"\xef\xbb\xbfcommonName,compliant,lastSeen,os,owner\r\n"
        b'laptop-1,TRUE,2026-11-22T10:00:00+01:00,10.0.22631,"Bob, ""the"" builder"\r\n'
        b"laptop-2,,,,\r\n"
    )
    for _ in range(2):
        result = inventory.run("import", file)
        assert (result.exit_code, result.stdout, result.stderr) == (0, "2 devices imported\n", "")
        assert {item[COMMON_NAME]["S"]: item for item in inventory.items("devices")} == {
            "laptop-1": {
                "commonName": {"S": "laptop-1"},
                "compliant": {"BOOL": True},
                "lastSeen": {"S": "2026-11-22T09:00:00Z"},
                "os": {"S": "10.0.22631"},
                "tags": {"M": {"owner": {"S": 'Bob, "the" builder'}}},
            },
            "laptop-2": {"commonName": {"S": "laptop-2"}},
        }


def test_lines_that_are_not_right_are_reported_and_the_rest_is_imported(
    inventory: Inventory, tmp_path: Path
) -> None:
    """Each with file, line, what came and what is allowed."""
    file = tmp_path / "devices.csv"
    file.write_text("commonName,compliant\na,true\nb,maybe\n,true\na,false\nc,false\n")
    result = inventory.run("import", file, "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout) == {"dryRun": False, "imported": 1, "rejected": 4}
    assert result.stderr.splitlines() == [
        f'{file}:2: "commonName" is "a" in the lines 2, 5; leave one',
        (
            f'{file}:3: "compliant" is "maybe", and it is not known whether that is compliant; say so, by '
            '--value "maybe=true", =false or =unknown'
        ),
        f'{file}:4: "commonName" is missing; give the common name of the client certificate',
        f'{file}:5: "commonName" is "a" in the lines 2, 5; leave one',
    ]
    assert {name: device.compliant for name, device in inventory.devices().items()} == {"c": False}


def test_a_dry_run_writes_nothing(inventory: Inventory, sixty: Path) -> None:
    """It needs no table either."""
    result = inventory.run("import", sixty, "--dry-run", CLIENT_CONNECT_DEVICES_TABLE="")
    assert (result.exit_code, result.stdout) == (0, "60 devices would be imported\n")
    assert inventory.server.requests == []


def test_what_is_left_unprocessed_is_sent_again(inventory: Inventory, sixty: Path) -> None:
    """All of a batch, then a part of it, then a throttled request: in the end every device is there once."""

    def half(body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        requests = body["RequestItems"]["devices"]
        for request in requests[:10]:
            inventory.put("devices", request["PutRequest"]["Item"])
        return 200, {"UnprocessedItems": {"devices": requests[10:]}}

    throttled = refusal("ProvisionedThroughputExceededException")
    inventory.server.faults["BatchWriteItem"] = [untouched, half, throttled]
    result = inventory.run("import", sixty)
    assert (result.exit_code, result.stdout) == (0, "60 devices imported\n"), result.stderr
    assert inventory.devices().keys() == {f"pc-{number}" for number in range(60)}
    assert len(inventory.server.requests) == 6


def test_a_failure_in_the_middle_says_what_is_written(inventory: Inventory, sixty: Path) -> None:
    """The count is exact, and the next run completes it."""
    inventory.server.faults["BatchWriteItem"] = [lambda _: None, refusal("AccessDeniedException")]
    result = inventory.run("import", sixty)
    assert (result.exit_code, result.stdout) == (1, "25 devices imported\n")
    assert "AccessDeniedException" in result.stderr
    assert "running the import again is safe" in result.stderr
    assert len(inventory.devices()) == 25
    assert inventory.run("import", sixty).exit_code == 0
    assert len(inventory.devices()) == 60


@pytest.mark.parametrize(
    ("arguments", "environment", "message"),
    [
        (
            ("list",),
            {"CLIENT_CONNECT_DEVICES_TABLE": ""},
            "there is no table of devices; give --devices-table",
        ),
        (("list", "--devices-table", "gone"), {}, 'there is no table "gone" in this Region'),
        (("list",), {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}, "Unable to locate credentials"),
        (("list",), {"AWS_DEFAULT_REGION": None}, "no Region is set; set AWS_DEFAULT_REGION, "),
        (
            ("show", "a"),
            {"CLIENT_CONNECT_WAIVERS_TABLE": ""},
            "there is no table of waivers; give --waivers-table",
        ),
        (("show",), {}, "give either the common name of a device, or --username"),
    ],
)
def test_fails_with_the_message_alone(
    inventory: Inventory, arguments: tuple[str, ...], environment: dict[str, str | None], message: str
) -> None:
    """Without a traceback, as wrong use."""
    result = inventory.run(*arguments, **environment)
    assert (result.exit_code, result.stdout) == (2, "")
    assert message in result.stderr
    assert "Traceback" not in result.stderr


def test_fails_when_access_is_denied(inventory: Inventory, sixty: Path) -> None:
    """Nothing is written, so it is no half-done import."""
    inventory.server.faults["BatchWriteItem"] = [refusal("AccessDeniedException")]
    result = inventory.run("import", sixty)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith('table "devices": An error occurred (AccessDeniedException)')


def test_fails_without_boto3(inventory: Inventory) -> None:
    """It says what to install, and the other commands and the help need it not."""
    program = "import sys; sys.modules['boto3'] = None; from client_connect_tools.cli import main; main()"
    for arguments, status in ((["list"], 2), (["--help"], 0)):
        command = [sys.executable, "-c", program, "devices", *arguments]
        result = subprocess.run(
            command, env=inventory.environment, capture_output=True, text=True, check=False
        )
        assert result.returncode == status, result.stderr
    result = inventory.run("list")
    assert result.exit_code == 0


def test_devices_are_listed_page_by_page_with_filters(inventory: Inventory) -> None:
    """All of them, page by page; those that are not known to be compliant; those not known to be seen."""
    for number in range(3):
        inventory.put(
            "devices",
            device_item(
                f"pc-{number}",
                Device(
                    compliant=(True, False, None)[number],
                    last_seen=(NOW, NOW - timedelta(days=40), None)[number],
                ),
            ),
        )

    def listed(*arguments: str) -> set[str]:
        lines = inventory.run("list", *arguments).stdout.splitlines()
        return {line.split("\t")[0] for line in lines}

    assert listed() == {"pc-0", "pc-1", "pc-2"}
    assert listed("--non-compliant") == {"pc-1", "pc-2"}
    assert listed("--not-seen-for", "30") == {"pc-1", "pc-2"}
    assert listed("--not-seen-for", "41") == {"pc-2"}
    (line,) = inventory.run("list", "--not-seen-for", "41", "--json").stdout.splitlines()
    assert json.loads(line) == {"commonName": "pc-2"}
    inventory.put("devices", device_item("far", Device(last_seen=datetime(9999, 12, 31, tzinfo=UTC))))
    assert listed("--not-seen-for", "41") == {"pc-2", "far"}


def test_every_page_is_read(inventory: Inventory) -> None:
    """A table that comes an item at a time is exported whole."""

    def one_item(body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        return 200, dict(inventory.client.scan(**body | {"Limit": 1}))

    for number in range(4):
        inventory.put("devices", device_item(f"pc-{number}", Device()))
    inventory.server.faults["Scan"] = [one_item] * 4
    assert len(inventory.run("export").stdout.splitlines()) == 6  # with the first and the last line
    assert inventory.server.requests.count("Scan") > 1


def test_names_cannot_disguise_a_line(inventory: Inventory) -> None:
    """Control characters and marks of direction are shown as escapes, wherever they come from."""
    name = "pc\u202egnp\x1b[2J\nother\tcompliant"
    inventory.put("devices", device_item(name, Device(tags={"a\u202e": "b\x1b"})))
    inventory.put("waivers", waivers_item([waiver("x\u202e", hours=1, holder=f"device:{name}")]))
    for result in (inventory.run("list"), inventory.run("show", name), inventory.run("export")):
        assert result.exit_code == 0
        assert result.stdout.replace("\n", "").replace("\t", "").isprintable()
    assert inventory.run("list").stdout.startswith("pc\\u202egnp\\x1b[2J\\nother\\tcompliant\t")


def test_shows_a_device_or_a_user_with_the_waivers(inventory: Inventory) -> None:
    """Expired waivers are called so; whoever is nowhere is status 1."""
    inventory.put("devices", device_item("pc", Device(compliant=False, last_seen=NOW)))
    holder = "device:pc"
    inventory.put(
        "waivers",
        waivers_item([waiver("old", hours=-1, holder=holder), waiver("new", hours=1, holder=holder)]),
    )
    inventory.put("waivers", waivers_item([waiver("new", hours=1)]))
    result = inventory.run("show", "pc")
    assert result.exit_code == 0
    assert "  compliant: false\n" in result.stdout
    assert '  waiver of "new" until ' in result.stdout
    assert '  expired waiver of "old" until ' in result.stdout
    user = json.loads(inventory.run("show", "--username", "BOB", "--json").stdout)
    assert user["device"] is None
    assert [each["policyId"] for each in user["waivers"]] == ["new"]
    nobody = inventory.run("show", "nobody")
    assert (nobody.exit_code, nobody.stdout) == (1, "device:nobody\n  not in the inventory\n  no waivers\n")


def test_what_is_exported_can_be_imported(inventory: Inventory, tmp_path: Path) -> None:
    """Every device is the same afterwards, and a file is replaced only by a complete one."""
    output = tmp_path / "devices.jsonl"
    for number in range(30):
        device = Device(compliant=True, last_seen=NOW, tags={"number": str(number)})
        inventory.put("devices", device_item(f"pc-{number}", device))
    before = inventory.devices()
    result = inventory.run("export", "--output", output)
    assert (result.exit_code, result.stdout) == (0, "30 devices exported\n")
    for name in before:
        inventory.client.delete_item(TableName="devices", Key={COMMON_NAME: {"S": name}})
    assert inventory.run("import", output).exit_code == 0
    assert inventory.devices() == before
    exported = output.read_bytes()
    inventory.server.faults["Scan"] = [refusal("AccessDeniedException")]
    assert inventory.run("export", "--output", output).exit_code == 2
    assert [path.name for path in tmp_path.iterdir()] == ["devices.jsonl"]
    assert output.read_bytes() == exported


def test_an_export_goes_into_pipes_and_through_no_link(inventory: Inventory, tmp_path: Path) -> None:
    """Another user may have made the link; a pipe is not replaced by a file."""
    inventory.put("devices", {"commonName": {"S": "pc"}})
    (tmp_path / "link").symlink_to("file")
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        assert inventory.run("export", "--output", pipe).exit_code == 0
        assert b'\n{"commonName": "pc"}\n{"exported": 1}\n' in os.read(reader, 1000)
    finally:
        os.close(reader)
    result = inventory.run("export", "--output", tmp_path / "link")
    assert (result.exit_code, result.stdout) == (2, "")
    assert (
        result.stderr == f'cannot write "{tmp_path / "link"}": it is a link to "file"; name the file itself\n'
    )
    assert pipe.is_fifo()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link", "pipe"]


@pytest.mark.parametrize("output", ["", "/", "missing/devices.jsonl", "x" * 256])
def test_fails_for_an_output_that_cannot_be_written(
    inventory: Inventory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, output: str
) -> None:
    """The message names it, and nothing is left."""
    monkeypatch.chdir(tmp_path)
    result = inventory.run("export", "--output", output)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith('cannot write "')
    assert not list(tmp_path.iterdir())


def test_malformed_items_are_reported_and_left_out(inventory: Inventory) -> None:
    """What they should have said is unknown."""
    inventory.put("devices", {"commonName": {"S": "a"}, "compliant": {"S": "true"}})
    inventory.put("devices", {"commonName": {"S": "b"}})
    for command, lines in (("list", 1), ("export", 3)):
        result = inventory.run(command)
        assert result.exit_code == 1
        assert result.stderr == 'device "a": "compliant" is of type S, not BOOL\n'
        assert len(result.stdout.splitlines()) == lines


def test_waives_and_unwaives(inventory: Inventory) -> None:
    """A waiver takes the place of one of the same policy; the last one leaves no item."""
    policy = ("--policy", "minimum-windows", "--user", "Bob")
    result = inventory.run(*WAIVE, *policy, "--for", "8h")
    assert result.exit_code == 0, result.stderr
    assert 'waived for user:bob: "minimum-windows" until ' in result.stdout
    assert NOW + timedelta(hours=8) <= inventory.waivers("user:bob")["minimum-windows"].until
    again = inventory.run(
        *WAIVE, *policy, "--until", "2099-12-01T09:00", "--time-zone", "Europe/Berlin", "--json"
    )
    assert json.loads(again.stdout)["replaced"]["reason"] == "new laptop"
    (granted,) = inventory.waivers("user:bob").values()
    assert granted.until == datetime(2099, 12, 1, 8, tzinfo=UTC)
    assert granted.approved_by == "carol"
    assert granted.granted_by == inventory.caller
    assert granted.granted_at is not None
    assert abs(granted.granted_at - datetime.now(UTC)) < timedelta(minutes=5)
    gone = inventory.run("unwaive", *policy)
    assert (gone.exit_code, gone.stdout[:27]) == (0, 'removed: "minimum-windows" ')
    assert inventory.waivers("user:bob") == {}
    missing = inventory.run("unwaive", *policy)
    assert missing.exit_code == 1
    assert 'there is no waiver of the policy "minimum-windows" for user:bob' in missing.stderr


def test_every_waiver_leaves_a_trace(inventory: Inventory) -> None:
    """Of what is revoked, replaced and removed: who granted it, who ended it and when; the item stays for 400 days."""
    inventory.put("waivers", waivers_item([waiver("old", hours=-1)]))
    inventory.put("waivers", waivers_item([waiver("gone", hours=-1, holder="user:eve")]))
    for arguments in (
        (*WAIVE, "--policy", "a", "--user", "bob", "--for", "8h"),
        (*WAIVE, "--policy", "a", "--user", "bob", "--for", "9h"),
        ("unwaive", "--policy", "a", "--user", "bob"),
        (*WAIVE, "--policy", "b", "--device", "pc", "--for", "1h"),
    ):
        assert inventory.run(*arguments).exit_code == 0
    listed = [json.loads(line) for line in inventory.run("waivers", "--json").stdout.splitlines()]
    assert sorted((each["state"], each["holder"], each["policyId"]) for each in listed) == [
        ("active", "device:pc", "b"),
        ("expired", "user:bob", "old"),
        ("expired", "user:eve", "gone"),
        ("replaced", "user:bob", "a"),
        ("revoked", "user:bob", "a"),
    ]
    for each in listed:
        assert each.get("grantedBy") == (None if each["policyId"] in ("old", "gone") else inventory.caller)
        ended = each["state"] in ("revoked", "replaced") or each["policyId"] == "old"
        assert each.get("endedBy") == (inventory.caller if ended else None)
    for item in inventory.items("waivers"):
        assert int(item["expiresAt"]["N"]) > (NOW + timedelta(days=399)).timestamp()
    only = inventory.run("waivers", "--active")
    assert only.stdout.startswith('active device:pc "b" until ')
    assert f"(approved by carol), granted by {inventory.caller} at 20" in only.stdout
    assert len(inventory.run("waivers").stdout.splitlines()) == 5


def test_a_trace_and_its_change_are_written_together(inventory: Inventory) -> None:
    """When the change is refused, there is neither; a conflict is tried again."""
    policy = ("--policy", "a", "--user", "bob")
    assert inventory.run(*WAIVE, *policy, "--for", "8h").exit_code == 0
    inventory.server.faults["TransactWriteItems"] = [refusal("AccessDeniedException")]
    assert inventory.run("unwaive", *policy).exit_code == 2
    assert len(inventory.items("waivers")) == 1
    inventory.server.faults["TransactWriteItems"] = [lambda _: cancelled("TransactionConflict")]
    assert inventory.run("unwaive", *policy).exit_code == 0
    assert len(inventory.items("waivers")) == 1


@pytest.mark.parametrize("end", [("--for", "9h"), ("--until", "2099-01-01T00:00Z")])
def test_fails_for_a_waiver_that_is_longer_than_allowed(inventory: Inventory, end: tuple[str, str]) -> None:
    """By the option or the variable, which has minutes as in the handler; nothing is written."""
    arguments = (*WAIVE, "--policy", "a", "--user", "bob", *end)
    for result in (
        inventory.run(*arguments, "--longest", "8h"),
        inventory.run(*arguments, CLIENT_CONNECT_LONGEST_WAIVER="480m"),
    ):
        assert (result.exit_code, result.stdout) == (2, "")
        assert re.search(r"more than (8h|480m) from now; grant a shorter one\n$", result.stderr)
    assert inventory.items("waivers") == []
    shorter = inventory.run(*WAIVE, "--policy", "a", "--user", "bob", "--for", "8h", "--longest", "8h")
    assert shorter.exit_code == 0


def test_fails_when_sts_does_not_say_who_grants(inventory: Inventory) -> None:
    """A waiver for no one is not written."""
    result = inventory.run(
        *WAIVE,
        *("--policy", "a", "--user", "bob", "--for", "8h"),
        AWS_ENDPOINT_URL_STS="http://127.0.0.1:9",
        AWS_MAX_ATTEMPTS="1",
    )
    assert (result.exit_code, result.stdout) == (2, "")
    assert "Could not connect to the endpoint URL" in result.stderr
    assert inventory.items("waivers") == []


def test_malformed_waivers_are_reported(inventory: Inventory) -> None:
    """The others are listed; status 1."""
    inventory.put("waivers", {HOLDER: {"S": "user:x"}})
    inventory.put("waivers", {HOLDER: {"S": "ended:x"}, "ended": {"M": {}}})
    inventory.put("waivers", waivers_item([waiver("a", hours=1)]))
    result = inventory.run("waivers")
    assert result.exit_code == 1
    assert len(result.stdout.splitlines()) == 1
    assert sorted(result.stderr.splitlines()) == [
        "waivers of \"ended:x\": the trace of a waiver has no 'holder'",
        'waivers of "user:x": "waivers" is missing',
    ]


def test_expired_waivers_are_removed_and_others_stay_as_they_are(inventory: Inventory) -> None:
    """Also attributes that this version does not know."""
    item = waivers_item([waiver("old", hours=-1), waiver("other", hours=1)])
    item["waivers"]["M"]["other"]["M"]["ticket"] = {"S": "T-1"}
    inventory.put("waivers", item)
    result = inventory.run(*WAIVE, "--policy", "mine", "--user", "bob", "--for", "30m")
    assert 'removed because its time is over: "old" until ' in result.stdout
    (after,) = [item for item in inventory.items("waivers") if item[HOLDER]["S"] == "user:bob"]
    assert after["waivers"]["M"].keys() == {"other", "mine"}
    assert after["waivers"]["M"]["other"]["M"]["ticket"] == {"S": "T-1"}
    assert int(after["expiresAt"]["N"]) == (NOW + timedelta(days=400, hours=1)).timestamp()
    assert inventory.run("unwaive", "--policy", "mine", "--user", "bob").exit_code == 0
    assert inventory.waivers("user:bob").keys() == {"other"}


@pytest.mark.parametrize("before", [[], [waiver("old", hours=1)]], ids=["none", "one"])
def test_a_change_at_the_same_time_is_not_lost(inventory: Inventory, before: list[Waiver]) -> None:
    """Another administrator waives between the reading and the writing: both waivers are there."""
    if before:
        inventory.put("waivers", waivers_item(before))
    theirs = [*before, waiver("theirs", hours=2)]
    inventory.server.faults["TransactWriteItems"] = [lambda _: inventory.put("waivers", waivers_item(theirs))]
    assert inventory.run(*WAIVE, "--policy", "mine", "--user", "bob", "--for", "7d").exit_code == 0
    assert inventory.waivers("user:bob").keys() == {*(each.policy_id for each in theirs), "mine"}


def test_a_waiver_granted_while_the_last_one_is_revoked_stays(inventory: Inventory) -> None:
    """The deletion has a condition too."""
    mine, theirs = waiver("mine", hours=1), waiver("theirs", hours=2)
    inventory.put("waivers", waivers_item([mine]))
    inventory.server.faults["TransactWriteItems"] = [
        lambda _: inventory.put("waivers", waivers_item([mine, theirs]))
    ]
    assert inventory.run("unwaive", "--policy", "mine", "--user", "bob").exit_code == 0
    assert inventory.waivers("user:bob").keys() == {"theirs"}


def test_fails_when_others_are_always_faster(inventory: Inventory) -> None:
    """After five attempts it gives up, and says so."""
    inventory.server.faults["TransactWriteItems"] = [lambda _: cancelled("ConditionalCheckFailed")] * 9
    result = inventory.run(*WAIVE, "--policy", "mine", "--user", "bob", "--for", "7d")
    assert result.exit_code == 2
    assert 'the waivers of "user:bob" were changed by someone else 5 times; try again' in result.stderr
    assert inventory.server.requests.count("TransactWriteItems") == 5


def test_fails_for_waivers_that_are_malformed(inventory: Inventory) -> None:
    """They are not overwritten."""
    item: Item = {"holder": {"S": "user:bob"}, "waivers": {"S": "all"}}
    inventory.put("waivers", item)
    result = inventory.run(*WAIVE, "--policy", "mine", "--user", "bob", "--for", "7d")
    assert (result.exit_code, result.stderr) == (
        2,
        'the item in the table is malformed: "waivers" is of type S, not M; correct or delete it\n',
    )
    assert inventory.items("waivers") == [item]


def policies(directory: Path) -> Path:
    """Write a policy that honors waivers, and one that only speaks of them."""
    file = directory / "policies.cedar"
    file.write_text(
        '@id("honors") forbid (principal, action, resource)\n'
        'unless { context.waivers.contains("honors") };\n'
        '@id("broken") permit (principal, action);\n'
        '@id("does-not") @message("context.waivers.contains(\\"does-not\\")") '
        'permit (principal, action, resource);  // context.waivers.contains("does-not")\n'
    )
    return file


BOB = ("--user", "bob", "--for", "7d")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--policy", "x", "--for", "7d"), "give either --device or --user"),
        (("--policy", "x", *BOB, "--device", "pc"), "give either --device or --user"),
        (("--policy", "x", "--user", "bob"), "give either --until or --for"),
        (("--policy", "x", *BOB, "--until", "2099-01-01"), "give either --until or --for"),
        (("--policy", "x", "--user", "bob", "--for", "7w"), '--for is "7w", which is not a duration; '),
        (("--policy", "x", "--user", "bob", "--for", "0h"), '--for is "0h", which is not a duration; '),
        (("--policy", "x", "--user", "bob", "--until", "soon"), '--until is "soon", which is not a time; '),
        (
            ("--policy", "x", "--user", "bob", "--until", "2020-01-01T00:00Z"),
            "which is over; give a time to come",
        ),
        (
            ("--policy", "x", *BOB, "--time-zone", "Mars", "--until", "2099-01-01"),
            "give either --until or --for",
        ),
        (
            ("--policy", "x", "--user", "bob", "--time-zone", "Mars", "--until", "2099-01-01"),
            '--time-zone: time zone "Mars" is not known; ',
        ),
        (("--policy", "", *BOB), "--policy is empty"),
        (("--policy", "x", *BOB, "--reason", " "), "--reason is empty"),
        (("--policy", "x", *BOB, "--approved-by", ""), "--approved-by is empty"),
        (("--policy", "x", "--user", "", "--for", "7d"), "--user is empty"),
        (
            ("--policy", "x", *BOB, "--reason", "\udcfc"),
            '--reason is "\\udcfc", which is not valid Unicode; ',
        ),
        (("--policy", "x", "--user", "J\udcfc", "--for", "7d"), "--user is "),
        (("--policy", "x", *BOB, "--policies", "NO-ID"), 'no policy has the @id "x"; none has one'),
        (
            ("--policy", "other", *BOB, "--policies", "P"),
            'no policy has the @id "other"; there are broken, does-not, honors',
        ),
        (
            ("--policy", "broken", *BOB, "--policies", "P"),
            'the policy "broken" cannot be used: Cedar cannot ',
        ),
        (
            ("--policy", "does-not", *BOB, "--policies", "P"),
            'the policy "does-not" honors no waiver; add to it: ',
        ),
    ],
)
def test_fails_for_a_waiver_that_is_not_right(
    inventory: Inventory, tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    """Before anything is read or written."""
    no_id = tmp_path / "no-id.cedar"
    no_id.write_text("permit (principal, action, resource);\n")
    files = {"P": str(policies(tmp_path)), "NO-ID": str(no_id)}
    result = inventory.run(*WAIVE, *(files.get(each, each) for each in arguments))
    assert (result.exit_code, result.stdout) == (2, "")
    assert message in result.stderr
    assert inventory.server.requests == []


def test_a_waiver_that_its_policy_honors_is_granted(inventory: Inventory, tmp_path: Path) -> None:
    """The policies are read when they are given."""
    result = inventory.run(*WAIVE, "--policy", "honors", *BOB, "--policies", policies(tmp_path))
    assert result.exit_code == 0, result.stderr


DOCUMENTATION = (ROOT / "docs" / "devices-command.md").read_text("utf-8")


def examples(language: str) -> list[str]:
    """Return the documentation's examples in one language."""
    return re.findall(rf"^```{language}\n(.*?)^```", DOCUMENTATION, re.DOTALL | re.MULTILINE)


def test_the_documented_commands_run(inventory: Inventory, tmp_path: Path) -> None:
    """One after the other, in a shell, with the documented file and tables."""
    (file,) = examples("csv")
    (tmp_path / "devices.csv").write_text(file)
    for export in ("intune.csv", "hosts.csv"):
        (tmp_path / export).write_text(INTUNE)
    (tmp_path / "vpn_rules.py").write_text(
        "from client_connect_tools import Rules\n\nrules = Rules(compliant_devices=True, days_since_last_seen=14)\n"
    )
    environment = {name: value for name, value in inventory.environment.items() if name not in TABLES}
    script = "\n".join(["set -e", *examples("sh")])
    result = subprocess.run(
        ["/bin/sh", "-c", script],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    reported = result.stderr.splitlines()
    assert result.returncode == 0, reported
    assert [line.partition(": ")[0] for line in reported] == ["columns that are not imported"] * 2
    assert inventory.devices().keys() == {"laptop-17", "laptop-18"}
    assert inventory.waivers("device:laptop-18").keys() == {"compliant-device"}
    holders = {item[HOLDER]["S"].partition(":")[0] for item in inventory.items("waivers")}
    assert holders == {"device", "ended"}
    lines, device, waivers = map(json.loads, examples("json"))
    assert json.loads((tmp_path / "all.jsonl").read_text().splitlines()[1]) in (
        lines,
        {"commonName": "laptop-18", "compliant": False, "lastSeen": "2026-11-22T09:30:00Z"},
    )
    assert device == device_item("laptop-17", device_of(device))
    assert waivers == waivers_item(waivers_of(waivers))
