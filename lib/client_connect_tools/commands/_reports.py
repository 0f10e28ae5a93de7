"""Findings, printed in one of the forms that pipelines read."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from client_connect_tools.reports import github, gitlab, junit, sarif
from client_connect_tools.reports.report_format import ReportFormat

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from client_connect_tools.finding import Finding
    from client_connect_tools.reports.junit import Case
    from client_connect_tools.reports.report_format import PipelineFormat


def print_for_pipeline(
    form: PipelineFormat, findings: Sequence[Finding], cases: Iterable[Case], suite: str
) -> None:
    """Print a report.

    Args:
        form: Which one.
        findings: What was found, in the order of the lines.
        cases: What was looked at, for JUnit.
        suite: What all of it is called there.
    """
    match form:
        case ReportFormat.GITHUB:
            github.print_commands(findings)
        case ReportFormat.GITLAB:
            print(gitlab.report(findings))
        case ReportFormat.SARIF:
            print(sarif.report(findings))
        case ReportFormat.JUNIT:
            print(junit.report(list(cases), suite))
        case _:
            assert_never(form)
