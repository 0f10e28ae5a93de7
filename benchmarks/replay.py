"""How fast `client-connect replay` is, and how much memory it takes, with 20 policies.

python benchmarks/replay.py            a million decision records
python benchmarks/replay.py 100000
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.generate_logs import log, write
from benchmarks.policies import TWENTY

def measure(log_file: Path, policies: Path, jobs: int) -> None:
    """Replay a log in a process of its own, and print what it took."""
    command = [
        sys.executable,
        "-c",
        "from client_connect_tools.cli import main; main()",
        "replay",
        str(log_file),
    ]
    options = ["--policies", str(policies), "--jobs", str(jobs), "--json", "--allow-change"]
    started = time.perf_counter()
    process = subprocess.Popen([*command, *options], stdout=subprocess.PIPE)  # noqa: S603 - our own command
    assert process.stdout is not None  # noqa: S101 - for the type checker
    with process.stdout as stdout:
        totals = json.load(stdout)["totals"]
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - started
    cpu = usage.ru_utime + usage.ru_stime  # says more than the time on the wall while others use the machine
    print(
        f"{jobs} {'job ' if jobs == 1 else 'jobs'}: {totals['lines']:,} lines in {seconds:.1f} s, "
        f"{totals['decisions'] / seconds:,.0f} decisions a second; "
        f"{cpu:.1f} s of CPU, {totals['decisions'] / cpu:,.0f} decisions in each; "
        f"{usage.ru_maxrss / 1024:.0f} MiB in the largest process; "
        f"{totals['newlyDenied']:,} newly denied, {totals['undecidable']:,} undecidable",
        flush=True,
    )


def main() -> None:
    """Measure with one job and with two."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("lines", type=int, nargs="?", default=1_000_000)
    parser.add_argument("--connection-logs", action="store_true")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        policies, log_file = Path(folder, "policies.cedar"), Path(folder, "log.jsonl")
        policies.write_text(TWENTY, "utf-8")
        write(log_file, log(chosen.lines, connection_logs=chosen.connection_logs))
        kind = "connection logs" if chosen.connection_logs else "decision records"
        print(
            f"{kind}, {log_file.stat().st_size / 1e6:,.0f} MB, {TWENTY.count('@id')} policies", flush=True
        )
        for jobs in (1, 2):
            measure(log_file, policies, jobs)


if __name__ == "__main__":
    main()
