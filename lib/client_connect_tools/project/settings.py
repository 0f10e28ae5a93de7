"""Settings of a project: ``client-connect.toml``, or ``[tool.client-connect]`` of ``pyproject.toml``."""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from client_connect.printable import printable
from client_connect_tools.errors import ClientConnectError
from client_connect_tools.files.folders import read_text, shown
from client_connect_tools.files.toml_tables import TOO_DEEP, TomlTable, extremes
from client_connect_tools.inputs.time_zones import time_zone_named
from client_connect_tools.nearest import nearest

if TYPE_CHECKING:
    from collections.abc import Iterator

FILE = "client-connect.toml"
_PYPROJECT = "pyproject.toml"
_TABLE = "[tool.client-connect]"
_KEYS = ("time-zone", "policies", "tests", "guardrails", "groups", "ignore")


class InvalidSettings(ClientConnectError):
    """Settings cannot be read or understood; the message names their file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The settings of a project.

    Attributes:
        file: Their file; ``None`` without one.
        time_zone: The handler's time zone.
        policies: Its policies: files and folders.
        tests: Policy tests in other places: files and folders.
        guardrails: The policies that must allow, too.
        groups: A file with all groups that there are.
        ignore: The names of lints that are switched off.
    """

    file: Path | None = None
    time_zone: str | None = None
    policies: tuple[Path, ...] = ()
    tests: tuple[Path, ...] = ()
    guardrails: Path | None = None
    groups: Path | None = None
    ignore: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The name of the file in messages."""
        return "" if self.file is None else shown(_short(self.file))


def find_settings(folder: Path) -> Settings:
    """Return the settings of the nearest folder that has some, from ``folder`` upwards; else none.

    Raises:
        InvalidSettings: When they cannot be read or understood.
    """
    start = folder.absolute()
    for each in (start, *start.parents):
        own, shared = each / FILE, each / _PYPROJECT
        table = _table(shared) if shared.exists() or shared.is_symlink() else None
        if own.exists() or own.is_symlink():  # whatever it is: what cannot be read is not passed over
            if table is not None:
                raise InvalidSettings(
                    f'"{shown(_short(own))}" and {_TABLE} of "{shown(_short(shared))}" are both settings; keep one of '
                    "them"
                )
            return read_settings(own)
        if table is not None:
            return _read(shared, table)
    return Settings()


def read_settings(file: Path) -> Settings:
    """Read a file of settings.

    Raises:
        InvalidSettings: When it cannot be read or understood.
    """
    if file.name != _PYPROJECT:
        return _read(file, _document(file))
    if (table := _table(file)) is None:
        raise InvalidSettings(f'"{shown(file)}" has no {_TABLE}; add it, or name another file')
    return _read(file, table)


def _table(file: Path) -> dict[str, Any] | None:
    """Return the table of a pyproject.toml, which may be about other tools alone."""
    tools = _document(file).get("tool")
    table = tools.get("client-connect") if isinstance(tools, dict) else None
    if table is None or isinstance(table, dict):
        return table
    raise InvalidSettings(f'{_TABLE} of "{shown(_short(file))}" is no table; write {_TABLE} above its keys')


def _document(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(read_text(file))
    except RecursionError:
        problem = TOO_DEEP
    except (OSError, ValueError) as error:
        problem = (error.strerror or str(error)) if isinstance(error, OSError) else str(error)
    raise InvalidSettings(f'cannot read the settings "{shown(_short(file))}": {printable(problem)}')


def _read(file: Path, values: dict[str, Any]) -> Settings:
    problems = list(extremes(values))
    if problems:
        _refuse(file, problems)
    table = TomlTable(values, problems)
    if file.name != _PYPROJECT and set(values) <= {"tool"} and values:
        problems.append(f"{_TABLE} is for {_PYPROJECT}; in this file, write the keys without a table")
        _refuse(file, problems)
    table.require_known(_KEYS)
    settings = Settings(
        file=file,
        time_zone=_zone(table),
        policies=_paths(table, "policies", file.parent),
        tests=_paths(table, "tests", file.parent),
        guardrails=_path(table, "guardrails", file.parent),
        groups=_path(table, "groups", file.parent),
        ignore=_entries(table, "ignore"),
    )
    _refuse(file, problems)
    return settings


def _refuse(file: Path, problems: list[str]) -> None:
    if problems:
        raise InvalidSettings(
            "\n".join(
                [
                    f'the settings "{shown(_short(file))}" cannot be used:',
                    *(f"  {printable(each)}" for each in problems),
                ]
            )
        )


def _zone(table: TomlTable) -> str | None:
    name = table.text("time-zone")
    if name is not None:
        try:
            time_zone_named(name)
        except ClientConnectError as error:
            table.note("time-zone", f"is wrong: {error}")
    return name


def _entries(table: TomlTable, key: str) -> tuple[str, ...]:
    """Return texts; a single one needs no list."""
    value = table.values.get(key)
    return (value,) if isinstance(value, str) else table.texts(key) or ()


def _paths(table: TomlTable, key: str, folder: Path) -> tuple[Path, ...]:
    return tuple(path for text in _entries(table, key) if (path := _existing(table, key, text, folder)))


def _path(table: TomlTable, key: str, folder: Path) -> Path | None:
    text = table.text(key)
    return None if text is None else _existing(table, key, text, folder)


def _existing(table: TomlTable, key: str, text: str, folder: Path) -> Path | None:
    """Return a path, which is relative to the folder of the settings; or note that there is nothing."""
    path = folder / text
    if not text.strip():
        table.note(key, "has an empty path; name a file or folder, or leave the key out")
    elif "\0" in text or not path.exists():
        table.note(key, f'names "{text}", which is not in "{shown(folder)}"; {_advice(text, folder)}')
    else:
        return _short(path)
    return None


def _advice(text: str, folder: Path) -> str:
    if ":" in text:
        return "rules of a Python module, whose code would run, can be named on the command line only"
    near = nearest(text, _names(folder))
    return f'write "{near}"' if near else "paths are relative to the file of the settings"


def _names(folder: Path) -> Iterator[str]:
    try:
        yield from sorted(each.name for each in folder.iterdir() if not each.name.startswith("."))
    except OSError:
        return


def _short(path: Path) -> Path:
    """Return a path as it is shortest from the working folder.

    The folder above a link is the one above its target: the target is found before ``..`` is taken out of the path.
    """
    try:
        relative = Path(os.path.relpath(path.resolve() if ".." in path.parts else path))
    except (OSError, ValueError):  # another drive, or the working folder is gone
        return path
    return relative if len(relative.parts) < len(path.parts) else path
