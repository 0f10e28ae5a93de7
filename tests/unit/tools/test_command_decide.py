"""`client-connect decide`: a decision by hand, with its reasons."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from client_connect.settings import DEFAULT_DENIAL
from client_connect_tools import Policies, check
from client_connect_tools.cli import main
from tests.support.events import event

if TYPE_CHECKING:
    from typer.testing import Result

ALL = "(principal, action, resource)"
PERMIT = f'@id("all") permit {ALL};\n'
BUILD = "context has os && context.os has build && context.os.build"
POLICIES = f"""
@id("staff") permit (principal in ClientVpn::Group::"staff", action, resource);
@id("old") @message("Update Windows.") @status("outdated") forbid {ALL} when {{ {BUILD} < 19045 }}
unless {{ context.waivers.contains("old") }};
@id("lost") @message("Lost.") forbid {ALL} when {{ context has commonName && context.commonName == "lost" }};
@id("new") @shadow @message("Soon.") forbid {ALL} when {{ context.time.weekday == 1 }};
"""
DOCS = (Path(__file__).parents[3] / "docs" / "decide.md").read_text("utf-8")


def run(*arguments: str | Path, stdin: str | bytes = "", color: bool = False) -> Result:
    """Run the command."""
    environment = {"COLUMNS": "80", "FORCE_COLOR": "1" if color else None, "NO_COLOR": None}
    return CliRunner().invoke(
        main, ["decide", *map(str, arguments)], input=stdin, env=environment, catch_exceptions=False
    )


def decided(*arguments: str | Path) -> dict[str, Any]:
    """Run the command, and return the JSON that it prints."""
    result = run(*arguments, "--json")
    assert (result.exit_code, result.stderr) == (0, "")
    document: dict[str, Any] = json.loads(result.stdout)
    return document


@pytest.fixture
def policies(tmp_path: Path) -> Path:
    """Return a file of policies."""
    path = tmp_path / "policies.cedar"
    path.write_text(POLICIES, "utf-8")
    return path


def policy(tmp_path: Path, text: str) -> Path:
    """Return a file with a permit and these policies."""
    path = tmp_path / "other.cedar"
    path.write_text(PERMIT + text, "utf-8")
    return path


BOB = ("--username", "bob", "--at", "2026-11-24T09:30:00Z")


def test_a_denial_is_followed_by_the_reason_of_each_policy(policies: Path) -> None:
    """The answer comes first, then what determined it, then every other policy with its reason; status 0."""
    result = run(policies, *BOB, "--groups", "vpn,staff", "--platform-version", "10.0.17763,amd64")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.splitlines() == [
        "denied: bob (vpn, staff) on win from 192.0.2.1, Tuesday 2026-11-24 09:30:00+00:00",
        "message: Update Windows.",
        "statuses: outdated",
        "",
        "Decided by",
        "  old (forbid)",
        "",
        "Other policies",
        "  staff (permit) applied, but a forbid overrides it",
        "  lost (forbid) did not apply",
        "    when: `context has commonName` is false (context.commonName is absent)",
        "  new (forbid, shadow) did not apply",
        "    when: `context.time.weekday == 1` is false (context.time.weekday is 2)",
    ]


def test_an_allow_decision_names_waivers_and_shadow_denials(policies: Path) -> None:
    """A waiver and a policy in shadow mode that would deny are reported, and there is no message."""
    result = run(
        policies,
        *("--username", "bob", "--common-name", "pc", "--groups", "staff", "--groups", "vpn"),
        *("--platform-version", "10.0.17763,amd64", "--waiver", "old", "--public-ip", "2001:db8::1"),
        *("--at", "2026-11-23T00:30", "--time-zone", "Europe/Berlin"),
    )
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.splitlines() == [
        "allowed: bob (staff, vpn) with pc on win from 2001:db8::1, Monday 2026-11-23 00:30:00+01:00",
        "",
        "Decided by",
        "  staff (permit)",
        "",
        "Other policies",
        "  old (forbid) did not apply: it is waived for this user or device",
        "  lost (forbid) did not apply",
        '    when: `context.commonName == "lost"` is false (context.commonName is "pc")',
        "  new (forbid, shadow) applied, but is in shadow mode: enforced, it would deny",
    ]


def test_a_denial_without_a_policy(policies: Path) -> None:
    """Where no permit applied, that is said, with the default message or the handler's own."""
    for arguments, message in [([], DEFAULT_DENIAL), (["--default-message", "Ask us."], "Ask us.")]:
        lines = run(policies, *BOB, *arguments).stdout.splitlines()
        assert lines[0].startswith("denied: bob on win ")
        assert lines[1:5] == [
            f"message: {message}",
            "no policy determined it: no permit applied, and without one everything is denied; you gave no --groups",
            "",
            "Policies",
        ]
        principal = 'principal is ClientVpn::User::"bob" in []'
        assert lines[6] == f'    scope: `principal in ClientVpn::Group::"staff"` is false ({principal})'


def test_shadow_mode_allows_and_prints_what_the_policies_say(policies: Path) -> None:
    """The client is allowed, and the policies' verdict is reported all the same."""
    lines = run(policies, *BOB, "--shadow-mode").stdout.splitlines()
    assert lines[0].startswith("allowed: bob")
    assert lines[1] == "only because of shadow mode: the policies deny"
    document = decided(policies, *BOB, "--shadow-mode")
    assert (document["allow"], document["decision"]["allowed"]) == (True, False)
    assert document["response"]["error-msg-on-denied-connection"] == ""


def test_the_branch_of_an_if(tmp_path: Path) -> None:
    """It is shown with the conditions that led there."""
    text = f"""@id("d") @message("No.") forbid {ALL} when {{
    if context has device then context.device.hasTag("lost") else context.inventory == "unavailable" }};"""
    lines = run(policy(tmp_path, text), *BOB, "--inventory", "unknown").stdout.splitlines()
    assert lines[-2:] == [
        "    if: `context has device` is false (context.device is absent)",
        '    when: `context.inventory == "unavailable"` is false (context.inventory is "unknown")',
    ]


def test_a_long_condition_is_cut_for_people_only(tmp_path: Path) -> None:
    """Hundreds of networks fill no screen; JSON has them all."""
    networks = " || ".join(f'context.publicIp.isInRange(ip("10.0.{i}.0/24"))' for i in range(40))
    path = policy(tmp_path, f'@id("n") @message("No.") forbid {ALL} when {{ {networks} }};')
    line = run(path, *BOB).stdout.splitlines()[-1]
    assert len(line) < 500
    assert " ... " in line
    assert decided(path, *BOB)["policies"][1]["reason"]["condition"]["expression"] == networks


@pytest.mark.parametrize("extra", [[], ["--json"]])
def test_fails_when_a_policy_cannot_be_evaluated(tmp_path: Path, extra: list[str]) -> None:
    """Status 1: the client is denied, and the error and its place are reported."""
    where = "context.time.weekday + 9223372036854775807 > 0"
    path = policy(tmp_path, f'@id("o") @message("No.") forbid {ALL} when {{ {where} }};')
    result = run(path, *BOB, *extra)
    assert (result.exit_code, result.stderr) == (1, "")
    overflow = "integer overflow while attempting to add the values `2` and `9223372036854775807`"
    if extra:
        document = json.loads(result.stdout)
        assert document["decision"]["errors"] == [f"error while evaluating policy `o`: {overflow}"]
        assert document["policies"][1]["reason"]["condition"] == {
            "expression": where,
            "value": None,
            "error": overflow,
            "reads": [{"name": "context.time.weekday", "value": "2"}],
        }
        return
    lines = result.stdout.splitlines()
    assert lines[1].startswith("message: Your connection could not be checked.")
    assert lines[2] == f"error: error while evaluating policy `o`: {overflow}"
    assert lines[-3:] == [
        "  all (permit) applied, but an error denies",
        "  o (forbid) could not be evaluated",
        f"    when: `{where}` cannot be evaluated: {overflow} (context.time.weekday is 2)",
    ]


def test_json_has_the_keys_of_a_decision_record(policies: Path) -> None:
    """Everything, in the keys of the decision records where they have it."""
    document = decided(policies, *BOB, "--platform", "mac")
    assert document["allow"] is False
    assert document["at"] == "2026-11-24T09:30:00+00:00"
    assert document["request"] == event(
        common_name="",
        username="bob",
        groups=[],
        platform="mac",
        platform_version="",
        public_ip="192.0.2.1",
        client_openvpn_version="",
        aws_client_version="",
    )
    assert document["facts"] == {"timeZone": "UTC"}
    assert document["decision"]["determining"] == []
    assert document["response"]["error-msg-on-denied-connection"] == DEFAULT_DENIAL
    assert [(each["id"], each["effect"], each["shadow"]) for each in document["policies"]] == [
        ("staff", "permit", False),
        ("old", "forbid", False),
        ("lost", "forbid", False),
        ("new", "forbid", True),
    ]
    assert document["policies"][1] == {
        "id": "old",
        "effect": "forbid",
        "shadow": False,
        "applied": False,
        "determining": False,
        "reason": {
            "place": "when",
            "condition": {
                "expression": "context has os",
                "value": False,
                "error": "",
                "reads": [{"name": "context.os", "value": None}],
            },
            "given": [],
            "waived": False,
        },
    }


def test_the_fields_of_a_request(policies: Path) -> None:
    """Every option arrives under the key of the event."""
    document = decided(
        policies,
        *("--username", "u", "--groups", "a, b", "--groups", "c", "--common-name", "n", "--platform", "mac"),
        *("--platform-version", "14", "--public-ip", "203.0.113.9", "--openvpn-version", "2.6.1"),
        *("--aws-client-version", "5.2.1", "--endpoint-id", "cvpn-endpoint-1"),
    )
    assert {key: value for key, value in document["request"].items() if key != "connection-id"} == {
        "username": "u",
        "groups": ["a", "b", "c"],
        "common-name": "n",
        "platform": "mac",
        "platform-version": "14",
        "public-ip": "203.0.113.9",
        "client-openvpn-version": "2.6.1",
        "aws-client-version": "5.2.1",
        "endpoint-id": "cvpn-endpoint-1",
        "schema-version": "v3",
    }


NOT_SENT = "which no Windows client sends, so policies see no version"


@pytest.mark.parametrize(
    ("arguments", "warning"),
    [
        (
            ("--platform-version", "Windows 7"),
            f'warning: "platform-version" is "Windows 7", {NOT_SENT}; write "10.0.22631,amd64"\n',
        ),
        (
            ("--platform", "Windows"),
            'warning: "platform" is "Windows", which no client calls itself; write "win"\n',
        ),
        (
            ("--platform-version", "\x1b[2J"),
            f'warning: "platform-version" is "\\U0000001b[2J", {NOT_SENT}; write "10.0.22631,amd64"\n',
        ),
        (("--platform-version", "0.0, amd64 executable"), ""),
    ],
)  # fmt: skip
def test_a_spelling_that_no_client_sends_is_decided_with_a_warning(
    policies: Path, arguments: tuple[str, ...], warning: str
) -> None:
    """The answer to a strange client may be the question; a wrong spelling is pointed out."""
    result = run(policies, "--username", "bob", *arguments, "--json")
    assert (result.exit_code, result.stderr) == (0, warning)
    assert json.loads(result.stdout)["request"][arguments[0].removeprefix("--")] == arguments[1]


def test_an_event_is_answered_in_its_schema_version(policies: Path, tmp_path: Path) -> None:
    """From a file or from standard input, in any schema version, which is that of the answer."""
    text = json.dumps(event("v1", common_name="lost"))
    (tmp_path / "event.json").write_text(text, "utf-8")
    from_file = run(policies, "--event", tmp_path / "event.json", "--json")
    from_stdin = run(
        policies, "--event", "-", "--json", "--device", "{}", stdin=b"\xef\xbb\xbf" + text.encode()
    )
    assert (from_file.exit_code, from_stdin.exit_code) == (0, 0)
    documents = [json.loads(result.stdout) for result in (from_file, from_stdin)]
    for document in documents:
        assert document["response"] == {
            "allow": False,
            "error-msg-on-failed-posture-compliance": "Lost.",
            "posture-compliance-statuses": [],
            "schema-version": "v1",
        }


@pytest.mark.parametrize(
    "device",
    [
        '{"compliant": true, "lastSeen": "2026-11-24T10:00+01:00", "os": "10.0.22631", "tags": {"a": "b"}}',
        """{"compliant": true, "last-seen": "2026-11-24T10:00", "tags": {"a": "b"},
        "os": {"major": 10, "minor": 0, "build": 22631}}""",
    ],
)
@pytest.mark.parametrize("as_file", [False, True])
def test_a_device_is_json_or_a_file_of_it(tmp_path: Path, device: str, as_file: bool) -> None:  # noqa: FBT001
    """As JSON or a file of it, with either spelling; its time is in the zone unless it says otherwise."""
    text = f"""@id("d") @message("No.") forbid {ALL} when {{ context has device && context.device has compliant &&
    context.device.compliant && context.device has lastSeen && context.device.lastSeen ==
    datetime("2026-11-24T09:00:00Z") && context.device has os && context.device.os has build &&
    context.device.os.build == 22631 && context.device.hasTag("a") && context.device.getTag("a") == "b" }};"""
    given = tmp_path / "device.json"
    given.write_text(device, "utf-8")
    arguments = (
        "--common-name",
        "pc",
        "--time-zone",
        "Europe/Berlin",
        "--device",
        given if as_file else device,
    )
    assert decided(policy(tmp_path, text), *BOB, *arguments)["decision"]["determining"] == ["d"]


def test_what_else_is_known(tmp_path: Path) -> None:
    """Open connections and an inventory without the device are facts too; without --at it is now."""
    text = f"""@id("c") @message("No.") forbid {ALL} when {{ context has activeConnections &&
    context.activeConnections >= 2 && context.inventory == "unavailable" }};"""
    before = datetime.now(UTC)
    document = decided(
        policy(tmp_path, text), "--username", "b", "--active-connections", "2", "--inventory", "unavailable"
    )
    assert document["decision"]["determining"] == ["c"]
    assert before <= datetime.fromisoformat(document["at"]) <= datetime.now(UTC)


def test_names_cannot_disguise_the_answer(policies: Path) -> None:
    """Control characters and direction marks in what a client sends are escaped."""
    text = json.dumps(event(username="a\x1b[2J\u202eb\nallowed", groups=["x\ry"]))
    result = run(policies, "--event", "-", stdin=text)
    assert result.exit_code == 0
    assert all(line.isprintable() for line in result.stdout.splitlines())
    assert result.stdout.startswith(r"denied: a\x1b[2J\u202eb\nallowed (x\ry) with laptop-1 on win")


def test_names_that_the_output_cannot_encode(policies: Path) -> None:
    """They are escaped, for example on a Windows console; the decision is shown all the same."""
    program = "from client_connect_tools.cli import main; main()"
    result = subprocess.run(
        [sys.executable, "-c", program, "decide", str(policies), "--username", "b\u00f8b"],
        env={**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0", "LC_ALL": "C.UTF-8"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout.startswith(r"denied: b\xf8b on win")


def test_colour_is_for_terminals(policies: Path) -> None:
    """Piped output is plain, and the same apart from the colour."""
    plain, coloured = run(policies, *BOB), run(policies, *BOB, color=True)
    assert "\x1b[" not in plain.stdout
    assert "\x1b[" in coloured.stdout
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured.stdout) == plain.stdout


def test_fails_for_policies_with_errors(tmp_path: Path) -> None:
    """Status 1, with every finding, and no decision by policies that no handler would be given."""
    result = run(policy(tmp_path, f"permit {ALL} when {{ context.os.build < 1 }};"), *BOB)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "the permit has no @id" in result.stderr
    assert "context.os" in result.stderr or "optional attribute" in result.stderr


DEVICE = ("--common-name", "pc", "--device")


@pytest.mark.parametrize(
    ("at", "instant"),
    [
        ("2026-03-29T03:00", "2026-03-29T03:00:00+02:00"),
        ("2026-03-29T02:30+01:00", "2026-03-29T02:30:00+01:00"),
        ("2026-10-25T02:30+01:00", "2026-10-25T02:30:00+01:00"),
        ("2026-10-25T03:00", "2026-10-25T03:00:00+01:00"),
    ],
)
def test_a_time_beside_a_change_of_the_clocks(policies: Path, at: str, instant: str) -> None:
    """After the gap and after the repeated hour, and with its own offset."""
    document = decided(policies, "--username", "bob", "--at", at, "--time-zone", "Europe/Berlin")
    assert document["at"] == instant


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "there is no one to decide about; give --username, --common-name, --event or --record"),
        (
            ("--username", ""),
            "there is no one to decide about; give --username, --common-name, --event or --record",
        ),
        (
            ("--event", "-", "--groups", "a"),
            '--event and "groups" are both given; put all into the event, or leave it out',
        ),
        (("--event", "missing.json"), 'cannot read "missing.json": '),
        (("--event", "/dev/zero"), 'cannot read "/dev/zero": it has more than '),
        (("--event", "-"), "standard input is not JSON: "),
        (("--event", "-", "--device", "-"), "--event and --device are both standard input; "),
        ((*BOB, "--public-ip", "1.2.3"), 'the connection is not valid: "public-ip" is not an IP address'),
        ((*BOB, "--endpoint-id", ""), 'the connection is not valid: "endpoint-id" is empty'),
        (("--username", "b", "--at", "noon"), '--at is "noon", which is not a time; give one such as "2026-'),
        (
            ("--username", "b", "--at", "0001-01-01T00:00+14:00"),
            '--at is "0001-01-01T00:00+14:00", which is ',
        ),
        (
            ("--username", "b", "--at", "2026-03-29T02:30", "--time-zone", "Europe/Berlin"),
            '--at is "2026-03-29T02:30", which does not exist in Europe/Berlin, because the clocks go forward ',
        ),
        (
            (*BOB, "--time-zone", "Berlin"),
            '--time-zone: time zone "Berlin" is not known; write "Europe/Berlin"',
        ),
        (
            (*BOB, "--waiver", "odl"),
            '--waiver is "odl", but no policy has this @id; there are staff, old, lost, new',
        ),
        ((*BOB, "--device", "{}"), "--device is found by its common name, and the connection has none; "),
        ((*BOB, *DEVICE, "{"), "--device is not JSON: "),
        ((*BOB, *DEVICE, "missing.json"), 'cannot read "missing.json": '),
        (
            (*BOB, *DEVICE, '{"tag": {}}'),
            '--device: "tag" is not known; there are compliant, lastSeen, ',
        ),
        (
            (*BOB, *DEVICE, '{"compliant": "yes"}'),
            '--device: "compliant" is "yes", which is neither true nor false; ',
        ),
        ((*BOB, *DEVICE, '{"lastSeen": 7}'), '--device: "lastSeen" is 7, which is not a text; '),
        ((*BOB, *DEVICE, '{"lastSeen": "x"}'), '--device: "lastSeen" is "x", which is not a time; '),
        (
            (*BOB, *DEVICE, '{"os": "ten"}'),
            '--device: "os" is "ten", which is not a version; give numbers such as "10.0.19045"',
        ),
        (
            (*BOB, *DEVICE, '{"os": {"major": 10}}'),
            '--device: "os" is {"major": 10}, which is not a version; ',
        ),
        (
            (*BOB, *DEVICE, '{"os": {"major": 10, "build": 1}}'),
            '--device: "os" is {"major": 10, "build": 1}, which ',
        ),
        ((*BOB, *DEVICE, '{"os": {"mayor": 1}}'), '--device: "os" has "mayor", which is not known; '),
        (
            (*BOB, *DEVICE, '{"tags": {"a": 1}}'),
            '--device: "tags" is {"a": 1}, which is not an object of texts; ',
        ),
        ((*BOB, *DEVICE, r'{"tags": {"a": "\ud800"}}'), '--device: "tags" is {"a": "'),
        (
            (*BOB, *DEVICE, "{}", "--inventory", "unknown"),
            '--inventory is "unknown", but there is a device; ',
        ),
        ((*BOB, "--inventory", "known"), '--inventory is "known", but there is no device; give --device'),
    ],
)
def test_fails_for_wrong_use(policies: Path, arguments: tuple[str, ...], message: str) -> None:
    """Status 2, and one line that says what came and what to do."""
    result = run(policies, *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert message in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("[]", "the event of standard input is not valid: the event is a list, not an object"),
        (json.dumps(event(platform=7)), '"platform" is a number, not a string'),
        (json.dumps(event(groups=[1])), '"groups[]" is a number, not a string'),
        ("{}", '"schema-version" is missing'),
        ("[" * 100_000, "standard input is not JSON: "),
        (b"\xff", "cannot read standard input: "),
    ],
)
def test_fails_for_an_event_that_is_no_request(policies: Path, given: str | bytes, message: str) -> None:
    """Status 2, naming the field."""
    result = run(policies, "--event", "-", stdin=given)
    assert (result.exit_code, result.stdout) == (2, "")
    assert message in result.stderr


@pytest.mark.parametrize("arguments", [["--active-connections", "-1"], ["--inventory", "x"], ["--colour"]])
def test_fails_for_options_that_do_not_exist(policies: Path, arguments: list[str]) -> None:
    """Status 2, as for all wrong use."""
    assert run(policies, *BOB, *arguments).exit_code == 2


def test_the_documented_policies_are_sound() -> None:
    """Who copies them gets what the documentation shows."""
    (text,) = re.findall(r"^```cedar\n(.*?)^```", DOCS, re.DOTALL | re.MULTILINE)
    assert check(Policies.from_string(text)) == []


@pytest.mark.parametrize("example", re.findall(r"^```console\n(.*?)^```", DOCS, re.DOTALL | re.MULTILINE))
def test_the_documented_output(example: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The examples print what the documentation says."""
    (text,) = re.findall(r"^```cedar\n(.*?)^```", DOCS, re.DOTALL | re.MULTILINE)
    (tmp_path / "policies.cedar").write_text(text, "utf-8")
    monkeypatch.chdir(tmp_path)
    command, _, output = example.partition("\n")
    program = command.removeprefix("$ client-connect decide ")
    assert run(*shlex.split(program)).stdout == output


@pytest.mark.parametrize("spelling", ["10.0.17763", "10.0,_amd64_executable", "6.1_64bit", "N/A"])
def test_a_spelling_of_a_server_is_decided_without_a_warning(policies: Path, spelling: str) -> None:
    """And so is a text that OpenVPN sends to say that it does not know."""
    assert run(policies, *BOB, "--platform-version", spelling).stderr == ""


def test_the_message_is_the_one_that_the_user_reads(tmp_path: Path) -> None:
    """With the values of its placeholders; and so is the default message."""
    file = tmp_path / "p.cedar"
    forbid = '@id("x") @message("Not you, {username}.") forbid (principal, action, resource)'
    permit = '@id("staff") permit (principal in ClientVpn::Group::"staff", action, resource);'
    file.write_text(f"{permit} {forbid} when {{ context.time.day == 2 }};", "utf-8")
    said = [
        run(
            file, *BOB, "--at", f"2026-01-0{day}", "--default-message", "Quote {connection-id}."
        ).stdout.splitlines()[1]
        for day in (1, 2)
    ]
    assert said == ["message: Quote cvpn-connection-0123456789abcdef0.", "message: Not you, bob."]


@pytest.mark.parametrize(
    ("zone", "twice", "first", "second"),
    [
        ("Europe/Berlin", "2026-10-25T02:30", "2026-10-25T02:30:00+02:00", "2026-10-25T02:30:00+01:00"),
        ("America/New_York", "2026-11-01T01:00", "2026-11-01T01:00:00-04:00", "2026-11-01T01:00:00-05:00"),
        ("Australia/Lord_Howe", "2026-04-05T01:45", "2026-04-05T01:45:00+11:00", "2026-04-05T01:45:00+10:30"),
    ],
)
def test_fails_for_a_time_that_exists_twice(
    policies: Path, zone: str, twice: str, first: str, second: str
) -> None:
    """The message has both, and each of them is decided."""
    arguments = (policies, "--username", "bob", "--time-zone", zone)
    result = run(*arguments, "--at", twice)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == (
        f'--at is "{twice}", which exists twice in {zone}, because the clocks go back over it; '
        f'say which one by its offset: "{first}" or "{second}"\n'
    )
    for at in (first, second):
        assert json.loads(run(*arguments, "--at", at, "--json").stdout)["at"] == at


OTHERWISE = "without these it would still be denied: no permit applied"


@pytest.mark.parametrize(
    ("permit", "options", "told"),
    [
        (
            '(principal in ClientVpn::Group::"staff", action, resource)',
            (),
            f"{OTHERWISE}; you gave no --groups",
        ),
        ('(principal in ClientVpn::Group::"staff", action, resource)', ("--groups", "interns"), OTHERWISE),
        ('(principal in ClientVpn::Group::"staff", action, resource)', ("--groups", "staff"), None),
        (f"{ALL} when {{ context has device }}", (), f"{OTHERWISE}; you gave no --device"),
        (f'{ALL} when {{ context.inventory == "known" }}', ("--inventory", "unavailable"), OTHERWISE),
        (
            '(principal in ClientVpn::Group::"staff", action, resource) when { context has device }',
            (),
            f"{OTHERWISE}; you gave no --groups",
        ),
        (f'{ALL} when {{ context.platform == "mac" }}', (), OTHERWISE),
        (ALL, (), None),
    ],
)
def test_a_denial_tells_what_else_would_deny(
    tmp_path: Path, permit: str, options: tuple[str, ...], told: str | None
) -> None:
    """A permit that is missing is seen before the forbid is removed."""
    path = tmp_path / "otherwise.cedar"
    forbid = f'@id("no") @message("No.") forbid {ALL} when {{ context.platform == "win" }};'
    path.write_text(f'@id("some") permit {permit};\n@id("tried") @shadow permit {ALL};\n{forbid}\n')
    result = run(path, *BOB, *options)
    assert [line.strip() for line in result.stdout.splitlines() if "still be denied" in line] == (
        [] if told is None else [told]
    )
    assert decided(path, *BOB, *options)["permitted"] is (told is None)


def test_a_denial_without_a_permit_tells_what_was_left_out(tmp_path: Path) -> None:
    """With an event, nothing was."""
    path = tmp_path / "groups.cedar"
    path.write_text('@id("some") permit (principal in ClientVpn::Group::"board", action, resource);\n')
    told = "no policy determined it: no permit applied, and without one everything is denied"
    assert f"{told}; you gave no --groups\n" in run(path, *BOB).stdout
    assert f"{told}\n" in run(path, "--event", "-", stdin=json.dumps(event())).stdout
