"""How ``replay`` and ``diff`` decide logged connections."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from client_connect_tools.commands._logs import (
    GivenLogs,
    Understood,
    reading_progress,
    unreadable_logs_end_the_command,
)

if TYPE_CHECKING:
    from rich.progress import Progress

    from client_connect_tools.replay import Comparison, Tally


def run_replay(comparison: Comparison, logs: GivenLogs, jobs: int | None = None) -> tuple[Tally, Understood]:
    """Replay logs, with as many processes as there are cores, and say which files were understood."""
    from client_connect_tools.replay import replay

    understood = Understood()
    with unreadable_logs_end_the_command(), reading_progress() as progress:
        tally = replay(
            comparison,
            logs.blocks(progress, understood),
            jobs=jobs or _cores(),
            size=logs.size,
            on_tally=lambda tally: _tell(progress, tally),
            on_block=lambda tally: understood.decided(understood=tally.understood, unknown=tally.unknown),
        )
    return tally, understood


def _tell(progress: Progress, tally: Tally) -> None:
    for task in progress.task_ids:
        progress.update(task, description=f"{tally.attempts:,} connections, {tally.changes:,} changes")


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
