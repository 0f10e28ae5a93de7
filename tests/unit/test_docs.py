"""The documentation's examples are real, and its lists are complete."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import cdk_client_connect
import client_connect_tools
from client_connect_tools import (
    LINTS,
    Policies,
    _messages,
    _network_names,
    _reviewed_files,
    _validation,
    check,
    checks,
    custom_schema,
    finding,
    lint,
    native,
    replay,
)
from client_connect_tools.native.trust_data import CONTEXT, Attribute

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from client_connect_tools.native.trust_data import Data

ROOT = Path(__file__).parents[2]
DOCS = sorted((ROOT / "docs").glob("*.md"))
RECIPES = sorted((ROOT / "examples" / "policies").glob("*.cedar"))
POLICIES = (ROOT / "docs" / "policies.md").read_text("utf-8")
NATIVE_RECIPES = sorted((ROOT / "examples" / "native-policies").glob("*.cedar"))
NATIVE = (ROOT / "docs" / "native-policies.md").read_text("utf-8")
ERRORS = (ROOT / "docs" / "errors.md").read_text("utf-8")


def blocks(text: str, language: str) -> list[str]:
    """Return the examples in one language."""
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def test_there_are_twelve_recipes() -> None:
    """Each is in the documentation as it is in its file, and has tests beside it."""
    assert len(RECIPES) == 12
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


@pytest.mark.parametrize("path", NATIVE_RECIPES, ids=lambda path: path.stem)
def test_native_recipes(path: Path) -> None:
    """A native recipe is in the documentation, has no findings, and decides as its tests say."""
    assert f"```cedar\n{path.read_text('utf-8')}```" in NATIVE
    policies = Policies.from_file(path)
    assert native.check(policies) + native.lint(policies) == []
    report = native.run_policy_tests(policies, native.read_policy_tests(policies))
    assert (report.failures, report.uncovered, len(report.results) > 0) == ((), (), True)


def test_native_examples() -> None:
    """The first example of native policies synthesizes, the commands end well, and the tests are those of a recipe."""
    construct, _shadow = blocks(NATIVE, "python")
    subprocess.run([sys.executable, "-c", construct], check=True, cwd=ROOT, capture_output=True)
    assert blocks(NATIVE, "cedar") == [path.read_text("utf-8") for path in NATIVE_RECIPES]
    assert blocks(NATIVE, "toml") == [NATIVE_RECIPES[0].with_suffix(".tests.toml").read_text("utf-8")]
    (commands,) = blocks(NATIVE, "sh")
    for command in commands.splitlines():
        name, *arguments = command.split()
        assert name == "client-connect"
        subprocess.run(
            [sys.executable, "-m", "client_connect_tools", *arguments],
            check=True,
            cwd=ROOT,
            capture_output=True,
        )


def test_native_attributes_are_documented() -> None:
    """The table of what a native policy sees is the one that policies are checked against."""
    rows = re.findall(r"^\| `(context[^`]+)` \| (\S[^|]*?) \| (.*?)\s*\|$", NATIVE, re.MULTILINE)
    assert rows == list(attributes("context", CONTEXT))


def attributes(path: str, data: Data) -> Iterator[tuple[str, str, str]]:
    """Yield the rows of the table."""
    for name, value in data.items():
        below = f"{path}.{name}" if name.isidentifier() else f'{path}["{name}"]'
        if not isinstance(value, Attribute):
            yield from attributes(below, value)
            continue
        values = [f"`{each}`" for each in value.values]
        if isinstance(value.values, range):
            values = [f"{value.values[0]} to {value.values[-1]}"]
        yield below, "not documented" if value.type == "Undocumented" else value.type, ", ".join(values)


@pytest.mark.parametrize("example", blocks(POLICIES, "python"))
def test_python(example: str) -> None:
    """Examples in Python run, and render policies without findings."""
    result = subprocess.run([sys.executable, "-c", example], capture_output=True, text=True, check=True)
    networks = {"office": ["198.51.100.0/24"]}
    assert check(Policies.from_string(result.stdout, networks=networks)) == []


MESSAGES = inspect.getsource(_messages)
SHARED = "".join(map(inspect.getsource, (finding, _validation, _reviewed_files, _network_names)))


@pytest.mark.parametrize(
    ("section", "source", "lints"),
    [
        (
            "In policies",
            inspect.getsource(checks) + inspect.getsource(custom_schema) + MESSAGES + SHARED,
            LINTS,
        ),
        (
            "In native authorization policies",
            inspect.getsource(native.checks) + SHARED.replace('"unknown-network"', ""),
            native.LINTS,
        ),
    ],
    ids=["handler", "native"],
)
def test_every_check_and_lint_is_documented(section: str, source: str, lints: Collection[str]) -> None:
    """errors.md names each check and lint of either kind of policies, and no other."""
    errors = set(re.findall(r'"((?:[a-z]+-)+[a-z]+|syntax|template|type)",\s', source)) | {
        "no-permit",
        "too-deep",
    }
    assert names(f"{section}: errors") == errors
    assert names(f"{section}: lints") == set(lints)


def names(section: str) -> set[str]:
    """Return what is in the first column of a section of errors.md."""
    (text,) = re.findall(rf"^## {section}\n(.*?)(?=^## )", ERRORS, re.DOTALL | re.MULTILINE)
    return {
        name
        for cell in re.findall(r"^\| (`.*?`) \|", text, re.MULTILINE)
        for name in re.findall(r"`(.+?)`", cell)
    }


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
    "path",
    [*DOCS, *(ROOT / name for name in ("README.md", "CHANGELOG.md", "SECURITY.md"))],
    ids=lambda path: path.stem,
)
def test_links(path: Path) -> None:
    """Links within the project lead somewhere."""
    links = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", path.read_text("utf-8"))
    local = [link for link in links if not link.startswith("https://")]
    assert [link for link in local if not (path.parent / link).exists()] == []
