"""The names of endpoints, as every tool knows them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from client_connect import ConnectionRequest, Facts
from client_connect.record import Record
from client_connect_tools import Policies
from client_connect_tools.cli import main
from client_connect_tools.inputs.default_event import DEFAULT_EVENT
from client_connect_tools.replay.reading.facts import of_record

if TYPE_CHECKING:
    from pathlib import Path

POLICIES = """
@id("prod") permit (principal, action, resource)
when { context has endpointName && context.endpointName == "prod" };
"""
TESTS = """
[[test]]
name = "production"
endpoint-name = "prod"
expect = "allow"
by = ["prod"]
variants = [
    {},
    { name = "another", endpoint-name = "dev", expect = "deny" },
]

[[test]]
name = "an endpoint without a name"
expect = "deny"
"""


@pytest.fixture
def policies(tmp_path: Path) -> Path:
    """The policies with their tests."""
    (tmp_path / "vpn.cedar").write_text(POLICIES)
    (tmp_path / "vpn.tests.toml").write_text(TESTS)
    return tmp_path


def run(*arguments: object) -> tuple[int, str]:
    """Run a command; return its status and output."""
    result = CliRunner().invoke(main, list(map(str, arguments)), catch_exceptions=False)
    return result.exit_code, result.stdout


def test_tests_use_the_name(policies: Path) -> None:
    """A variant may have another one; without it the name is absent."""
    status, output = run("test", policies)
    assert (status, " tests passed" in output) == (0, True)
    (policies / "vpn.tests.toml").write_text(TESTS.replace('= "prod"', '= "prd"'))
    status, output = run("test", policies)
    assert (status, 'endpoint-name: "prd"' in output) == (1, True)


@pytest.mark.parametrize(("options", "allowed"), [(["--endpoint-name", "prod"], True), ([], False)])
def test_decide_takes_the_name(policies: Path, options: list[str], *, allowed: bool) -> None:
    """And prints a test that has it."""
    arguments = ["decide", policies, "--username", "bob", *options]
    status, output = run(*arguments, "--json")
    document = json.loads(output)
    assert (status, document["allow"]) == (0, allowed)
    assert document["facts"].get("endpointName") == ("prod" if options else None)
    _, test = run(*arguments, "--as-test")
    assert ('endpoint-name = "prod"' in test) is allowed


def test_a_decision_record_has_the_name() -> None:
    """A replay then decides with it."""
    request = ConnectionRequest.from_event(DEFAULT_EVENT | {"username": "bob"})
    facts = Facts(request, endpoint_name="prod")
    decision = Policies.from_string(POLICIES).authorizer().decide(facts)
    record = Record.of_decision(facts, decision, allow=True, policies="").fields
    logged = json.dumps(record | {"at": facts.now.isoformat(), "allow": True})
    replayed = of_record(json.loads(logged))
    assert replayed.facts.endpoint_name == "prod"
    assert decision.allowed


def test_the_matrix_has_a_row_for_each_name(policies: Path) -> None:
    """Another endpoint and one without a name are another row."""
    _, output = run("matrix", policies, "--output-format", "json")
    rows = [(row["cases"]["endpoint name"], row["decision"]["allow"]) for row in json.loads(output)["rows"]]
    assert rows == [("prod", True), ("any other, no name", False)]


def test_a_proof_may_be_about_the_name(policies: Path) -> None:
    """No connection of an endpoint without a name is allowed."""
    assert run("prove", policies, "--never", "!(context has endpointName)")[0] == 0
    status, output = run(
        "prove", policies, "--never", 'context has endpointName && context.endpointName == "prod"'
    )
    assert (status, 'endpoint-name = "prod"' in output, "--endpoint-name prod" in output) == (1, True, True)
