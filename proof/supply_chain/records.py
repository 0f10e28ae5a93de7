"""Notes what the locked wheels hold: `python -m proof.supply_chain.records`, a part of `make lock`.

For each Python version and architecture of Lambda, it downloads the wheels whose hashes are in the lock, checks their
files against their ``RECORD``, and writes the digests to the file that every bundle is compared with.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from hashlib import sha256
from pathlib import Path
from zipfile import ZipFile

from client_connect_tools.bundling.bundle import ARCHITECTURES, LOCK
from client_connect_tools.bundling.wheel_records import RECORDS, file_digest, read_record, record_digest

# The Python versions that Lambda and the policy engine have in common.
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
_PLATFORMS = {"arm64": "manylinux2014_aarch64", "x86_64": "manylinux2014_x86_64"}
_OUTSIDE = ("/", "../")


class UnsuitableWheel(Exception):
    """A wheel does not say of each of its files what is in it, or has files elsewhere than in its packages."""


def main() -> None:
    """Write the file."""
    records = {
        python: {architecture: _of_platform(python, architecture) for architecture in sorted(ARCHITECTURES)}
        for python in PYTHONS
    }
    RECORDS.write_text(json.dumps(records, indent=2) + "\n", "utf-8")
    print(f"{RECORDS.name}: {len(PYTHONS)} Python versions on {len(ARCHITECTURES)} architectures")


def of_wheel(file: Path) -> tuple[str, dict[str, str]]:
    """Return a wheel's name and what to note of it.

    Raises:
        UnsuitableWheel: When it is not one that can be verified.
    """
    name, version = file.name.split("-")[:2]
    metadata = f"{name}-{version}.dist-info"
    with ZipFile(file) as archive:
        files = {each: archive.read(each) for each in archive.namelist() if not each.endswith("/")}
    entries = read_record(files[f"{metadata}/RECORD"].decode())
    recorded = {entry.path: entry.digest for entry in entries}
    contents = {path: file_digest(content) for path, content in files.items() if path != f"{metadata}/RECORD"}
    if recorded != contents or len(recorded) != len(entries):
        raise UnsuitableWheel(f"{file.name}: its RECORD does not list its files with their SHA-256")
    for path in contents:
        if "," in path or path.startswith((*_OUTSIDE, f"{name}-{version}.data/")) or "/../" in path:
            raise UnsuitableWheel(f"{file.name}: {path} would be installed elsewhere")
    return name, {
        "version": version,
        "wheel": sha256(file.read_bytes()).hexdigest(),
        "record": record_digest(entries),
    }


def _of_platform(python: str, architecture: str) -> dict[str, dict[str, str]]:
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(
            [
                *(sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"),
                *("--require-hashes", "--only-binary", ":all:", "--no-deps", "--no-cache-dir"),
                *(
                    "--implementation",
                    "cp",
                    "--python-version",
                    python,
                    "--platform",
                    _PLATFORMS[architecture],
                ),
                *("--requirement", str(LOCK), "--dest", folder),
            ],
            check=True,
        )
        return dict(of_wheel(file) for file in sorted(Path(folder).iterdir()))


if __name__ == "__main__":
    main()
