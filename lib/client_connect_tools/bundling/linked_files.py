"""Folders with the same files, which are on the disk once."""

from __future__ import annotations

import filecmp
import os
import shutil
from stat import S_ISREG
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def link_files(source: Path, folder: Path) -> None:
    """Put the files of a folder into another one as hard links; as copies where there are no links.

    Args:
        source: The folder; its files must not change from then on.
        folder: The other one; missing or empty.
    """
    shutil.copytree(source, folder, copy_function=_link_or_copy, dirs_exist_ok=True)


def share_files(folder: Path) -> None:
    """Make the files of a folder hard links to equal ones of the folders next to it, as far as there are any.

    Only to files of the same owner that really are there, and not where a link leads: no one else may change the
    contents of this folder afterwards. Whether they are what they should be is for the caller to check, afterwards.

    Args:
        folder: The folder, such as that of an asset in ``cdk.out``.
    """
    if folder.is_symlink() or not folder.is_dir():
        return
    top = folder.parent.resolve()
    others = sorted(_folders_beside(folder), key=lambda other: other.stat().st_mtime, reverse=True)
    temporary = folder.parent / f".{folder.name}.{os.getpid()}"
    for path in sorted(folder.rglob("*")):
        equal = _equal_file(path, path.relative_to(folder).as_posix(), others, top)
        if equal is None:
            continue
        try:
            os.link(equal, temporary)
            temporary.replace(path)
        except OSError:  # a file system without links, or with too many to this file
            temporary.unlink(missing_ok=True)
            return


def _link_or_copy(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def _folders_beside(folder: Path) -> list[Path]:
    return [
        other
        for other in folder.parent.glob("asset.*")
        if other.is_dir() and not other.is_symlink() and other.name != folder.name
    ]


def _equal_file(path: Path, name: str, others: Sequence[Path], top: Path) -> Path | None:
    """Return the file of another folder that is to take the place of one; nothing where they are one already."""
    status = path.lstat()
    if not S_ISREG(status.st_mode):
        return None
    for other in others:
        found = other / name
        try:
            known = found.lstat()
        except OSError:
            continue
        if os.path.samestat(status, known):
            return None
        alike = ("st_mode", "st_uid", "st_gid", "st_size", "st_dev")
        if any(getattr(status, each) != getattr(known, each) for each in alike):
            continue
        if found.resolve() == top / other.name / name and filecmp.cmp(path, found, shallow=False):
            return found
    return None
