"""The one table of platforms and versions: what the code does with it, and how the documentation shows it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from client_connect import Authorizer, ConnectionRequest, Facts
from client_connect_tools import MinimumVersion, Policies, Rules, lint
from client_connect_tools.inputs.client_spellings import (
    CLIENT_VERSIONS,
    OTHER_NAMES,
    PLATFORMS,
    WINDOWS_VERSIONS,
)
from client_connect_tools.inputs.default_event import DEFAULT_EVENT
from client_connect_tools.inputs.misspellings import misspellings

if TYPE_CHECKING:
    from client_connect_tools.inputs.client_spellings import Spelling

PAGE = (Path(__file__).parents[3] / "docs" / "client-versions.md").read_text("utf-8")
MINIMUM = (10, 0, 19045)


def facts(**fields: str) -> Facts:
    """Return the facts of a request with these fields."""
    event = {
        **DEFAULT_EVENT,
        "username": "bob",
        **{name.replace("_", "-"): text for name, text in fields.items()},
    }
    return Facts(ConnectionRequest.from_event(event))


def version(numbers: dict[str, int] | None) -> str | None:
    """Return numbers as the table has them."""
    return None if numbers is None else ".".join(map(str, numbers.values()))


@pytest.mark.parametrize("platform", ["win", "Win", "WIN"])
@pytest.mark.parametrize("spelling", WINDOWS_VERSIONS, ids=lambda each: each.text)
def test_a_windows_version(spelling: Spelling, platform: str) -> None:
    """Policies see what the table says, and only a text that no client sends is called a misspelling."""
    seen = facts(platform=platform, platform_version=spelling.text)
    assert version(seen.cedar_request()["context"].get("os")) == spelling.version
    assert [key for key, _ in misspellings(seen.request)] == ([] if spelling.source else ["platform-version"])


@pytest.mark.parametrize("field", ["client_openvpn_version", "aws_client_version"])
@pytest.mark.parametrize("spelling", CLIENT_VERSIONS, ids=lambda each: each.text)
def test_a_client_version(spelling: Spelling, field: str) -> None:
    """OpenVPN's and the AWS provided client's are read alike."""
    name = {"client_openvpn_version": "openvpn", "aws_client_version": "awsClient"}[field]
    assert version(facts(**{field: spelling.text}).cedar_request()["context"].get(name)) == spelling.version


@pytest.mark.parametrize("name", [*PLATFORMS, *OTHER_NAMES])
def test_other_names_of_a_platform_are_reported(name: str) -> None:
    """Names of clients are accepted, and other names for them are reported, by tests and by Rules."""
    is_other = name in OTHER_NAMES
    assert [key for key, _ in misspellings(facts(platform=name.upper()).request)] == ["platform"] * is_other
    policies = Policies.from_string(
        f'@id("x") permit (principal, action, resource) when {{ context.platform == "{name}" }};'
    )
    assert [finding.rule for finding in lint(policies)] == ["impossible-value"] * is_other


@pytest.mark.parametrize("unknown", ["allow", "deny"])
@pytest.mark.parametrize("spelling", WINDOWS_VERSIONS, ids=lambda each: each.text)
def test_no_older_windows_meets_a_minimum(spelling: Spelling, unknown: str) -> None:
    """Known to be older is denied in every spelling; what the text does not say, `unknown` decides."""
    numbers = tuple(map(int, (spelling.version or "").split("."))) if spelling.version else ()
    is_known = bool(numbers) and (len(numbers) > 2 or numbers != MINIMUM[:2])
    expected = numbers >= MINIMUM if is_known else unknown == "allow"
    rules = Rules(minimum_windows=MinimumVersion("10.0.19045", unknown=unknown))  # type: ignore[arg-type]
    decision = Authorizer(rules.to_cedar()).decide(facts(platform_version=spelling.text))
    assert decision.allowed is expected


def test_the_documentation_shows_the_tables() -> None:
    """Every row, in the same order, and no other."""
    documented = re.findall(r"^\| (.*) \|$", PAGE, re.MULTILINE)
    expected = [
        "`context.platform` | platform",
        *(f"`{name}` | {title}" for name, title in PLATFORMS.items()),
    ]
    for attribute, table in (("os", WINDOWS_VERSIONS), ("openvpn", CLIENT_VERSIONS)):
        expected.append(f"as sent | `context.{attribute}` | sent by")
        for each in table:
            shown = "absent" if each.version is None else f"`{each.version}`"
            expected.append(f"`{each.text}` | {shown} | {each.source or 'no client'}")
    assert documented == expected
    assert all(f"`{name}`" in PAGE for name in OTHER_NAMES)
