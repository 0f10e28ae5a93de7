"""Runs of a device sync against DynamoDB of the emulator: what is written, held back, and left to the next run."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from client_connect.sources.items import device_of, is_removed
from client_connect_devices.errors import IncompleteList, RunInProgress
from client_connect_devices.state import state_key
from client_connect_devices.table import Table
from tests.support.device_managers import faults
from tests.support.device_managers.intune import IntuneServer, common_name, device
from tests.support.device_managers.syncing import INTUNE, sync

if TYPE_CHECKING:
    from collections.abc import Iterator

    from client_connect import Device
    from client_connect_devices.outcome import Outcome
    from local_aws.emulator import Emulator

pytestmark = pytest.mark.e2e

NAME = "synced-devices"


class Fleet:
    """Intune's devices and the table."""

    def __init__(self, emulator: Emulator, server: IntuneServer, count: int = 20) -> None:
        self.dynamodb: Any = emulator.client("dynamodb")
        self.table = Table(self.dynamodb, NAME)
        self.server = server
        server.devices = [device(number) for number in range(count)]
        self.now = datetime.now(UTC)

    def sync(self, **options: Any) -> Outcome:
        """Run, an hour after the last one."""
        self.now += timedelta(hours=1)
        return sync(self.server, INTUNE, self.table, now=self.now, **options)

    def change(self, *numbers: int, **changes: Any) -> None:
        """Change devices in Intune."""
        for number in numbers:
            self.server.devices[number] |= changes

    def item(self, number: int) -> dict[str, Any]:
        """An item."""
        found: dict[str, Any] | None = self.dynamodb.get_item(
            TableName=NAME, Key={"commonName": {"S": common_name(number)}}
        ).get("Item")
        assert found is not None
        return found

    def device(self, number: int) -> Device:
        """A device as the handler reads it."""
        return device_of(self.item(number))

    def put(self, **item: Any) -> None:
        """Write an item, as another writer does."""
        self.dynamodb.put_item(TableName=NAME, Item=item)

    def everything(self) -> dict[str, Any]:
        """All devices' items by name."""
        return {item["commonName"]["S"]: item for item in self.table.scan()}


@pytest.fixture
def fleet(emulator: Emulator) -> Iterator[Fleet]:
    """Twenty devices and an empty table."""
    dynamodb = emulator.client("dynamodb")
    dynamodb.create_table(
        TableName=NAME,
        KeySchema=[{"AttributeName": "commonName", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "commonName", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    with IntuneServer() as server:
        yield Fleet(emulator, server)
    dynamodb.delete_table(TableName=NAME)


def test_the_handler_reads_what_a_sync_writes(fleet: Fleet) -> None:
    """Verdict, check-in and version, in the format of the inventory."""
    fleet.change(3, complianceState="noncompliant", osVersion="14.7.1 (23H222)")
    outcome = fleet.sync()
    assert outcome.is_complete
    assert outcome.written == {"new": 20}
    assert fleet.device(0).compliant is True
    assert fleet.device(3).compliant is False
    assert str(fleet.device(3).os) == "14.7.1"
    assert fleet.device(3).last_seen == datetime(2026, 11, 30, 7, 2, 49, tzinfo=UTC)


def test_only_differences_are_written(fleet: Fleet) -> None:
    """A later check-in alone once an hour."""
    fleet.sync()
    assert fleet.sync().written == {}
    fleet.change(1, lastSyncDateTime="2026-11-29T23:42:49-08:00")
    fleet.change(2, lastSyncDateTime="2026-11-30T00:12:49-08:00")
    outcome = fleet.sync()
    assert outcome.written == {"changed": 1}
    assert outcome.named == {"changed": [common_name(2)]}
    assert outcome.unchanged == 19


def test_a_device_that_turns_noncompliant_is_changed_at_once(fleet: Fleet) -> None:
    """And back."""
    fleet.sync()
    fleet.change(1, complianceState="noncompliant")
    assert fleet.sync().written == {"no longer compliant": 1}
    assert fleet.device(1).compliant is False
    fleet.change(1, complianceState="compliant")
    assert fleet.sync().written == {"changed": 1}
    assert fleet.device(1).compliant is True


def test_a_device_that_becomes_unknown_is_no_longer_compliant(fleet: Fleet) -> None:
    """An unknown value is absent, which the rules count against the device."""
    fleet.sync()
    fleet.change(1, complianceState="error")
    assert fleet.sync().written == {"no longer compliant": 1}
    assert fleet.device(1).compliant is None


def test_a_device_is_missing_after_three_complete_lists_without_it(fleet: Fleet) -> None:
    """Not on the first; a list that is not complete does not count."""
    fleet.sync()
    gone = fleet.server.devices.pop()
    assert fleet.sync().written == {"not listed, waiting": 1}
    assert fleet.device(19).compliant is True
    fleet.server.faults = {fleet.server.lists: faults.html}
    with pytest.raises(Exception, match="text/html"):
        fleet.sync()
    assert fleet.sync().written == {}
    assert fleet.device(19).compliant is True
    assert fleet.sync().written == {"missing": 1}
    assert fleet.device(19).compliant is False
    assert fleet.device(19).tags == {"intune:missing": "true"}
    fleet.server.devices.append(gone)
    assert fleet.sync().written == {"changed": 1}
    assert fleet.device(19).compliant is True
    assert not fleet.device(19).tags


def test_a_device_that_comes_back_begins_again(fleet: Fleet) -> None:
    """Only lists in a row without it count."""
    fleet.sync()
    gone = fleet.server.devices.pop()
    fleet.sync()
    fleet.sync()
    fleet.server.devices.append(gone)
    fleet.sync()
    fleet.server.devices.pop()
    fleet.sync()
    fleet.sync()
    assert fleet.device(19).compliant is True


def test_a_device_that_was_removed_is_missing_at_once(fleet: Fleet) -> None:
    """Because the manager says so."""
    fleet.sync()
    fleet.change(1, deviceRegistrationState="revoked")
    assert fleet.sync().written == {"missing": 1}
    assert fleet.device(1).compliant is False


def test_a_missing_device_is_forgotten_later(fleet: Fleet) -> None:
    """Its item is deleted after 30 days, or never."""
    fleet.sync()
    fleet.change(1, deviceRegistrationState="revoked")
    fleet.sync()
    fleet.now += timedelta(days=31)
    assert fleet.sync(forget_after_days=0).written == {}
    assert fleet.sync().written == {"forgotten": 1}
    assert common_name(1) not in fleet.everything()


@pytest.mark.parametrize("left", [2, 0])
def test_the_brake_holds_when_a_manager_lists_a_tenth(fleet: Fleet, left: int) -> None:
    """Or nothing at all. Other changes go on, and nothing is marked however long it lasts."""
    fleet.sync()
    before = fleet.everything()
    del fleet.server.devices[left:]
    for _ in range(5):
        outcome = fleet.sync()
        assert outcome.braked is not None
        assert outcome.braked.gone
        assert outcome.is_complete
        assert outcome.missing == 20 - left
    assert fleet.everything() == before


def test_the_brake_holds_when_many_devices_turn(fleet: Fleet) -> None:
    """At more than five, or a tenth; those that become compliant are written all the same."""
    fleet.change(19, complianceState="noncompliant")
    fleet.sync()
    fleet.change(*range(6), complianceState="noncompliant")
    fleet.change(19, complianceState="compliant")
    outcome = fleet.sync()
    assert outcome.braked is not None
    assert outcome.braked.turned
    assert outcome.written == {"changed": 1}
    assert fleet.device(0).compliant is True


def test_changes_of_a_day_add_up_for_the_brake(fleet: Fleet) -> None:
    """A manager that loses a few devices at each run is broken as well."""
    fleet.sync()
    fleet.change(0, 1, 2, complianceState="noncompliant")
    assert fleet.sync().written == {"no longer compliant": 3}
    fleet.change(3, 4, 5, complianceState="noncompliant")
    assert fleet.sync().written == {}
    fleet.now += timedelta(days=1)
    assert fleet.sync().written == {"no longer compliant": 3}


def test_an_operator_can_release_the_brake(fleet: Fleet) -> None:
    """For so many changes and no more, at once."""
    fleet.sync()
    del fleet.server.devices[10:]
    fleet.change(*range(8), complianceState="noncompliant")
    assert fleet.sync(accepted=17).written == {}
    assert fleet.sync(accepted=18).written == {"no longer compliant": 8, "missing": 10}
    assert fleet.device(19).compliant is False
    outcome = fleet.sync()
    assert outcome.braked is not None
    assert not outcome.braked.is_engaged


def test_more_changes_than_were_accepted_wait(fleet: Fleet) -> None:
    """Even where the brake alone would let so few pass: those who accept one mean that one."""
    fleet.sync()
    del fleet.server.devices[18:]
    assert fleet.sync(accepted=1).written == {}
    assert fleet.sync(accepted=2).written == {"missing": 2}


def test_items_of_others_are_left_alone(fleet: Fleet) -> None:
    """Those that were imported, and a mark of removal; unless they may be taken over."""
    fleet.put(commonName={"S": common_name(1)}, compliant={"BOOL": False}, tags={"M": {"by": {"S": "hand"}}})
    fleet.put(commonName={"S": common_name(2)}, removed={"BOOL": True})
    fleet.put(commonName={"S": "other-laptop"}, compliant={"BOOL": True})
    outcome = fleet.sync()
    assert outcome.written == {"new": 18}
    assert (outcome.left_alone, outcome.left_alone_named) == (2, [common_name(1), common_name(2)])
    assert fleet.device(1).compliant is False
    assert is_removed(fleet.item(2))
    outcome = fleet.sync(adopt_imported=True)
    assert outcome.left_alone == 0
    assert fleet.device(1).compliant is True
    assert not is_removed(fleet.item(2))
    assert "sources" not in fleet.everything()["other-laptop"]


def test_what_others_keep_in_an_item_stays(fleet: Fleet) -> None:
    """Attributes that no sync knows."""
    fleet.sync()
    fleet.put(**fleet.item(1), note={"S": "lent to Carol"})
    fleet.change(1, complianceState="noncompliant")
    fleet.sync()
    assert fleet.item(1)["note"] == {"S": "lent to Carol"}
    assert fleet.device(1).compliant is False


def test_two_sources_of_one_device_do_not_overwrite_each_other(fleet: Fleet) -> None:
    """A failure of one is a failure; the tags of both are there."""

    def other(state: str) -> None:
        fleet.change(1, complianceState=state)
        settings = {**INTUNE, "name": "edr", "tags": {"host": "deviceName"}}
        sync(fleet.server, settings, fleet.table, now=fleet.now)

    fleet.sync()
    other("noncompliant")
    assert fleet.device(1).compliant is False
    assert fleet.device(1).tags == {"host": "LAPTOP-1"}
    fleet.change(1, complianceState="compliant")
    assert fleet.sync().written == {}
    assert fleet.device(1).compliant is False
    other("unknown")
    assert fleet.device(1).compliant is None
    other("compliant")
    assert fleet.device(1).compliant is True
    assert set(fleet.item(1)["sources"]["M"]) == {"intune", "edr"}


def test_the_first_verdicts_of_a_second_source_are_braked_too(fleet: Fleet) -> None:
    """It may be set up wrongly, and lock out whoever the first one lets in."""
    fleet.sync()
    fleet.change(*range(10), complianceState="noncompliant")
    settings = {**INTUNE, "name": "edr"}
    outcome = sync(fleet.server, settings, fleet.table, now=fleet.now)
    assert outcome.braked is not None
    assert outcome.braked.turned
    assert outcome.written == {"new": 10}
    assert fleet.device(0).compliant is True


def test_what_a_retired_source_said_is_removed(fleet: Fleet) -> None:
    """Its verdict and its check-in would count for ever."""
    fleet.sync()
    sync(fleet.server, {**INTUNE, "name": "edr"}, fleet.table, now=fleet.now)
    only_by_edr = fleet.server.devices.pop()
    assert only_by_edr["id"] == device(19)["id"]
    assert fleet.sync(retired_sources=["edr"]).is_complete
    assert set(fleet.item(1)["sources"]["M"]) == {"intune"}
    fleet.dynamodb.update_item(
        TableName=NAME,
        Key={"commonName": {"S": common_name(19)}},
        UpdateExpression="REMOVE sources.intune",
    )
    fleet.dynamodb.update_item(
        TableName=NAME,
        Key={"commonName": {"S": common_name(19)}},
        UpdateExpression="SET sources.edr = :part",
        ExpressionAttributeValues={":part": fleet.item(1)["sources"]["M"]["intune"]},
    )
    assert fleet.sync(retired_sources=["edr"]).written == {"no longer compliant": 1}
    assert common_name(19) not in fleet.everything()


def test_the_brake_holds_when_a_renamed_source_lists_nothing(fleet: Fleet) -> None:
    """The first list of the new name would delete every device of the old one."""
    fleet.sync()
    before = fleet.everything()
    fleet.server.devices.clear()
    renamed = {**INTUNE, "name": "mdm"}
    outcome = sync(fleet.server, renamed, fleet.table, now=fleet.now, retired_sources=["intune"])
    assert outcome.braked is not None
    assert outcome.braked.turned
    assert fleet.everything() == before


def test_the_brake_holds_when_no_listed_device_can_be_an_item(fleet: Fleet) -> None:
    """As of an empty list, however few devices there are: the field of the name may be wrong."""
    del fleet.server.devices[3:]
    fleet.sync()
    fleet.change(0, 1, 2, azureADDeviceId=None)
    outcome = fleet.sync()
    assert outcome.braked is not None
    assert outcome.braked.empty
    assert outcome.braked.gone


def test_misses_count_again_when_the_state_is_lost(fleet: Fleet) -> None:
    """The number of the run in an item is then one of the future."""
    for _ in range(5):
        fleet.sync()
    fleet.server.devices.pop()
    fleet.sync()
    fleet.dynamodb.delete_item(TableName=NAME, Key={"commonName": {"S": state_key("intune")}})
    fleet.sync()
    fleet.sync()
    assert fleet.sync().written == {"missing": 1}


def test_a_source_that_does_not_judge_adds_tags_alone(fleet: Fleet) -> None:
    """It takes nothing from the verdict, nor adds one."""
    tags_only = {
        **INTUNE,
        "name": "assets",
        "judges_compliance": False,
        "tags": {"owner": "userPrincipalName"},
    }
    fleet.change(0, complianceState="noncompliant")
    sync(fleet.server, tags_only, fleet.table, now=fleet.now)
    assert fleet.device(0).compliant is None
    fleet.sync()
    assert fleet.device(0).compliant is False
    assert fleet.device(1).compliant is True
    assert fleet.device(1).tags == {"owner": "user1@contoso.example"}


def test_a_grace_period_begins_when_a_device_fails(fleet: Fleet) -> None:
    """It ends by itself, and a device that never was compliant has none."""
    settings = {**INTUNE, "grace_period_seconds": 3 * 3600}

    def run() -> Any:
        fleet.now += timedelta(hours=1)
        return sync(fleet.server, settings, fleet.table, now=fleet.now).written

    fleet.change(2, complianceState="noncompliant")
    run()
    assert fleet.device(2).compliant is False
    fleet.change(1, complianceState="noncompliant")
    assert run() == {"changed": 1}
    assert fleet.device(1).compliant is True
    assert run() == {}
    assert run() == {}
    assert run() == {"no longer compliant": 1}
    assert fleet.device(1).compliant is False
    assert run() == {}


def test_one_run_at_a_time(fleet: Fleet) -> None:
    """A second one does nothing; after the time of the first, however that ended, another may."""
    fleet.table.lock("intune", run="killed", seconds=600)
    with pytest.raises(RunInProgress, match='another run of "intune" is in progress'):
        fleet.sync()
    key = {"commonName": {"S": state_key("intune")}}
    fleet.dynamodb.update_item(
        TableName=NAME,
        Key=key,
        UpdateExpression="SET lockedUntil = :past",
        ExpressionAttributeValues={":past": {"N": "1"}},
    )
    assert fleet.sync().is_complete


def test_the_state_is_no_device(fleet: Fleet) -> None:
    """The handler, and the commands, treat it as a removed one."""
    fleet.sync()
    key = {"commonName": {"S": state_key("intune")}}
    assert is_removed(fleet.dynamodb.get_item(TableName=NAME, Key=key)["Item"])


class Killed(BaseException):
    """The end of the function's process."""


@pytest.mark.parametrize("step", range(9))
def test_a_run_that_is_killed_at_any_step_loses_nothing(
    fleet: Fleet, step: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next run comes to what a run that was never killed comes to."""
    fleet.sync()
    gone = fleet.server.devices.pop()
    fleet.change(1, 2, complianceState="noncompliant")
    fleet.server.devices += [device(30), device(31)]
    counter = iter(range(1000))
    calls = ("lock", "scan", "announce", "get", "_try", "unlock")
    with monkeypatch.context() as patch:
        for name in calls:
            original = getattr(Table, name)

            def dying(*arguments: Any, original: Any = original, **keywords: Any) -> Any:
                if next(counter) >= step:
                    raise Killed
                return original(*arguments, **keywords)

            patch.setattr(Table, name, dying)
        with pytest.raises(Killed):
            fleet.sync()
    fleet.dynamodb.update_item(
        TableName=NAME,
        Key={"commonName": {"S": state_key("intune")}},
        UpdateExpression="REMOVE lockedBy, lockedUntil",
    )
    assert fleet.sync().is_complete
    assert [fleet.device(number).compliant for number in (0, 1, 2, 19, 30)] == [
        True,
        False,
        False,
        True,
        True,
    ]
    fleet.sync()
    assert fleet.device(19).compliant is True
    fleet.sync()
    assert fleet.device(19).compliant is False
    fleet.server.devices.append(gone)
    fleet.sync()
    assert fleet.device(19).compliant is True


def test_a_list_that_is_not_complete_changes_nothing(fleet: Fleet) -> None:
    """The inventory keeps its last state, and the next run may begin at once."""
    fleet.sync()
    before = fleet.everything()
    fleet.server.faults = {
        fleet.server.lists: faults.changed(lambda value: {**value, "value": value["value"][:5]})
    }
    with pytest.raises(IncompleteList, match="there are 20 devices, but lists 5"):
        fleet.sync()
    assert fleet.everything() == before
    assert fleet.sync().is_complete


def test_an_item_that_changes_meanwhile_is_worked_out_again(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another source may write between the read and the write."""
    fleet.sync()
    fleet.change(1, complianceState="noncompliant")
    original = Table._try
    once = threading.Lock()

    def interrupted(table: Table, change: Any) -> bool:
        if once.acquire(blocking=False):
            settings = {
                **INTUNE,
                "name": "assets",
                "judges_compliance": False,
                "tags": {"host": "deviceName"},
            }
            sync(fleet.server, settings, fleet.table, now=fleet.now)
        return original(table, change)

    monkeypatch.setattr(Table, "_try", interrupted)
    assert fleet.sync().written == {"no longer compliant": 1}
    assert fleet.device(1).compliant is False
    assert fleet.device(1).tags == {"host": "LAPTOP-1"}


def test_a_renamed_device_has_a_new_item_and_leaves_the_old_one(fleet: Fleet) -> None:
    """The certificate may have the old name for a while, so it ends as a missing device does."""
    settings = {**INTUNE, "common_name": "deviceName", "common_name_case": "as-is"}

    def run() -> Any:
        return sync(fleet.server, settings, fleet.table, now=fleet.now).written

    run()
    fleet.change(1, deviceName="LAPTOP-NEW")
    assert run() == {"not listed, waiting": 1, "new": 1}
    assert run() == {}
    assert run() == {"missing": 1}
    items = fleet.everything()
    assert device_of(items["LAPTOP-NEW"]).compliant is True
    assert device_of(items["LAPTOP-1"]).compliant is False


def test_an_item_that_cannot_be_read_is_left_alone_and_counted(fleet: Fleet) -> None:
    """It is a mistake in the source."""
    fleet.put(commonName={"S": common_name(1)}, sources={"S": "nonsense"})
    outcome = fleet.sync()
    assert (outcome.malformed, outcome.written) == (1, {"new": 19})
