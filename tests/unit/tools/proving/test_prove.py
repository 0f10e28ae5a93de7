"""`client-connect prove`: what is proven, the counterexamples to copy, and what is not decided."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
from typer.testing import CliRunner

from client_connect_tools import Policies, read_policy_tests, run_policy_tests
from client_connect_tools.checking.lints import EXACT
from client_connect_tools.cli import main
from client_connect_tools.proving import operators
from client_connect_tools.proving.facts import Assumptions
from client_connect_tools.proving.questions import Prover

if TYPE_CHECKING:
    from collections.abc import Sequence

    from typer.testing import Result


POLICIES = """
@id("staff") permit (principal in ClientVpn::Group::"staff", action, resource) when { context.time.weekday < 6 };
@id("leads") permit (principal in ClientVpn::Group::"leads", action, resource);
@id("interns-at-night") @message("Come back at 6.") forbid (principal in ClientVpn::Group::"interns", action, resource)
when { context.time.minuteOfDay >= 1320 || context.time.minuteOfDay < 360 }
unless { context.waivers.contains("interns-at-night") };
"""
INTERN = 'principal in ClientVpn::Group::"interns"'
AT_NIGHT = f"{INTERN} && (context.time.minuteOfDay >= 1320 || context.time.minuteOfDay < 360)"
CUSTOM = "{ risk: Long, labels: Set<String>, since?: datetime }"
# Each letter is in a text or not: 65,536 ways.
MANY_PATTERNS = " || ".join(f'context.platform like "*{letter}*"' for letter in "abcdefghijklmnop")


def run(*arguments: str | Path) -> Result:
    """Run the command."""
    return CliRunner().invoke(main, list(map(str, arguments)), catch_exceptions=False)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return a file of policies."""
    file = tmp_path / "vpn.cedar"
    file.write_text(POLICIES, "utf-8")
    return file


def prover(text: str = POLICIES, *, custom: str | None = None, seconds: float = 60, **assumed: Any) -> Prover:
    """Return a prover of policies."""
    policies = Policies.from_string(text, custom=custom, networks={"office": ["203.0.113.0/24"]})
    return Prover(policies, Assumptions(zone=assumed.pop("zone", UTC), **assumed), seconds=seconds)


PROVEN = (
    f'{INTERN} && context.time.weekday > 5 && !(principal in ClientVpn::Group::"leads")',
    "principal is ClientVpn::Device",
)
IMPOSSIBLE = (
    'context.platform == "mac" && context has os',
    "context.time.minuteOfDay == 2200",
    'context.time.date == "2026-12-25" && context.time.weekday != 5',
    'context.time.date like "*-02-30"',
    'context has device && context.inventory == "unknown"',
    'context has username && context.username == "Bob"',
    "context.ownCertificate && !(context has commonName)",
    (
        'context has username && context.username == "bob" && context.ownCertificate && context has commonName && '
        'context.commonName == "LAP-1"'
    ),
    'context.networks.contains("office") && !context.publicIp.isInRange(ip("203.0.113.0/24"))',
    'context.ownerTags.contains("owner") && !(context has device)',
    'context.networks.isEmpty() && context.publicIp.isInRange(ip("203.0.113.0/24"))',
    "context has os && context.os.major == 0",
)
REFUTED = (
    "context.time.weekday > 5",
    INTERN,
    'context has username && context.username == "bob" && principal != ClientVpn::User::"bob"',
    ('context has username && context.username == "bob" && context.ownCertificate && context has commonName && '
    'context.commonName != "bob"'),
    'context.time.date == "2028-02-29"',
    'context.networks.contains("office") && context.time.month == 12',
    ('context.ownerTags.contains("owner") && context has device && context.device.hasTag("owner") && '
    'context.device.getTag("owner") != "x"'),
    'context has platformVersion && context.platformVersion like "10.0*" && !(context has os)',
    "context has os && context.os has build && context.os.build == 22631",
    'context.waivers.contains("leads") && context has activeConnections && context.activeConnections == 3',
    "context has device && context.device has lastSeen && context.device.lastSeen > context.time.now",
    "context has awsClient && context.awsClient.major > 5 && context has openvpn && context.openvpn.patch == 7",
    'context.customFacts == "unavailable" && context.inventory == "unknown"',
    '!context.publicIp.isIpv4() && context.connectionId == "c-1"',
)  # fmt: skip


@pytest.mark.parametrize("condition", PROVEN)
def test_what_never_is_is_proven(condition: str) -> None:
    """And a proof has no counterexample."""
    answer = prover().never(condition)
    assert (answer.outcome, answer.counterexample, answer.reason) == ("proven", None, "")


@pytest.mark.parametrize("condition", IMPOSSIBLE)
def test_nothing_is_proven_of_what_no_connection_is(condition: str) -> None:
    """Neither that it is never allowed nor that it always is: an auditor would accept it as an answer."""
    for ask in (prover().never, prover().always):
        answer = ask(condition)
        assert (answer.outcome, answer.counterexample) == ("not decided", None)
        assert "the condition holds for no connection" in answer.reason


@pytest.mark.parametrize(
    ("condition", "told"),
    [
        (f"{INTERN} && context.time.minuteOfDay >= 1320 && context.time.minuteOfDay < 360", "over midnight"),
        ('context.platform == "Windows"', 'write "win"'),
        ('principal == ClientVpn::Group::"interns"', "can never apply"),
        ('context.inventory == "down"', "context.inventory is never"),
        ('context has username && context.username == "acme-*"', "like"),
    ],
)
@pytest.mark.parametrize("option", ["--never", "--always"])
def test_a_condition_that_nobody_can_mean_is_wrong_use(
    condition: str, told: str, option: str, path: Path
) -> None:
    """The message says what to write."""
    result = run("prove", path, option, condition)
    assert result.exit_code == 2
    assert not result.stdout
    assert told in result.stderr


def test_a_group_that_the_policies_spell_otherwise_is_told(path: Path) -> None:
    """Beside the answer, as it may be another group."""
    told = 'the policies name the group "interns", and not "Interns"; is one of them misspelt?'
    condition = 'principal in ClientVpn::Group::"Interns" && context.time.weekday > 5'
    assert f"  note: {told}" in run("prove", path, "--never", condition).stdout
    (answer,) = json.loads(run("prove", path, "--never", condition, "--json").stdout)
    assert answer["notes"] == [told]
    assert "note:" not in run("prove", path, "--never", INTERN).stdout


BREAK_GLASS = """@id("compliant") permit (principal, action, resource)
when { STATE context has device && context.device has compliant && context.device.compliant };
@id("glass") permit (principal in ClientVpn::Group::"oncall", action, resource);"""


def test_nobody_always_connects_if_no_policy_says_what_an_outage_means() -> None:
    """The handler does not know who is blocked then; a policy that reads the inventory's state changes that."""
    oncall = 'principal in ClientVpn::Group::"oncall"'
    silent = BREAK_GLASS.replace("STATE", "")
    answer = prover(silent).always(oncall)
    assert answer.counterexample is not None
    assert answer.counterexample.facts.inventory == "unavailable"
    assert answer.counterexample.decision.determining == ("client-connect:blocks-unavailable",)
    open_ = BREAK_GLASS.replace("STATE", 'context.inventory == "known" &&')
    assert prover(open_).always(oncall).outcome == "proven"
    assert prover(silent).equivalent(Policies.from_string(open_)).outcome == "counterexample"
    # A device that is malformed in the inventory is unavailable, and its blocks are known.
    unavailable = 'context.inventory == "unavailable"'
    assert prover(silent).never(unavailable).outcome == "counterexample"


@pytest.mark.parametrize("condition", REFUTED)
def test_a_counterexample_is_a_test_that_fails_and_a_command(condition: str, tmp_path: Path) -> None:
    """Copied next to the policies, the test fails as said; run by hand, the command allows the connection."""
    (tmp_path / "networks").mkdir()
    (tmp_path / "networks" / "office.txt").write_text("203.0.113.0/24\n", "utf-8")
    file = tmp_path / "vpn.cedar"
    file.write_text(POLICIES, "utf-8")
    result = run("prove", file, "--never", condition, "--json")
    assert result.exit_code == 1, result.output
    (answer,) = json.loads(result.stdout)
    example = answer["counterexample"]
    assert example["decision"]["allowed"]
    (tmp_path / "vpn.tests.toml").write_text(example["test"], "utf-8")
    policies = Policies.from_path(file)
    (failed,) = run_policy_tests(policies, read_policy_tests(policies)).failures
    assert failed.decision.allowed
    if example["command"] is None:
        assert "connectionId" in condition
        return
    words = shlex.split(example["command"])
    decided = run(*words[1:], "--json")
    assert json.loads(decided.stdout)["decision"]["determining"] == list(failed.decision.determining)


def test_a_counterexample_has_nothing_that_does_not_matter() -> None:
    """Beside what the condition and the policies ask for, it is the connection of a test without any facts."""
    answer = prover().never("context.time.weekday == 2")
    assert answer.counterexample is not None
    facts = answer.counterexample.facts
    request = facts.request
    assert (request.username, request.groups, request.common_name) == ("user", ("leads",), None) or (
        request.groups == ("staff",)
    )
    assert (facts.inventory, facts.waivers, facts.custom_facts) == ("disabled", frozenset(), "disabled")
    assert facts.now == datetime(2026, 1, 6, 12, tzinfo=UTC)


def test_always_is_about_every_connection_that_meets_the_condition() -> None:
    """Leads always get in, unless they are interns too."""
    leads = 'principal in ClientVpn::Group::"leads"'
    assert prover().always(f"{leads} && !({INTERN})").outcome == "proven"
    answer = prover().always(leads)
    assert answer.counterexample is not None
    assert answer.counterexample.decision.determining == ("interns-at-night",)
    assert answer.counterexample.expected


def test_a_calculation_that_is_too_large_denies() -> None:
    """An error of any policy denies, so such a permit does not always let in its users."""
    text = POLICIES + (
        '@id("sum") permit (principal, action, resource) '
        "when { context has activeConnections && context.activeConnections + 1 < 3 };"
    )
    answer = prover(text).always(
        'principal in ClientVpn::Group::"leads" && !(principal in ClientVpn::Group::"interns")'
    )
    assert answer.counterexample is not None
    assert answer.counterexample.decision.errors


def test_waivers_are_counted_unless_they_are_left_out() -> None:
    """With a waiver an intern gets in at night; the answer says which of both it is about."""
    counted, left_out = prover().never(AT_NIGHT), prover(waivers=False).never(AT_NIGHT)
    assert counted.counterexample is not None
    assert counted.counterexample.facts.waivers == {"interns-at-night"}
    assert left_out.outcome == "proven"
    assert "whatever is waived" in counted.assumptions
    assert "nothing is waived" in left_out.assumptions


def test_a_time_zone_matters_where_both_clocks_are_read() -> None:
    """Half past ten on Saturday evening in UTC is Sunday only east of it; otherwise no zone is named."""
    text = """@id("s") permit (principal, action, resource) when {
      context.time.now >= datetime("2026-12-05T22:00:00Z") && context.time.now < datetime("2026-12-05T22:30:00Z") };"""
    sunday = "context.time.weekday == 7"
    proven = prover(text, zone=ZoneInfo("Europe/Berlin")).never(sunday)
    assert proven.outcome == "proven"
    assert "the handler's time zone is Europe/Berlin" in proven.assumptions
    answer = prover(text, zone=ZoneInfo("Asia/Kathmandu")).never(sunday)
    assert answer.counterexample is not None
    assert answer.counterexample.facts.local_time.isoweekday() == 7
    assert (
        "in any time zone"
        in prover(text).never('context.platform == "x" && context.platform == "y"').assumptions
    )


def test_what_aws_sends_and_the_time_can_be_taken_for_granted() -> None:
    """A private address, an endpoint that is none and a time that is over are no connections then."""
    for condition, assumed in (
        ('context.publicIp.isInRange(ip("10.0.0.0/8"))', {"as_sent": True}),
        ('resource == ClientVpn::Endpoint::"prod"', {"as_sent": True}),
        ('context.time.now < datetime("2020-01-01")', {"since": datetime(2026, 11, 30, tzinfo=UTC)}),
        ('context.time.date == "2025-12-24"', {"since": datetime(2026, 11, 30, tzinfo=UTC)}),
    ):
        assert prover().never(condition).outcome == "counterexample", condition
        assert "holds for no connection" in prover(**assumed).never(condition).reason, condition


def test_sets_are_compared_by_whom_they_allow(path: Path, tmp_path: Path) -> None:
    """Written otherwise they are equivalent; a minute later they are not, and the test passes with the others."""
    other = tmp_path / "other" / "vpn.cedar"
    other.parent.mkdir()
    other.write_text(POLICIES.replace(">= 1320", "> 1319").replace("Come back", "Return"), "utf-8")
    assert run("prove", path, "--equivalent", other).exit_code == 0
    other.write_text(POLICIES.replace(">= 1320", ">= 1321"), "utf-8")
    result = run("prove", path, "--equivalent", other, "--json")
    assert result.exit_code == 1
    (answer,) = json.loads(result.stdout)
    assert answer["counterexample"]["facts"]["at"].endswith("22:00:00+00:00")
    test = answer["counterexample"]["test"]
    for file, failures in ((path, 1), (other, 0)):
        file.with_suffix(".tests.toml").write_text(test, "utf-8")
        policies = Policies.from_path(file)
        assert len(run_policy_tests(policies, read_policy_tests(policies)).failures) == failures


def test_networks_of_both_sets_are_their_own() -> None:
    """A list that has one address more lets in from there."""
    text = '@id("o") permit (principal, action, resource) when { context.networks.contains("o") };'
    one, other = (
        Policies.from_string(text, networks={"o": [net]}) for net in ("203.0.113.0/25", "203.0.113.0/24")
    )
    answer = Prover(one, Assumptions(zone=UTC)).equivalent(other)
    assert answer.counterexample is not None
    assert str(answer.counterexample.facts.request.public_ip) == "203.0.113.128"


def test_custom_facts_are_what_the_schema_declares() -> None:
    """A counterexample has them in the form of the schema, times too."""
    text = """@id("low") permit (principal, action, resource) when { context has custom && context.custom.risk < 50 &&
      context.custom.labels.contains("ok") && context.custom has since && context.custom.since < context.time.now };"""
    assert prover(text, custom=CUSTOM).never("!(context has custom)").outcome == "proven"
    answer = prover(text, custom=CUSTOM).never("context has custom && context.custom.risk < 10")
    assert answer.counterexample is not None
    custom = answer.counterexample.facts.custom
    assert custom is not None
    assert custom["risk"] < 10
    assert custom["labels"] == ["ok"]


def test_nothing_is_proven_by_texts_that_were_not_found() -> None:
    """Where patterns match in too many different ways, the answer is that it is not decided."""
    answer = prover(f'@id("p") permit (principal, action, resource) when {{ {MANY_PATTERNS} }};').never(
        "1 == 2"
    )
    assert answer.outcome == "not decided"
    assert "in too many different ways" in answer.reason


def test_what_is_not_covered_is_not_decided() -> None:
    """The answer names the policy, or the condition, and what it has."""
    text = POLICIES + (
        '@id("d") permit (principal, action, resource) when { decimal("0.1").lessThan(decimal("0.2")) && '
        'context.platform == "win" };'
    )
    answer = prover(text).never("true")
    assert answer.outcome == "not decided"
    assert 'the policy "d" has decimal' in answer.reason
    assert answer.assumptions


def test_a_question_that_takes_too_long_is_not_decided() -> None:
    """Never proven; with its own status."""
    text = '@id("p") permit (principal, action, resource) when { context has custom && context.custom.risk > 1 };'
    condition = (  # which has an answer for who can factor the product of two large primes
        "context has custom && context has activeConnections && context.activeConnections > 1 && "
        "context.custom.risk * context.activeConnections == 1000000016000000063"
    )
    answer = prover(text, custom=CUSTOM, seconds=0.05).never(condition)
    assert answer.outcome == "not decided"
    assert "within 0.05 seconds" in answer.reason


def test_the_status_tells_what_came_of_it(path: Path) -> None:
    """0 proven, 1 a counterexample, 3 not decided; of several questions a counterexample comes first."""
    undecided = 'decimal("0.1").lessThan(decimal("0.2")) && context.platform == "win"'
    proven = "principal is ClientVpn::Device"
    assert run("prove", path, "--never", proven).exit_code == 0
    assert run("prove", path, "--never", proven, "--always", proven).exit_code == 1
    assert run("prove", path, "--never", proven, "--never", undecided).exit_code == 3
    assert run("prove", path, "--never", undecided, "--never", INTERN).exit_code == 1


def test_an_answer_names_its_assumptions(path: Path) -> None:
    """In text as in JSON, even of a proof."""
    shown = run("prove", path, "--never", "principal is ClientVpn::Device", "--without-waivers").stdout
    assert shown == (
        "proven: no connection is allowed while principal is ClientVpn::Device\n"
        "  of 3 enforced policies, at any time, whatever the event says, nothing is waived, in any time zone\n"
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "there is no question; give --never, --always or --equivalent"),
        (("--never", "context.os.major < 10"), "it may be absent, so test it first"),
        (("--never", "context.plattform == 1"), "(type)"),
        (("--never", ""), "cannot parse"),
        (("--never", "true }; permit (principal, action, resource) when { true"), "is not one condition"),
        (("--never", "true } when { true"), "is not one condition"),
        (("--never", 'context.networks.contains("x")'), "(unknown-network)"),
        (("--never", "true", "--time-zone", "Mars"), 'time zone "Mars" is not known'),
        (("--never", "true", "--from", "yesterday"), '--from is "yesterday", which is not a time'),
        (("--never", "true", "--time-limit", "0"), "0.001"),
    ],
)
def test_wrong_use_says_what_to_give(arguments: Sequence[str], message: str, path: Path) -> None:
    """With status 2, which no answer has; a condition is checked as a policy is."""
    result = run("prove", path, *arguments)
    assert result.exit_code == 2
    assert message in result.stderr


def test_policies_with_errors_are_refused(tmp_path: Path) -> None:
    """As ``check`` says: nothing can be proven of what has no meaning."""
    file = tmp_path / "vpn.cedar"
    file.write_text('@id("p") permit (principal, action, resource) when { context.os.major < 10 };', "utf-8")
    result = run("prove", file, "--never", "true")
    assert result.exit_code == 1
    assert "unguarded-attribute" in result.stderr


def test_other_custom_facts_cannot_be_compared() -> None:
    """One set reads facts that the other has not."""
    policies = Policies.from_string(POLICIES, custom="{ risk: Long }")
    other = Policies.from_string(POLICIES, custom="{ risk: Bool }")
    with pytest.raises(ValueError, match="declare different custom facts"):
        Prover(policies, Assumptions(zone=UTC)).equivalent(other)


@pytest.mark.parametrize("arguments", [("prove", "--never", "true"), ("check", "--exact")])
def test_without_the_solver_the_command_says_how_to_get_it(
    arguments: Sequence[str], path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is an extra; everything else works without."""
    monkeypatch.setitem(sys.modules, "z3", None)
    command, *options = arguments
    result = run(command, path, *options)
    assert result.exit_code == 2
    assert (
        'z3-solver is not installed; install it by: pip install "cdk-client-connect[prove]"' in result.stderr
    )
    assert run("check", path).exit_code == 0


def test_the_solver_is_loaded_by_who_proves_alone(path: Path) -> None:
    """``check`` and synthesis neither import it nor the prover."""
    program = (
        "import sys; from client_connect_tools import Policies, check, lint\n"
        "from client_connect_tools.cli import main\n"
        f"policies = Policies.from_path({str(path)!r}); check(policies); lint(policies)\n"
        "print([name for name in sys.modules if name == 'z3' or 'proving' in name])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


DOCS = (Path(__file__).parents[4] / "docs" / "proving.md").read_text("utf-8")
SESSIONS = re.findall(r"```console\n\$ client-connect ([^\n]+)\n(.*?)```", DOCS, re.DOTALL)
SPELLINGS = {
    "eq": "==",
    "not_eq": "!=",
    "less": "<",
    "less_eq": "<=",
    "greater": ">",
    "greater_eq": ">=",
    "add": "+",
    "sub": "-",
    "neg": "-",
    "mul": "*",
    "is_ipv4": "isIpv4",
    "is_ipv6": "isIpv6",
    "decimal_less_than": "lessThan",
    "decimal_less_eq": "lessThanOrEqual",
    "decimal_greater": "greaterThan",
    "decimal_greater_eq": "greaterThanOrEqual",
}


@pytest.mark.parametrize(("command", "output"), SESSIONS)
def test_the_docs_show_what_is_printed(
    command: str, output: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The questions of the page have these answers."""
    monkeypatch.chdir(tmp_path)
    (text,) = re.findall(r"```cedar\n(.*?)```", DOCS, re.DOTALL)
    Path("policies.cedar").write_text(text, "utf-8")
    assert run(*shlex.split(command)).stdout == output


def test_the_docs_list_what_is_covered() -> None:
    """Each operator that is encoded is in the table, and each that is not is below it."""
    section = DOCS.partition("## What is covered")[2].partition("\n## ")[0]
    covered, missing = (re.findall("`([^` ]+)`", part) for part in section.split("Not covered"))

    def spelt(op: str) -> str:
        first, *words = op.split("_")
        return SPELLINGS.get(op, first + "".join(map(str.capitalize, words)))

    assert {spelt(op) for op in (*operators.UNARY, *operators.BINARY)} - set(covered) == set()
    assert {spelt(op) for op in operators.UNSUPPORTED} - set(missing) == set()


def test_the_docs_explain_each_exact_lint() -> None:
    """In the order of the names."""
    section = DOCS.partition("## Checking exactly")[2].partition("\n## ")[0]
    assert tuple(re.findall(r"^\| `([a-z-]+)` \|", section, re.MULTILINE)) == EXACT
