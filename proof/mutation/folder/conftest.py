"""What the tests do otherwise here than elsewhere, because they run for thousands of mutants."""

from __future__ import annotations

import os

from hypothesis import Phase, settings

from local_aws.emulator import Emulator

# The same examples for every mutant, and the first that fails is enough.
settings.register_profile(
    "mutation", derandomize=True, database=None, deadline=None, phases=(Phase.explicit, Phase.generate)
)
settings.load_profile("mutation")


_PORT = os.environ.get("MUTATION_EMULATOR_PORT", "")


def _enter(emulator: Emulator) -> Emulator:
    """Take the one emulator that runs for all of them, instead of starting one."""
    emulator._port = int(_PORT)  # noqa: SLF001 - what starting one would do
    return emulator


if _PORT:
    Emulator.__enter__ = _enter  # type: ignore[assignment, method-assign]
