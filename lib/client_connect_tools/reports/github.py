"""Findings as workflow commands of GitHub Actions, which annotate the lines of a pull request.

Source: https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from client_connect.printable import printable
from client_connect_tools.output.safe_output import print_workflow_command

if TYPE_CHECKING:
    from collections.abc import Iterable

    from client_connect_tools.finding import Finding


def print_commands(findings: Iterable[Finding]) -> None:
    """Print a command for each finding."""
    for finding in findings:
        place: dict[str, object] = {"file": finding.file, "line": finding.line, "col": finding.column}
        if finding.length:
            place["endColumn"] = finding.column + finding.length
        about = f"[{finding.policy}] " if finding.policy else ""
        place["title"] = printable(finding.rule)
        print_workflow_command(finding.severity, place, printable(f"{about}{finding.message}"))
