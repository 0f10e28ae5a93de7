"""The examples of separate apps, one for each team, as docs/composition.md describes them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.support.programs import CONTEXT, OUTDIR, run_program

from .conftest import NO_BUNDLING, recommended_flags

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "composition.md").read_text("utf-8")
APPS = re.findall(r"^\| `(examples/\S+/app\.py)` \| \w+ \|(.*)\|(.*)\|$", PAGE, re.MULTILINE)
LISTED = [path for path, *_ in APPS]


@pytest.fixture(scope="module")
def templates(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """The template of each app, synthesized by itself."""
    found = {}
    for path in LISTED:
        folder = tmp_path_factory.mktemp("app")
        variables = {
            OUTDIR: str(folder / "cdk.out"),
            CONTEXT: json.dumps(recommended_flags() | NO_BUNDLING),
            "CDK_DEFAULT_ACCOUNT": "111111111111",
            "CDK_DEFAULT_REGION": "eu-central-1",
        }
        result = run_program(ROOT / path, folder=folder, variables=variables)
        assert result.returncode == 0, result.stderr
        (template,) = (folder / "cdk.out").glob("*.template.json")
        found[path] = json.loads(template.read_text("utf-8"))
    return found


def test_the_page_lists_every_app() -> None:
    """Of two teams and of four."""
    existing = [*ROOT.glob("examples/two_teams/*/app.py"), *ROOT.glob("examples/four_teams/*/app.py")]
    assert sorted(LISTED) == sorted(path.relative_to(ROOT).as_posix() for path in existing)
    assert len(LISTED) == 6


def test_each_parameter_is_published_before_it_is_read(templates: dict[str, dict[str, Any]]) -> None:
    """In the order of the page, by the app that the page says."""
    published: dict[str, set[str]] = {"two": set(), "four": set()}
    for path, publishes, _ in APPS:
        template = templates[path]
        teams = path.split("/")[1].removesuffix("_teams")
        read = {
            each["Default"]
            for each in template["Parameters"].values()
            if each["Type"].startswith("AWS::SSM") and "bootstrap" not in each["Default"]
        }
        assert read <= published[teams]
        names = {
            each["Properties"]["Name"]
            for each in template["Resources"].values()
            if each["Type"] == "AWS::SSM::Parameter"
        }
        assert names == set(re.findall(r"`(/\S+)`", publishes))
        published[teams] |= names


def test_endpoints_ask_the_published_handler(templates: dict[str, dict[str, Any]]) -> None:
    """By its alias, which the security team's parameter has."""
    for teams in ("two_teams", "four_teams"):
        network = templates[f"examples/{teams}/network/app.py"]
        (endpoint,) = (
            each["Properties"]
            for each in network["Resources"].values()
            if each["Type"] == "AWS::EC2::ClientVpnEndpoint"
        )
        reference = endpoint["ClientConnectOptions"]["LambdaFunctionArn"]["Ref"]
        assert network["Parameters"][reference]["Default"] == "/vpn/handler-arn"
        security = templates[f"examples/{teams}/security/app.py"]["Resources"]
        (value,) = (
            each["Properties"]["Value"]["Ref"]
            for each in security.values()
            if each["Type"] == "AWS::SSM::Parameter" and each["Properties"]["Name"] == "/vpn/handler-arn"
        )
        assert security[value]["Type"] == "AWS::Lambda::Alias"
