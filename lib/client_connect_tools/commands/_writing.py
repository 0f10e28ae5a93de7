"""How commands write files with the names of users in them: for their owner only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from client_connect_tools.commands._shared import wrong_use

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import TextIO


def require_writable(file: Path) -> None:
    """End the command where a file cannot be written, before anything is read for it."""
    from client_connect_tools.output.private_file import require_no_link

    if file.is_dir() or not file.absolute().parent.is_dir():
        wrong_use(f'cannot write "{file}"; name a file in a folder that exists')
    try:
        require_no_link(file)
    except OSError as error:
        wrong_use(f'cannot write "{file}": {error}')


def write_private(file: Path, write: Callable[[TextIO], object]) -> None:
    """Write a file, or end the command."""
    from client_connect_tools.output.private_file import private_file

    try:
        with private_file(file) as stream:
            write(stream)
    except OSError as error:
        wrong_use(f'cannot write "{file}": {error.strerror or error}')
