"""A run's own folder, which identifies the remains of a killed run, to remove them."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from local_aws.vpn.requirements import tool

if TYPE_CHECKING:
    from collections.abc import Iterator

PREFIX = "client-connect-vpn-"

_LOCK = "lock"
_NAMESPACES = Path("/run/netns")
_END_SECONDS = 5.0


@contextlib.contextmanager
def run_directory() -> Iterator[Path]:
    """Give a new folder, locked for as long as the block runs; its name begins those of the run's namespaces.

    When the block ends, the folder and the namespaces are removed, with every process in these. What runs that were
    killed have left is removed first: the lock of a process that is gone is free.
    """
    remove_leftovers()
    new = Path(tempfile.mkdtemp(prefix=f".{PREFIX}"))
    directory = new.with_name(new.name.removeprefix("."))
    try:
        with _locked(new):
            new.rename(directory)  # only now do others see it, and its lock is held already
            yield directory
    finally:
        _remove(new)
        _remove(directory)


def remove_leftovers() -> list[str]:
    """Remove what killed runs have left, and return their names."""
    removed = []
    for directory in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with (
            contextlib.suppress(OSError),
            _locked(directory),
        ):  # held by a run that goes on, or removed meanwhile
            _remove(directory)
            removed.append(directory.name)
    return removed


def namespaces_of(run: str) -> list[str]:
    """Return the names of the namespaces that a run has made."""
    if not _NAMESPACES.is_dir():
        return []
    return sorted(each.name for each in _NAMESPACES.iterdir() if each.name.startswith(f"{run}-"))


@contextlib.contextmanager
def _locked(directory: Path) -> Iterator[None]:
    with (directory / _LOCK).open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield


def _remove(directory: Path) -> None:
    for name in namespaces_of(directory.name):
        _end_processes(name)
        subprocess.run([tool("ip"), "netns", "delete", name], capture_output=True, check=False)
    shutil.rmtree(directory, ignore_errors=True)


def _end_processes(namespace: str) -> None:
    """End what runs in a namespace, or its devices would outlive its name."""
    deadline = time.monotonic() + _END_SECONDS
    while (processes := _processes(namespace)) and time.monotonic() < deadline:
        for process in processes:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        time.sleep(0.02)


def _processes(namespace: str) -> list[int]:
    listed = subprocess.run(
        [tool("ip"), "netns", "pids", namespace], capture_output=True, text=True, check=False
    )
    return [int(line) for line in listed.stdout.split()]
