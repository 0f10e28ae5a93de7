"""A cache that uv can write to: its own, or else a temporary one with what its own has of our packages."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import uv

if TYPE_CHECKING:
    from collections.abc import Iterable


def usable_cache(settings: Path, temporary: Path, packages: Iterable[str]) -> Path:
    """Return the folder of uv's cache, or the temporary one where the user may not write to it.

    In containers, the home folder may be missing or belong to another user, and the cache may be read-only: uv would
    not start, or create a cache in the working directory.

    Args:
        settings: uv's configuration file.
        temporary: The folder to use instead, which does not exist.
        packages: The names of the packages that are taken along.
    """
    answer = subprocess.run(  # noqa: S603 - uv itself, with arguments of our own
        [uv.find_uv_bin(), "cache", "dir", "--config-file", str(settings), "--color", "never"],
        capture_output=True,
        text=True,
        encoding="utf-8",
        errors="replace",
        check=False,
        stdin=subprocess.DEVNULL,
        env={
            name: value
            for name, value in os.environ.items()
            if name not in {"UV_CONFIG_FILE", "UV_NO_CONFIG"}
        },
    )
    named = answer.stdout.strip()
    cache = Path(named).absolute() if named else None
    # Without a home folder, some versions would put one into the working directory.
    if (
        cache is not None
        and _is_writable(cache)
        and (Path(named).is_absolute() or "UV_CACHE_DIR" in os.environ)
    ):
        return cache
    temporary.mkdir()
    if cache is not None and cache.is_dir():
        take_along(cache, temporary, packages)
    return temporary


def _is_writable(folder: Path) -> bool:
    """Tell whether the user may create files in it; it is created, as uv would."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def take_along(cache: Path, temporary: Path, packages: Iterable[str]) -> None:
    """Copy what the cache has of the packages: what an index said of them, the wheels, and the unpacked ones."""
    for name in packages:
        unpacked = (each.parent for each in cache.glob(f"archive-*/*/{name}-*.dist-info"))
        # [sw]: simple-v1, wheels-v1 and the like; the packages of other indexes than the public one are a level deeper.
        for entry in (*unpacked, *cache.glob(f"[sw]*/*/{name}*"), *cache.glob(f"[sw]*/*/*/{name}*")):
            target = temporary / entry.relative_to(cache)
            if entry.is_dir():
                shutil.copytree(entry, target, dirs_exist_ok=True, symlinks=True)
            else:
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(entry, target)
