"""``client-connect devices template``."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from client_connect.printable import printable
from client_connect_tools.commands._shared import wrong_use
from client_connect_tools.commands.devices.importing import EncodingOption, opened

if TYPE_CHECKING:
    from collections.abc import Sequence

    from client_connect_tools.devices.lines import Table


def template(
    file: Annotated[Path, typer.Argument(help="A file of devices, as a device manager has exported it.")],
    encoding: EncodingOption = None,
) -> None:
    """Propose a command that imports a file: which columns are what, and what else must be said."""
    with opened(file, encoding) as table:
        names = _names(table)
    if not names:
        wrong_use(printable(f'"{file}" has neither a header nor a device; give an export with devices'))
    for line in _proposal(file, names, has_header=table.columns is not None):
        print(printable(line))


def _names(table: Table) -> list[str]:
    """Return the columns, or the fields of the first object."""
    from client_connect_tools.devices.lines import ObjectLine

    if table.columns is not None:
        return [name for name in table.columns if name]
    first = next((line for line in table.lines if isinstance(line, ObjectLine)), None)
    return [] if first is None else _fields(dict(first.value))


def _fields(value: dict[str, object], above: str = "") -> list[str]:
    found = []
    for name, below in value.items():
        found += _fields(below, f"{above}{name}.") if isinstance(below, dict) and below else [above + name]
    return found


def _proposal(file: Path, names: Sequence[str], *, has_header: bool) -> list[str]:
    from client_connect_tools.devices.columns import KEYS, proposed
    from client_connect_tools.devices.exports import EXPORTS, recognized

    found = recognized(names)
    export = None if found is None else EXPORTS[found]
    columns = proposed(names, export)
    is_own = export is None and all(columns.get(key) in (key, None) for key in KEYS) and KEYS[0] in columns
    said = "a file of the inventory" if is_own else "of no device manager that is known here"
    lines = [f"# It looks like {said if export is None else f'an export of {export.title}'}."]
    lines += [_described(key, columns.get(key)) for key in KEYS]
    if others := [name for name in names if name not in columns.values()]:
        lines.append(f"# left out, or a tag by --column TAG=COLUMN: {', '.join(others)}")
    command = ["client-connect", "devices", "import", str(file), "--dry-run"]
    if found is not None:
        command += ["--from", found]
    given = KEYS if export is None else KEYS[:1] if KEYS[0] not in columns else ()
    command += [
        part for key in (() if is_own else given) for part in ("--column", f"{key}={columns.get(key, '...')}")
    ]
    if export is not None and export.zone and has_header:
        lines.append(f"# {export.zone}")
        command += ["--time-zone", export.zone_example]
    return [*lines, shlex.join(command)]


def _described(key: str, column: str | None) -> str:
    return f'# {key}: "{column}"' if column else f'# {key}: nothing here is called so; --column {key}="..."'
