"""The files of our own packages, as this library was installed: what others put into their folders is none of them."""

from __future__ import annotations

from functools import cache
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from client_connect_tools._wheel_records import file_digest
from client_connect_tools.errors import BundleError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_LIBRARY = "cdk-client-connect"


def own_sources(folder: Path, *suffixes: str) -> Sequence[Path]:
    """Return the files of one of our packages, by name.

    Where this library is installed from a wheel, they are those that its ``RECORD`` lists. Other packages can put files
    of their own into the same folder, which would otherwise be deployed. In a work tree they are all that there are.

    Args:
        folder: The folder of the package.
        *suffixes: What the names end with, such as ``.py``.

    Raises:
        BundleError: When one is missing, or is not what was installed.
    """
    recorded = _recorded().get(folder.resolve())
    if recorded is None:
        return sorted(path for path in folder.iterdir() if path.suffix in suffixes and path.is_file())
    files = sorted(folder / name for name in recorded if name.endswith(suffixes))
    for file in files:
        if not file.is_file() or file_digest(file.read_bytes()) != recorded[file.name]:
            raise BundleError(
                f"{folder.name}/{file.name} is missing or is not the file that {_LIBRARY} {metadata.version(_LIBRARY)} "
                "installed; install that package again"
            )
    return files


@cache
def _recorded() -> Mapping[Path, Mapping[str, str]]:
    """Return the hashes of the installed files, by folder and name; none of an editable installation."""
    found: dict[Path, dict[str, str]] = {}
    for file in metadata.files(_LIBRARY) or ():
        if file.hash is not None:
            path = Path(file.locate()).resolve()
            found.setdefault(path.parent, {})[path.name] = f"{file.hash.mode}={file.hash.value}"
    return found
