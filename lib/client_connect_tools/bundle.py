"""The function's code: the runtime package, the policies and the locked dependencies, put together by uv."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import uv

import client_connect
from client_connect_tools.errors import BundleError

if TYPE_CHECKING:
    from collections.abc import Sequence

POLICIES_FILE = "policies.cedar"
LOCK = Path(__file__).with_name("bundle.txt")
_SOURCES = Path(client_connect.__file__).parent
# The oldest C library of all Lambda runtimes from Python 3.11 on is newer than that of manylinux2014.
_PLATFORMS = {"arm64": "aarch64-manylinux2014", "x86_64": "x86_64-manylinux2014"}
_INSTALL_TIMEOUT_S = 300


@dataclass(frozen=True, slots=True)
class Bundle:
    """The code of one function.

    Attributes:
        policies: The Cedar text.
        python: The Python version of the Lambda runtime, such as ``3.14``.
        architecture: The architecture of the function, ``arm64`` or ``x86_64``.
    """

    policies: str
    python: str
    architecture: str

    def digest(self) -> str:
        """Return a hash of everything that goes in: the same on every machine and day.

        It covers our sources, the lock, the policies, the Python version and the architecture; never
        bytecode, times, file modes or line endings.
        """
        parts = [self.policies, self.python, self.architecture, LOCK.read_text("utf-8")]
        parts += [part for path in _source_files() for part in (path.name, path.read_text("utf-8"))]
        digest = sha256()
        for part in parts:
            content = part.encode()
            digest.update(f"{len(content)}:".encode() + content)
        return digest.hexdigest()

    def build(self, folder: Path) -> None:
        """Put the code together in an empty or missing folder.

        The dependencies come from uv's cache when it has them, else from the package index that uv is
        configured for. Only wheels are taken, and each must have the hash that the lock states.

        Raises:
            BundleError: When a dependency cannot be installed.
        """
        _install(folder, self.python, _PLATFORMS[self.architecture])
        package = folder / _SOURCES.name
        package.mkdir()
        for source in _source_files():
            shutil.copyfile(source, package / source.name)
        (folder / POLICIES_FILE).write_text(self.policies, "utf-8", newline="\n")


def _source_files() -> Sequence[Path]:
    return sorted(path for path in _SOURCES.iterdir() if path.suffix in (".py", ".cedarschema"))


def _install(folder: Path, python: str, platform: str) -> None:
    command = [
        *(uv.find_uv_bin(), "pip", "install", "--quiet"),
        *("--python", sys.executable, "--target", str(folder)),
        *("--python-version", python, "--python-platform", platform),
        *("--only-binary", ":all:", "--no-deps", "--require-hashes", "--requirements", str(LOCK)),
        # Whatever uv is configured to do elsewhere: no links into its cache, and no bytecode. (uv refuses the
        # argument beside the environment variable, which therefore is not passed on.)
        *("--link-mode", "copy", "--no-compile-bytecode"),
    ]
    # First from the cache alone: that needs no network, and is quicker where there is one.
    result = _run([*command, "--offline"])
    if result.returncode != 0:
        result = _run(command)
    (folder / ".lock").unlink(missing_ok=True)  # else the folder would not be empty for the next attempt
    if result.returncode != 0:
        raise BundleError(_failure(result.stderr, python, platform))


def _run(command: list[str]) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(  # noqa: S603 - uv itself, with arguments of our own
            command,
            capture_output=True,
            text=True,
            check=False,
            timeout=_INSTALL_TIMEOUT_S,
            stdin=subprocess.DEVNULL,
            env={name: value for name, value in os.environ.items() if name != "UV_COMPILE_BYTECODE"},
        )
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, 1, "", f"uv took longer than {_INSTALL_TIMEOUT_S} s")


def _failure(stderr: str, python: str, platform: str) -> str:
    wanted = ", ".join(line.split()[0] for line in LOCK.read_text("utf-8").splitlines() if "==" in line)
    return (
        f"could not install {wanted} for Python {python} on {platform}:\n{stderr.strip()}\n"
        "Give uv a package index it can reach (UV_DEFAULT_INDEX), or let it keep its cache between runs "
        "(UV_CACHE_DIR); or run `client-connect bundle` where there is a network, and pass the folder as "
        "code=lambda_.Code.from_asset(folder)"
    )
