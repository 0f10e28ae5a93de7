"""Policy tests: how they are read, what they compare, and what a failure says."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
from typer.testing import CliRunner

from client_connect import Device, OsVersion
from client_connect_tools import (
    Difference,
    InvalidPolicyTests,
    Policies,
    PolicyTestsFailed,
    read_policy_tests,
    require_passing,
    require_sound,
    run_policy_tests,
)
from client_connect_tools.cli import main
from tests.support.programs import run_program

if TYPE_CHECKING:
    from datetime import tzinfo
    from typing import Self

    from client_connect import Facts
    from client_connect_tools import PolicyTest, PolicyTestReport, PolicyTestResult

DOCS = (Path(__file__).parents[3] / "docs" / "policy-tests.md").read_text("utf-8")
POLICIES = """
@id("staff")
@status("staff")
permit (principal, action, resource);

@id("hours")
@message("Connect from 07:00 to 19:00.")
@status("late")
forbid (principal, action, resource)
unless { context.time.minuteOfDay >= 420 && context.time.minuteOfDay < 1140 }
unless { context.waivers.contains("hours") };

@id("phones")
@message("No phones.")
forbid (principal, action, resource)
when { ["ios", "android"].contains(context.platform) };

@id("compliant")
@shadow
forbid (principal, action, resource)
unless { context has device && context.device has compliant && context.device.compliant };

@id("guests")
@shadow
permit (principal in ClientVpn::Group::"guests", action, resource);

@id("overflow")
@message("Too many.")
forbid (principal, action, resource)
when { context has activeConnections && context.activeConnections * 2 > 4 };
"""
NIGHT = "at = 2026-11-22T23:00:00Z\n"
LATE_DENIAL = ('expect = "deny"\nby = ["hours"]\nmessage = "Connect from 07:00 to 19:00."\n'
               'statuses = ["late"]\n')  # fmt: skip
OVERFLOW = "active-connections = 9223372036854775807\n"


def blocks(language: str) -> list[str]:
    """Return the examples of the documentation in one language."""
    return re.findall(rf"^```{language}\n(.*?)^```", DOCS, re.DOTALL | re.MULTILINE)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the working folder, empty but for the policies."""
    monkeypatch.chdir(tmp_path)
    Path("vpn.cedar").write_text(POLICIES, "utf-8")
    return tmp_path


def read(toml: str, **arguments: str) -> list[PolicyTest]:
    """Read tests of the policies in the working folder."""
    Path("vpn.tests.toml").write_text(toml, "utf-8")
    return list(read_policy_tests(Policies.from_file("vpn.cedar"), **arguments))


def case(keys: str) -> str:
    """Return a file with one test."""
    return f'[[test]]\nname = "it"\n{keys}'


def facts(keys: str) -> Facts:
    """Return what the policies see in a test."""
    (test,) = read(case(keys + '\nexpect = "allow"'))
    return test.facts


def report(toml: str) -> PolicyTestReport:
    """Run tests of the policies in the working folder."""
    return run_policy_tests(Policies.from_file("vpn.cedar"), read(toml))


def result(keys: str) -> PolicyTestResult:
    """Run one test."""
    (result,) = report(case(keys)).results
    return result


def problems(toml: str) -> list[str]:
    """Return what is wrong with tests."""
    with pytest.raises(InvalidPolicyTests) as caught:
        read(toml)
    return list(caught.value.problems)


@pytest.mark.usefixtures("folder")
def test_a_test_without_keys_is_a_plain_user_on_a_monday_at_noon() -> None:
    """A test with nothing but an expectation is a plain user on a Monday at noon, without any facts."""
    (test,) = read(case('expect = "allow"'))
    assert test.facts.request.to_event() == {
        "connection-id": "cvpn-connection-0123456789abcdef0",
        "endpoint-id": "cvpn-endpoint-0123456789abcdef0",
        "common-name": "",
        "username": "user",
        "platform": "win",
        "platform-version": "",
        "public-ip": "192.0.2.1",
        "client-openvpn-version": "",
        "groups": [],
        "aws-client-version": "",
        "schema-version": "v3",
    }
    assert test.facts.now == datetime(2026, 1, 5, 12, tzinfo=UTC)
    assert test.facts.now.isoweekday() == 1
    assert (test.facts.time_zone, test.facts.inventory, test.facts.device) == (UTC, "disabled", None)
    assert (test.facts.waivers, test.facts.active_connections) == (frozenset(), None)


@pytest.mark.usefixtures("folder")
def test_every_key_of_a_test_reaches_the_policies() -> None:
    """Every key of a test reaches the policies."""
    seen = facts("""
        at = 2026-11-22T23:00:00+05:30
        time-zone = "Europe/Berlin"
        request = { connection-id = "c", endpoint-id = "e", common-name = "n", username = "u", platform = "mac", \
platform-version = "14", public-ip = "::ffff:203.0.113.9", client-openvpn-version = "2.6", groups = ["a", "b"], \
aws-client-version = "5.2", schema-version = "v4" }
        device = { compliant = false, last-seen = 2026-11-21T23:00:00Z, os = "10.0.19045", tags = { owner = "x" } }
        waivers = ["hours"]
        active-connections = 2
    """)
    assert list(seen.request.to_event().values()) == [
        "c", "e", "n", "u", "mac", "14", "203.0.113.9", "2.6", ["a", "b"], "5.2", "v4"
    ]  # fmt: skip
    assert seen.now == datetime(2026, 11, 22, 17, 30, tzinfo=UTC)
    assert seen.time_zone == ZoneInfo("Europe/Berlin")
    assert seen.inventory == "known"
    assert seen.device == Device(
        compliant=False,
        last_seen=datetime(2026, 11, 21, 23, tzinfo=UTC),
        os=OsVersion(10, 0, 19045),
        tags={"owner": "x"},
    )
    assert (seen.waivers, seen.active_connections) == ({"hours"}, 2)


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("keys", "inventory", "common_name"),
    [
        ("device = {}", "known", "device"),
        ('device = {}\ninventory = "known"\nrequest.common-name = "laptop"', "known", "laptop"),
        ('inventory = "unknown"', "unknown", "device"),
        ('inventory = "unavailable"\nrequest.common-name = ""', "unavailable", None),
        ('inventory = "disabled"', "disabled", None),
    ],
)
def test_the_state_of_the_inventory_follows_from_the_device(
    keys: str, inventory: str, common_name: str | None
) -> None:
    """The inventory's answer follows from the device, which has a common name to be known by."""
    seen = facts(keys)
    assert (seen.inventory, seen.request.common_name) == (inventory, common_name)


@pytest.mark.usefixtures("folder")
def test_os_without_build() -> None:
    """A device's version may lack the build; it is not guessed."""
    seen = facts('device.os = "10.0"')
    assert seen.device is not None
    assert seen.device.os == OsVersion(10, 0, None)


@pytest.mark.usefixtures("folder")
def test_time_zone_of_test_file_and_caller() -> None:
    """A test's zone comes before its file's, and that before the caller's."""
    one = case('expect = "allow"')
    own = one + '\ntime-zone = "Asia/Tokyo"'
    zones = [
        read(text, time_zone="America/Lima")[0].facts.time_zone
        for text in (one, 'time-zone = "Europe/Berlin"\n' + one, 'time-zone = "Europe/Berlin"\n' + own)
    ]
    assert zones == [ZoneInfo("America/Lima"), ZoneInfo("Europe/Berlin"), ZoneInfo("Asia/Tokyo")]


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    "keys",
    [
        'expect = "allow"\nby = ["staff"]\nmessage = ""\nstatuses = ["staff"]\nshadow-denied = ["compliant"]',
        'expect = "allow"\ndevice.compliant = true\nshadow-denied = []\nshadow-allowed = []',
        'expect = "allow"\nrequest.groups = ["guests"]\nshadow-allowed = ["guests"]',
        NIGHT + LATE_DENIAL,
        NIGHT + 'expect = "allow"\nwaivers = ["hours"]',
        NIGHT + 'expect = "allow"\ntime-zone = "America/Lima"',
        NIGHT + 'expect = "deny"\nrequest.platform = "ios"\nby = ["phones", "hours", "phones"]\n'
        'message = "Connect from 07:00 to 19:00. No phones."',
        OVERFLOW + 'expect = "deny"\nerrors = true\nby = []',
        OVERFLOW + 'expect = "deny"\nerrors = ["overflow", "overflow"]',
        'active-connections = 2\nexpect = "allow"\nerrors = false',
        'active-connections = 3\nexpect = "deny"\nby = ["overflow"]\nerrors = []',
    ],
)
def test_a_test_passes_when_all_that_it_names_is_so(keys: str) -> None:
    """A test passes when everything that it names is so, whatever the rest is."""
    assert str(result(keys).differences) == "()"


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("keys", "differences"),
    [
        ('expect = "deny"', [("expect", "deny", "allow")]),
        (NIGHT + 'expect = "allow"', [("expect", "allow", "deny")]),
        ('expect = "allow"\nby = []', [("by", (), ("staff",))]),
        ('expect = "allow"\nby = ["staff", "guests"]', [("by", ("guests", "staff"), ("staff",))]),
        (
            NIGHT + 'expect = "deny"\nmessage = ""\nstatuses = ["late", "x"]',
            [("message", "", "Connect from 07:00 to 19:00."), ("statuses", ("late", "x"), ("late",))],
        ),
        ('expect = "allow"\nshadow-denied = []', [("shadow-denied", (), ("compliant",))]),
        ('expect = "allow"\nshadow-allowed = ["guests"]', [("shadow-allowed", ("guests",), ())]),
        ('expect = "allow"\nerrors = true', [("errors", True, ())]),
        ('expect = "allow"\nerrors = ["overflow"]', [("errors", ("overflow",), ())]),
    ],
)
def test_a_failure_names_exactly_what_differs(
    keys: str, differences: list[tuple[str, object, object]]
) -> None:
    """A failure names exactly what is not as expected."""
    failed = result(keys)
    assert not failed.passed
    assert [(each.key, each.expected, each.actual) for each in failed.differences] == differences


@pytest.mark.usefixtures("folder")
def test_fails_for_a_denial_by_an_error() -> None:
    """An error denies; a test that expects a denial must not pass by it unless it says so."""
    failed = result(OVERFLOW + 'expect = "deny"')
    (difference,) = failed.differences
    assert (difference.key, difference.expected, difference.actual) == ("errors", False, failed.errors)
    assert "overflow" in failed.errors[0]
    (wrong,) = result(OVERFLOW + 'expect = "deny"\nerrors = ["overflow", "phones"]').differences
    assert wrong == Difference("errors", ("overflow", "phones"), failed.errors)


@pytest.mark.usefixtures("folder")
def test_an_error_in_shadow_mode_fails_only_where_the_test_says_so() -> None:
    """It changes no connection. A test may still demand no status, or a certain one."""
    Path("vpn.cedar").write_text(POLICIES.replace('@id("overflow")', '@id("overflow") @shadow'), "utf-8")
    assert result(OVERFLOW + 'expect = "allow"').passed
    assert result(OVERFLOW + 'expect = "allow"\nerrors = ["overflow"]').passed
    assert result(OVERFLOW + 'expect = "allow"\nerrors = true').passed
    (difference,) = result(OVERFLOW + 'expect = "allow"\nerrors = false').differences
    assert (difference.key, difference.expected) == ("errors", False)
    assert "overflow" in difference.actual[0]  # type: ignore[index]


@pytest.mark.usefixtures("folder")
def test_a_shadow_error_hides_no_other() -> None:
    """Beside it, an error of an enforced policy fails as ever."""
    condition = "context has activeConnections && context.activeConnections * 9223372036854775807 > 1"
    broken = f'@id("too") forbid (principal, action, resource) when {{ {condition} }};'
    Path("vpn.cedar").write_text(
        POLICIES.replace('@id("overflow")', '@id("overflow") @shadow') + broken, "utf-8"
    )
    (difference,) = result(OVERFLOW + 'expect = "deny"').differences
    assert difference.key == "errors"


@pytest.mark.usefixtures("folder")
def test_message_and_statuses_as_the_service_takes_them() -> None:
    """The sent answer is compared: a message of at most 255 characters, at most ten statuses."""
    forbids = "".join(
        f'@id("f{n:02}") @message("{chr(65 + n) * 200}") @status("s{n:02}") forbid (principal, action, resource);'
        for n in range(11)
    )
    Path("vpn.cedar").write_text(POLICIES + forbids, "utf-8")
    statuses = [f"s{n:02}" for n in reversed(range(10))]
    message = "A" * 200 + " …"
    assert result(f'expect = "deny"\nmessage = "{message}"\nstatuses = {statuses}').passed
    for long in ("B" * 256, "🦊" * 128):
        assert problems(case(f'expect = "deny"\nmessage = "{long}"')) == [
            'vpn.tests.toml:1: test "it": "message" has 256 characters; a client is shown at most 255'
        ]


@pytest.mark.usefixtures("folder")
def test_a_message_is_compared_as_the_user_reads_it() -> None:
    """With the values of its placeholders."""
    Path("vpn.cedar").write_text(
        POLICIES
        + '@id("hello") @message("{username}: quote {connection-id}.") forbid (principal, action, resource);',
        "utf-8",
    )
    shown = "Ann: quote cvpn-connection-0123456789abcdef0."
    request = 'request = { username = "Ann" }'
    assert result(f'{request}\nexpect = "deny"\nmessage = "{shown}"').passed
    assert not result(
        f'{request}\nexpect = "deny"\nmessage = "{{username}}: quote {{connection-id}}."'
    ).passed


@pytest.mark.usefixtures("folder")
def test_a_failure_reads_well() -> None:
    """Its text holds the place, what differs, the decision and the connection, and nothing else."""
    keys = (
        'at = 2026-06-01T23:00:00+02:00\ntime-zone = "Asia/Tokyo"\nexpect = "allow"\nmessage = ""\n'
        'request = { platform = "ios", endpoint-id = "mine" }\n'
        'device = { compliant = true, os = "17.1", tags = { "the owner" = "x" } }\n'
        'waivers = ["staff", "compliant"]\nactive-connections = 0\nby = ["hours", "phones"]'
    )
    assert str(result("# first\n" + keys)) == (
        "vpn.tests.toml:1: it\n"
        '  expect: expected "allow"\n'
        '               got "deny"\n'
        '  message: expected ""\n'
        '                got "Connect from 07:00 to 19:00. No phones."\n'
        '  decision: deny, determined by "hours", "phones"\n'
        '  request: endpoint-id = "mine", common-name = "device", username = "user", platform = "ios", '
        'public-ip = "192.0.2.1"\n'
        "  at: 2026-06-01T23:00:00+02:00, Tuesday 06:00 in Asia/Tokyo\n"
        '  device: compliant = true, os = "17.1", tags = { "the owner" = "x" }\n'
        '  waivers: ["compliant", "staff"]\n'
        "  active-connections: 0"
    )
    assert "  inventory: unknown\n" in str(result('inventory = "unknown"\nexpect = "deny"')) + "\n"
    assert "decision: deny, determined by no policy" in str(result(OVERFLOW + 'expect = "allow"'))


@pytest.mark.usefixtures("folder")
def test_a_failure_cannot_disguise_itself() -> None:
    """Names are data: what could move the cursor or reverse the text is escaped."""
    text = str(result('expect = "deny"\nrequest.username = "a\\u202eb\\u001b[2J\\n\\"\\\\"'))
    assert 'username = "a\\U0000202eb\\U0000001b[2J\\n\\"\\\\"' in text
    assert all(line.isprintable() for line in text.splitlines())


@pytest.mark.usefixtures("folder")
def test_a_variant_overrides_its_case_and_is_named_by_its_changes() -> None:
    """A variant overrides its case, and is named by its number and what it changes."""
    tests = read(
        case(
            NIGHT + LATE_DENIAL + 'request = { username = "bob", groups = ["guests"] }\n'
            'variants = [{ request = { platform = "ios" }, by = ["hours", "phones"] }, '
            '{ at = 2026-11-22T10:00:00Z, expect = "allow" }, { name = "waived", waivers = ["hours"], '
            'expect = "allow", by = ["staff"] }, { expect = "deny" }, { message = "m" }]'
        )
    )
    assert [test.name for test in tests] == [
        'it [1: platform = "ios"]',
        "it [2: at = 2026-11-22T10:00:00Z]",
        "it [3: waived]",
        'it [4: expect = "deny"]',
        'it [5: message = "m"]',
    ]
    assert {(test.facts.request.username, test.facts.request.groups) for test in tests} == {
        ("bob", ("guests",))
    }
    assert [test.facts.request.platform for test in tests] == ["ios", "win", "win", "win", "win"]
    assert [test.expected.by for test in tests] == [
        ("hours", "phones"),
        None,
        ("staff",),
        ("hours",),
        ("hours",),
    ]
    assert [test.expected.message is None for test in tests] == [False, True, True, False, False]
    assert {test.line for test in tests} == {1}


@pytest.mark.usefixtures("folder")
def test_variants_of_the_inventory() -> None:
    """A device and an inventory that does not know it take each other's place."""
    tests = read(
        case(
            'expect = "allow"\ndevice.compliant = true\nvariants = [{ inventory = "unknown" }, { waivers = [] }]'
        )
    ) + read(case('expect = "allow"\ninventory = "unknown"\nvariants = [{ device = {} }, { waivers = [] }]'))
    assert [test.facts.inventory for test in tests] == ["unknown", "known", "known", "unknown"]


@pytest.fixture
def declared(folder: Path) -> Path:
    """Return the working folder, with a schema of custom facts."""
    (folder / "custom.cedarschema").write_text(
        "{ riskScore: Long, seen?: datetime, names?: Set<String> }", "utf-8"
    )
    return folder


@pytest.mark.usefixtures("declared")
@pytest.mark.parametrize(
    ("keys", "state", "custom"),
    [
        ("", "disabled", None),
        ("custom = { riskScore = 80 }", "available", {"riskScore": 80}),
        (
            'custom = { riskScore = 0, names = ["a"] }\ncustom-facts = "available"',
            "available",
            {"riskScore": 0, "names": ["a"]},
        ),
        (
            "custom = { riskScore = 0, seen = 2026-01-01T01:00:00+01:00 }",
            "available",
            {"riskScore": 0, "seen": {"__extn": {"fn": "datetime", "arg": "2026-01-01T00:00:00.000Z"}}},
        ),
        ('custom-facts = "unavailable"', "unavailable", None),
        ('custom-facts = "disabled"', "disabled", None),
    ],
)
def test_custom_facts_are_what_the_test_says_or_an_outage(keys: str, state: str, custom: object) -> None:
    """The module's facts, or its failure."""
    seen = facts(keys)
    assert (seen.custom_facts, seen.custom) == (state, custom)


@pytest.mark.usefixtures("declared")
@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        ("custom = 80", '"custom" is 80, a number; give a table, such as { key = value }'),
        (
            "custom = { riskScore = 0.5 }",
            '"custom" has a value that policies do not know: float 0.5 is nothing',
        ),
        ("custom = { seen = 2026-01-01 }", '"custom" has a value that policies do not know: date is nothing'),
        (
            "custom = { riskScore = '80' }",
            '"custom" is not what custom.cedarschema next to the policies declares: a',
        ),
        (
            "custom = { score = 80 }",
            '"custom" is not what custom.cedarschema next to the policies declares: while pars',
        ),
        (
            "custom = { riskScore = 8, score = 8 }",
            "record attribute `score` should not exist according to the schema",
        ),
        ("custom = {}", "expected the record to have an attribute `riskScore`"),
        ("custom-facts = 'available'", '"custom-facts" is "available", but there is no custom; give custom'),
        (
            "custom-facts = 'unavailable'\ncustom = {}",
            '"custom-facts" is "unavailable", but there is custom; leave on',
        ),
        (
            "custom-facts = 'known'",
            '"custom-facts" is "known"; give "disabled" or "available" or "unavailable"',
        ),
    ],
)
def test_fails_with_custom_facts_that_no_module_could_say(keys: str, problem: str) -> None:
    """They must be of the declared type, and there when they are available."""
    (only,) = problems(case(f'{keys}\nexpect = "allow"'))
    assert only.startswith('vpn.tests.toml:1: test "it": ')
    assert problem in only


@pytest.mark.usefixtures("folder")
def test_fails_with_custom_facts_that_nothing_declares() -> None:
    """The message says which file is missing."""
    (only,) = problems(case('custom = { riskScore = 80 }\nexpect = "allow"'))
    assert "is not declared: there is no custom.cedarschema next to the policies: " in only


@pytest.mark.usefixtures("declared")
def test_variants_of_custom_facts() -> None:
    """Custom facts and an outage take each other's place."""
    tests = read(
        case(
            'expect = "allow"\ncustom.riskScore = 1\nvariants = [{ custom-facts = "unavailable" }, { waivers = [] }]'
        )
    ) + read(
        case(
            'expect = "allow"\ncustom-facts = "unavailable"\nvariants = [{ custom.riskScore = 1 }, { waivers = [] }]'
        )
    )
    assert [test.facts.custom_facts for test in tests] == [
        "unavailable",
        "available",
        "available",
        "unavailable",
    ]


@pytest.mark.usefixtures("declared")
def test_custom_facts_in_a_failure() -> None:
    """A failure shows what the policies saw, as they would write it; nothing in it can move the cursor."""
    text = str(result('expect = "deny"\ncustom = { riskScore = 8, names = ["\\u202e"] }'))
    assert text.splitlines()[-1].startswith("  custom: {riskScore: 8, names: [")
    assert all(line.isprintable() for line in text.splitlines())
    assert "\n  custom-facts: unavailable" in str(result('expect = "deny"\ncustom-facts = "unavailable"'))


@pytest.mark.usefixtures("folder")
def test_a_policy_is_covered_when_it_decided() -> None:
    """A policy is covered when it decided, one in shadow mode when it applied, whether the test passed or not."""
    assert report(case('expect = "deny"')).uncovered == ("hours", "phones", "guests", "overflow")
    toml = case(
        NIGHT
        + 'expect = "deny"\nrequest = { groups = ["guests"], platform = "ios" }\ndevice.compliant = true'
    )
    assert report(toml).uncovered == ("staff", "compliant", "overflow")
    assert report(case(OVERFLOW + 'expect = "deny"\ndevice.compliant = true\nerrors = true')).uncovered == (
        "staff", "hours", "phones", "compliant", "guests", "overflow",
    )  # fmt: skip


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        ("", 'there is no "expect"; give "allow" or "deny"'),
        ('expect = "denied"', '"expect" is "denied"; give "allow" or "deny"'),
        ("expect = true", '"expect" is true, a boolean; give "allow" or "deny"'),
        ("expects = 1", '"expects" is not known; write "expect"; allowed are name, at, time-zone, '),
        ("shadow_denied = []", '"shadow_denied" is not known; write "shadow-denied"; allowed are '),
        ("request.user-name = 'bob'", '"request.user-name" is not known; write "username"; allowed are connection-id,'),
        ("request.x = 'bob'", '"request.x" is not known; allowed are connection-id, endpoint-id, '),
        ("device.lastSeen = 1", '"device.lastSeen" is not known; write "last-seen"; allowed are compliant, '),
        ("request = 'bob'", '"request" is "bob", a text; give a table, such as { key = value }'),
        ("request.platform = 3", '"request.platform" is 3, a number; give a text'),
        ("request.groups = 'staff'", '"request.groups" is "staff", a text; give a list of texts, such as'),
        ("request.groups = ['a', 1]", '"request.groups" has 1, a number; every entry must be a text'),
        ("request.public-ip = 'x'", '"request" is not one that Client VPN sends: "public-ip" is not an IP address'),
        ("request.username = ''", '"request" is not one that Client VPN sends: "username" and "common-name" are both'),
        ("request.schema-version = '3'", '"schema-version" is not of the form "v3"'),
        ("at = '2026-01-01T00:00:00Z'", '"at" is "2026-01-01T00:00:00Z", a text; give a time with its offset'),
        ("at = 2026-01-01T00:00:00", '"at" is 2026-01-01T00:00:00, without an offset; add one, such as "Z"'),
        ("at = 2026-01-01", '"at" is 2026-01-01, a time; give a time with its offset'),
        ("at = 0001-01-01T00:00:00+01:00", '"at" is 0001-01-01T00:00:00+01:00; give a year from 1970 to 9998'),
        ("time-zone = 'europe/berlin'", 'which is no time zone; use an IANA name such as "Europe/Berlin"'),
        ("time-zone = 'CEST'", '"time-zone" is "CEST", which is no time zone; use an IANA name such as "'),
        ("device.compliant = 'yes'", '"device.compliant" is "yes", a text; give true or false'),
        ("device.os = '10'", '"device.os" is "10"; give numbers such as "10.0.19045"'),
        ("device.os = '٣.1'", '"device.os" is "٣.1"; give numbers'),
        ("device.last-seen = 2026-01-01T00:00:00", '"device.last-seen" is 2026-01-01T00:00:00, without an offset'),
        ("device.tags = { a = 1 }", '"device.tags.a" is 1, a number; give a text'),
        ("device = {}\nrequest.common-name = ''", '"request.common-name" is empty, but there is a device; leave'),
        ("inventory = 'known'", '"inventory" is "known", but there is no device; give a device'),
        ("inventory = 'unknown'\ndevice = {}", '"inventory" is "unknown", but there is a device; leave one of'),
        ("inventory = 'lost'", '"inventory" is "lost"; give "disabled" or "known" or "unknown" or "unavailable"'),
        ("waivers = ['hour']", '"waivers" has "hour", but no policy has this @id; write "hours"'),
        ("by = ['zzz']", '"by" has "zzz", but no policy has this @id; there are staff, hours, phones, compliant,'),
        ("shadow-denied = ['complaint']", '"shadow-denied" has "complaint", but no policy has this @id; write'),
        ("shadow-allowed = ['guest']", '"shadow-allowed" has "guest", but no policy has this @id; write "guests"'),
        ("active-connections = -1", '"active-connections" is -1; give 0 or more'),
        ("active-connections = 9223372036854775808", '"active-connections" is 9223372036854775808; give 0 or more'),
        ("active-connections = 1.5", '"active-connections" is 1.5, a number; give a whole number'),
        ("active-connections = true", '"active-connections" is true, a boolean; give a whole number'),
        ("expect = 'allow'\nmessage = 'x'", '"message" is given, but a client that is allowed is shown none; leave'),
        ("errors = 'x'", '"errors" is "x", a text; give true or false'),
        ("errors = [1]", '"errors" has 1, a number; every entry must be a text'),
        ("variants = []", 'there is no "variants"; give tables, such as '),
        ("variants = [1]", '"variants" is [1], a list; give tables, such as '),
        ("variants = [{ variants = [] }]", '"variants" is not known; '),
    ],
)  # fmt: skip
def test_fails_for_a_wrong_case(keys: str, problem: str) -> None:
    """A wrong key or value is refused with the file, the line, the case, the key, and what to do."""
    if "expect" not in keys and keys:
        keys += "\nexpect = 'deny'"
    toml = "# Two lines above.\n\n" + case(keys)
    found = [text for text in problems(toml) if text.startswith('vpn.tests.toml:3: test "it')]
    assert any(problem in text for text in found), problems(toml)


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("toml", "problem"),
    [
        ("", 'vpn.tests.toml: there is no "test"; write a [[test]] with a name and what to expect'),
        ("test = []", 'vpn.tests.toml: there is no "test"; write a [[test]] with'),
        ("[test]\nname = 'x'", 'vpn.tests.toml: "test" is { name = "x" }, a table; write a [[test]] with'),
        ("[[tests]]\nname = 'x'", 'vpn.tests.toml: "tests" is not known; write "test"; allowed are time-zone, test'),
        ("time-zone = 3\n" + case("expect = 'allow'"), 'vpn.tests.toml: "time-zone" is 3, a number; give a text'),
        ("[[test]", "vpn.tests.toml: this is not TOML: "),
        ("[[test]]\nexpect = 'allow'", 'vpn.tests.toml:1: the test has no "name"; say in it what is expected'),
        ("[[test]]\nname = ''", 'vpn.tests.toml:1: "name" is ""; give one line that says what is expected'),
        ("[[test]]\nname = 'a\\u0007'".replace("'", '"'), 'vpn.tests.toml:1: "name" is "a\\U00000007"; give one line'),
        (case("expect = 'allow'\n") * 2, 'vpn.tests.toml:4: test "it": "name" is that of an earlier test; give each'),
    ],
)  # fmt: skip
def test_fails_for_a_wrong_file(toml: str, problem: str) -> None:
    """A file that holds no tests, or several with one name, is refused."""
    assert any(text.startswith(problem) for text in problems(toml)), problems(toml)


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("request_", "key", "advice"),
    [
        ('platform-version = "Windows 11"', "platform-version", "10.0.22631,amd64"),
        ('platform-version = "Windows_7"', "platform-version", "10.0.22631,amd64"),
        ('platform = "WIN", platform-version = "11.0.22631"', "platform-version", "10.0.22631,amd64"),
        ('platform-version = "22.6.0"', "platform-version", "10.0.22631,amd64"),
        ('platform-version = "10.0.x"', "platform-version", "10.0.22631,amd64"),
        ('platform = "Windows", platform-version = "11"', "platform", "win"),
        ('platform = "macOS"', "platform", "mac"),
    ],
)
def test_fails_for_a_spelling_that_no_client_sends(request_: str, key: str, advice: str) -> None:
    """Policies would see less than is meant, and the test would pass for the wrong reason."""
    (problem,) = problems(case(f"expect = 'allow'\nrequest = {{ {request_} }}"))
    assert problem.startswith(f'vpn.tests.toml:1: test "it": "request.{key}" is "')
    assert problem.endswith(f'; write "{advice}"')


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    "request_",
    [
        'platform-version = ""',
        'platform-version = "10.0, amd64 executable"',
        'platform-version = "0.0, amd64 executable"',
        'platform-version = "0.0 64bit"',
        'platform = "mac", platform-version = "10.0.17763"',
        'platform = "toaster"',
        'platform = ""',
    ],
)
def test_what_a_client_may_send_is_tested(request_: str) -> None:
    """Even by OpenVPN, when it does not know the version, and by clients of other kinds."""
    assert facts(f"request = {{ {request_} }}").request.endpoint_id


EXTREMES = {
    "digits": "active-connections = " + "9" * 5000,
    "hexadecimal digits": "active-connections = 0x" + "f" * 5000,
    "1,025 bits": f"custom = {{ a = [{2**1024}] }}",
    "lists": f"custom = {{ a = {'[' * 3000}{']' * 3000} }}",
    "tables": f"custom = {'{ a = ' * 3000}1{' }' * 3000}",
    "dots": f"custom{'.a' * 3000} = 1",
    "dots of a name": f"variants{'.a' * 3000} = 1",
    "33 levels": f"custom{'.a' * 30} = 1",
}


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("keys", EXTREMES.values(), ids=EXTREMES)
def test_fails_for_numbers_without_an_end_and_nests_without_a_ground(keys: str) -> None:
    """They could not be read or shown; it is an error of the tests as any other, with status 2."""
    toml = case(f"expect = 'allow'\n{keys}")
    (problem,) = problems(toml)
    assert re.match(
        r"vpn.tests.toml: (cannot be read: Exceeds the limit|"
        r"it has a whole number of hundreds of digits; give a smaller one|"
        r"(cannot be read: )?it has tables or lists that are nested too deeply; leave some levels out)",
        problem,
    )
    with pytest.raises(InvalidPolicyTests):
        require_passing(Policies.from_file("vpn.cedar"))
    result = CliRunner().invoke(main, ["test", "vpn.cedar"])
    assert (result.exit_code, result.stderr.splitlines()[0]) == (2, "the policy tests have 1 problem:")


@pytest.mark.usefixtures("folder")
def test_what_is_no_extreme_is_looked_into() -> None:
    """The greatest number, and as many levels as there may be."""
    assert facts(OVERFLOW).active_connections == 9223372036854775807
    for custom in (f"custom{'.a' * 29} = 1", f"custom.a = {2**1024 - 1}"):
        (problem,) = problems(case(f"expect = 'allow'\n{custom}"))
        assert problem.startswith('vpn.tests.toml:1: test "it": "custom" ')


@pytest.mark.usefixtures("folder")
def test_fails_with_everything_at_once() -> None:
    """All problems of all files are reported together, one that all variants share only once."""
    Path("more.tests.toml").write_bytes(b"\xff")
    Path("vpn.tests.toml").write_text(
        'zone = "UTC"\n\n[[test]]\nname = "one"\nexpect = 3\nextra = 1\n\n'
        '[[test]]\nname = "two"\nexpect = "deny"\nby = ["gone"]\n'
        "variants = [{ device = {} }, { waivers = 1 }]\n".replace("'", '"'),
        "utf-8",
    )
    with pytest.raises(InvalidPolicyTests) as caught:
        read_policy_tests(Policies.from_directory("."))
    heads = [problem.partition(";")[0] for problem in caught.value.problems]
    assert heads[0].startswith("more.tests.toml: cannot be read: 'utf-8' codec")
    assert heads[1:] == [
        'vpn.tests.toml: "zone" is not known',
        'vpn.tests.toml:3: test "one": "extra" is not known',
        'vpn.tests.toml:3: test "one": "expect" is 3, a number',
        'vpn.tests.toml:8: test "two": "by" has "gone", but no policy has this @id',
        'vpn.tests.toml:8: test "two [2: waivers = 1]": "waivers" is 1, a number',
    ]
    assert str(caught.value).startswith("the policy tests have 6 problems:\n  more.tests.toml: ")


def test_test_files_belong_to_policies(folder: Path) -> None:
    """A directory has all its tests, a file its own, and what is merged the tests of each part, once."""
    (folder / "pyproject.toml").write_text("[tool]", "utf-8")
    for name in ("b.tests.toml", "vpn.tests.toml"):
        (folder / name).write_text(case('expect = "allow"'), "utf-8")
    directory, file = Policies.from_directory("."), Policies.from_file("vpn.cedar")
    assert directory.test_files == (Path("b.tests.toml"), Path("vpn.tests.toml"))
    assert file.test_files == (Path("vpn.tests.toml"),)
    other = Policies.from_string('@id("other") permit (principal, action, resource);')
    assert other.test_files == ()
    assert Policies.merge(other, file, directory).test_files == (Path("vpn.tests.toml"), Path("b.tests.toml"))
    (folder / "vpn.tests.toml").unlink()
    assert Policies.from_file("vpn.cedar").test_files == ()
    assert Policies.from_file("vpn.cedar").text == file.text


@pytest.mark.usefixtures("folder")
def test_required_tests_raise_with_every_failure() -> None:
    """Policies without tests pass; otherwise every failure is in the error."""
    require_passing(Policies.from_file("vpn.cedar"))
    one = case('expect = "allow"\nby = ["staff"]')
    read(one)
    require_passing(Policies.from_file("vpn.cedar"))
    read(one + '\nvariants = [{}, { at = 2026-01-05T23:00:00Z }, { expect = "deny" }]')
    with pytest.raises(PolicyTestsFailed) as caught:
        require_passing(Policies.from_file("vpn.cedar"))
    assert str(caught.value).startswith("2 of 3 policy tests fail:\n\nvpn.tests.toml:1: it [2: at = 2026")
    assert [failure.test.name for failure in caught.value.failures] == [
        "it [2: at = 2026-01-05T23:00:00Z]",
        'it [3: expect = "deny"]',
    ]
    read(one + "\nvariants = [{}, { at = 2026-01-05T23:00:00Z }, { waivers = [] }]")
    with pytest.raises(PolicyTestsFailed, match="1 of 3 policy tests fails"):
        require_passing(Policies.from_file("vpn.cedar"))


@pytest.mark.usefixtures("folder")
def test_the_clock_of_the_machine_plays_no_part(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test without a time gives the same at night."""

    class Later(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Self:
            return super().now(tz) + timedelta(hours=12)

    monkeypatch.setattr("client_connect.facts.datetime", Later)
    monkeypatch.setenv("TZ", "Pacific/Auckland")
    assert result('expect = "allow"').passed


@pytest.fixture
def documented(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Write the policies of the documentation, in the folder that it names."""
    monkeypatch.chdir(tmp_path)
    Path("policies").mkdir()
    (policies,) = blocks("cedar")
    Path("policies/vpn.cedar").write_text(policies, "utf-8")
    require_sound(Policies.from_directory("policies"))


@pytest.mark.usefixtures("documented")
def test_documented_tests_do_as_documented() -> None:
    """The examples pass, the one that is said to fail fails, and both print what the documentation shows."""
    first, unknown, table, failing = blocks("toml")
    passed, failed, uncovered = blocks("text")
    file = Path("policies/vpn.tests.toml")

    def run(toml: str, *options: str) -> tuple[int, str]:
        file.write_text(toml, "utf-8")
        done = CliRunner().invoke(main, ["test", "policies", *options])
        return done.exit_code, done.stdout

    assert run(first) == (0, passed)
    assert run(unknown)[0] == 0
    assert run(table)[0] == 0
    status, output = run(failing)
    assert status == 1
    assert failed in output
    assert uncovered in run(failing, "--coverage")[1]


@pytest.mark.usefixtures("documented")
def test_documented_defaults_are_those() -> None:
    """The table of the keys of a request names each with its default."""
    table = DOCS.split("The keys of `request`:")[1].split("##")[0]
    rows = re.findall(r"^\| (`.*?) \| (`.*?`)", table, re.MULTILINE)
    listed = {
        name: default.strip('`"') for names, default in rows for name in re.findall(r"`([\w-]+)`", names)
    }
    Path("policies/vpn.tests.toml").write_text(case('expect = "deny"'), "utf-8")
    (test,) = read_policy_tests(Policies.from_directory("policies"))
    event = {key: "[]" if value == [] else value for key, value in test.facts.request.to_event().items()}
    assert listed == event


@pytest.mark.parametrize("example", blocks("python"))
def test_documented_python_runs(example: str, tmp_path: Path) -> None:
    """The example in Python runs as it stands."""
    done = run_program(example, folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
