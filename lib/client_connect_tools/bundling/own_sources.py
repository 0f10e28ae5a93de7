"""The files of our own packages, as this library was installed: what others put into their folders is none of them."""

from __future__ import annotations

from functools import cache
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from client_connect_tools import distribution
from client_connect_tools.bundling.wheel_records import file_digest
from client_connect_tools.errors import BundleError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def own_sources(folder: Path, *suffixes: str) -> Sequence[Path]:
    """Return the files of one of our packages and of those in it, by path.

    Where this library is installed from a wheel, they are those that its ``RECORD`` lists. Other packages can put files
    of their own into the same folder, which would otherwise be deployed. In a work tree they are all that there are.

    Args:
        folder: The folder of the package.
        *suffixes: What the names end with, such as ``.py``.

    Raises:
        BundleError: When one is missing, or is not what was installed.
    """
    top = folder.resolve()
    recorded = {path: digest for path, digest in _recorded().items() if path.is_relative_to(top)}
    if not recorded:
        return sorted(path for path in folder.rglob("*") if path.suffix in suffixes and path.is_file())
    files = {
        folder / path.relative_to(top): digest for path, digest in recorded.items() if path.suffix in suffixes
    }
    for file, digest in files.items():
        if not file.is_file() or file_digest(file.read_bytes()) != digest:
            raise BundleError(
                f"{file.relative_to(folder.parent).as_posix()} is missing or is not the file that "
                f"{distribution.name()} {distribution.version()} installed; install that package again"
            )
    return sorted(files)


@cache
def _recorded() -> Mapping[Path, str]:
    """Return the hashes of the installed files; of an editable installation, none of our packages'."""
    return {
        Path(file.locate()).resolve(): f"{file.hash.mode}={file.hash.value}"
        for file in metadata.files(distribution.name()) or ()
        if file.hash is not None
    }
