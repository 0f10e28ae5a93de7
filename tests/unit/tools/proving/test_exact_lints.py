"""`check --exact`: policies that cannot apply, change nothing or admit everybody are found by proof."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from client_connect_tools import Policies
from client_connect_tools.checking.lints import EXACT
from client_connect_tools.cli import main
from client_connect_tools.proving.lints import lint_exactly

TODAY = datetime(2026, 11, 30, tzinfo=UTC)
ALL = "(principal, action, resource)"
PERMIT = f'@id("all") permit {ALL};\n'
NOWHERE, NOT_SENT = "cannot apply to any connection", "that AWS sends from 2026-11-30 on"


def found(text: str, **options: object) -> set[tuple[str, str]]:
    """Return what is found: the ids of the policies, and the names of the lints."""
    policies = Policies.from_string(text)
    findings = lint_exactly(policies, since=TODAY, **options)  # type: ignore[arg-type]
    assert all(each.severity == "warning" and each.rule in EXACT for each in findings)
    return {(each.policy, each.rule) for each in findings}


def forbid(condition: str, scope: str = ALL) -> str:
    """Return a forbid with a condition."""
    return f'@id("f") @message("No.") forbid {scope} when {{ {condition} }};\n'


@pytest.mark.parametrize(
    ("policy", "where"),
    [
        (forbid("context.time.weekday == 6 && context.time.weekday == 7"), NOWHERE),
        (forbid('context.platform == "win" && context.platform == "mac"'), NOWHERE),
        (forbid("context.time.minuteOfDay >= 1320 && context.time.minuteOfDay < 360"), NOWHERE),
        (forbid('context.platform == "mac" && context has os'), NOWHERE),
        (forbid('context.time.now < datetime("2020-01-01")'), NOT_SENT),
        (
            forbid(
                'principal in ClientVpn::Group::"staff"', "(principal is ClientVpn::Device, action, resource)"
            ),
            NOWHERE,
        ),
        (forbid("context has username", "(principal is ClientVpn::Device, action, resource)"), NOWHERE),
        (forbid('context.publicIp.isInRange(ip("10.0.0.0/8"))'), NOT_SENT),
        (forbid('context has device && context.inventory == "unknown"'), NOWHERE),
        (forbid("context.time.minuteOfDay == 2200"), NOWHERE),
        (forbid("true", '(principal, action, resource == ClientVpn::Endpoint::"prod")'), NOT_SENT),
        (forbid('context has username && context.username == "j.doe@example.com "'), NOT_SENT),
        (forbid("true", '(principal in ClientVpn::Group::"staff ", action, resource)'), NOT_SENT),
        (forbid("true", '(principal == ClientVpn::User::"ACME-*", action, resource)'), NOT_SENT),
        (forbid('context.time.date == "2026-02-30"'), NOWHERE),
        (forbid('context.time.date == "2026-12-25" && context.time.weekday == 1'), NOWHERE),
        (forbid('context has os && context.os.major == 10 && context.platform like "m*"'), NOWHERE),
    ],
)
def test_a_policy_that_cannot_apply_is_found(policy: str, where: str) -> None:
    """With where: to no connection at all, or to none that AWS sends from now on."""
    (finding,) = lint_exactly(Policies.from_string(PERMIT + policy), since=TODAY)
    assert (finding.policy, finding.rule) == ("f", "cannot-apply")
    assert where in finding.message


@pytest.mark.parametrize(
    "condition",
    [
        "context.time.minuteOfDay >= 22",
        "context has awsClient && context.awsClient.major > 99",
        'context.publicIp.isInRange(ip("203.0.113.7/24"))',
        "context has device && context.device has lastSeen && context.device.lastSeen > context.time.now",
        'context.time.now > datetime("2027-01-01") && context.time.weekday == 1',
        'context has platformVersion && context.platformVersion like "10.0*" && !(context has os)',
        'context.ownCertificate && context has commonName && context.commonName like "*X*"',
    ],
)
def test_a_policy_that_can_apply_is_left_alone(condition: str) -> None:
    """However odd its condition is."""
    assert found(PERMIT + forbid(condition)) == set()


@pytest.mark.parametrize(
    ("condition", "whom"),
    [
        ('context.platform == "win" || context.platform != "win"', "every connection"),
        ("context.time.weekday >= 1", "every connection"),
        ("principal is ClientVpn::User", "every user"),
        ('context has username && context.username like "*"', "every user"),
        ('context.publicIp.isInRange(ip("0.0.0.0/0"))', "every connection from an IPv4 address"),
        ('context.inventory != "unknown"', "everybody while the device inventory is unavailable"),
    ],
)
def test_a_permit_that_admits_everybody_is_found_beside_others(condition: str, whom: str) -> None:
    """With the users that it admits; alone it may be meant."""
    broad = f'@id("broad") permit {ALL} when {{ {condition} }};\n'
    staff = '@id("win") permit (principal in ClientVpn::Group::"staff", action, resource) when { context has os };\n'
    findings = lint_exactly(Policies.from_string(staff + broad), since=TODAY)
    (finding,) = [each for each in findings if each.rule == "admits-everybody"]
    assert finding.policy == "broad"
    assert f"admits {whom}, " in finding.message
    assert found(broad) == set()


def test_a_permit_that_a_forbid_always_beats_is_found() -> None:
    """As break-glass next to registered devices: during an outage no one on call gets in."""
    text = """
    @id("registered") permit (principal, action, resource) when { context.inventory == "known" };
    @id("on-call") permit (principal in ClientVpn::Group::"on-call", action, resource)
    when { context.inventory == "unavailable" };
    @id("outage") @message("Later.") forbid (principal, action, resource) when { context.inventory == "unavailable" };
    """
    assert found(text) == {("on-call", "always-denied")}
    repaired = text.rstrip().removesuffix(";") + ' unless { principal in ClientVpn::Group::"on-call" };'
    assert found(repaired) == set()


def test_a_permit_that_helps_only_those_who_need_no_help_is_found() -> None:
    """As break-glass next to registered devices: on call, only registered and compliant devices get in, as all do."""
    text = "".join(
        (Path(__file__).parents[4] / "examples" / "policies" / f"{name}.cedar").read_text("utf-8")
        for name in ("break-glass", "registered-devices")
    )
    assert found(text) >= {("break-glass", "always-denied")}


def test_a_policy_that_another_one_covers_is_found() -> None:
    """Once of two that are alike; not one with its own message or status, and not one that errs."""
    staff = '@id("staff") permit (principal in ClientVpn::Group::"staff", action, resource);\n'
    narrow = staff.replace('"staff")', '"narrow")', 1).replace(";", " when { context has os };")
    assert found(staff + narrow) == {("narrow", "covered")}
    assert found(narrow + staff) == {("narrow", "covered")}
    assert found(staff + staff.replace('"staff")', '"again")', 1)) == {("again", "covered")}
    assert found(staff + narrow.replace("permit", '@status("windows") permit')) == set()
    assert found(staff + narrow.replace("permit", "@shadow permit")) == set()
    errs = narrow.replace(
        "context has os", "context has activeConnections && context.activeConnections + 1 > 2"
    )
    assert found(staff + errs) == {("narrow", "can-err")}


def test_a_calculation_that_can_be_too_large_is_found() -> None:
    """It denies whoever the others permit."""
    text = PERMIT + forbid("context has activeConnections && context.activeConnections * 2 > 10")
    assert found(text) == {("f", "can-err")}
    assert found(text.replace("activeConnections * 2 > 10", "activeConnections > 5")) == set()


def test_policies_in_shadow_mode_that_contradict_are_found() -> None:
    """Two with the same connections and opposite effects, or one and an enforced one."""
    twins = """
    @id("try") @shadow permit (principal, action, resource) when { context.platform == "mac" };
    @id("try-too") @shadow @message("No.") forbid (principal, action, resource) when { context.platform == "mac" };
    """
    assert found(PERMIT + twins) == {("try", "contradictory-shadow")}
    assert found(PERMIT + twins.replace('"mac" };', '"mac" && context.time.weekday == 1 };', 1)) == set()


def test_what_cannot_be_proven_is_said() -> None:
    """A set with something that is not covered has a warning, and no proof."""
    text = PERMIT + forbid('decimal("0.1").lessThan(decimal("0.2")) && context.platform == "win"')
    assert found(text) == {("all", "not-decided")}


def test_policies_with_errors_are_passed_over() -> None:
    """``check`` says what is wrong with them."""
    assert found(PERMIT + forbid("context.os.major < 10")) == set()


def test_an_exact_lint_is_ignored_by_its_name(tmp_path: Path) -> None:
    """By the option or by the annotation; without ``--exact`` nothing is proven."""
    file = tmp_path / "vpn.cedar"
    file.write_text(PERMIT + forbid("context.time.minuteOfDay == 2200"), "utf-8")

    def rules(*options: str) -> list[str]:
        printed = CliRunner().invoke(main, ["check", str(file), *options], catch_exceptions=False).stdout
        return [line.rpartition("(")[2].rstrip(")") for line in printed.splitlines() if "warning: " in line]

    usual = rules()
    assert "cannot-apply" not in usual
    assert rules("--exact") == ["cannot-apply", *usual]
    assert rules("--exact", "--ignore", "cannot-apply") == usual
    file.write_text(file.read_text("utf-8").replace("@message", '@ignore("cannot-apply") @message'), "utf-8")
    assert rules("--exact") == usual


def test_exact_lints_are_of_the_handlers_policies_alone(tmp_path: Path) -> None:
    """Native policies are not proven."""
    file = tmp_path / "vpn.cedar"
    file.write_text(PERMIT, "utf-8")
    result = CliRunner().invoke(main, ["check", str(file), "--native", "--exact"])
    assert result.exit_code == 2
    assert "--exact has no meaning with --native" in result.stderr


RECIPES = sorted((Path(__file__).parents[4] / "examples" / "policies").rglob("*.cedar"))


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: path.stem)
def test_recipes_have_nothing_that_is_certain_to_be_wrong(recipe: Path) -> None:
    """Each by itself is what it says."""
    assert found(recipe.read_text("utf-8")) == set()
