"""README's examples run, and its statements about the code hold."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any

import pytest

from cdk_client_connect import ClientConnectHandler, MinimumVersion, Rules
from client_connect import Authorizer, ConnectionRequest, Facts
from client_connect_tools import Policies, check
from tests.support.programs import run_program

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")


def examples(language: str) -> list[str]:
    """Return the examples in one language."""
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("example", examples("python"), ids=lambda text: text.splitlines()[0])
def test_each_python_example_runs_as_it_stands(example: str, tmp_path: Path) -> None:
    """Each example in Python runs as it stands, in a folder of its own."""
    result = run_program(example, folder=tmp_path)
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.parametrize(
    ("sent", "allowed"),
    [
        ({}, True),
        ({"common-name": "lost"}, False),
        ({"platform": "linux"}, False),
        ({"platform-version": "10.0.17763,amd64"}, False),
    ],
    ids=["a laptop", "a lost one", "another platform", "an old Windows"],
)
def test_the_first_example_decides_what_its_endpoint_sends(sent: dict[str, str], allowed: bool) -> None:  # noqa: FBT001
    """Each of its rules denies somebody under mutual authentication alone, where there are no users."""
    example = examples("python")[0]
    assert "user_based_authentication" not in example
    definition = example[example.index("rules = ") : example.index("ec2.Vpc")]
    names: dict[str, Any] = {"Rules": Rules, "MinimumVersion": MinimumVersion}
    exec(definition, names)  # noqa: S102 - the documented text itself
    event = {
        "connection-id": "cvpn-connection-1",
        "endpoint-id": "cvpn-endpoint-1",
        "common-name": "laptop-1",
        "username": "",
        "platform": "win",
        "platform-version": "10.0.22631,amd64",
        "public-ip": "198.51.100.7",
        "client-openvpn-version": "2.7.0",
        "groups": [],
        "schema-version": "v3",
    } | sent
    authorizer = Authorizer(Policies.from_rules(names["rules"]).text)
    decision = authorizer.decide(Facts(ConnectionRequest.from_event(event)))
    assert (decision.allowed, decision.errors) == (allowed, ())


def test_first_example_is_short() -> None:
    """The first example has at most 15 lines of code."""
    lines = [line for line in examples("python")[0].splitlines() if line.strip()]
    assert len(lines) <= 15


@pytest.mark.parametrize("example", examples("cedar"))
def test_each_cedar_example_passes_the_checks(example: str) -> None:
    """Each example in Cedar passes the checks."""
    assert check(Policies.from_string(example)) == []


def test_the_commands_are_targets_of_the_makefile() -> None:
    """The commands of README are targets of the Makefile."""
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    assert {"demo", "test"} <= set(targets)


def test_table_of_defaults_is_complete() -> None:
    """The table of defaults names every keyword, and no other."""
    (table,) = re.findall(r"## Defaults\n\n(.*?)\n\n", README, re.DOTALL)
    rows = table.splitlines()[2:]
    named = {name for row in rows for name in re.findall(r"`(\w+)`", row.split("|")[1])}
    keywords = set(inspect.signature(ClientConnectHandler.__init__).parameters) - {"self", "scope", "id"}
    assert named == keywords


def test_links_within_the_project_lead_somewhere() -> None:
    """Links within the project lead somewhere."""
    links = [link for link in re.findall(r"\]\(([^)]+)\)", README) if not link.startswith("https://")]
    assert links
    assert [link for link in links if not (ROOT / link.partition("#")[0]).exists()] == []
