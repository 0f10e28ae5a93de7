"""All benchmarks: what `make bench` runs.

    python -m proof.benchmarks                 everything, and renews the table and the plot of docs/performance.md
    python -m proof.benchmarks cold_start ...  some of them, and only prints

Every comparison is made in one run, in turn, warmed up and repeated; a ratio is only given where the spread allows it.
"""

from __future__ import annotations

import argparse
from concurrent.futures import ProcessPoolExecutor
from typing import TYPE_CHECKING

from proof.benchmarks import (
    bundle_size,
    cold_start,
    decision,
    inventory,
    memory,
    page,
    reauthorization,
    replay,
    synthesis,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from proof.benchmarks.rows import Row

BENCHMARKS: dict[str, Callable[[], list[Row]]] = {
    "cold_start": cold_start.rows,
    "decision": decision.rows,
    "inventory": inventory.rows,
    "synthesis": synthesis.rows,
    "bundle_size": bundle_size.rows,
    "replay": replay.rows,
    "reauthorization": reauthorization.rows,
    "memory": memory.rows,
}


def main() -> None:
    """Measure, and write the page."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(BENCHMARKS))
    names = parser.parse_args().names or list(BENCHMARKS)
    if unknown := [name for name in names if name not in BENCHMARKS]:
        parser.error(f"there is no benchmark {unknown[0]}; there are {', '.join(BENCHMARKS)}")
    rows: list[Row] = []
    # Each in its own process.
    with ProcessPoolExecutor(max_workers=1, max_tasks_per_child=1) as processes:
        for name in names:
            print(f"==> {name}", flush=True)
            rows += processes.submit(BENCHMARKS[name]).result()
    if set(names) == set(BENCHMARKS):
        page.write(rows)
    missed = [str(row) for row in rows if row.met is False]
    print(f"{len(rows)} findings, {len(missed)} of them miss what they have to be", *missed, sep="\n")


if __name__ == "__main__":
    main()
