"""A cache that uv can write to: its own, or else a temporary one with what its own has of our packages."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import uv

if TYPE_CHECKING:
    from collections.abc import Iterable


def usable_cache(settings: Path, temporary: Path, packages: Iterable[str]) -> Path:
    """Return the folder of uv's cache, or the temporary one where the user may not write to it.

    In containers there may be no home folder, one that belongs to somebody else, or a cache that is mounted to be read
    only: uv would not even start. It would also put a cache of its own into the working directory.

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
        _take_along(cache, temporary, packages)
    return temporary


def _is_writable(folder: Path) -> bool:
    """Tell whether the user may create files in it, or in the nearest folder above it that exists."""
    existing = next((each for each in (folder, *folder.parents) if os.path.lexists(each)), None)
    return existing is not None and existing.is_dir() and os.access(existing, os.W_OK | os.X_OK)


def _take_along(cache: Path, temporary: Path, packages: Iterable[str]) -> None:
    """Copy the entries of the packages, and link the unpacked wheels: they are read only."""
    for name in packages:
        for unpacked in cache.glob(f"archive-*/*/{name}-*.dist-info"):
            _link(unpacked.parent, temporary / unpacked.parent.relative_to(cache))
        for entry in (*cache.glob(f"[sw]*/*/{name}*"), *cache.glob(f"[sw]*/*/*/{name}*")):  # simple-, wheels-
            target = temporary / entry.relative_to(cache)
            if entry.is_dir():
                shutil.copytree(entry, target, dirs_exist_ok=True, symlinks=True)
            else:
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(entry, target)


def _link(archive: Path, link: Path) -> None:
    if not link.is_symlink():
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(archive, target_is_directory=True)
