"""Every device manager by its own API: paging, authentication, and what its records say."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from client_connect_devices.errors import CredentialsRejected, IncompleteList, SyncFailed, UnexpectedAnswer
from client_connect_devices.items import Part, top_of
from tests.support.device_managers import (
    crowdstrike,
    faults,
    fleet,
    intune,
    iru,
    jamf_pro,
    json_api,
    jumpcloud,
)
from tests.support.device_managers.server import CLIENT_SECRET, TOKEN, Reply
from tests.support.device_managers.syncing import INTUNE, SECRET, listed

if TYPE_CHECKING:
    from collections.abc import Callable

    from client_connect_devices.device import ListedDevice
    from tests.support.device_managers.server import ManagerServer

JSON = {
    "kind": "json",
    "url": "https://assets.example.com/v2/assets",
    "id": "asset.id",
    "common_name": "asset.serial",
    "compliant": "state",
    "compliant_values": ["in compliance"],
    "noncompliant_values": ["Out of compliance"],
    "removed": "lifecycle",
    "removed_values": ["retired"],
    "last_seen": "seen",
    "time_zone": "+01:00",
    "os": "system",
    "header": "X-Api-Key",
    "header_prefix": "Key ",
    "tags": {"owner": "user.name"},
}
PAGED = {
    **JSON,
    "items": "data.assets",
    "total": "meta.total",
    "size_parameter": "size",
    "page_parameter": "at",
}


@dataclass(frozen=True)
class Manager:
    """A device manager under test."""

    server: type[ManagerServer]
    device: Callable[..., dict[str, Any]]
    settings: dict[str, Any]
    name: Callable[[int], str]
    attributes: dict[str, Any] = field(default_factory=dict)

    def list(self, devices: list[Any], fault: Any = None, **settings: Any) -> Any:
        """List devices, with a fault of the second page."""
        with self.server(devices) as running:
            for name, value in self.attributes.items():
                setattr(running, name, value)
            running.faults = {} if fault is None else dict.fromkeys(range(2, 50), fault)
            return listed(running, {**self.settings, **settings})

    def read(self, **changes: Any) -> ListedDevice:
        """List one device."""
        found: ListedDevice | None = self.list([self.device(1, **changes)]).get(self.name(1))
        assert found is not None
        return found


MANAGERS = {
    "intune": Manager(intune.IntuneServer, intune.device, INTUNE, intune.common_name),
    "jamf_pro": Manager(
        jamf_pro.JamfProServer,
        jamf_pro.device,
        {"kind": "jamf_pro", "url": "https://example.jamfcloud.com", "compliant_group": "Compliant Macs"},
        lambda number: f"C02{number:06}",
    ),
    "fleet": Manager(
        fleet.FleetServer,
        fleet.device,
        {"kind": "fleet", "url": "https://fleet.example.com"},
        lambda number: f"FL{number:06}",
    ),
    "fleet-policies": Manager(
        fleet.FleetServer,
        fleet.device,
        {"kind": "fleet", "url": "https://fleet.example.com", "required_policies": ["12", "40"]},
        lambda number: f"FL{number:06}",
    ),
    "iru": Manager(
        iru.IruServer, iru.device, {"kind": "iru", "subdomain": "accuhive"}, lambda number: f"K{number:06}"
    ),
    "crowdstrike": Manager(
        crowdstrike.CrowdStrikeServer,
        crowdstrike.device,
        {"kind": "crowdstrike", "cloud": "eu-1"},
        lambda number: f"CS{number:06}",
    ),
    "jumpcloud": Manager(
        jumpcloud.JumpCloudServer, jumpcloud.device, {"kind": "jumpcloud"}, lambda number: f"JC{number:06}"
    ),
    "jumpcloud-key": Manager(
        jumpcloud.JumpCloudServer,
        jumpcloud.device,
        {"kind": "jumpcloud", "authentication": "api_key"},
        lambda number: f"JC{number:06}",
        {"fixed_token": True},
    ),
    "json-oauth": Manager(
        json_api.JsonServer,
        json_api.device,
        {**PAGED, "paging": "offset", "token_url": "https://assets.example.com/token", "scope": "devices"},
        lambda number: f"A{number:06}",
        {"paging": "offset", "token_path": "/token"},
    ),
    "json-none": Manager(json_api.JsonServer, json_api.device, JSON, lambda number: f"A{number:06}"),
    **{
        f"json-{paging}": Manager(
            json_api.JsonServer,
            json_api.device,
            {**PAGED, "paging": paging, **({"next": "meta.next"} if paging in ("link", "cursor") else {})},
            lambda number: f"A{number:06}",
            {"paging": paging},
        )
        for paging in ("link", "cursor", "page", "offset")
    },
}
PAGING = [name for name in MANAGERS if name != "json-none"]
TOTALS = [name for name in PAGING if name != "iru"]


@pytest.mark.parametrize("name", MANAGERS)
def test_all_devices_are_listed_over_several_pages(name: str) -> None:
    """The last one may be short, or exactly full."""
    manager = MANAGERS[name]
    for count in (0, 1, 20, 25):
        listing = manager.list([manager.device(number) for number in range(count)], page_size=10)
        assert (listing.listed, len(listing)) == (count, count)
        assert not listing.rejected
    assert manager.name(7) in listing


@pytest.mark.parametrize("name", MANAGERS)
def test_a_device_is_read(name: str) -> None:
    """It passes, was seen at a time in UTC, and has a version."""
    found = MANAGERS[name].read()
    assert (found.compliant, found.removed) == (True, False)
    assert found.last_seen == "2026-11-30T07:02:49Z"
    assert found.os in ("10.0.22631", "15.1", "24.4.1")


@pytest.mark.parametrize("name", PAGING)
@pytest.mark.parametrize(
    "fault", [faults.status(429), faults.status(500), faults.cut], ids=["429", "500", "cut"]
)
def test_what_passes_costs_no_device(name: str, fault: Any) -> None:
    """Each request for a list fails once."""
    manager = MANAGERS[name]
    devices = [manager.device(number) for number in range(25)]
    with manager.server(devices) as running:
        for attribute, value in manager.attributes.items():
            setattr(running, attribute, value)
        running.faults = dict.fromkeys(range(0, 50, 2), fault)
        assert len(listed(running, {**manager.settings, "page_size": 10})) == 25


@pytest.mark.parametrize("name", ["intune", "jamf_pro", "crowdstrike", "jumpcloud"])
def test_a_token_is_renewed_between_pages(name: str) -> None:
    """It is good for one request here."""
    manager = MANAGERS[name]
    with manager.server([manager.device(number) for number in range(25)]) as running:
        running.token_uses = 1
        assert len(listed(running, {**manager.settings, "page_size": 10})) == 25


WRONG_PAGES: dict[str, Any] = {
    "HTML": faults.html,
    "half of JSON": faults.not_json,
    "an error with status 200": faults.changed(
        lambda _: {"error": "please log in", "errors": [{"code": 500}]}
    ),
    "a string": faults.changed(lambda _: "none"),
    "null": faults.changed(lambda _: None),
    "404": faults.status(404),
    "204": lambda _: Reply(204, b""),
}


@pytest.mark.parametrize("name", PAGING)
@pytest.mark.parametrize("fault", WRONG_PAGES)
def test_an_error_is_never_an_empty_page(name: str, fault: str) -> None:
    """Whatever the manager answers in place of devices."""
    manager = MANAGERS[name]
    with pytest.raises(SyncFailed):
        manager.list([manager.device(number) for number in range(35)], WRONG_PAGES[fault], page_size=10)


@pytest.mark.parametrize("name", TOTALS)
def test_a_list_that_ends_early_is_an_error(name: str) -> None:
    """The total says so: the third page is empty, and no link or cursor follows."""
    manager = MANAGERS[name]

    def end(value: Any) -> Any:
        emptied = {key: [] if isinstance(each, list) else each for key, each in value.items()}
        for key in ("@odata.nextLink",):
            emptied.pop(key, None)
        if "data" in emptied:
            emptied["data"] = {"assets": []}
        if "meta" in emptied:
            meta = emptied["meta"]
            meta.pop("next", None)
            meta.get("pagination", {}).pop("next", None)
        return emptied

    with pytest.raises(IncompleteList, match="35 devices, but lists"):
        manager.list([manager.device(number) for number in range(35)], faults.changed(end), page_size=10)


@pytest.mark.parametrize("name", MANAGERS)
def test_refused_credentials_are_told_from_outages(name: str) -> None:
    """A wrong token, key or secret."""
    manager = MANAGERS[name]
    wrong = SECRET.replace(CLIENT_SECRET, "hunter2").replace(TOKEN, "hunter2")
    with manager.server([manager.device(1)]) as running:
        for attribute, value in manager.attributes.items():
            setattr(running, attribute, value)
        with pytest.raises(CredentialsRejected) as raised:
            listed(running, manager.settings, secret=wrong)
    assert "hunter2" not in str(raised.value)


GROUPS = [{"groupId": "1", "groupName": "All Managed Clients", "smartGroup": True}]
RECORDS: list[
    tuple[str, dict[str, Any], bool | None, bool]
] = [  # what is changed, the verdict, whether it is removed
    ("jamf_pro", {"groupMemberships": GROUPS}, False, False),
    ("jamf_pro", {"groupMemberships": []}, False, False),
    ("jamf_pro", {"groupMemberships": None}, None, False),
    ("jamf_pro", {"groupMemberships": "17"}, None, False),
    ("jamf_pro", {"general": {"remoteManagement": {"managed": False}}}, False, True),
    ("fleet", {"issues": {"failing_policies_count": 2}}, False, False),
    ("fleet", {"issues": {"failing_policies_count": None}}, None, False),
    ("fleet", {"issues": None}, None, False),
    ("fleet", {"issues": {"failing_policies_count": False}}, None, False),
    (
        "fleet-policies",
        {"policies": [{"id": 12, "response": "pass"}, {"id": 40, "response": "fail"}]},
        False,
        False,
    ),
    (
        "fleet-policies",
        {"policies": [{"id": 12, "response": "pass"}, {"id": 40, "response": ""}]},
        None,
        False,
    ),
    ("fleet-policies", {"policies": [{"id": 12, "response": "pass"}]}, None, False),
    ("fleet-policies", {"policies": None}, None, False),
    ("iru", {"agent_installed": False}, False, False),
    ("iru", {"mdm_enabled": None}, None, False),
    ("iru", {"is_missing": True}, False, False),
    ("iru", {"is_removed": True}, False, True),
    ("iru", {"last_check_in": "2026-11-20T07:02:49Z"}, False, False),
    ("iru", {"last_check_in": None}, None, False),
    ("crowdstrike", {"reduced_functionality_mode": "yes"}, False, False),
    ("crowdstrike", {"reduced_functionality_mode": ""}, None, False),
    ("crowdstrike", {"status": "contained"}, False, False),
    ("crowdstrike", {"status": "containment_pending"}, False, False),
    ("crowdstrike", {"status": None}, None, False),
    ("jumpcloud", {"fde": {"active": False}}, False, False),
    ("jumpcloud", {"fde": {}}, None, False),
    ("jumpcloud", {"fde": None}, None, False),
    ("json-none", {"state": "OUT OF COMPLIANCE"}, False, False),
    ("json-none", {"state": "not evaluated"}, None, False),
    ("json-none", {"state": None}, None, False),
    ("json-none", {"lifecycle": "Retired"}, False, True),
]


@pytest.mark.parametrize("case", RECORDS, ids=str)
def test_an_explicit_failure_is_false_and_everything_else_unknown(
    case: tuple[str, dict[str, Any], bool | None, bool],
) -> None:
    """By what each manager says."""
    name, changes, compliant, removed = case
    found = MANAGERS[name].read(**changes)
    assert (found.compliant, found.removed) == (compliant, removed)


def test_a_group_of_jamf_can_be_given_by_its_id() -> None:
    """Which stays when the group is renamed."""
    manager = MANAGERS["jamf_pro"]
    assert manager.list([manager.device(1)], compliant_group="17").get(manager.name(1)).compliant is True


def test_jamf_is_asked_for_the_sections_that_are_needed() -> None:
    """Each makes the answer slower."""
    manager = MANAGERS["jamf_pro"]
    with manager.server([manager.device(1)]) as running:
        found = listed(running, {**manager.settings, "tags": {"owner": "userAndLocation.email"}}).get(
            manager.name(1)
        )
        assert found is not None
        assert found.tags == {"owner": "user1@example.com"}
        request, *_ = [each for each in running.requests if each.method == "GET"]
    sections = [value for name, value in request.parameters if name == "section"]
    assert sections == ["GENERAL", "HARDWARE", "OPERATING_SYSTEM", "USER_AND_LOCATION", "GROUP_MEMBERSHIPS"]


def test_errors_of_crowdstrike_with_status_200_are_errors() -> None:
    """With an empty list next to them."""
    manager = MANAGERS["crowdstrike"]
    fault = faults.changed(lambda value: {**value, "errors": [{"code": 500, "message": "x"}]})
    with pytest.raises(UnexpectedAnswer, match="answers with errors"):
        manager.list([manager.device(number) for number in range(35)], fault, page_size=10)


@pytest.mark.parametrize(
    ("changes", "os"),
    [
        ({"platform_name": "Mac", "os_version": "Sequoia (15)", "major_version": "24"}, "15.0"),
        ({"platform_name": "Linux", "os_version": "Ubuntu 24.04", "major_version": "6"}, "24.4"),
        ({"os_build": None}, "10.0"),
    ],
)
def test_numbers_of_kernels_are_no_versions(changes: dict[str, Any], os: str) -> None:
    """CrowdStrike's are those of the system on Windows alone."""
    assert MANAGERS["crowdstrike"].read(**changes).os == os


def test_an_api_key_of_jumpcloud_names_its_organization() -> None:
    """For administrators of several."""
    manager = MANAGERS["jumpcloud-key"]
    with manager.server([manager.device(1)]) as running:
        running.fixed_token = True
        listed(running, {**manager.settings, "organization": "5" * 24})
        assert running.requests[0].headers["x-org-id"] == "5" * 24


def test_a_key_with_dots_is_found_before_its_parts() -> None:
    """As some APIs flatten their records."""
    assert MANAGERS["json-none"].read().tags == {"owner": "user1"}


def test_a_cursor_that_comes_again_ends_the_list() -> None:
    """It would never end."""
    manager = MANAGERS["json-cursor"]
    fault = faults.changed(lambda value: {**value, "meta": {"total": 35, "next": "c20"}})
    with pytest.raises(IncompleteList, match="used already"):
        manager.list([manager.device(number) for number in range(35)], fault, page_size=10)


def test_a_list_without_its_total_is_an_error() -> None:
    """Where the settings say that there is one."""
    manager = MANAGERS["json-page"]
    fault = faults.changed(lambda value: {**value, "meta": {}})
    with pytest.raises(UnexpectedAnswer, match=r'without a number "meta.total"'):
        manager.list([manager.device(number) for number in range(35)], fault, page_size=10)


@pytest.mark.parametrize("name", ["json-page", "json-offset"])
@pytest.mark.parametrize(
    "total", [lambda value: len(value["data"]["assets"]), lambda _: 0], ids=["page", "0"]
)
def test_a_total_that_is_too_small_does_not_end_the_list(name: str, total: Any) -> None:
    """Some APIs count the devices on the page: the list would end after the first one, and look whole."""
    manager = MANAGERS[name]

    def count(value: Any) -> Any:
        return {**value, "meta": {"total": total(value)}}

    with manager.server([manager.device(number) for number in range(35)]) as running:
        for attribute, value in manager.attributes.items():
            setattr(running, attribute, value)
        running.faults = dict.fromkeys(range(10), faults.changed(count))
        assert len(listed(running, {**manager.settings, "page_size": 10})) == 35


def test_no_copied_tag_hides_that_a_source_misses_a_device() -> None:
    """Whatever its name is."""
    missed = Part(id="1", judges=True, missing_since="2026-11-30T12:00:00Z")
    other = Part(id="2", judges=True, compliant=True, tags={"intune:missing": "false"})
    top = top_of({"intune": missed, "edr": other}, datetime(2026, 11, 30, 12, tzinfo=UTC))
    assert top["tags"] == {"M": {"intune:missing": {"S": "true"}}}


def test_an_id_of_several_devices_is_an_error() -> None:
    """All of them but one would be left out of the inventory."""
    manager = MANAGERS["json-none"]
    with (
        manager.server([manager.device(number) for number in range(3)]) as running,
        pytest.raises(
            IncompleteList, match=r'the id "in use" stands for several devices, such as "A000000" and'
        ),
    ):
        listed(running, {**manager.settings, "id": "lifecycle"})
