"""Guardrails: no permit of a team goes beyond what security permits."""

from __future__ import annotations

import json
import random
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
from typer.testing import CliRunner

from client_connect.record import Record
from client_connect_tools import InvalidPolicies, Policies, check, lint
from client_connect_tools.cedar.parsing import parse
from client_connect_tools.cli import main
from tests.support.proving import random_facts

if TYPE_CHECKING:
    from pathlib import Path

    from client_connect import Facts

SCOPE = "(principal, action, resource)"
TEAM = f"""
@id("everybody") permit {SCOPE};
"""
BASELINE = """
// Only people of the company, and administrators from the office.
@id("people") permit (principal in ClientVpn::Group::"company", action, resource)
  unless { context.platform == "linux" };
@id("admins")
  permit (principal is ClientVpn::User in ClientVpn::Group::"admins", action, resource)
  when { context.publicIp.isInRange(ip("198.51.100.0/24")) };
@id("old-windows") @message("Update Windows.") @status("outdated")
forbid (principal, action, resource)
  when { context.platform == "win" && context has os && context.os.major < 10 }
  unless { context.waivers.contains("old-windows") };
"""


SCOPES = (
    SCOPE,
    '(principal in ClientVpn::Group::"staff", action, resource)',
    "(principal is ClientVpn::Device, action, resource)",
    '(principal is ClientVpn::User in ClientVpn::Group::"interns", action, resource)',
    '(principal == ClientVpn::User::"bob", action, resource == ClientVpn::Endpoint::"e2")',
)
CONDITIONS = (
    'context.platform == "win"',
    "context has os && context.os.major >= 10",
    'context.publicIp.isInRange(ip("10.0.0.0/8")) || context.publicIp.isIpv6()',
    "context.time.minuteOfDay >= 420 && context.time.weekday <= 5",
    "context has device && context.device has compliant && context.device.compliant",
    'context.waivers.contains("p1")',
    'if context has username then context.username like "b*" else context.ownCertificate',
    # Conditions that err for some connections.
    "context has activeConnections && context.activeConnections * 9223372036854775807 >= 0",
)


def some_facts(found: random.Random) -> Facts:
    """Return any connection, without facts of a module."""
    return random_facts(found)._replace(custom=None, custom_facts="disabled")


def random_policies(found: random.Random, *, prefix: str) -> Policies:
    """Return some policies; one permits."""
    effects = ["permit", *(found.choice(("permit", "permit", "forbid")) for _ in range(found.randint(0, 4)))]
    texts = [
        f'@id("{prefix}{number}") {found.choice(("", "", "", "@shadow"))} {effect} {found.choice(SCOPES)}'
        f" {found.choice(('when', 'when', 'unless'))} {{ {found.choice(CONDITIONS)} }};"
        for number, effect in enumerate(effects)
    ]
    texts[0] = texts[0].replace("@shadow", "")
    return Policies.from_string("\n".join(texts), name=f"{prefix}.cedar")


def policies(text: str = TEAM, *, shadow: bool = False) -> Policies:
    """Return the team's policies within the baseline."""
    team = Policies.from_string(text, name="team.cedar")
    return team.guarded_by(Policies.from_string(BASELINE, name="baseline.cedar"), shadow=shadow)


@pytest.mark.proof
def test_a_connection_is_allowed_only_if_both_allow_it() -> None:
    """Whatever the policies and the connection are; what errs in one of them denies."""
    found = random.Random(7)  # noqa: S311 - the same cases each time
    seen = {True: 0, False: 0}
    for _ in range(25):
        team, baseline = (random_policies(found, prefix=prefix) for prefix in ("t", "b"))
        both = team.guarded_by(baseline)
        assert check(both) == []
        one, other, together = team.authorizer(), baseline.authorizer(), both.authorizer()
        for _ in range(40):
            facts = some_facts(found)
            alone = other.decide(facts)
            expected = one.decide(facts).allowed and alone.allowed
            decision = together.decide(facts)
            if alone.errors and decision.allowed:
                # A permit that errs permits no one, and does not keep another one from permitting.
                assert _permits_without_error(baseline, facts)
                continue
            assert decision.allowed is expected
            seen[expected] += 1
    assert min(seen.values()) > 50


def _permits_without_error(baseline: Policies, facts: Facts) -> bool:
    """Tell whether one of the permits applies by itself, and no forbid applies or errs."""
    parsed = [each for each in parse(baseline.sources) if each.template is not None]
    enforced = [each for each in parsed if each.template and "shadow" not in each.template.annotations]
    permits = [each.statement.text for each in enforced if each.template and each.template.effect == "permit"]
    forbids = [each.statement.text for each in enforced if each.template and each.template.effect == "forbid"]
    return any(
        Policies.from_string("\n".join((permit, *forbids))).authorizer().decide(facts).allowed
        for permit in permits
    )


def test_a_permit_that_errs_permits_nobody() -> None:
    """The error is in the record."""
    baseline = Policies.from_string(f'@id("x") permit {SCOPE} when {{ {CONDITIONS[-1]} }};')
    authorizer = Policies.from_string(TEAM).guarded_by(baseline).authorizer()
    facts = some_facts(random.Random(1))  # noqa: S311 - any
    decision = authorizer.decide(facts._replace(active_connections=2))
    assert (decision.allowed, bool(decision.errors)) == (False, True)
    assert authorizer.decide(facts._replace(active_connections=1)).allowed


def test_what_no_permit_of_the_guardrails_is_for_is_denied_by_name() -> None:
    """The user gets a message, and the record names the guardrails."""
    authorizer = policies().authorizer()
    facts = some_facts(random.Random(1))._replace(waivers=frozenset())  # noqa: S311 - any
    request = facts.request._replace(username="bob", groups=("others",), platform="mac")
    decision = authorizer.decide(facts._replace(request=request))
    assert (decision.determining, decision.guardrails) == (("guardrails",), ("guardrails",))
    assert decision.message == "This connection is outside of what the security policies of this VPN permit."
    assert decision.to_record()["guardrails"] == ("guardrails",)
    allowed = authorizer.decide(facts._replace(request=request._replace(groups=("company",))))
    assert (allowed.determining, allowed.guardrails) == (("everybody",), ())
    assert "guardrails" not in allowed.to_record()


def test_a_waiver_of_a_guardrail_is_honored_as_it_says() -> None:
    """That of what it is not for is not there."""
    authorizer = policies().authorizer()
    facts = some_facts(random.Random(1))  # noqa: S311 - any
    request = facts.request._replace(
        username="bob", groups=("company",), platform="win", platform_version="6.1 64bit"
    )
    denied = authorizer.decide(facts._replace(request=request, waivers=frozenset(("guardrails",))))
    assert (denied.determining, denied.statuses) == (("old-windows",), ("outdated",))
    assert authorizer.decide(facts._replace(request=request, waivers=frozenset(("old-windows",)))).allowed


def test_guardrails_in_shadow_mode_only_record() -> None:
    """All of them."""
    authorizer = policies(shadow=True).authorizer()
    facts = some_facts(random.Random(1))._replace(waivers=frozenset())  # noqa: S311 - any
    request = facts.request._replace(
        username="bob", groups=("x",), platform="win", platform_version="6.1 64bit"
    )
    decision = authorizer.decide(facts._replace(request=request))
    assert (decision.allowed, decision.shadow_denied) == (True, ("guardrails", "old-windows"))


def test_what_a_comment_has_too_is_no_policy() -> None:
    """A permit that is commented out before it is written again stays a bound, and permits nothing by itself."""
    permit = '@id("company") permit (principal in ClientVpn::Group::"company", action, resource);'
    forbid = (
        '@id("no") @message("No.") forbid (principal, action, resource) when { context.platform == "x" };'
    )
    baseline = Policies.from_string(
        f"// {permit}\n/// {forbid}\n{permit} // {permit}\n\t{forbid} {forbid.replace('no', 'n2', 1)}\n"
    )
    nobody = Policies.from_string('@id("t") permit (principal in ClientVpn::Group::"t", action, resource);')
    both = nobody.guarded_by(baseline)
    assert check(both) == []
    assert list(both.digests()) == ["guardrails", "n2", "no", "t"]
    facts = some_facts(random.Random(1))  # noqa: S311 - any
    for groups, allowed in ((("company",), False), (("t",), False), (("company", "t"), True)):
        request = facts.request._replace(username="bob", groups=groups, platform="mac")
        assert both.authorizer().decide(facts._replace(request=request)).allowed is allowed


@pytest.mark.parametrize(
    "text",
    ["", f'@id("no") forbid {SCOPE};', f'@id("a") @shadow permit {SCOPE};'],
    ids=["", "forbid", "shadow"],
)
def test_guardrails_that_permit_nothing_are_refused(text: str) -> None:
    """They would deny everyone."""
    with pytest.raises(InvalidPolicies, match="the guardrails permit nothing"):
        Policies.from_string(TEAM).guarded_by(Policies.from_string(text))


def test_a_permit_for_all_needs_no_further_forbid() -> None:
    """The usual form: a permit for everybody, and forbids."""
    baseline = Policies.from_string(
        f'{TEAM}@id("no") @message("No.") forbid {SCOPE} when {{ context.platform == "x" }};'
    )
    team = Policies.from_string(TEAM.replace("everybody", "team"))
    assert "guardrails" not in team.guarded_by(baseline).digests()


def test_findings_are_where_they_are_in_the_guardrails() -> None:
    """With their own file and line."""
    findings = lint(policies())
    (finding,) = [each for each in findings if each.policy == "old-windows"] or [None]
    if finding is not None:
        assert (finding.file, finding.line) == ("baseline.cedar", 8)
    repeated = check(policies(f'@id("old-windows") permit {SCOPE};'))
    assert [(each.file, each.line, each.rule) for each in repeated] == [("baseline.cedar", 8, "repeated-id")]
    taken = check(policies(f'@id("guardrails") permit {SCOPE};'))
    assert [each.rule for each in taken] == ["repeated-id"]


def test_many_permits_do_not_nest_too_deep() -> None:
    """A baseline may have hundreds."""
    baseline = Policies.from_string(
        "".join(
            f'@id("g{number}") permit (principal in ClientVpn::Group::"g{number}", action, resource);'
            for number in range(900)
        )
    )
    both = Policies.from_string(TEAM).guarded_by(baseline)
    assert check(both) == []
    facts = some_facts(random.Random(1))  # noqa: S311 - any
    for group, allowed in (("g899", True), ("g900", False)):
        request = facts.request._replace(username="bob", groups=(group,))
        assert both.authorizer().decide(facts._replace(request=request)).allowed is allowed


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A team's folder and security's, which is where the commands run."""
    for name, text in {"team": TEAM, "baseline": BASELINE}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "vpn.cedar").write_text(text)
    (tmp_path / "team" / "vpn.tests.toml").write_text(
        '[[test]]\nname = "others"\nrequest = { username = "bob" }\nexpect = "deny"\nby = ["guardrails"]\n'
    )
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str) -> tuple[int, str, str]:
    """Run a command; return its status, output and errors."""
    result = CliRunner().invoke(main, list(arguments), catch_exceptions=False)
    return result.exit_code, result.stdout, result.stderr


@pytest.mark.usefixtures("folders")
def test_the_commands_decide_within_guardrails() -> None:
    """And without them as before."""
    within = ("--guardrails", "baseline")
    assert run("test", "team", *within)[0] == 0
    assert run("test", "team")[0] == 2
    status, output, _ = run("decide", "team", "--username", "bob", "--json", *within)
    assert (status, json.loads(output)["decision"]["guardrails"]) == (0, ["guardrails"])
    assert (
        run(
            "prove",
            "team",
            "--never",
            '!(principal in ClientVpn::Group::"company" || principal in ClientVpn::Group::"admins")',
            *within,
        )[0]
        == 0
    )
    assert "guardrails" in run("matrix", "team", *within)[1]
    status, output, _ = run("check", "team", *within)
    assert "4 policies" not in output.splitlines()[-1] or status in (0, 1)


def test_guardrails_with_errors_are_refused(folders: Path) -> None:
    """With what is wrong with them."""
    (folders / "baseline" / "vpn.cedar").write_text(f"permit {SCOPE};")
    for command in ("check", "test", "matrix"):
        status, _, errors = run(command, "team", "--guardrails", "baseline")
        assert (status, "baseline/vpn.cedar:1:1: the permit has no @id" in errors) == (1, True)
    (folders / "baseline" / "vpn.cedar").write_text(f'@id("no") @message("No.") forbid {SCOPE};')
    assert "(no-permit)" in run("check", "team", "--guardrails", "baseline")[2]


def test_the_clock_of_guardrails_is_the_handlers() -> None:
    """They read the same facts."""
    baseline = Policies.from_string(
        f'@id("day") permit {SCOPE} when {{ context.time.minuteOfDay >= 420 && context.time.minuteOfDay < 1140 }};'
    )
    authorizer = Policies.from_string(TEAM).guarded_by(baseline).authorizer()
    facts = some_facts(random.Random(1))  # noqa: S311 - any
    zone = ZoneInfo("Asia/Seoul")
    for hour, allowed in ((8, True), (20, False)):
        now = datetime(2026, 11, 23, hour, tzinfo=zone)
        assert authorizer.decide(facts._replace(now=now, time_zone=zone)).allowed is allowed


def test_a_replay_is_within_guardrails(folders: Path) -> None:
    """A logged connection that the team's policies permit would be denied."""
    facts = some_facts(random.Random(1))._replace(waivers=frozenset())  # noqa: S311 - any
    request = facts.request._replace(username="bob", groups=(), platform="mac")
    facts = facts._replace(request=request, now=datetime(2026, 11, 23, 12, tzinfo=ZoneInfo("UTC")))
    decision = Policies.from_string(TEAM).authorizer().decide(facts)
    fields = Record.of_decision(facts, decision, allow=True, policies="").fields
    line = json.dumps(fields | {"at": facts.now.isoformat(), "allow": True})
    (folders / "log.jsonl").write_text(f"{line}\n")
    assert run("replay", "log.jsonl", "--policies", "team")[0] == 0
    status, output, _ = run("replay", "log.jsonl", "--policies", "team", "--guardrails", "baseline")
    assert (status, "guardrails" in output) == (1, True)
