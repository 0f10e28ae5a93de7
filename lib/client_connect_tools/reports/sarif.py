"""Findings as SARIF 2.1.0, which code scanning reads.

Source: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from client_connect_tools.advice import find
from client_connect_tools.distribution import version

if TYPE_CHECKING:
    from collections.abc import Sequence

    from client_connect_tools.finding import Finding


def report(findings: Sequence[Finding]) -> str:
    """Return the report."""
    rules = sorted({each.rule for each in findings})
    driver = {
        "name": "client-connect",
        "version": version(),
        "rules": [_rule(each) for each in rules],
    }
    results = [_result(each, rules.index(each.rule)) for each in findings]
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    log = {"version": "2.1.0", "$schema": "https://json.schemastore.org/sarif-2.1.0.json", "runs": [run]}
    return json.dumps(log, indent=2)


def _rule(name: str) -> dict[str, object]:
    advice = {"help": {"text": f"client-connect explain {name}"}} if find(name) else {}
    return {"id": name, **advice}


def _result(finding: Finding, rule_index: int) -> dict[str, object]:
    region = {"startLine": finding.line, "startColumn": finding.column}
    if finding.length:
        region["endColumn"] = finding.column + finding.length
    location = {"artifactLocation": {"uri": _uri(finding.file)}, "region": region}
    return {
        "ruleId": finding.rule,
        "ruleIndex": rule_index,
        "level": finding.severity,
        "message": {"text": finding.message},
        "locations": [{"physicalLocation": location}],
        **({"properties": {"policy": finding.policy}} if finding.policy else {}),
    }


def _uri(file: str) -> str:
    """Return a relative path as it is, and an absolute one as a URI."""
    path = Path(file)
    return path.as_uri() if path.is_absolute() else quote(path.as_posix())
