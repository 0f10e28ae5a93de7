"""Mypy follows the imported parts of the CDK, so no type becomes ``Any`` without a word."""

from __future__ import annotations

import ast
import tomllib
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
MYPY = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["mypy"]
CDK = "aws_cdk"


def checked() -> Iterator[Path]:
    """Yield the files that mypy checks."""
    for name in MYPY["files"]:
        path = ROOT / name
        yield from path.rglob("*.py") if path.is_dir() else [path]


def imported(source: str) -> Iterator[str]:
    """Yield the modules of the CDK that a source imports."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names if each.name.split(".")[0] == CDK)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == CDK:
            yield str(node.module)
            names = (f"{node.module}.{each.name}" for each in node.names if each.name.islower())
            yield from (name for name in names if find_spec(name))


def test_mypy_follows_every_module_of_the_cdk_that_is_imported() -> None:
    """And no other one, which would cost minutes."""
    (followed,) = (each["module"] for each in MYPY["overrides"] if each.get("follow_imports") == "normal")
    assert set(followed) == {name for path in checked() for name in imported(path.read_text("utf-8"))}
