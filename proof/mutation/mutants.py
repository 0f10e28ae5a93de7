"""Makes mutants of the runtime, runs the tests that reach them, and reports the fate of each."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from local_aws.emulator import Emulator
from proof.mutation.explanations import Change
from proof.mutation.suites import PACKAGE, ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from proof.mutation.suites import Suite

_TEMPLATE = Path(__file__).with_name("folder")
_MUTMUT = Path(sys.executable).with_name("mutmut")

# Tests that take long or measure memory, and tests of what other processes import, where there are no mutants.
_LEFT_OUT = shutil.ignore_patterns(
    "__pycache__",
    *("test_fuzz.py", "test_memory.py", "test_metamorphic.py", "test_public_names.py"),
)

Fate = Literal["killed", "stopped", "survived", "unclear"]
KILLED = ("killed", "stopped")

# How the tests ended: with a failure or an error of pytest; or stopped because they ran far longer than usual.
_FAILED = {1, 3, 255}
_STOPPED = {24, 36, 152, -24}
# They passed, or no test exists.
_SURVIVED = {0, 5, 33}


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """One change of the runtime.

    Attributes:
        folder: The working folder that has it.
        name: What mutmut calls it.
        fate: Whether a test noticed it; ``stopped`` when by taking far longer. ``unclear`` when in no known way.
    """

    folder: Path
    name: str
    fate: Fate

    @property
    def module(self) -> str:
        """The module that it changes, such as ``engine.policy_set``."""
        return ".".join(self.name.split(".")[1:-1])

    def change(self) -> Change:
        """Return what it changes."""
        function = self.name.split(".")[-1].partition("__mutmut_")[0]
        function = function.removeprefix("x_").removeprefix("xǁ").replace("ǁ", ".")
        diff = _mutmut(self.folder, "show", self.name, output=subprocess.PIPE)
        return Change.of(f"{self.module}: {function}", diff)


def run(suite: Suite, modules: Sequence[str], *, jobs: int) -> list[Mutant]:
    """Mutate modules of a suite, and run the tests that reach each mutant, of ``jobs`` mutants at once.

    Raises:
        subprocess.CalledProcessError: When the tests fail without any mutant.
    """
    folder = _laid_out(suite)
    names = [f"{PACKAGE}.{module}.*" for module in modules]
    with _emulator(suite) as environment:
        # It shows its progress in one line, which is for people only.
        output = None if sys.stdout.isatty() else subprocess.PIPE
        _mutmut(folder, "run", "--max-children", str(jobs), *names, environment=environment, output=output)
    return [mutant for module in modules for mutant in _results(folder, module)]


def _laid_out(suite: Suite) -> Path:
    folder = ROOT / "build" / "mutation" / suite.name
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(_TEMPLATE, folder)
    # mutmut takes the name of a module from its path below "src".
    layout = {
        f"lambda_src/{PACKAGE}": f"src/{PACKAGE}",
        **{path: path for path in ("local_aws", "tests/__init__.py", "tests/support", *suite.tests)},
    }
    for source, target in layout.items():
        if (ROOT / source).is_dir():
            shutil.copytree(ROOT / source, folder / target, ignore=_LEFT_OUT)
        else:
            (folder / target).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / source, folder / target)
    return folder


@contextmanager
def _emulator(suite: Suite) -> Iterator[dict[str, str]]:
    """Start the emulator where it is needed, once for all mutants; give the variable with its address."""
    if not suite.emulator:
        yield {}
        return
    with Emulator() as emulator:
        keys = (emulator.environment[name] for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"))
        yield {"MUTATION_EMULATOR": " ".join((emulator.endpoint.rpartition(":")[2], *keys))}


def _mutmut(
    folder: Path, *arguments: str, environment: Mapping[str, str] | None = None, output: int | None = None
) -> str:
    # The order of the tests is that of a set; files are UTF-8; and nothing outside of the working folder is tested.
    variables = {**os.environ, "PYTHONHASHSEED": "0", "PYTHONUTF8": "1", **(environment or {})}
    variables.pop("PYTHONPATH", None)
    done = subprocess.run(
        [_MUTMUT, *arguments], cwd=folder, env=variables, stdout=output, text=True, check=False
    )
    if done.returncode:
        print(done.stdout or "")
        done.check_returncode()
    return done.stdout or ""


def _results(folder: Path, module: str) -> Iterator[Mutant]:
    file = folder / "mutants" / "src" / PACKAGE / f"{module.replace('.', '/')}.py.meta"
    for name, code in json.loads(file.read_text("utf-8"))["exit_code_by_key"].items():
        yield Mutant(folder=folder, name=name, fate=_fate(code))


def _fate(code: int | None) -> Fate:
    fates: dict[Fate, set[int]] = {"killed": _FAILED, "stopped": _STOPPED, "survived": _SURVIVED}
    return next((fate for fate, codes in fates.items() if code in codes), "unclear")
