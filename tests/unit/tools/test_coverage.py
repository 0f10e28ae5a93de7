"""Which conditions of policies tests cover: `client-connect test --coverage`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from client_connect_tools import Policies, read_policy_tests
from client_connect_tools.cli import main
from client_connect_tools.testing.coverage import Coverage, coverage

POLICIES = """\
@id("all") permit (principal, action, resource);

@id("hours")
forbid (principal in ClientVpn::Group::"contractors", action, resource)
unless { context.time.minuteOfDay >= 420 && context.time.minuteOfDay < 1140 };

@id("devices")
forbid (principal, action, resource)
when { context.platform == "win" || context.platform == "mac" }
unless { context has device && context.device has compliant && context.device.compliant };
"""
TESTS = """\
[[test]]
name = "a contractor at night"
at = 2026-01-05T02:00:00Z
request = { groups = ["contractors"], platform = "linux" }
expect = "deny"

[[test]]
name = "staff"
request = { platform = "win" }
device = { compliant = true }
expect = "allow"
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, with policies and tests."""
    monkeypatch.chdir(tmp_path)
    Path("vpn.cedar").write_text(POLICIES, "utf-8")
    Path("vpn.tests.toml").write_text(TESTS, "utf-8")
    return tmp_path


def run(*arguments: str) -> tuple[int, str, str]:
    """Run the tests; return the status, the output and the errors."""
    result = CliRunner().invoke(main, ["test", "vpn.cedar", *arguments], catch_exceptions=False)
    return result.exit_code, result.stdout, result.stderr


def covered(tests: str = TESTS) -> Coverage:
    """Return the coverage of tests."""
    Path("vpn.tests.toml").write_text(tests, "utf-8")
    policies = Policies.from_file("vpn.cedar")
    return coverage(policies, [each.facts for each in read_policy_tests(policies)])


def test_each_part_of_a_condition_counts_once_it_is_reached() -> None:
    """The second part of the hours is not: the first has settled the outcome."""
    found = {each.text: (each.line, each.rule) for each in covered().conditions}
    assert found == {
        'principal in ClientVpn::Group::"contractors"': (4, ""),
        "context.time.minuteOfDay >= 420": (5, "never-true"),
        "context.time.minuteOfDay < 1140": (5, "never-reached"),
        'context.platform == "win"': (9, ""),
        'context.platform == "mac"': (9, "never-true"),
        "context has device": (10, "never-false"),
        "context.device has compliant": (10, "never-false"),
        "context.device.compliant": (10, "never-false"),
    }
    assert (covered().covered, covered().outcomes) == (9, 16)


def test_all_conditions_can_be_covered() -> None:
    """By a test for each outcome."""
    by_day = ("07:00", "20:00")
    hours = "".join(
        f'[[test]]\nname = "at {each}"\nat = 2026-01-05T{each}:00Z\nexpect = "allow"\n'
        f'request = {{ groups = ["contractors"], platform = "mac" }}\ndevice = {{ os = "10.0" }}\n'
        for each in by_day
    )
    devices = '[[test]]\nname = "bad"\nexpect = "deny"\ndevice = { compliant = false }\n'
    unknown = '[[test]]\nname = "unknown"\nexpect = "deny"\n'
    found = covered(TESTS + hours + devices + unknown)
    assert ([each.text for each in found.conditions if each.rule], found.percent) == ([], 100)


def test_what_is_missing_is_shown_in_the_source() -> None:
    """With line, column, a mark, and the share of each policy."""
    status, output, _ = run("--coverage")
    assert status == 0
    assert (
        "warning: vpn.cedar:5:10: [hours] context.time.minuteOfDay >= 420 is true in no test; add a test in which it "
        "is (never-true)\n"
        "  5 | unless { context.time.minuteOfDay >= 420 && context.time.minuteOfDay < 1140 };\n"
        "    |          ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^\n"
    ) in output
    assert output.endswith(
        "   50 %  hours\n   60 %  devices\ncoverage: 9 of 16 outcomes of 8 conditions, 56 %\n"
    )


def test_the_threshold_is_a_failure() -> None:
    """Only when it is not reached."""
    assert run("--coverage-threshold", "56")[0] == 0
    status, _, errors = run("--coverage-threshold", "57")
    assert (status, errors) == (1, "56.2 % of the outcomes are covered, less than 57 %\n")
    assert run("--coverage-threshold", "101")[0] == 2


def test_programs_and_pipelines_get_it_too() -> None:
    """As findings, which fail nothing."""
    found = json.loads(run("--coverage", "--json")[1])["coverage"]
    assert (found["percent"], found["policies"]) == (56.2, {"hours": 50.0, "devices": 60.0})
    assert {each["rule"] for each in found["missing"]} == {"never-true", "never-false", "never-reached"}
    assert (
        "::warning file=vpn.cedar,line=5,col=10,endColumn=41,title=never-true::"
        in run("--coverage", "--output-format", "github")[1]
    )
    assert "coverage" not in json.loads(run("--json")[1])


def test_the_page_marks_the_source() -> None:
    """It stands by itself, and nothing in a policy is markup of it."""
    policies = POLICIES.replace('"mac"', '"<b>mac"')
    Path("vpn.cedar").write_text(policies, "utf-8")
    assert run("--coverage-html", "page.html")[0] == 0
    page = Path("page.html").read_text("utf-8")
    mark = '<mark class="never-true" title="true in no test">'
    assert f"{mark}context.platform == &quot;&lt;b&gt;mac&quot;</mark>" in page
    assert page.count("<mark") == 3 + 8
    assert "http" not in page
    assert "<b>" not in page
    assert run("--coverage-html", "missing/page.html")[0] == 2


def test_a_policy_that_errs_is_followed_up_to_the_error() -> None:
    """The parts after it have no value."""
    Path("vpn.cedar").write_text(
        '@id("x") permit (principal, action, resource) when { 9223372036854775807 + context.time.minuteOfDay > 0 && '
        'context.platform == "win" };',
        "utf-8",
    )
    assert [each.rule for each in covered().conditions] == ["never-reached", "never-reached"]


def test_policies_without_conditions_are_covered() -> None:
    """There is nothing to miss."""
    Path("vpn.cedar").write_text('@id("all") permit (principal, action, resource);', "utf-8")
    Path("vpn.tests.toml").write_text('[[test]]\nname = "x"\nexpect = "allow"\n', "utf-8")
    assert run("--coverage-threshold", "100")[1].endswith(
        "coverage: 0 of 0 outcomes of 0 conditions, 100 %\n"
    )


def test_native_policies_are_refused() -> None:
    """Their conditions are not followed."""
    assert "--coverage has no meaning with --native" in run("--native", "--coverage")[2]


def test_a_failing_test_shows_why() -> None:
    """As decide does, policy by policy."""
    Path("vpn.tests.toml").write_text(TESTS.replace('expect = "deny"', 'expect = "allow"'), "utf-8")
    status, output, _ = run()
    assert status == 1
    assert "  Decided by\n    hours (forbid)\n  Other policies\n    all (permit) applied" in output
    assert "    devices (forbid) did not apply" in output
