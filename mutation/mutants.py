"""Makes mutants of the runtime, runs the tests that reach them, and tells what became of each."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from mutation.explanations import Change

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "build" / "mutation"
PACKAGE = "client_connect"
_MUTMUT = Path(sys.executable).with_name("mutmut")

Fate = Literal["killed", "survived", "unclear"]

# How the tests ended: with a failure or an error of pytest, or stopped because they ran far longer than usual.
_KILLED = {1, 3, 24, 36, 152, 255, -24}
# They passed, or there are none.
_SURVIVED = {0, 5, 33}

# Tests that see no mutant, because they start other processes; or that take a minute.
_LEFT_OUT = ("test_fuzz.py", "test_public_names.py")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """One change of the runtime.

    Attributes:
        name: What mutmut calls it.
        fate: Whether a test noticed it. ``unclear`` when the tests ended in no known way.
    """

    name: str
    fate: Fate

    @property
    def module(self) -> str:
        """The module that it changes."""
        return self.name.split(".")[1]

    def change(self) -> Change:
        """Return what it changes."""
        function = self.name.split(".")[2].partition("__mutmut_")[0]
        function = function.removeprefix("x_").removeprefix("xǁ").replace("ǁ", ".")
        return Change.of(f"{self.module}: {function}", _mutmut("show", self.name, output=subprocess.PIPE))


def run(modules: Sequence[str], *, jobs: int) -> list[Mutant]:
    """Mutate modules of the runtime, and run the tests that reach each mutant.

    Raises:
        subprocess.CalledProcessError: When the tests fail without any mutant.
    """
    _lay_out()
    _mutmut("run", "--max-children", str(jobs), *(f"{PACKAGE}.{module}.*" for module in modules))
    return [mutant for module in modules for mutant in _results(module)]


def all_modules() -> list[str]:
    """Return the names of the runtime's modules, in order."""
    return sorted(
        path.stem for path in (ROOT / "lambda_src" / PACKAGE).glob("*.py") if path.stem != "__init__"
    )


def _lay_out() -> None:
    shutil.rmtree(FOLDER, ignore_errors=True)
    shutil.copytree(Path(__file__).with_name("folder"), FOLDER)
    for source, target in (("lambda_src", "src"), ("tests/unit/runtime", "tests/unit/runtime")):
        ignored = shutil.ignore_patterns("__pycache__", *_LEFT_OUT)
        shutil.copytree(ROOT / source, FOLDER / target, ignore=ignored)


def _mutmut(*arguments: str, output: int | None = None) -> str:
    # The tests run in the order of a set; and nothing but the working folder is imported.
    environment = {**os.environ, "PYTHONHASHSEED": "0"}
    environment.pop("PYTHONPATH", None)
    done = subprocess.run(
        [_MUTMUT, *arguments], cwd=FOLDER, env=environment, stdout=output, text=True, check=True
    )
    return done.stdout or ""


def _results(module: str) -> Iterator[Mutant]:
    file = FOLDER / "mutants" / "src" / PACKAGE / f"{module}.py.meta"
    for name, code in json.loads(file.read_text("utf-8"))["exit_code_by_key"].items():
        yield Mutant(name=name, fate=_fate(code))


def _fate(code: int | None) -> Fate:
    return "killed" if code in _KILLED else "survived" if code in _SURVIVED else "unclear"
