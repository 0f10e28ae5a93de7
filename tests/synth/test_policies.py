"""Policies at synthesis: every kind of bad one is refused, and what is doubtful is a warning."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import aws_cdk as cdk
import pytest
from aws_cdk.assertions import Annotations, Match

from cdk_client_connect import ClientConnectHandler, InvalidPolicies, InvalidRules, Policies, Rules

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Define = Callable[..., ClientConnectHandler]

ALL = "(principal, action, resource)"
PERMIT = f'@id("all") permit {ALL};\n\n'
NO_INVENTORY = "has none, so context.inventory is always"
BAD = {
    "syntax": f'@id("x") forbid {ALL} when {{ context.platform = "win" }};',
    "template": '@id("x") forbid (principal == ?principal, action, resource);',
    "missing-id": f"forbid {ALL};",
    "repeated-id": f'@id("all") forbid {ALL};',
    "empty-annotation": f'@id("x") @message("") forbid {ALL};',
    "too-long": f'@id("x") @message("{"m" * 256}") forbid {ALL};',
    "shadow-with-value": f'@id("x") @shadow("no") forbid {ALL};',
    "unknown-annotation": f'@id("x") @mesage("m") forbid {ALL};',
    "unknown-lint": f'@id("x") @ignore("y") forbid {ALL};',
    "unresolved-token": '@id("x") permit (principal, action, resource == ClientVpn::Endpoint::"${Token[TOKEN.7]}");',
    "unguarded-attribute": f'@id("x") forbid {ALL} when {{ context.os.major < 10 }};',
    "unknown-attribute": f'@id("x") forbid {ALL} when {{ context has osVersion }};',
    "type": f'@id("x") forbid {ALL} when {{ context.platform == 3 }};',
}


@pytest.mark.parametrize("rule", BAD)
def test_fails_for_a_bad_policy_with_its_place_and_check(handler: Define, tmp_path: Path, rule: str) -> None:
    """A bad policy is refused with file, line, column, id and the name of the check."""
    path = tmp_path / "vpn.cedar"
    path.write_text(PERMIT + BAD[rule])
    with pytest.raises(InvalidPolicies) as caught:
        handler(policies=Policies.from_file(path))
    (finding,) = caught.value.findings
    assert (finding.line, finding.column >= 1, finding.rule) == (3, True, rule)
    assert str(caught.value).startswith(
        f"the policies have 1 problem:\n  {path.as_posix()}:3:{finding.column}: "
    )
    assert str(caught.value).endswith(f"({rule})")


def test_fails_without_a_permit(handler: Define) -> None:
    """A set that would deny everybody is refused."""
    with pytest.raises(InvalidPolicies, match="no policy permits anything"):
        handler(policies=Policies.from_string(f'@id("x") forbid {ALL};'))


def test_doubtful_policies_are_warnings(handler: Define, stack: cdk.Stack) -> None:
    """A lint warns at the handler, and can be acknowledged by its name."""
    defined = handler(policies=Policies.from_string(f'{PERMIT}@id("x") forbid {ALL};', name="vpn.cedar"))
    warning = Match.string_like_regexp(r"vpn.cedar:3:1: \[x\] the forbid has no @message")
    Annotations.from_stack(stack).has_warning("/Stack/Handler", warning)
    cdk.Annotations.of(defined).acknowledge_warning("cdk-client-connect:forbid-without-message")


@pytest.mark.parametrize(
    ("condition", "arguments", "warned"),
    [
        (
            "context.time.minuteOfDay < 420 && context.time.weekday == 1",
            {},
            "context.time.minuteOfDay, context.time.weekday",
        ),
        ('context.time.date == "2026-12-25"', {}, "context.time.date"),
        ("context.time.minuteOfDay < 420", {"time_zone": "UTC"}, ""),
        ("context.time.minuteOfDay < 420", {"time_zone": "Asia/Seoul"}, ""),
        ('context.time.now < datetime("2027-01-01T00:00:00Z")', {}, ""),
    ],
)
def test_a_clock_of_which_nobody_said_the_zone_is_warned_of(
    handler: Define, stack: cdk.Stack, condition: str, arguments: dict[str, str], warned: str
) -> None:
    """Hours in UTC are seldom those of the users."""
    text = f'{PERMIT}@id("x") @message("No.") forbid {ALL} when {{ {condition} }};'
    handler(policies=Policies.from_string(text), **arguments)
    found = Annotations.from_stack(stack).find_warning(
        "*", Match.string_like_regexp("time_zone of the handler")
    )
    assert [warned in str(each.entry.data) for each in found] == ([True] if warned else [])


def test_acknowledged_warnings_are_silent(handler: Define, stack: cdk.Stack) -> None:
    """Who means it says so."""
    defined = handler(policies=Policies.from_string(f'{PERMIT}@id("x") forbid {ALL};'))
    cdk.Annotations.of(defined).acknowledge_warning("cdk-client-connect:forbid-without-message")
    Annotations.from_stack(stack).has_no_warning("*", Match.any_value())


def test_default_policies_are_beyond_doubt(handler: Define, stack: cdk.Stack) -> None:
    """A handler without arguments warns of nothing."""
    handler()
    Annotations.from_stack(stack).has_no_warning("*", Match.any_value())


@pytest.mark.parametrize(
    ("policies", "warning"),
    [
        (Policies.from_rules(Rules(registered_devices=True)), NO_INVENTORY),
        (
            Policies.from_string(f'{PERMIT}@id("x") forbid {ALL} unless {{ principal has compliant }};'),
            NO_INVENTORY,
        ),
        (
            Policies.from_string(
                f'{PERMIT}@id("x") forbid (principal is ClientVpn::Device, action, resource) '
                'when { !principal.hasTag("a") };'
            ),
            NO_INVENTORY,
        ),
        (Policies.from_rules(Rules(connections_per_user=1)), "keeps no registry of connections"),
    ],
)
def test_facts_that_nothing_provides(
    handler: Define, stack: cdk.Stack, policies: Policies, warning: str
) -> None:
    """Policies for devices without an inventory, or for connections without a registry, are a warning."""
    handler(policies=policies)
    Annotations.from_stack(stack).has_warning("/Stack/Handler", Match.string_like_regexp(warning))


@pytest.mark.parametrize("conditions", [" || ".join(["true"] * 5000), f"context{'.a' * 5000} == 1"])
def test_fails_with_what_the_engine_does_not_survive(handler: Define, conditions: str) -> None:
    """Thousands of conditions or members one after the other, which would end the synthesis without a word."""
    with pytest.raises(InvalidPolicies, match="put parentheses around groups of 20"):
        handler(policies=Policies.from_string(f'{PERMIT}@id("x") forbid {ALL} when {{ {conditions} }};'))


def test_what_is_known_at_deployment_only_is_refused_in_rules(stack: cdk.Stack) -> None:
    """A token would be bundled as the text that stands for it, and never equal a name."""
    name = cdk.CfnParameter(stack, "Name")
    number = cdk.CfnParameter(stack, "Number", type="Number")
    networks = cdk.CfnParameter(stack, "Networks", type="CommaDelimitedList")
    with pytest.raises(InvalidRules) as caught:
        Rules(
            blocked_users=["bob", name.value_as_string],
            own_device=f"owner-{name.value_as_string}",
            connections_per_user=number.value_as_number,  # type: ignore[arg-type]
            allowed_networks=networks.value_as_list,
            messages={"hours": f"Ask {stack.region}."},
        )
    problems = str(caught.value)
    for field in ("blocked_users", "own_device", "connections_per_user", "allowed_networks", "messages"):
        assert re.search(
            rf"{field} has (\S+\{{Token\[.*?\]\}}|a number token), which is known at deployment only",
            problems,
        )
