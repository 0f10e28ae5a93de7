"""The notes on a locked wheel are its content, and a wheel that they cannot describe is refused."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from hashlib import sha256
from typing import TYPE_CHECKING
from zipfile import ZipFile

import pytest

from client_connect_tools import BundleError
from client_connect_tools.bundling import bundle
from client_connect_tools.bundling.wheel_records import RECORDS, LockedWheel, require_locked
from proof.supply_chain import records

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

INFO = "engine-1.2.dist-info"
FILES = {
    "engine/__init__.py": b"ALLOW = False\n",
    "engine/native.so": b"\x7fELF",
    f"{INFO}/METADATA": b"Name: engine\n",
}


def line(name: str, content: bytes) -> str:
    """Return a file's line of a RECORD, computed here as the specification says."""
    digest = urlsafe_b64encode(sha256(content).digest()).decode().rstrip("=")
    return f"{name},sha256={digest},{len(content)}\n"


def wheel(folder: Path, files: Mapping[str, bytes], record: str | None = None) -> Path:
    """Write a wheel; by default with the RECORD that it should have."""
    if record is None:
        record = "".join(line(*file) for file in files.items()) + f"{INFO}/RECORD,,\n"
    path = folder / "engine-1.2-py3-none-any.whl"
    with ZipFile(path, "w") as archive:
        for name, content in {**files, f"{INFO}/RECORD": record.encode()}.items():
            archive.writestr(name, content)
    return path


def installed(folder: Path, path: Path) -> Path:
    """Unpack a wheel, and add what an installer adds."""
    with ZipFile(path) as archive:
        archive.extractall(folder)
    (folder / INFO / "INSTALLER").write_text("uv", "utf-8")
    return folder


def test_notes_version_and_hashes(tmp_path: Path) -> None:
    """The digest is that of the sorted lines, whatever their order in the wheel."""
    path = wheel(tmp_path, dict(reversed(FILES.items())))
    text = "".join(sorted(line(*file) for file in FILES.items()))
    assert records.of_wheel(path) == (
        "engine",
        {
            "version": "1.2",
            "wheel": sha256(path.read_bytes()).hexdigest(),
            "record": sha256(text.encode()).hexdigest(),
        },
    )


def test_what_is_noted_fits_what_is_installed_and_nothing_else(tmp_path: Path) -> None:
    """An installation is compared with the notes: each change of a file, and of its line, is found."""
    path = wheel(tmp_path, FILES)
    name, noted = records.of_wheel(path)
    wheels = {name: LockedWheel(**noted)}
    require_locked(installed(tmp_path / "same", path), wheels)
    evil = {**FILES, "engine/native.so": b"\x7fEVIL"}
    changed = wheel(tmp_path, evil)
    with pytest.raises(BundleError, match="RECORD is not that of the locked wheel"):
        require_locked(installed(tmp_path / "another", changed), wheels)
    record = "".join(line(*file) for file in FILES.items())
    with pytest.raises(BundleError, match=r"engine/native\.so has been changed"):
        require_locked(installed(tmp_path / "changed", wheel(tmp_path, evil, record)), wheels)


@pytest.mark.parametrize(
    ("files", "record"),
    [
        pytest.param(
            {**FILES, "engine/extra.py": b""}, "".join(line(*file) for file in FILES.items()), id="not listed"
        ),
        pytest.param(FILES, line("engine/__init__.py", b"ALLOW = False\n"), id="fewer lines"),
        pytest.param(FILES, "".join(line(name, b"") for name in FILES), id="other hashes"),
        pytest.param(FILES, "".join(f"{name},,\n" for name in FILES), id="no hashes"),
        pytest.param(
            FILES, "".join(line(*file) for file in (*FILES.items(), *FILES.items())), id="listed twice"
        ),
        pytest.param({**FILES, "/etc/cron.d/engine": b""}, None, id="absolute"),
        pytest.param({**FILES, "../engine.pth": b""}, None, id="above"),
        pytest.param({**FILES, "engine/../../engine.pth": b""}, None, id="above by a detour"),
        pytest.param({**FILES, "engine-1.2.data/scripts/uv": b""}, None, id="a script"),
        pytest.param({**FILES, "engine-1.2.data/purelib/boto3.py": b""}, None, id="another package"),
    ],
)
def test_refuses_a_wheel_that_cannot_be_verified(
    tmp_path: Path, files: Mapping[str, bytes], record: str | None
) -> None:
    """Files not listed, or installed elsewhere, could not be compared."""
    with pytest.raises(records.UnsuitableWheel):
        records.of_wheel(wheel(tmp_path, files, record))


def test_the_notes_are_of_the_locked_wheels() -> None:
    """For each platform, both packages have the version of the lock, and a wheel whose hash it states."""
    lock = bundle.LOCK.read_text("utf-8")
    noted = json.loads(RECORDS.read_text("utf-8"))
    assert {python: sorted(platforms) for python, platforms in noted.items()} == dict.fromkeys(
        records.PYTHONS, sorted(bundle.ARCHITECTURES)
    )
    for platform in (each for platforms in noted.values() for each in platforms.values()):
        for name, package in platform.items():
            assert f"{name}=={package['version']} " in lock
            assert f"--hash=sha256:{package['wheel']}" in lock
