"""Mutates the runtime and reports which changes no test notices: `python -m proof.mutation [MODULE ...]`.

Each mutant that survives must be explained in `proof/mutation/explained.toml`, and at least 90 % must be killed.
`--jobs N` runs the tests of N mutants at once; default: 1.
"""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from proof.mutation import mutants
from proof.mutation.explanations import FILE, explained
from proof.mutation.mutants import KILLED
from proof.mutation.suites import NOT_MUTATED, SUITES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from proof.mutation.explanations import Change
    from proof.mutation.mutants import Mutant

_LEAST_KILLED = 0.9


def main(arguments: list[str]) -> int:
    """Print the fate of the mutants; return 1 when too many survive, or one that is not explained."""
    all_modules = [module for suite in SUITES for module in suite.modules]
    parser = argparse.ArgumentParser(prog="python -m proof.mutation", description=__doc__)
    parser.add_argument("modules", metavar="MODULE", nargs="*", help=f"default: {' '.join(all_modules)}")
    parser.add_argument("--jobs", type=int, default=1)
    options = parser.parse_args(arguments)
    modules = options.modules or all_modules
    if unknown := set(modules) - set(all_modules):
        parser.error(f"no such modules: {' '.join(sorted(unknown))}; not mutated are {' '.join(NOT_MUTATED)}")
    reasons = {
        change: why for change, why in explained(FILE.read_text("utf-8")).items() if change.module in modules
    }
    found: list[Mutant] = []
    for suite in SUITES:
        if chosen := [module for module in suite.modules if module in modules]:
            found += mutants.run(suite, chosen, jobs=options.jobs)
    return report(found, reasons)


def report(found: Sequence[Mutant], reasons: dict[Change, str]) -> int:
    """Print a table and what must be done; return 1 when there is anything."""
    for module in dict.fromkeys(mutant.module for mutant in found):
        _print_line(module, [mutant for mutant in found if mutant.module == module])
    _print_line("together", found)
    survivors = [mutant.change() for mutant in found if mutant.fate not in KILLED]
    slower = [mutant.change() for mutant in found if mutant.fate == "stopped"]  # or not, on a quicker machine
    unexplained = [change for change in survivors if change not in reasons]
    outdated = reasons.keys() - {*survivors, *slower}
    _print_changes("No test notices, and no explanation says why", unexplained)
    _print_changes("Explained, but no such mutant survives", outdated)
    enough = _share_killed(found) >= _LEAST_KILLED
    return 0 if enough and not unexplained and not outdated else 1


def _print_line(name: str, found: Sequence[Mutant]) -> None:
    killed = sum(mutant.fate in KILLED for mutant in found)
    print(
        f"{name:20}{len(found):6} mutants{killed:6} killed{len(found) - killed:6} survived"
        f"{_share_killed(found):8.1%} killed"
    )


def _print_changes(title: str, changes: Iterable[Change]) -> None:
    for change in changes:
        print(f"\n{title}: {change}")


def _share_killed(found: Sequence[Mutant]) -> float:
    return sum(mutant.fate in KILLED for mutant in found) / len(found) if found else 1.0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
