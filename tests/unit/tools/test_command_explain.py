"""`client-connect explain`: the cause, an example and the fix of everything that is reported."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from client_connect_tools import advice
from client_connect_tools.cli import main

if TYPE_CHECKING:
    from typer.testing import Result


def run(*arguments: str) -> Result:
    """Run the command."""
    return CliRunner().invoke(main, ["explain", *arguments])


@pytest.mark.parametrize("each", advice.every(), ids=lambda each: f"{each.kind}: {each.name}")
def test_everything_can_be_explained(each: advice.Advice) -> None:
    """By its name, with the cause, the example and each step."""
    result = run(each.name)
    assert result.exit_code == 0
    assert f"{each.name} ({each.kind})" in result.stdout
    for text in (each.cause, *each.fix):
        assert advice.plain(text) in result.stdout
    assert all(f"  {line}\n" in result.stdout for line in each.example.splitlines())


@pytest.mark.parametrize(
    ("given", "kinds"),
    [
        ("(unguarded-attribute)", {"policy error", "native policy error"}),
        ("UNGUARDED-ATTRIBUTE", {"policy error", "native policy error"}),
        ("impossible-value", {"policy lint", "native policy lint"}),
        ("cdk-client-connect:noExtraFacts", {"synthesis warning"}),
        ("cdk-client-connect:forbid-without-message", {"policy lint"}),
        ("noextrafacts", {"synthesis warning"}),
        ("[ack: cdk-client-connect:noExtraFacts]", {"synthesis warning"}),
        ("cdk-client-connect::changedHandler", {"synthesis warning"}),
        ("cdk-client-connect::changedFileSystemConfigs", {"synthesis warning"}),
        ("InvalidPolicies", {"exception"}),
        ("HandlerErrors", {"alarm"}),
        ("HandlerTimeouts-ClientVpn-Endpoint", {"alarm"}),
        ("ClientVpn-MonitoringHandlerErrors1A2B3C4D-ABCDEFGHIJKL", {"alarm"}),
    ],
)
def test_names_as_they_are_reported(given: str, kinds: set[str]) -> None:
    """A finding has brackets, a warning a prefix, an alarm what CloudFormation adds; a name may be of several kinds."""
    found = json.loads(run(given, "--json").stdout)
    assert {each["kind"] for each in found} == kinds


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("unguarded", '"unguarded-attribute"'),
        ("HandlerError", '"HandlerErrors"'),
        ("InvalidPolicy", '"InvalidPolicies"'),
        ("no-extra-facts", '"noExtraFacts"'),
    ],
)
def test_an_unknown_name_is_answered_by_near_ones(given: str, meant: str) -> None:
    """The status is that of wrong use."""
    result = run(given)
    assert (result.exit_code, result.stdout) == (2, "")
    assert f'by the name "{given}"; did you mean ' in result.stderr
    assert meant in result.stderr


def test_a_name_that_is_near_to_none() -> None:
    """Then the list helps."""
    result = run("qqqqqqqq")
    assert result.exit_code == 2
    assert result.stderr.endswith("client-connect explain lists every name\n")


def test_without_a_name_everything_is_listed() -> None:
    """By kind, one line each; as JSON with every field."""
    lines = run().stdout.splitlines()
    assert [line for line in lines if not line.startswith(" ")] == [f"{kind}s:" for kind in advice.FILES]
    assert len(lines) == len(advice.every()) + len(advice.FILES)
    listed = json.loads(run("--json").stdout)
    assert [each["name"] for each in listed] == [each.name for each in advice.every()]
    assert set(listed[0]) == {"name", "kind", "cause", "example", "fix", "fires", "first"}
