"""Asks whether what is locked has known vulnerabilities: `python -m proof.supply_chain.audit`, a part of `make check`.

Where no service knows a package, as behind a mirror that has no advisories, it says so and goes on. pip-audit itself
reports such a package as one without vulnerabilities. Arguments are handed to pip-audit, such as `--ignore-vuln ID`.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
LOCKS = (
    "lib/client_connect_tools/bundling/bundle.txt",
    *(f"requirements/{name}.txt" for name in ("bootstrap", "build", "dev", "proof")),
)
# How pip-audit ends when it is the service that fails; anything else is our failure.
_NO_ANSWER = ("pip_audit._service", "requests.exceptions", "Could not connect to", "not redirecting properly")
_SECONDS = 300


def main(arguments: list[str]) -> int:
    """Print what was found and what could not be asked; return 1 for a finding."""
    try:
        result = _pip_audit(arguments)
    except subprocess.TimeoutExpired:
        return _not_asked(f"there was no answer for {_SECONDS} seconds")
    try:
        packages: list[dict[str, Any]] = json.loads(result.stdout)["dependencies"]
    except ValueError:
        if any(each in result.stderr for each in _NO_ANSWER):
            return _not_asked(result.stderr.strip().splitlines()[-1])
        print(result.stderr, file=sys.stderr)
        return 1
    skipped = [package for package in packages if "skip_reason" in package]
    vulnerable = [package for package in packages if package.get("vulns")]
    for package in vulnerable:
        for found in package["vulns"]:
            fixed = ", ".join(found["fix_versions"]) or "no version yet"
            print(
                f"{package['name']} {package['version']}: {found['id']}, fixed in {fixed}: {found['description']}"
            )
    print(
        f"{len(packages) - len(skipped)} of {len(packages)} packages asked about, {len(vulnerable)} vulnerable"
    )
    if skipped:
        _not_asked(f"no answer for {len(skipped)} packages, the first of them {skipped[0]['name']}")
    return 1 if vulnerable else 0


def _pip_audit(arguments: list[str]) -> subprocess.CompletedProcess[str]:
    command = [
        *(sys.executable, "-m", "pip_audit", "--require-hashes", "--disable-pip"),
        *("--format", "json", "--progress-spinner", "off", "--timeout", "10"),
        *(part for lock in LOCKS for part in ("--requirement", str(ROOT / lock))),
        *arguments,
    ]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=_SECONDS)


def _not_asked(why: str) -> int:
    print(f"WARNING: not audited for known vulnerabilities: {why}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
