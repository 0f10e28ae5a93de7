"""Writes the files of a new project."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING

from client_connect.engine.schema import schema_text
from client_connect_tools.errors import ClientConnectError
from client_connect_tools.output.whole_file import write_whole

if TYPE_CHECKING:
    from collections.abc import Iterator
    from importlib.resources.abc import Traversable
    from pathlib import Path


class ProjectExists(ClientConnectError):
    """Some of the files are there already; none was written."""


def write_project(folder: Path) -> list[Path]:
    """Write the files into a folder, and return them.

    Args:
        folder: Where; it need not exist.

    Raises:
        ProjectExists: When one of them is there already.
        OSError: When they cannot be written.
    """
    contents = {folder / name: text for name, text in _contents()}
    if there := [file for file in contents if file.exists() or file.is_symlink()]:
        names = ", ".join(f'"{file}"' for file in there)
        raise ProjectExists(f"{names} exists already, and nothing was written; name an empty folder")
    for file, text in contents.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        write_whole(file, text)
    return list(contents)


def _contents() -> Iterator[tuple[str, str]]:
    yield from _files(files(__package__) / "template", "")
    yield "vpn.cedarschema", schema_text(None)


def _files(folder: Traversable, prefix: str) -> Iterator[tuple[str, str]]:
    for each in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if each.is_dir() and each.name != "__pycache__":
            yield from _files(each, f"{prefix}{each.name}/")
        elif each.is_file():
            # One that is no module of this package, which imports what the tools do not need.
            yield f"{prefix}{each.name.removesuffix('.txt')}", each.read_text("utf-8")
