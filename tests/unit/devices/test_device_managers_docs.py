"""The pages of the device managers match the code."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_secretsmanager as secretsmanager

import cdk_client_connect
from cdk_client_connect import DeviceSource
from client_connect_devices.brake import Brake
from client_connect_devices.configuration import read_secret, read_source, sync_settings
from client_connect_devices.managers import crowdstrike, intune
from client_connect_devices.record import _UNITS
from client_connect_tools import Policies, check, lint

DOCS = Path(__file__).parents[3] / "docs"
OVERVIEW = (DOCS / "device-managers.md").read_text("utf-8")
PAGES = sorted(DOCS.glob("device-manager-*.md"))


@pytest.fixture(scope="module")
def names() -> dict[str, Any]:
    """The names that the examples use."""
    scope = cdk.Stack(cdk.App(), "Stack")
    secret = secretsmanager.Secret.from_secret_name_v2(scope, "Secret", "credentials")
    public = {name: getattr(cdk_client_connect, name) for name in cdk_client_connect.__all__}
    return {**public, "secret": secret}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_sources_of_a_page_can_be_used(page: Path, names: dict[str, Any]) -> None:
    """And need no more of the secret than the page shows."""
    text = page.read_text("utf-8")
    secrets = [json.loads(each) for each in re.findall(r'\{"\w+": ".*?"\}', text)]
    assert secrets
    sources = re.findall(r"^```py\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    assert sources
    for example in sources:
        found: dict[str, Any] = {}
        exec(example, names, found)  # noqa: S102 - the documentation's own example
        source = found["source"]
        assert isinstance(source, DeviceSource)
        merged = {name: "x" for each in secrets for name in each}
        read_source(json.dumps(source.settings)).credentials(read_secret(json.dumps(merged)))


def test_every_source_has_a_page() -> None:
    """And is in the table of the overview."""
    sources = {each.__name__ for each in DeviceSource.__subclasses__()}
    assert set(re.findall(r"^\| \[?.*?\| `(\w+)` \|", OVERVIEW, re.MULTILINE)) == sources
    assert len(PAGES) == len(sources)
    assert all(f"({page.name})" in OVERVIEW for page in PAGES)


def test_the_metrics_are_those_of_the_records() -> None:
    """All of them."""
    (table,) = re.findall(r"^\| metric \| meaning \|\n(.*?)\n\n", OVERVIEW, re.DOTALL | re.MULTILINE)
    assert set(re.findall(r"`((?:Devices|Sync)\w+)`", table)) == _UNITS.keys()


def test_the_numbers_of_the_brake_and_of_misses() -> None:
    """As the code has them."""
    text = " ".join(OVERVIEW.split())
    assert (Brake().floor, Brake().share) == (5, 0.1)
    assert "more than 5 devices, or 10 percent of those known" in text
    assert sync_settings({}).misses == 3
    assert "After three complete lists in a row" in text


def test_the_clouds_are_named() -> None:
    """Each that can be chosen."""
    for module, page in ((intune, "intune"), (crowdstrike, "crowdstrike")):
        text = (DOCS / f"device-manager-{page}.md").read_text("utf-8")
        assert all(f"`{cloud}`" in text for cloud in module.CLOUDS if cloud != "global")


def test_the_policy_is_sound() -> None:
    """It has neither errors nor anything doubtful next to a permit."""
    (policy,) = re.findall(r"^```cedar\n(.*?)^```", OVERVIEW, re.DOTALL | re.MULTILINE)
    policies = Policies.from_string(policy + '@id("all") permit (principal, action, resource);')
    assert check(policies) == []
    assert [finding for finding in lint(policies) if finding.policy_id == "sensor-runs"] == []
