"""The documentation's examples are real, and its lists are complete."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

import cdk_client_connect
import client_connect_tools
from client_connect_tools import LINTS, Policies, check, checks, custom_schema, finding, lint, replay

ROOT = Path(__file__).parents[2]
DOCS = sorted((ROOT / "docs").glob("*.md"))
RECIPES = sorted((ROOT / "examples" / "policies").glob("*.cedar"))
POLICIES = (ROOT / "docs" / "policies.md").read_text("utf-8")
ERRORS = (ROOT / "docs" / "errors.md").read_text("utf-8")


def blocks(text: str, language: str) -> list[str]:
    """Return the examples in one language."""
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def test_there_are_ten_recipes() -> None:
    """Each is in the documentation as it is in its file, and has tests beside it."""
    assert len(RECIPES) == 10
    assert sorted(blocks(POLICIES, "cedar")) == sorted(path.read_text("utf-8") for path in RECIPES)
    assert all(path.with_suffix(".tests.toml").is_file() for path in RECIPES)


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_recipes_are_sound(path: Path) -> None:
    """A recipe has neither errors nor anything doubtful."""
    policies = Policies.from_file(path)
    assert check(policies) == []
    assert lint(policies) == []


def test_the_demo_sets_a_good_example() -> None:
    """The policies of the demo have neither errors nor anything doubtful."""
    policies = Policies.from_directory(ROOT / "local_aws" / "demo_policies")
    assert check(policies) == []
    assert lint(policies) == []


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_recipes_pass_their_tests(path: Path) -> None:
    """A recipe decides as its tests say, and every policy in it is tested."""
    command = [sys.executable, "-m", "client_connect_tools", "test", str(path), "--require-coverage"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("example", blocks(POLICIES, "python"))
def test_python(example: str) -> None:
    """Examples in Python run, and render policies without findings."""
    result = subprocess.run([sys.executable, "-c", example], capture_output=True, text=True, check=True)
    assert check(Policies.from_string(result.stdout)) == []


def test_every_check_and_lint_is_documented() -> None:
    """errors.md names each check and lint, and no other."""
    documented = set(re.findall(r"^\| `([a-z-]+)` \|", ERRORS, re.MULTILINE))
    source = "".join(map(inspect.getsource, (checks, custom_schema, finding)))
    errors = set(re.findall(r'"((?:[a-z]+-)+[a-z]+|syntax|template|type)",\s', source)) | {"no-permit"}
    assert documented == errors | set(LINTS)


def test_every_error_class_is_documented() -> None:
    """errors.md names each error that a user may meet."""
    modules = (cdk_client_connect, client_connect_tools, replay)
    public = [getattr(module, name) for module in modules for name in module.__all__]
    errors = {each.__name__ for each in public if inspect.isclass(each) and issubclass(each, Exception)}
    assert errors - {"ClientConnectError", "InvalidHandler"} == set(
        re.findall(
            r"^\| `((?:Invalid|Policy|Bundle|Unreadable)\w+)` \|",
            ERRORS.split("## In decision records")[0],
            re.MULTILINE,
        )
    )


@pytest.mark.parametrize(
    "path", [*DOCS, ROOT / "README.md", ROOT / "CHANGELOG.md"], ids=lambda path: path.stem
)
def test_links(path: Path) -> None:
    """Links within the project lead somewhere."""
    links = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", path.read_text("utf-8"))
    local = [link for link in links if not link.startswith("https://")]
    assert [link for link in local if not (path.parent / link).exists()] == []
