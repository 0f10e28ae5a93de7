"""``client-connect test``."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from client_connect_tools.commands._settings import (
    PathsArgument,
    paths_or_settings,
    read_handler,
    time_zone_or_settings,
)
from client_connect_tools.commands._shared import (
    FINDINGS,
    FormatOption,
    GuardrailsOption,
    JsonOption,
    NativeOption,
    TrustProviderOption,
    errors_end_the_command,
    read_policies,
    report_format,
    trust_providers,
    wrong_use,
)
from client_connect_tools.commands._writing import require_writable
from client_connect_tools.reports.report_format import ReportFormat

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.text import Text

    from client_connect_tools.finding import Finding
    from client_connect_tools.native import TrustProviderType
    from client_connect_tools.policies import Policies
    from client_connect_tools.reports.junit import Case
    from client_connect_tools.testing.coverage import Coverage
    from client_connect_tools.testing.results import PolicyTestResult
    from client_connect_tools.testing.run import PolicyTestReport


def test(  # noqa: PLR0913 - each parameter is an option
    policies: PathsArgument = None,
    *,
    output_format: FormatOption = None,
    as_json: JsonOption = False,
    require_coverage: Annotated[
        bool, typer.Option("--require-coverage", help="Fail when no test reaches a policy.")
    ] = False,
    coverage: Annotated[
        bool, typer.Option("--coverage", help="Show which conditions are true in no test, or false in none.")
    ] = False,
    coverage_threshold: Annotated[
        float | None,
        typer.Option(
            min=0, max=100, help="Fail when fewer percent of these outcomes are covered; implies --coverage."
        ),
    ] = None,
    coverage_html: Annotated[
        Path | None,
        typer.Option(help="Write the policies, marked by what is covered, to this file; implies --coverage."),
    ] = None,
    time_zone: Annotated[
        str | None, typer.Option(help="The zone of tests that name none. Default: of the settings, else UTC.")
    ] = None,
    guardrails: GuardrailsOption = None,
    native: NativeOption = False,
    trust_provider: TrustProviderOption = None,
) -> None:
    """Run the tests beside policies (*.tests.toml), and show what they do not cover."""
    form = report_format(output_format, as_json=as_json)
    providers = trust_providers(trust_provider, native=native)
    if native and time_zone:
        wrong_use("--time-zone has no meaning with --native, where a policy sees no clock; leave it out")
    if native and guardrails is not None:
        wrong_use("--guardrails has no meaning with --native, whose policies have none; leave it out")
    wants_coverage = coverage or coverage_threshold is not None or coverage_html is not None
    if native and wants_coverage:
        wrong_use("--coverage has no meaning with --native, whose conditions are not followed; leave it out")
    if coverage_html is not None:
        require_writable(coverage_html)
    if native:
        report = _run_native(paths_or_settings(policies), providers)
        tested, covered = None, None
    else:
        tested, report = _run(policies, time_zone_or_settings(time_zone), guardrails)
        covered = _coverage(tested, report) if wants_coverage else None
    _print_as(form, report, tested, covered)
    if covered is not None and tested is not None and coverage_html is not None:
        _write_page(coverage_html, covered, tested)
    too_little = covered is not None and _is_below(covered, coverage_threshold)
    if report.failures or too_little or (require_coverage and report.uncovered):
        raise typer.Exit(FINDINGS)


def _coverage(policies: Policies, report: PolicyTestReport) -> Coverage:
    from client_connect_tools.testing.cases import PolicyTest
    from client_connect_tools.testing.coverage import coverage

    return coverage(
        policies, [each.test.facts for each in report.results if isinstance(each.test, PolicyTest)]
    )


def _is_below(covered: Coverage, threshold: float | None) -> bool:
    if threshold is None or covered.percent >= threshold:
        return False
    print(f"{covered.percent:.1f} % of the outcomes are covered, less than {threshold:g} %", file=sys.stderr)
    return True


def _write_page(file: Path, covered: Coverage, policies: Policies) -> None:
    from client_connect_tools.output.whole_file import write_whole
    from client_connect_tools.testing.coverage_page import page

    write_whole(file, page(covered, policies.sources))


def _run(
    paths: list[Path] | None, time_zone: str, guardrails: Path | None
) -> tuple[Policies, PolicyTestReport]:
    from client_connect_tools.checking.checks import require_sound
    from client_connect_tools.errors import ClientConnectError
    from client_connect_tools.inputs.time_zones import time_zone_named
    from client_connect_tools.testing.cases import read_policy_tests
    from client_connect_tools.testing.run import run_policy_tests

    try:
        time_zone_named(time_zone)
    except ClientConnectError as error:
        wrong_use(error)
    with errors_end_the_command():
        policies = _with_tests(read_handler(paths, guardrails), paths_or_settings(paths))
        require_sound(policies)
        return policies, run_policy_tests(policies, read_policy_tests(policies, time_zone=time_zone))


def _run_native(paths: list[Path], providers: tuple[TrustProviderType, ...]) -> PolicyTestReport:
    from client_connect_tools import native

    with errors_end_the_command():
        policies = _with_tests(read_policies(*paths), paths)
        native.require_sound(policies, providers)
        return native.run_policy_tests(policies, native.read_policy_tests(policies, providers))


def _with_tests(policies: Policies, paths: list[Path]) -> Policies:
    if not policies.test_files:
        given = ", ".join(f'"{path}"' for path in paths)
        wrong_use(f'there are no tests for {given}; write some in "{_test_file(paths[0], policies)}"')
    return policies


def _test_file(path: Path, policies: Policies) -> str:
    from client_connect_tools.commands._python_policies import is_named
    from client_connect_tools.policies import TESTS_SUFFIX

    if is_named(path):
        return f"{str(path).partition(':')[0].replace('.', '/')}{TESTS_SUFFIX}"
    return (path if path.is_file() else Path(policies.sources[0].name)).with_suffix(TESTS_SUFFIX).as_posix()


def _print_as(
    form: ReportFormat, report: PolicyTestReport, policies: Policies | None, covered: Coverage | None
) -> None:
    from client_connect_tools.commands._reports import print_for_pipeline

    if form is ReportFormat.JSON:
        _print_json(report, covered)
    elif form is ReportFormat.TEXT:
        _print(report, policies)
        if covered is not None and policies is not None:
            _print_coverage(covered, policies)
    else:
        found = [*_findings(report), *(covered.findings() if covered is not None else ())]
        print_for_pipeline(form, found, _cases(report), "client-connect test")


def _findings(report: PolicyTestReport) -> list[Finding]:
    from client_connect_tools.finding import Finding

    return [
        Finding(
            file=each.test.file,
            line=each.test.line,
            column=1,
            policy="",
            rule="policy-test-failed",
            message=_difference(each),
        )
        for each in report.failures
    ]


def _cases(report: PolicyTestReport) -> Iterator[Case]:
    from client_connect_tools.reports.junit import Case

    for each in report.results:
        failure = "" if each.passed else _difference(each)
        yield Case(each.test.file, each.test.name, failure, str(each) if failure else "")


def _difference(failed: PolicyTestResult) -> str:
    """Return why a test fails, in one line."""
    from client_connect_tools.files.toml_tables import literal

    differences = (
        f"{each.key}: expected {literal(each.expected)}, got {literal(each.actual)}"
        for each in failed.differences
    )
    return f"{failed.test.name}: {'; '.join(differences)}"


def _print_json(report: PolicyTestReport, covered: Coverage | None) -> None:
    failed = len(report.failures)
    content = {
        "passed": len(report.results) - failed,
        "failed": failed,
        "uncovered": report.uncovered,
        "tests": [result.to_json() for result in report.results],
    }
    if covered is not None:
        content["coverage"] = {
            "percent": round(covered.percent, 1),
            "policies": {id_: round(each.percent, 1) for id_, each in covered.by_policy().items()},
            "missing": [asdict(each) for each in covered.findings()],
        }
    print(json.dumps(content, indent=2))


def _print_coverage(covered: Coverage, policies: Policies) -> None:
    from client_connect_tools.reports.text import print_findings
    from client_connect_tools.testing.coverage_page import summary

    print()
    print_findings(covered.findings(), {source.name: source.text for source in policies.sources})
    for id_, each in covered.by_policy().items():
        print(f"{each.percent:>5.0f} %  {id_}")
    print(summary(covered))


def _why(policies: Policies, failure: PolicyTestResult) -> Text:
    """Return why each policy applied or not, as ``decide`` shows it."""
    from rich.text import Text

    from client_connect_tools.commands._explanation_text import policies_text
    from client_connect_tools.explanation import explain
    from client_connect_tools.testing.cases import PolicyTest

    if not isinstance(failure.test, PolicyTest):
        return Text()
    explanation = explain(
        policies.text, failure.test.facts, custom=policies.custom, networks=policies.network_table
    )
    lines = policies_text(explanation).split("\n")
    return Text("\n").join(Text("  ") + line for line in lines if line.plain)


def _print(report: PolicyTestReport, policies: Policies | None) -> None:
    from client_connect_tools.output.safe_output import console
    from client_connect_tools.testing.results import place

    terminal = console(soft_wrap=True)
    for result in report.results:
        mark, style = ("passed", "green") if result.passed else ("FAILED", "bold red")
        terminal.print(mark, style=style, end=" ")
        terminal.print(place(result.test))
    for failure in report.failures:
        terminal.print(f"\n{failure}")
        if policies is not None:
            terminal.print(_why(policies, failure))
    terminal.print()
    failed, total = len(report.failures), len(report.results)
    summary = f"{failed} of {total} tests failed" if failed else f"{total} tests passed"
    terminal.print(
        summary if total > 1 else summary.replace("tests", "test"), style="red" if failed else "green"
    )
    if report.uncovered:
        terminal.print(f"no test reaches: {', '.join(report.uncovered)}", style="yellow")
