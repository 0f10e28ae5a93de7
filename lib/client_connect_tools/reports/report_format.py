"""The forms of a report."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal, TypeAlias


class ReportFormat(StrEnum):
    """How what was found is printed.

    ``text`` is for people and ``json`` for programs. ``github`` are workflow commands, which annotate the lines of a
    pull request; ``gitlab`` is a Code Quality report; ``sarif`` (2.1.0) is for code scanning; ``junit`` lists what was
    looked at, too.
    """

    TEXT = "text"
    JSON = "json"
    GITHUB = "github"
    GITLAB = "gitlab"
    SARIF = "sarif"
    JUNIT = "junit"


PipelineFormat: TypeAlias = Literal[
    ReportFormat.GITHUB, ReportFormat.GITLAB, ReportFormat.SARIF, ReportFormat.JUNIT
]
"""The forms that are the same for all commands."""
