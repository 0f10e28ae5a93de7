"""Findings for people: each with the line of the policy that it is about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from client_connect_tools.output.safe_output import console

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.console import Console

    from client_connect_tools.finding import Finding

_STYLES = {"error": "bold red", "warning": "yellow"}
_WIDEST = 160


def print_findings(findings: Sequence[Finding], texts: Mapping[str, str]) -> None:
    """Print findings.

    Args:
        findings: In the order of the lines.
        texts: The texts that they are about, by the names of the files.
    """
    terminal = console(soft_wrap=True)
    for finding in findings:
        terminal.print(f"{finding.severity}:", style=_STYLES[finding.severity], end=" ")
        terminal.print(str(finding))
        if finding.length and (text := texts.get(finding.file)) is not None:
            _print_line(terminal, finding, text)


def summary(findings: Sequence[Finding], what: str) -> str:
    """Return a sentence on how many there are.

    Args:
        findings: All of them.
        what: What was looked at, such as ``3 policies``.
    """
    errors = sum(each.severity == "error" for each in findings)
    counts = [(errors, "error"), (len(findings) - errors, "warning")]
    said = [f"{count} {name}{'' if count == 1 else 's'}" for count, name in counts if count]
    return f"{what}: {' and '.join(said) or 'nothing found'}"


def _print_line(terminal: Console, finding: Finding, text: str) -> None:
    """Print the line, and a mark below what is meant; of a long line, the part around it."""
    line = text.split("\n")[finding.line - 1].expandtabs(1)
    first = max(0, finding.column - 1 + finding.length - _WIDEST) if len(line) > _WIDEST else 0
    number = str(finding.line)
    terminal.print(f"  {number} | {line[first : first + _WIDEST]}")
    mark = " " * (finding.column - 1 - first) + "^" * min(finding.length, _WIDEST)
    terminal.print(f"  {' ' * len(number)} | ", end="")
    terminal.print(mark, style=_STYLES[finding.severity])
