"""The examples of docs/devices.md work with the code."""

from __future__ import annotations

import json
import re
from pathlib import Path

from client_connect import Device, OsVersion
from client_connect.handler import GATHERING_S, REGISTERING_S
from client_connect.sources.dynamodb import ATTEMPTS, CONNECT_TIMEOUT_S, READ_TIMEOUT_S
from client_connect.sources.items import device_of, waivers_item, waivers_of
from client_connect_tools import Policies, check, lint
from tests.support.programs import run_program

DOCS = (Path(__file__).parents[2] / "docs" / "devices.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    """Return the examples in one language."""
    return re.findall(rf"^```{language}\n(.*?)^```", DOCS, re.DOTALL | re.MULTILINE)


def test_the_app_synthesizes_without_a_warning(tmp_path: Path) -> None:
    """The example synthesizes, without a warning."""
    (app,) = blocks("python")
    result = run_program(app, folder=tmp_path)
    assert (result.returncode, result.stderr) == (0, "")


def test_the_policies_have_no_findings() -> None:
    """The Cedar examples have neither errors nor anything doubtful, together."""
    examples = blocks("cedar")
    assert len(examples) == 2
    policies = Policies.from_string("".join(examples))
    assert check(policies) == []
    assert lint(policies) == []


def test_the_items_are_in_the_format_that_the_handler_reads() -> None:
    """The device and the waiver are in the format that the handler reads."""
    device, waivers = (json.loads(block) for block in blocks("json"))
    found = device_of(device)
    assert (found.compliant, found.os) == (True, OsVersion(10, 0, 22631))
    assert (found.tags, device_of({"commonName": device["commonName"]})) == ({"owner": "finance"}, Device())
    assert waivers_item(waivers_of(waivers)) == waivers


def test_the_time_limits() -> None:
    """The numbers of the text are those of the code."""
    text = " ".join(DOCS.split())
    assert (
        f"waits {CONNECT_TIMEOUT_S:g} second for a connection and {READ_TIMEOUT_S:g} second for an answer"
        in text
    )
    assert ATTEMPTS == 2
    assert f"gives up after {GATHERING_S:g} seconds in all" in text
    assert REGISTERING_S == 0.5
