"""Whether what an installer put into a folder is what the locked wheels hold: by their ``RECORD`` files.

uv checks the hash of a wheel when it downloads it, and later installs the unpacked files from its cache unchecked.
So each installed file is compared with the wheel's ``RECORD``, and the ``RECORD`` with a hash kept next to the lock.

Source: https://packaging.python.org/en/latest/specifications/binary-distribution-format/
"""

from __future__ import annotations

import csv
import json
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from client_connect_tools.errors import BundleError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

# Written by `make lock` from the wheels whose hashes the lock states.
RECORDS = Path(__file__).with_name("bundle.records.json")
# Files that installers add to a package's metadata; no wheel brings it, and no function needs it.
_OF_INSTALLERS = frozenset({"INSTALLER", "REQUESTED", "direct_url.json", "uv_cache.json"})
_SHOWN = 3


@dataclass(frozen=True, slots=True)
class LockedWheel:
    """The one wheel of a package for a platform.

    Attributes:
        version: The version of the package.
        wheel: The SHA-256 of the file, which the lock states too.
        record: The digest of its ``RECORD``: see ``record_digest``.
    """

    version: str
    wheel: str
    record: str


@dataclass(frozen=True, slots=True)
class RecordEntry:
    """One line of a ``RECORD``.

    Attributes:
        path: The file, with ``/`` between the parts.
        digest: Its hash, as in ``sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU``.
        size: Its length in bytes.
    """

    path: str
    digest: str
    size: str

    @property
    def line(self) -> str:
        """The line, without quotes: no file of a locked wheel needs them."""
        return f"{self.path},{self.digest},{self.size}\n"


def locked_wheels(python: str, architecture: str) -> Mapping[str, LockedWheel]:
    """Return the locked wheels for a platform, by package.

    Raises:
        BundleError: Without any wheel.
    """
    found = _all_locked_wheels().get(python, {}).get(architecture)
    if found is None:
        raise BundleError(
            f"there are no locked packages for Python {python} on {architecture}; use one of "
            + ", ".join(sorted(_all_locked_wheels(), key=lambda version: int(version.split(".")[1])))
        )
    return {name: LockedWheel(**fields) for name, fields in found.items()}


@cache
def _all_locked_wheels() -> dict[str, dict[str, dict[str, dict[str, str]]]]:
    found: dict[str, dict[str, dict[str, dict[str, str]]]] = json.loads(RECORDS.read_text("utf-8"))
    return found


def read_record(text: str) -> list[RecordEntry]:
    """Return the entries of a ``RECORD`` in the order of their paths, without its own and those of installers."""
    entries = [RecordEntry(*row) for row in csv.reader(text.splitlines()) if len(row) == 3]  # noqa: PLR2004 - path, hash, size
    return sorted(
        (entry for entry in entries if not _is_about_itself(entry.path)), key=lambda each: each.path
    )


def record_digest(entries: Iterable[RecordEntry]) -> str:
    """Return the SHA-256 of what a ``RECORD`` says of the files of a wheel, whoever wrote it in whatever order."""
    return sha256("".join(entry.line for entry in entries).encode()).hexdigest()


def file_digest(content: bytes) -> str:
    """Return a file's hash as a ``RECORD`` has it."""
    return "sha256=" + urlsafe_b64encode(sha256(content).digest()).rstrip(b"=").decode()


def require_locked(folder: Path, wheels: Mapping[str, LockedWheel]) -> None:
    """Check that a folder holds the files of the locked wheels and no other, and drop what the installer added.

    Raises:
        BundleError: When a file is changed, missing, a link or of no locked wheel.
    """
    packages = [
        (folder / f"{name}-{wheel.version}.dist-info", _entries(folder / f"{name}-{wheel.version}.dist-info"))
        for name, wheel in wheels.items()
    ]
    problems = [
        f"{metadata.name}/RECORD is not that of the locked wheel"
        for (metadata, entries), wheel in zip(packages, wheels.values(), strict=True)
        if record_digest(entries) != wheel.record
    ] or _differences(folder, packages)  # a changed list says nothing about the files
    if problems:
        more = f" and {len(problems) - _SHOWN} more" if len(problems) > _SHOWN else ""
        raise BundleError(
            f"the installed packages are not the locked ones: {', '.join(problems[:_SHOWN])}{more}; uv's cache was "
            f"changed or is damaged: find out why, run `uv cache clean {' '.join(wheels)}` and build again"
        )
    for metadata, entries in packages:
        _settle(metadata, entries)


def _entries(metadata: Path) -> Sequence[RecordEntry]:
    try:
        return read_record((metadata / "RECORD").read_text("utf-8"))
    except (OSError, UnicodeDecodeError):
        return ()


def _settle(metadata: Path, entries: Sequence[RecordEntry]) -> None:
    """Leave of the metadata what the wheel brought, in one spelling: the same whoever installed it."""
    own = RecordEntry(f"{metadata.name}/RECORD", "", "")
    for name in (*_OF_INSTALLERS, "RECORD"):  # which could be links
        (metadata / name).unlink(missing_ok=True)
    lines = sorted(entry.line for entry in (*entries, own))
    (metadata / "RECORD").write_text("".join(lines), "utf-8", newline="\n")


def _differences(folder: Path, packages: Sequence[tuple[Path, Sequence[RecordEntry]]]) -> list[str]:
    recorded = {entry.path: entry for _, entries in packages for entry in entries}
    around = {f"{metadata.name}/{name}" for metadata, _ in packages for name in (*_OF_INSTALLERS, "RECORD")}
    found = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if _is_no_folder(path)}
    return [
        *(f"{name} is missing" for name in sorted(recorded.keys() - found.keys())),
        *(f"{name} is of no locked package" for name in sorted(found.keys() - recorded.keys() - around)),
        *(
            f"{name} has been changed"
            for name in sorted(recorded.keys() & found.keys())
            if not _is_as_recorded(found[name], recorded[name])
        ),
    ]


def _is_as_recorded(path: Path, entry: RecordEntry) -> bool:
    return not path.is_symlink() and path.is_file() and file_digest(path.read_bytes()) == entry.digest


def _is_no_folder(path: Path) -> bool:
    return path.is_symlink() or not path.is_dir()


def _is_about_itself(path: str) -> bool:
    """Tell whether it is a ``RECORD`` or what installers add to the metadata."""
    parts = PurePosixPath(path).parts
    return (
        len(parts) == 2  # noqa: PLR2004 - a folder of metadata, and a file in it
        and parts[0].endswith(".dist-info")
        and (parts[1] == "RECORD" or parts[1] in _OF_INSTALLERS)
    )
