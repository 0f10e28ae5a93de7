"""Which tests are to notice the mutants of which modules."""

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


# These are tested with DynamoDB and the Client VPN API, which takes seconds for each mutant.
_TABLES = Suite(
    name="tables",
    modules=("connections", "redeciding", "scan"),
    tests=(_UNIT, _WITH_TABLES),
    emulator=True,
)

# The first four are what the re-authorizer does beside deciding, which is tested end to end; the last one has done its
# work before a mutant could take part in it.
NOT_MUTATED = ("client_vpn", "reauthorization", "reauthorizer", "reauthorizer_state", "deferred_nodes")

_ALONE = Suite(
    name="alone",
    modules=tuple(
        sorted(
            path.stem
            for path in (ROOT / "lambda_src" / PACKAGE).glob("*.py")
            if path.stem not in ("__init__", *_TABLES.modules, *NOT_MUTATED)
        )
    ),
    tests=(_UNIT,),
    emulator=False,
)

SUITES = (_ALONE, _TABLES)
