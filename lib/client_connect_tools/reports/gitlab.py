"""Findings as a Code Quality report of GitLab.

Source: https://docs.gitlab.com/ci/testing/code_quality/
"""

from __future__ import annotations

import json
from hashlib import sha256
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from client_connect_tools.finding import Finding

_SEVERITIES = {"error": "major", "warning": "minor"}


def report(findings: Iterable[Finding]) -> str:
    """Return the report."""
    return json.dumps([_issue(each) for each in findings], indent=2)


def _issue(finding: Finding) -> dict[str, object]:
    # An id that stays when lines above it come and go, so GitLab can see the changes of a merge request.
    same = f"{finding.file}\0{finding.policy}\0{finding.rule}\0{finding.message}"
    return {
        "description": finding.message,
        "check_name": finding.rule,
        "fingerprint": sha256(same.encode("utf-8", "surrogatepass")).hexdigest(),
        "severity": _SEVERITIES[finding.severity],
        "location": {"path": finding.file, "lines": {"begin": finding.line}},
    }
