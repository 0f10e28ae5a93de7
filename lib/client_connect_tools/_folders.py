"""The files below a folder, all of them or an error."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NoReturn


def files_below(folder: Path) -> list[Path]:
    """Return them sorted by their paths. Links to other folders are not followed.

    Raises:
        OSError: When a folder cannot be read, which ``Path.rglob`` would leave out without a word.
    """
    found = (
        Path(directory, name) for directory, _, names in os.walk(folder, onerror=_refuse) for name in names
    )
    return sorted(file for file in found if file.is_file())


def _refuse(error: OSError) -> NoReturn:
    raise error
