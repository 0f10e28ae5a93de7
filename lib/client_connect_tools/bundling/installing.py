"""The locked packages for a platform, put into a folder by uv, and verified."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import uv

from client_connect_tools.bundling.package_index import find_package_index
from client_connect_tools.bundling.uv_cache import usable_cache
from client_connect_tools.bundling.wheel_records import locked_wheels, require_locked
from client_connect_tools.errors import BundleError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from client_connect_tools.bundling.package_index import PackageIndex
    from client_connect_tools.bundling.wheel_records import LockedWheel

# The oldest C library of all Lambda runtimes from Python 3.11 on is newer than that of manylinux2014.
PLATFORMS = {"arm64": "aarch64-manylinux2014", "x86_64": "x86_64-manylinux2014"}
INSTALL_TIMEOUT_S = 300
# The lock says it all; what would change it is for the project that uses this library.
_NOT_PASSED_ON = frozenset(
    f"UV_{name}"
    for name in (
        *("BUILD_CONSTRAINT", "COMPILE_BYTECODE", "CONFIG_FILE", "CONSTRAINT", "EXCLUDE", "EXCLUDE_NEWER"),
        *("NO_BINARY", "NO_CONFIG", "NO_VERIFY_HASHES", "OVERRIDE", "PREFIX", "SYSTEM_PYTHON", "TARGET"),
    )
)
# Behind a firewall that drops packets, uv would wait and try again for minutes. Older versions know the last two only.
_IMPATIENCE = {"UV_HTTP_CONNECT_TIMEOUT": "3", "UV_HTTP_TIMEOUT": "15", "UV_HTTP_RETRIES": "1"}
_CERTIFICATE_ERROR = re.compile("certificate|UnknownIssuer", re.IGNORECASE)
_ESCAPES = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


def recipe(python: str, architecture: str) -> list[str]:
    """Return the arguments that decide what is installed."""
    return [
        *("--python-version", python, "--python-platform", PLATFORMS[architecture]),
        *("--only-binary", ":all:", "--no-deps", "--require-hashes"),
        # No links into uv's cache, and no bytecode, which differs by machine.
        *("--link-mode", "copy", "--no-compile-bytecode"),
    ]


def install(folder: Path, lock: Path, python: str, architecture: str, *, trusts_project: bool = True) -> None:
    """Put the locked packages into an empty or missing folder.

    They come from uv's cache when it has them, else from the index that uv is configured for, or that pip is. The files
    are compared with those of the locked wheels.

    Args:
        folder: The folder.
        lock: The file with the packages and their hashes.
        python: The Python version, such as ``3.14``.
        architecture: The architecture.
        trusts_project: As ``find_package_index`` has it.

    Raises:
        BundleError: When they cannot be installed, or are not the locked ones; then the folder is empty.
    """
    arguments = [
        *("--quiet", "--color", "never", "--no-progress", "--python", sys.executable),
        *("--target", str(folder), "--requirements", str(lock), *recipe(python, architecture)),
    ]
    wheels = locked_wheels(python, architecture)
    with _emptied_on_failure(folder), tempfile.TemporaryDirectory(prefix="client-connect-uv-") as own:
        index = find_package_index(trusts_project=trusts_project)
        settings = Path(own, "uv.toml")
        settings.write_text(index.as_toml(), "utf-8")
        cache = usable_cache(settings, Path(own, "cache"), list(wheels))
        command = ["pip", "install", "--config-file", str(settings), "--cache-dir", str(cache), *arguments]
        _install(command, index, folder, _wanted(wheels, python, architecture))
        require_locked(folder, wheels)


def run_uv(arguments: Sequence[str], environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run uv; one that takes too long has failed."""
    command = [uv.find_uv_bin(), *arguments]
    inherited = {name: value for name, value in os.environ.items() if name not in _NOT_PASSED_ON}
    try:
        return subprocess.run(  # noqa: S603 - uv itself, with arguments of our own
            command,
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            check=False,
            timeout=INSTALL_TIMEOUT_S,
            stdin=subprocess.DEVNULL,
            env={**_IMPATIENCE, **inherited, **environment},
        )
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, 1, "", f"uv took longer than {INSTALL_TIMEOUT_S} s")


def _install(command: Sequence[str], index: PackageIndex, folder: Path, wanted: str) -> None:
    """Install from the cache alone, which needs no network and is quicker where there is one; else from the index.

    Each attempt asks the same places, so no other index answers for one that fails.
    """

    def problem(*options: str, **variables: str) -> str:
        result = run_uv([*command, *options], {**index.environment, **variables})
        (folder / ".lock").unlink(missing_ok=True)  # else the folder would not be empty for the next attempt
        return "" if result.returncode == 0 else _ESCAPES.sub("", result.stderr).strip() or "uv failed"

    found = problem("--offline")
    if found and not _is_on("UV_OFFLINE"):
        found = problem()
        # As pip does: first the certificates that it is configured to trust, then those of the system.
        for store in (*({"SSL_CERT_FILE": file} for file in index.certificates), {"UV_NATIVE_TLS": "1"}):
            if _CERTIFICATE_ERROR.search(found):
                found = problem(**store)
    if found:
        raise BundleError(_failure(found, index, wanted))


def _failure(problem: str, index: PackageIndex, wanted: str) -> str:
    if _CERTIFICATE_ERROR.search(problem):
        cause = (
            "Neither uv nor this system trusts the certificate, which a proxy may have signed: set SSL_CERT_FILE to a "
            "file with the proxy's certificate authority."
        )
    elif index.is_configured:
        cause = (
            "No other index is asked than the one that is configured, by UV_DEFAULT_INDEX or uv.toml, else by "
            "PIP_INDEX_URL or pip.conf: see that it can be reached and has these packages."
        )
    else:
        cause = "If the index is the cause, give uv one that it can reach (UV_DEFAULT_INDEX)."
    return (
        f"could not install {wanted}:\n{problem}\n{cause} Without a network, let uv keep its cache between runs "
        "(UV_CACHE_DIR), or give it a folder with the wheels (UV_FIND_LINKS, with UV_OFFLINE=1); or run "
        "`client-connect bundle` where there is a network, and pass the folder as "
        "code=lambda_.Code.from_asset(folder). See docs/networks.md of cdk-client-connect"
    )


def _wanted(wheels: Mapping[str, LockedWheel], python: str, architecture: str) -> str:
    versions = ", ".join(f"{name}=={wheel.version}" for name, wheel in wheels.items())
    return f"{versions} for Python {python} on {PLATFORMS[architecture]}"


def _is_on(variable: str) -> bool:
    return os.environ.get(variable, "").lower() in {"1", "true", "yes", "on", "y", "t"}


@contextmanager
def _emptied_on_failure(folder: Path) -> Iterator[None]:
    """Leave nothing in a folder that was empty: half of the packages, or changed ones, are of no use."""
    try:
        yield
    except BaseException:
        if folder.is_dir():
            for part in folder.iterdir():
                if part.is_dir() and not part.is_symlink():
                    shutil.rmtree(part)
                else:
                    part.unlink()
        raise
