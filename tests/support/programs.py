"""Python programs, run in this process as each would run in its own, so Node and the CDK start only once.

Behavior that only a separate process can prove, such as what is imported and how an interpreter ends, is for the tests
that start one.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import runpy
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

import aws_cdk as cdk

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# The variables that the CDK's command line sets for an app, whose Node process reads it when it starts.
OUTDIR, CONTEXT = "CDK_OUTDIR", "CDK_CONTEXT_JSON"


@dataclass(frozen=True, slots=True)
class Finished:
    """The results of a program.

    Attributes:
        returncode: What its process would end with.
        stdout: What it has printed.
        stderr: What it has printed of errors.
    """

    returncode: int
    stdout: str
    stderr: str


def run_program(program: Path | str, *, folder: Path, variables: Mapping[str, str] | None = None) -> Finished:
    """Run a program in a folder.

    Args:
        program: The file, or a text, which is written into the folder.
        folder: The working directory.
        variables: What its environment has beyond that of this process, such as ``OUTDIR`` and ``CONTEXT``.

    Raises:
        Exception: What the program raises.
    """
    if isinstance(program, str):
        text, program = program, folder / "program.py"
        program.write_text(text, "utf-8")
    output, errors = _text(), _text()
    with (
        contextlib.chdir(folder),
        mock.patch.dict(os.environ, variables or {}),
        mock.patch.object(sys, "argv", [str(program)]),
        _imports_of(program.parent),
        _app_told_by(variables or {}),
        contextlib.redirect_stdout(output),
        contextlib.redirect_stderr(errors),
    ):
        returncode = _run(program)
    return Finished(returncode, _written(output), _written(errors))


def _run(program: Path) -> int:
    try:
        runpy.run_path(str(program), run_name="__main__")
    except SystemExit as end:
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)  # noqa: T201 - as Python does
            return 1
        return end.code or 0
    return 0


def _text() -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True)


def _written(stream: io.TextIOWrapper) -> str:
    written = stream.buffer
    assert isinstance(written, io.BytesIO)
    return written.getvalue().decode()


@contextlib.contextmanager
def _imports_of(folder: Path) -> Iterator[None]:
    """Let a program import what lies next to it, and no later one find that."""
    before = set(sys.modules)
    with mock.patch.object(sys, "path", [str(folder), *sys.path]):
        yield
    for name in set(sys.modules) - before:
        file = getattr(sys.modules[name], "__file__", None)
        if file and Path(file).parent == folder:
            del sys.modules[name]


@contextlib.contextmanager
def _app_told_by(variables: Mapping[str, str]) -> Iterator[None]:
    """Tell an app by its arguments what Node would have read from its environment."""
    told: dict[str, Any] = {"outdir": variables[OUTDIR]} if OUTDIR in variables else {}
    context = json.loads(variables.get(CONTEXT, "{}"))
    original = cdk.App.__init__

    def init(self: cdk.App, **arguments: Any) -> None:
        given = arguments.pop("context", None) or {}
        original(self, **{**arguments, **told, "context": {**given, **context}})

    with mock.patch.object(cdk.App, "__init__", init):
        yield
