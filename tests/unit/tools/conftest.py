"""Shared by the tests of the tools."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def half_locked() -> Iterator[Path]:
    """Return a folder with a folder ``locked`` that may not be read, even by root, with another user id meanwhile."""
    if sys.platform == "win32":
        pytest.skip("there, modes lock no folder")
    user = os.geteuid()
    with tempfile.TemporaryDirectory() as name:  # where anybody may look; tmp_path is for its owner alone
        folder = Path(name)
        folder.chmod(0o777)
        (folder / "locked").mkdir(0)
        if user == 0:
            os.seteuid(65534)
        try:
            yield folder
        finally:
            os.seteuid(user)
            (folder / "locked").chmod(0o700)
