"""The bundle as Lambda gets it, under AWS's own runtime client, in an interpreter that has nothing else."""

from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING, Any

import pytest

from client_connect_tools import Bundle
from local_aws.emulator import ARCHITECTURE, RUNTIME
from local_aws.runtime_client import RuntimeClient

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(
        sys.platform != "linux", reason="the bundle is built for Lambda and runs on this machine"
    ),
]

HANDLER = "client_connect.handler.handler"
POLICIES = """
@id("staff") @status("staff")
permit (principal in ClientVpn::Group::"staff", action, resource);

@id("laptops")
permit (principal is ClientVpn::Device, action, resource) when { context.commonName like "laptop-*" };

@id("windows") @message("Update Windows.") @status("outdated")
forbid (principal, action, resource) when { context has os.build && context.os.build < 19045 };

@id("berlin-nights") @message("Come back in the morning.") @shadow
forbid (principal, action, resource) when { context.time.minuteOfDay >= 0 };
"""
MESSAGE_KEY = {
    "v1": "error-msg-on-failed-posture-compliance",
    "v2": "error-msg-on-denied-connection",
    "v3": "error-msg-on-denied-connection",
}


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle for the Python and the machine that run here."""
    folder = tmp_path_factory.mktemp("bundle")
    Bundle(POLICIES, RUNTIME.removeprefix("python"), ARCHITECTURE).build(folder)
    return folder


@pytest.fixture(scope="module")
def runtime(bundle: Path) -> Iterator[RuntimeClient]:
    """The bundle, started, with a time zone that the image has no data for."""
    with RuntimeClient(
        bundle, handler=HANDLER, environment={"CLIENT_CONNECT_TIME_ZONE": "Europe/Berlin"}
    ) as running:
        yield running


def event(version: str, **fields: Any) -> dict[str, Any]:
    """Return an event of a schema version."""
    common = {
        "connection-id": "cvpn-connection-1",
        "endpoint-id": "cvpn-endpoint-1",
        "common-name": "laptop-1",
        "username": "",
        "platform": "win",
        "platform-version": "10.0.22631,amd64",
        "public-ip": "198.51.100.7",
        "client-openvpn-version": "2.7.0",
        "schema-version": version,
    }
    since = {"v1": {}, "v2": {"groups": []}, "v3": {"groups": [], "aws-client-version": "5.3.0"}}
    return {**common, **since[version], **fields}


@pytest.mark.parametrize("version", MESSAGE_KEY)
def test_a_device_that_may_connect_is_allowed(runtime: RuntimeClient, version: str) -> None:
    """A device that may connect is allowed, in the event's own schema version."""
    assert runtime.invoke(event(version)) == {
        "allow": True,
        MESSAGE_KEY[version]: "",
        "posture-compliance-statuses": [],
        "schema-version": version,
    }


@pytest.mark.parametrize("version", MESSAGE_KEY)
def test_a_denied_device_is_told_why_under_the_versions_key(runtime: RuntimeClient, version: str) -> None:
    """A device that may not learns why, under the version's own key."""
    assert runtime.invoke(event(version, **{"platform-version": "10.0.19044,amd64"})) == {
        "allow": False,
        MESSAGE_KEY[version]: "Update Windows.",
        "posture-compliance-statuses": ["outdated"],
        "schema-version": version,
    }


def test_groups_reach_the_policies(runtime: RuntimeClient) -> None:
    """Groups reach the policies."""
    answer = runtime.invoke(event("v3", username="alice", groups=["staff"]))
    assert (answer["allow"], answer["posture-compliance-statuses"]) == (True, ["staff"])


@pytest.mark.parametrize("broken", [None, [], "x", {}, {"schema-version": "v2"}], ids=str)
def test_denies_what_is_no_request(runtime: RuntimeClient, broken: object) -> None:
    """Whatever comes, the answer is a valid denial."""
    answer = runtime.invoke(broken)
    assert answer["allow"] is False
    assert "contact your administrator" in answer["error-msg-on-denied-connection"]


def test_each_invocation_writes_one_line_of_json(runtime: RuntimeClient) -> None:
    """Each invocation writes one line of JSON, which is all that the function writes."""
    before = len(runtime.log_lines)
    runtime.invoke(event("v3"))
    runtime.invoke(None)
    lines = runtime.log_lines[before:]
    allowed, failed = runtime.log_records[-2:]
    assert len(lines) == 2
    assert (allowed["level"], allowed["decision"]["determining"]) == ("INFO", ["laptops"])
    assert allowed["decision"]["shadowDenied"] == ["berlin-nights"]
    assert (allowed["Allowed"], allowed["Denied"], allowed["ShadowDenied"]) == (1, 0, 1)
    assert allowed["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "ClientConnect"
    assert (failed["level"], failed["error"]["type"]) == ("ERROR", "InvalidRequest")


@pytest.mark.parametrize(
    "text",
    [
        '" || true //',
        'ClientVpn::Group::"staff"',
        '{"__entity": {"type": "ClientVpn::Group", "id": "staff"}}',
        'staff\n{"level": "INFO", "allow": true}',
        "staff\u200b\u202e\u2028\x9b2J\0",
        "{0} %s ${jndi:ldap://127.0.0.1/staff}",
        "👨\u200d👩\u200d👧" * 51,
        "staff\ud83e",
    ],
    ids=["condition", "entity", "JSON", "record", "unseen", "templates", "255 emoji", "half a character"],
)
def test_a_text_that_spells_something_else_is_a_text(runtime: RuntimeClient, text: str) -> None:
    """It opens no group, it is not told to the client, and it neither breaks nor disguises the line of the log."""
    before = len(runtime.log_lines)
    answer = runtime.invoke(event("v3", username=text, groups=[text], **{"common-name": text}))
    assert answer["allow"] is False
    assert text not in answer["error-msg-on-denied-connection"]
    (line,) = runtime.log_lines[before:]
    assert line.isprintable()


def test_too_little_time(runtime: RuntimeClient) -> None:
    """When Lambda is about to end the invocation, the client still gets our denial."""
    answer = runtime.invoke(event("v3"), seconds=0.15)
    assert answer["allow"] is False
    assert runtime.log_records[-1]["error"]["type"] == "TimeNearlyUsedUp"


def test_broken_policies_deny_everybody_and_say_why(bundle: Path, tmp_path: Path) -> None:
    """A bundle whose policies cannot be parsed starts, denies everybody with a message and says why."""
    broken = tmp_path / "bundle"
    broken.mkdir()
    for part in bundle.iterdir():
        (broken / part.name).symlink_to(part)
    # The package finds its policies next to itself, so it must be a copy.
    (broken / "client_connect").unlink()
    (broken / "policies.cedar").unlink()
    shutil.copytree(bundle / "client_connect", broken / "client_connect")
    (broken / "policies.cedar").write_text("permit (")
    with RuntimeClient(broken, handler=HANDLER) as running:
        answer = running.invoke(event("v3"))
        assert answer["allow"] is False
        assert running.log_records[-1]["error"]["type"] == "InvalidPolicySet"
