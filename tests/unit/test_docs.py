"""The documentation's examples are real, and its lists are complete."""

from __future__ import annotations

import importlib.util
import inspect
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

import cdk_client_connect
import client_connect_tools
from acceptance.checks import CLAIMS
from cdk_client_connect.final_templates import _function as _final_function
from cdk_client_connect.monitoring._alarm_definitions import DEFINITIONS
from client_connect import InvalidPolicySet, InvalidRequest
from client_connect.handler import EndpointNotAnswered, TimeNearlyUsedUp
from client_connect.sources.connection_registry import NotCounted, RequestTooLarge
from client_connect_tools import LINTS, Policies, advice, check, lint, native, replay
from client_connect_tools.cedar import parsing
from client_connect_tools.checking import (
    annotations,
    checks,
    custom_schema,
    network_names,
    reviewed_files,
    type_errors,
)
from client_connect_tools.checking.lints import EXACT
from client_connect_tools.cli import main
from client_connect_tools.inputs import messages
from client_connect_tools.native import _types
from client_connect_tools.native.trust_data import CONTEXT, Attribute
from client_connect_tools.proving.lints import lint_exactly
from tests.support.programs import run_program

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

    from acceptance.claims import Claim
    from client_connect_tools.native.trust_data import Data

ROOT = Path(__file__).parents[2]
DOCS = sorted((ROOT / "docs").glob("*.md"))
RECIPES = sorted((ROOT / "examples" / "policies").glob("*.cedar"))
POLICIES = (ROOT / "docs" / "policies.md").read_text("utf-8")
NATIVE_RECIPES = sorted((ROOT / "examples" / "native-policies").glob("*.cedar"))
NATIVE = (ROOT / "docs" / "native-policies.md").read_text("utf-8")


def program(name: str) -> ModuleType:
    """Import one of the programs that render the documentation."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "docs" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


render_advice: Any = program("render_advice")


render_acceptance: Any = program("render_acceptance")


def blocks(text: str, language: str) -> list[str]:
    """Return the examples in one language."""
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def written(example: str, folder: Path) -> Path:
    """Write an example into a file."""
    file = folder / "example.py"
    file.write_text(example, "utf-8")
    return file


def test_there_are_thirteen_recipes() -> None:
    """Each is in the documentation as it is in its file, and has tests next to it."""
    assert len(RECIPES) == 13
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
    result = CliRunner().invoke(main, ["test", str(path), "--require-coverage"])
    assert result.exit_code == 0, result.output


@pytest.mark.parametrize("path", NATIVE_RECIPES, ids=lambda path: path.stem)
def test_native_recipes_decide_as_their_tests_say(path: Path) -> None:
    """A native recipe is in the documentation, has no findings, and decides as its tests say."""
    assert f"```cedar\n{path.read_text('utf-8')}```" in NATIVE
    policies = Policies.from_file(path)
    assert native.check(policies) + native.lint(policies) == []
    report = native.run_policy_tests(policies, native.read_policy_tests(policies))
    assert (report.failures, report.uncovered, len(report.results) > 0) == ((), (), True)


def test_the_examples_of_native_policies_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first example of native policies synthesizes, the commands end well, and the tests are those of a recipe."""
    construct, _shadow = blocks(NATIVE, "python")
    assert run_program(written(construct, tmp_path), folder=ROOT).returncode == 0
    assert blocks(NATIVE, "cedar") == [path.read_text("utf-8") for path in NATIVE_RECIPES]
    assert blocks(NATIVE, "toml") == [NATIVE_RECIPES[0].with_suffix(".tests.toml").read_text("utf-8")]
    (commands,) = blocks(NATIVE, "sh")
    monkeypatch.chdir(ROOT)
    for command in commands.splitlines():
        name, *arguments = command.split()
        assert name == "client-connect"
        assert CliRunner().invoke(main, arguments).exit_code == 0


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
        shown = f"`{value.type}`" if "<" in value.type else value.type
        yield below, "not documented" if value.type == "Undocumented" else shown, ", ".join(values)


@pytest.mark.parametrize(
    "example", blocks((ROOT / "docs" / "identity-providers.md").read_text("utf-8"), "cedar")
)
def test_policies_for_each_identity_provider_are_sound(example: str) -> None:
    """A reader copies them; each needs a permit next to it, unless it is one."""
    permit = "" if example.count("\npermit") else '@id("all") permit (principal, action, resource);'
    policies = Policies.from_string(f"{permit}{example}")
    assert [*check(policies), *lint(policies)] == []


@pytest.mark.parametrize("example", blocks(POLICIES, "python"))
def test_python_examples_render_policies_without_findings(example: str, tmp_path: Path) -> None:
    """Examples in Python run, and render policies without findings."""
    (windows,) = [text for text in blocks(POLICIES, "text") if text.startswith("ticket;")]
    (tmp_path / "windows.csv").write_text(windows, "utf-8")
    result = run_program(example, folder=tmp_path)
    assert result.returncode == 0
    networks = {"office": ["198.51.100.0/24"]}
    assert check(Policies.from_string(result.stdout, networks=networks)) == []


SHARED = inspect.getsource(parsing)
OF_THE_HANDLER = "".join(
    map(
        inspect.getsource,
        (annotations, checks, custom_schema, messages, network_names, reviewed_files, type_errors),
    )
)
OF_NATIVE = "".join(map(inspect.getsource, (native.checks, reviewed_files, _types)))
WARNING = re.compile(r"cdk-client-connect::?([A-Za-z]+)")
# The names of findings in the final template.
FINAL = re.compile(r'(?:rule=|self\._deviation\()"([A-Za-z]+)"')
OF_A_PROPERTY = re.compile(r'self\._warning\(\s*"([A-Za-z]+)"')


def rules(source: str) -> set[str]:
    """Return the names of checks in a source."""
    found = re.findall(r'"((?:[a-z]+-)+[a-z]+|syntax|template|type)",\s', source + SHARED)
    return {*found, "no-permit", "too-deep"}


def synthesis_warnings() -> set[str]:
    """Return the names of the warnings that constructs and checks of the final template add.

    `policies` is the key of metadata. A changed property without its own explanation has that of all.
    """
    sources = [path.read_text("utf-8") for path in (ROOT / "lib" / "cdk_client_connect").rglob("*.py")]
    found = {name for source in sources for pattern in (WARNING, FINAL) for name in pattern.findall(source)}
    return found - {"policies"} | own_explanations() | {"changedProperty"}


def own_explanations() -> set[str]:
    """Return the names of the warnings of changed properties that have an explanation of their own."""
    names = {f"changed{name}" for name in properties_that_may_change()}
    return {name for name in names if [each.name for each in advice.find(name)] == [name]}


def properties_that_may_change() -> set[str]:
    """Return the properties of a function with a warning for another value."""
    of_some = inspect.getsource(_final_function.FunctionCheck)
    return {*_final_function._WARNED, *OF_A_PROPERTY.findall(of_some), "ReservedConcurrentExecutions"}


def exceptions() -> set[str]:
    """Return the names of the errors that a user may meet."""
    modules = (cdk_client_connect, client_connect_tools, replay)
    public = [getattr(module, name) for module in modules for name in module.__all__]
    errors = {each.__name__ for each in public if inspect.isclass(each) and issubclass(each, Exception)}
    return errors - {"ClientConnectError", "InvalidConstructArgument"}


EXPLAINED: dict[advice.Kind, set[str]] = {
    "policy error": rules(OF_THE_HANDLER),
    "policy lint": set(LINTS),
    "native policy error": rules(OF_NATIVE),
    "native policy lint": set(native.LINTS),
    "exception": exceptions(),
    "synthesis warning": synthesis_warnings(),
    "alarm": {each.name for each in DEFINITIONS},
}


@pytest.mark.parametrize("kind", EXPLAINED)
def test_everything_that_is_reported_is_explained(kind: advice.Kind) -> None:
    """Each name that a user may see has its cause, example and fix, and no other has."""
    assert {each.name for each in advice.of_kind(kind)} == EXPLAINED[kind]


@pytest.mark.parametrize("name", sorted({*properties_that_may_change(), "FileSystemConfigs"}))
def test_changed_properties_are_explained(name: str) -> None:
    """By an explanation of their own, or by that of all, however the report shows the name."""
    for shown in (
        f"changed{name}",
        f"cdk-client-connect::changed{name}",
        f"[ack: cdk-client-connect::changed{name}]",
    ):
        (found,) = advice.find(shown)
        assert found.kind == "synthesis warning"
        assert found.name in {f"changed{name}", "changedProperty"}


def test_every_kind_is_explained() -> None:
    """The only kind whose names are known nowhere else is that of errors in records, which are classes."""
    assert advice.FILES.keys() - EXPLAINED.keys() == {"record error"}
    known = {
        InvalidRequest,
        InvalidPolicySet,
        TimeNearlyUsedUp,
        ValueError,
        FileNotFoundError,
        EndpointNotAnswered,
        RequestTooLarge,
        NotCounted,
    }
    assert {each.name for each in advice.of_kind("record error")} == {each.__name__ for each in known}


ALL_ADVICE = advice.every()


@pytest.mark.parametrize("each", ALL_ADVICE, ids=lambda each: f"{each.kind}: {each.name}")
def test_advice_is_complete(each: advice.Advice) -> None:
    """A cause in sentences, an example and steps that are; only alarms say when they fire, within their length."""
    assert each.cause.endswith(".")
    assert each.example
    assert each.fix
    assert all(step.endswith(".") for step in each.fix)
    assert bool(each.fires) is bool(each.first) is (each.kind == "alarm")
    if each.kind == "alarm":
        assert len(each.fix) > 1
        assert len(each.description({})) <= advice.MAX_DESCRIPTION_LENGTH


# Findings that need hundreds of characters, or another file.
NOT_WRITTEN_OUT = {
    "too-deep",
    "too-long",
    "too-large",
    "custom-schema",
    "hidden-character",
    "network-list",
    "inline-networks",
    "expired",
    "unknown-group",
    "unused-network",
}


@pytest.mark.parametrize(
    "each",
    [each for each in ALL_ADVICE if "policy" in each.kind and each.name not in NOT_WRITTEN_OUT],
    ids=lambda each: f"{each.kind}: {each.name}",
)
def test_examples_of_policies_are_real(each: advice.Advice) -> None:
    """The example of an error or a lint is one that it is found in."""
    policies = Policies.from_string(each.example, custom="{ risk: Long }")
    if each.kind.startswith("native"):
        findings = native.check(policies, ("crowdstrike", "jamf")) + native.lint(policies)
        if each.name != "provider-not-configured":
            findings = native.check(policies) + native.lint(policies)
    else:
        findings = check(policies) + lint(policies)
        if each.name in EXACT:
            findings += lint_exactly(policies, since=datetime(2026, 11, 30, tzinfo=UTC))
    assert each.name in {found.rule for found in findings}


@pytest.mark.parametrize("path", render_advice.PAGES, ids=lambda path: path.stem)
def test_pages_have_the_advice(path: Path) -> None:
    """Where they have not, `python docs/render_advice.py` renews them."""
    page = path.read_text("utf-8")
    assert render_advice.rendered(page) == page


def test_every_kind_is_on_a_page() -> None:
    """Each has its block on one of the pages."""
    pages = "".join(path.read_text("utf-8") for path in render_advice.PAGES)
    assert sorted(re.findall(r"<!-- advice: ([a-z ]+) -->", pages)) == sorted(advice.FILES)


@pytest.mark.parametrize(
    "path",
    [*DOCS, *(ROOT / name for name in ("README.md", "CHANGELOG.md", "SECURITY.md"))],
    ids=lambda path: path.stem,
)
def test_links_within_the_project_lead_somewhere(path: Path) -> None:
    """Links within the project lead somewhere."""
    links = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", path.read_text("utf-8"))
    local = [link for link in links if not link.startswith("https://")]
    assert [link for link in local if not (path.parent / link).exists()] == []


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.name)
def test_a_sentence_that_acceptance_cites_stands_in_its_page(claim: Claim) -> None:
    """Verbatim, but for line ends: change it in acceptance/checks too, and its check if the sentence says more."""
    page = re.sub(r"\s+", " ", (ROOT / claim.page).read_text("utf-8"))
    assert claim.sentence in page


def test_the_page_of_acceptance_has_every_claim() -> None:
    """Renew it by: python docs/render_acceptance.py."""
    assert render_acceptance.page() == (ROOT / "docs" / "acceptance.md").read_text("utf-8")
