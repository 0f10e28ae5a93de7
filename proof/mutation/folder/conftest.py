"""The differences of the test run here, because they run for thousands of mutants."""

from __future__ import annotations

import os

from hypothesis import Phase, settings

from local_aws.emulator import Emulator

# The same examples for every mutant, and the first that fails is enough.
settings.register_profile(
    "mutation", derandomize=True, database=None, deadline=None, phases=(Phase.explicit, Phase.generate)
)
settings.load_profile("mutation")


_REACHED = os.environ.get("MUTATION_EMULATOR", "")


def _enter(emulator: Emulator) -> Emulator:
    """Take the one emulator that runs for all of them, instead of starting one."""
    port, emulator._access_key_id, emulator._secret_access_key = _REACHED.split()  # noqa: SLF001
    emulator._port = int(port)  # noqa: SLF001 - what starting one would do
    return emulator


if _REACHED:
    Emulator.__enter__ = _enter  # type: ignore[assignment, method-assign]
