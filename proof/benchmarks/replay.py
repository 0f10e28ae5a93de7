"""How fast `client-connect replay` is, and how much memory it takes, with 20 policies.

python -m proof.benchmarks.replay                  200,000 decision records, in one process and in two
python -m proof.benchmarks.replay 1000000          a million
python -m proof.benchmarks.replay --connection-logs
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from proof.benchmarks.generate_logs import log, write
from proof.benchmarks.measuring import Sample
from proof.benchmarks.policies import TWENTY
from proof.benchmarks.rows import Row, compared, faster, limited

if TYPE_CHECKING:
    from collections.abc import Sequence

TOPIC = "Replay"


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """The time of one replay.

    Attributes:
        decisions: How many decisions it made again.
        seconds: The time on the wall.
        cpu_seconds: The time of the processors, which others on the machine disturb less.
        memory_mib: The largest process.
    """

    decisions: int
    seconds: float
    cpu_seconds: float
    memory_mib: float


def replay(log_file: Path, policies: Path, *, jobs: int) -> Run:
    """Replay a log in its own process."""
    command = [
        *(sys.executable, "-c", "from client_connect_tools.cli import main; main()"),
        *("replay", str(log_file), "--policies", str(policies)),
        *("--jobs", str(jobs), "--json", "--allow-change"),
    ]
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE)  # noqa: S603 - our own command
    assert process.stdout is not None  # noqa: S101 - for the type checker
    with process.stdout as stdout:
        totals = json.load(stdout)["totals"]
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return Run(
        decisions=totals["decisions"],
        seconds=time.perf_counter() - started,
        cpu_seconds=usage.ru_utime + usage.ru_stime,
        memory_mib=usage.ru_maxrss / 1024,
    )


def rows(lines: int = 200_000, *, rounds: int = 3, connection_logs: bool = False) -> list[Row]:
    """Measure, and return the findings."""
    kind = "connection log lines" if connection_logs else "decision records"
    many, few = f"{lines:,} {kind}", f"{lines // 10:,}"
    with TemporaryDirectory() as folder:
        policies, whole, tenth = (
            Path(folder, name) for name in ("policies.cedar", "log.jsonl", "tenth.jsonl")
        )
        policies.write_text(TWENTY, "utf-8")
        for file, length in ((whole, lines), (tenth, lines // 10)):
            write(file, log(length, connection_logs=connection_logs))
        print(f"{kind}: {whole.stat().st_size / 1e6:,.0f} MB", flush=True)
        replay(tenth, policies, jobs=1)  # warms the disk's cache up
        alone, both, short = [], [], []
        for _ in range(rounds):
            alone.append(replay(whole, policies, jobs=1))
            both.append(replay(whole, policies, jobs=2))
            short.append(replay(tenth, policies, jobs=1))
    rate = Sample([run.decisions / run.cpu_seconds for run in alone], "decisions")
    print(f"  in a second of one processor: {rate}")
    return [
        limited(TOPIC, f"{many}: decisions in a second of one processor, here", rate.median, ""),
        faster(TOPIC, f"{many}, two jobs", _seconds(both), "one job", _seconds(alone), at_least=1.6),
        compared(TOPIC, f"{many}: memory", _memory(alone), few, _memory(short)),
        limited(TOPIC, f"{many}: memory of the largest process", _memory(alone).median, "MiB"),
    ]


def _seconds(runs: Sequence[Run]) -> Sample:
    return Sample([run.seconds for run in runs], "s")


def _memory(runs: Sequence[Run]) -> Sample:
    return Sample([run.memory_mib for run in runs], "MiB")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("lines", type=int, nargs="?", default=200_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--connection-logs", action="store_true")
    chosen = parser.parse_args()
    rows(chosen.lines, rounds=chosen.rounds, connection_logs=chosen.connection_logs)


if __name__ == "__main__":
    main()
