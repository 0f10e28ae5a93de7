"""The tests that must notice the mutants of each module."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = "client_connect"

_UNIT = "tests/unit/runtime"
_WITH_TABLES = "tests/e2e/test_reauthorizer.py"


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """Modules, and the tests that are to notice their mutants.

    Attributes:
        name: The name of the working folder.
        modules: The modules.
        tests: Files and folders of tests.
        emulator: Whether the tests need the local AWS emulator.
    """

    name: str
    modules: tuple[str, ...]
    tests: tuple[str, ...]
    emulator: bool


def all_modules() -> set[str]:
    """Return the names of all modules of the runtime, such as ``engine.policy_set``."""
    package = ROOT / "lambda_src" / PACKAGE
    paths = (path.relative_to(package).with_suffix("") for path in package.rglob("*.py"))
    return {".".join(path.parts) for path in paths if path.name != "__init__"}


# These are tested with DynamoDB and the Client VPN API; a mutant needs seconds there.
_TABLES = Suite(
    name="tables",
    modules=("sources.connection_registry", "reauthorizer.evaluation", "reauthorizer.scan"),
    tests=(_UNIT, _WITH_TABLES),
    emulator=True,
)

# So is this, by the tests of the limit of connections.
_COUNTS = Suite(
    name="counts",
    modules=("sources.open_connections",),
    tests=(
        f"{_UNIT}/test_open_connections.py",
        "tests/e2e/conftest.py",
        "tests/e2e/test_connection_counts.py",
    ),
    emulator=True,
)

# The first five are the re-authorizer's work besides deciding, which is tested end to end; three have no code to be
# changed; and the last two have done their work before a mutant could take part in it.
NOT_MUTATED = (
    *("reauthorizer.client_vpn", "reauthorizer.handler", "reauthorizer.run", "reauthorizer.state"),
    "reauthorizer.termination_window",
    *("reauthorizer.outcome", "engine.statement", "states", "engine.cedar", "light_typing"),
)

_ALONE = Suite(
    name="alone",
    modules=tuple(sorted(all_modules() - {*_TABLES.modules, *_COUNTS.modules, *NOT_MUTATED})),
    tests=(_UNIT,),
    emulator=False,
)

SUITES = (_ALONE, _TABLES, _COUNTS)
