"""A handler within guardrails."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from aws_cdk import aws_lambda as lambda_

from cdk_client_connect import Policies
from cdk_client_connect.errors import InvalidArgument
from client_connect_tools import InvalidPolicies, PolicyTestsFailed

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PERMIT = '@id("everybody") permit (principal, action, resource);'
NO = '@id("no") @message("No.") forbid (principal, action, resource) when { context.platform == "x" };'
TAKEN = '@id("all") permit (principal, action, resource);' + NO
BASELINE = '@id("company") permit (principal in ClientVpn::Group::"company", action, resource);'


def test_a_handler_decides_within_its_guardrails(handler: Callable[..., Any]) -> None:
    """The bundle has both; without policies it permits everyone within the guardrails."""
    defined = handler(policies=Policies.from_string(PERMIT), guardrails=Policies.from_string(BASELINE))
    assert list(defined.policies.digests()) == ["everybody", "guardrails"]
    alone = handler("Alone", guardrails=Policies.from_string(BASELINE))
    assert "guardrails" in alone.policies.digests()
    assert "guardrails" not in handler("Free", policies=Policies.from_string(PERMIT)).policies.digests()


@pytest.mark.parametrize(
    ("guardrails", "error", "problem"),
    [
        ("baseline/", InvalidArgument, "guardrails"),
        (Policies.from_string("permit (principal, action, resource);"), InvalidPolicies, "has no @id"),
        (
            Policies.from_string('@id("no") forbid (principal, action, resource);'),
            InvalidPolicies,
            "no policy permits",
        ),
        (Policies.from_string(TAKEN), InvalidPolicies, "@id is already used"),
    ],
    ids=["no policies", "with errors", "that permit nothing", "with an id of the policies"],
)
def test_fails_for_guardrails_that_cannot_be(
    handler: Callable[..., Any], guardrails: Any, error: type[Exception], problem: str
) -> None:
    """Nothing is defined then."""
    with pytest.raises(error, match=problem):
        handler(policies=Policies.from_string(PERMIT + NO), guardrails=guardrails)


def test_the_tests_of_guardrails_are_about_them_alone(handler: Callable[..., Any], tmp_path: Path) -> None:
    """They run at synthesis, too, as long as tests do."""
    (tmp_path / "baseline.cedar").write_text(BASELINE)
    tests = tmp_path / "baseline.tests.toml"
    tests.write_text('[[test]]\nname = "nobody"\nrequest = { username = "bob" }\nexpect = "deny"\n')
    guardrails = Policies.from_file(tmp_path / "baseline.cedar")
    handler(policies=Policies.from_string(PERMIT), guardrails=guardrails)
    tests.write_text('[[test]]\nname = "nobody"\nrequest = { username = "bob" }\nexpect = "allow"\n')
    with pytest.raises(PolicyTestsFailed, match="nobody"):
        handler("Second", policies=Policies.from_string(PERMIT), guardrails=guardrails)
    handler("Third", policies=Policies.from_string(PERMIT), guardrails=guardrails, policy_tests=False)


def test_fails_for_guardrails_beside_code(handler: Callable[..., Any], tmp_path: Path) -> None:
    """They are in the code."""
    (tmp_path / "x.py").write_text("")
    with pytest.raises(InvalidArgument, match="client-connect bundle --guardrails"):
        handler(code=lambda_.Code.from_asset(str(tmp_path)), guardrails=Policies.from_string(BASELINE))
