"""``client-connect test``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from client_connect_tools.commands._shared import (
    FINDINGS,
    JsonOption,
    NativeOption,
    PoliciesArgument,
    TrustProviderOption,
    errors_end_the_command,
    read_policies,
    trust_providers,
    wrong_use,
)

if TYPE_CHECKING:
    from client_connect_tools.native import TrustProviderType
    from client_connect_tools.policies import Policies
    from client_connect_tools.testing.run import PolicyTestReport


def test(  # noqa: PLR0913 - each parameter is an option
    policies: Annotated[Path, typer.Argument(help=PoliciesArgument)],
    *,
    as_json: JsonOption = False,
    require_coverage: Annotated[
        bool, typer.Option("--require-coverage", help="Fail when no test reaches a policy.")
    ] = False,
    time_zone: Annotated[
        str | None, typer.Option(help="The time zone of the tests that name none. Default: UTC.")
    ] = None,
    native: NativeOption = False,
    trust_provider: TrustProviderOption = None,
) -> None:
    """Run the tests beside policies (*.tests.toml), and show what they do not cover."""
    providers = trust_providers(trust_provider, native=native)
    if native and time_zone:
        wrong_use("--time-zone has no meaning with --native, where a policy sees no clock; leave it out")
    report = _run_native(policies, providers) if native else _run(policies, time_zone or "UTC")
    (_print_json if as_json else _print)(report)
    if report.failures or (require_coverage and report.uncovered):
        raise typer.Exit(FINDINGS)


def _run(path: Path, time_zone: str) -> PolicyTestReport:
    from client_connect_tools.checking.checks import require_sound
    from client_connect_tools.inputs.time_zones import time_zone_names
    from client_connect_tools.testing.cases import read_policy_tests
    from client_connect_tools.testing.run import run_policy_tests

    if time_zone not in time_zone_names():
        wrong_use(f'time zone "{time_zone}" is not known; use an IANA name such as "Europe/Berlin"')
    with errors_end_the_command():
        policies = _tested_policies(path)
        require_sound(policies)
        return run_policy_tests(policies, read_policy_tests(policies, time_zone=time_zone))


def _run_native(path: Path, providers: tuple[TrustProviderType, ...]) -> PolicyTestReport:
    from client_connect_tools import native

    with errors_end_the_command():
        policies = _tested_policies(path)
        native.require_sound(policies, providers)
        return native.run_policy_tests(policies, native.read_policy_tests(policies, providers))


def _tested_policies(path: Path) -> Policies:
    policies = read_policies(path)
    if not policies.test_files:
        wrong_use(f'there are no tests for "{path}"; write some in "{_test_file(path, policies)}"')
    return policies


def _test_file(path: Path, policies: Policies) -> str:
    from client_connect_tools.policies import TESTS_SUFFIX

    return (path if path.is_file() else Path(policies.sources[0].name)).with_suffix(TESTS_SUFFIX).as_posix()


def _print_json(report: PolicyTestReport) -> None:
    failed = len(report.failures)
    content = {
        "passed": len(report.results) - failed,
        "failed": failed,
        "uncovered": report.uncovered,
        "tests": [result.to_json() for result in report.results],
    }
    print(json.dumps(content, indent=2))


def _print(report: PolicyTestReport) -> None:
    from client_connect_tools.output.safe_output import console
    from client_connect_tools.testing.results import place

    terminal = console(soft_wrap=True)
    for result in report.results:
        mark, style = ("passed", "green") if result.passed else ("FAILED", "bold red")
        terminal.print(mark, style=style, end=" ")
        terminal.print(place(result.test))
    for failure in report.failures:
        terminal.print(f"\n{failure}")
    terminal.print()
    failed, total = len(report.failures), len(report.results)
    summary = f"{failed} of {total} tests failed" if failed else f"{total} tests passed"
    terminal.print(
        summary if total > 1 else summary.replace("tests", "test"), style="red" if failed else "green"
    )
    if report.uncovered:
        terminal.print(f"no test reaches: {', '.join(report.uncovered)}", style="yellow")
