"""Compares the handler's decisions with those of Cedar's own build for Node, on 100,000 random cases.

python -m proof.differential [CASES [SEED]]
"""

from __future__ import annotations

import argparse
from random import SystemRandom
from time import perf_counter

from proof.differential.comparison import compare


def main() -> None:
    """Compare, and report the counts; a disagreement ends the run with the case and the seed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("cases", type=int, nargs="?", default=100_000)
    parser.add_argument("seed", type=int, nargs="?", default=SystemRandom().randrange(2**32))
    given = parser.parse_args()
    started = perf_counter()
    counts = compare(given.cases, seed=given.seed)
    shown = ", ".join(f"{number:,} {name}" for name, number in counts.items())
    print(f"no disagreement: {shown}; seed {given.seed}; {perf_counter() - started:.0f} s", flush=True)


if __name__ == "__main__":
    main()
