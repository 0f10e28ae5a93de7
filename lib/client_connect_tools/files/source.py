"""Text with the name of where it came from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from client_connect_tools.errors import InvalidPolicies
from client_connect_tools.files.folders import read_text, shown

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Source:
    """Text, such as Cedar, with the name that findings give it, usually its file's."""

    name: str
    text: str


def read_source(file: Path, what: str = "policies") -> Source:
    """Read a file.

    Raises:
        InvalidPolicies: When it cannot be read, is not UTF-8 or is no regular file.
    """
    try:
        return Source(file.as_posix(), read_text(file))
    except (OSError, ValueError) as error:
        raise InvalidPolicies(f'cannot read the {what} "{shown(file)}": {error}') from None
