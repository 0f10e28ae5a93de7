"""The function's code: the runtime package, the policies and the locked dependencies, put together by uv."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from hashlib import sha256
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

import uv

import client_connect
from client_connect.networks import digest as digest_of_networks
from client_connect.settings import CUSTOM_SCHEMA_FILE, NETWORKS_DIGEST, NETWORKS_FILE, POLICIES_FILE
from client_connect_tools.errors import BundleError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from client_connect_tools.extra_facts import ExtraFacts

# What the bundle is for, beside the code; a construct that is given the folder compares it.
PLATFORM_FILE = "platform.json"
LOCK = Path(__file__).with_name("bundle.txt")
_SOURCES = Path(client_connect.__file__).parent
_OLDEST_PYTHON = (3, 11)
# The oldest C library of all Lambda runtimes from Python 3.11 on is newer than that of manylinux2014.
ARCHITECTURES = {"arm64": "aarch64-manylinux2014", "x86_64": "x86_64-manylinux2014"}
_INSTALL_TIMEOUT_S = 300
# First from the cache alone: that needs no network, and is quicker where there is one. Then as uv is configured,
# for the index may be named there; and at last without that, for a project's constraints are not meant for us.
_ATTEMPTS = (("--offline", "--no-config"), ("--offline",), (), ("--no-config",))
_AS_CONFIGURED = 2
# The lock says it all; what would change it is for the project that uses this library.
_NOT_PASSED_ON = ("UV_COMPILE_BYTECODE", "UV_CONSTRAINT", "UV_OVERRIDE", "UV_EXCLUDE", "UV_EXCLUDE_NEWER")


@dataclass(frozen=True, slots=True)
class Bundle:
    """The code of one function.

    Attributes:
        policies: The Cedar text.
        python: The Python version of the Lambda runtime, such as ``3.14``.
        architecture: The architecture of the function, ``arm64`` or ``x86_64``.
        extra_facts: The module of extra facts. Default: none.
        custom: What ``context.custom`` is, as ``custom.cedarschema`` has it. Default: none.
        networks: The table of the named networks, ``Policies.network_table``. Default: none.
    """

    policies: str
    python: str
    architecture: str
    extra_facts: ExtraFacts | None = field(default=None, kw_only=True)
    custom: str | None = field(default=None, kw_only=True)
    networks: bytes | None = field(default=None, kw_only=True)

    def digest(self) -> str:
        """Return a hash of everything that goes in: the same on every machine and day.

        It covers our sources, the lock, the policies and their networks, the module of extra facts and what it
        declares, the Python version, the architecture and how the dependencies are installed; never bytecode, times,
        file modes or line endings.
        """
        parts = [
            self.policies,
            LOCK.read_text("utf-8"),
            *_recipe(self.python, ARCHITECTURES[self.architecture]),
        ]
        parts += [part for path in _source_files() for part in (path.name, path.read_text("utf-8"))]
        digest = sha256()
        for content in [part.encode() for part in parts] + self._own_parts():
            digest.update(f"{len(content)}:".encode() + content)
        return digest.hexdigest()

    def build(self, folder: Path) -> None:
        """Put the code together in an empty or missing folder.

        The dependencies come from uv's cache when it has them, else from the package index that uv is
        configured for. Only wheels are taken, and each must have the hash that the lock states.

        Raises:
            BundleError: When a dependency cannot be installed.
        """
        _install(folder, self.python, ARCHITECTURES[self.architecture])
        package = folder / _SOURCES.name
        package.mkdir()
        for source in _source_files():
            shutil.copyfile(source, package / source.name)
        for name, content in self.team_files():
            file = folder / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        platform = {"python": self.python, "architecture": self.architecture, "version": library_version()}
        if self.extra_facts is not None:
            platform["extraFacts"] = self.extra_facts.module
        (folder / PLATFORM_FILE).write_text(json.dumps(platform), "utf-8")

    def team_files(self) -> Sequence[tuple[str, bytes]]:
        """Return all that is a team's own: the policies and what is added beside them, with the paths in the bundle."""
        return ((POLICIES_FILE, self._policies_text().encode()), *self._own_files())

    def _own_files(self) -> Sequence[tuple[str, bytes]]:
        """Return what a team adds beside its policies, with the paths in the bundle."""
        declared = () if self.custom is None else ((CUSTOM_SCHEMA_FILE, self.custom.encode()),)
        networks = () if self.networks is None else ((NETWORKS_FILE, self.networks),)
        return (*declared, *networks, *(self.extra_facts.files if self.extra_facts else ()))

    def _policies_text(self) -> str:
        """Return the policies with the digest of their networks, of which the one is nothing without the other."""
        if self.networks is None:
            # One that was copied out of a bundle may begin so.
            return "\n" * self.policies.startswith(NETWORKS_DIGEST) + self.policies
        return f"{NETWORKS_DIGEST}{digest_of_networks(self.networks)}\n{self.policies}"

    def _own_parts(self) -> list[bytes]:
        return [part for name, content in self._own_files() for part in (name.encode(), content)]


def library_version() -> str:
    """Return the version of this library."""
    return metadata.version("cdk-client-connect")


def runs_on(python: str) -> bool:
    """Tell whether there is a bundle for a Python version, such as ``3.14``: for 3.11 or later."""
    match = re.fullmatch(r"([1-9][0-9]*)\.([1-9][0-9]*)", python)
    return match is not None and (int(match[1]), int(match[2])) >= _OLDEST_PYTHON


def _source_files() -> Sequence[Path]:
    return sorted(path for path in _SOURCES.iterdir() if path.suffix in (".py", ".cedarschema"))


def _install(folder: Path, python: str, platform: str) -> None:
    command = [
        *(uv.find_uv_bin(), "pip", "install", "--quiet", "--python", sys.executable, "--target", str(folder)),
        *("--requirements", str(LOCK), *_recipe(python, platform)),
    ]
    failures = []
    for attempt in _ATTEMPTS:
        result = _run([*command, *attempt])
        (folder / ".lock").unlink(missing_ok=True)  # else the folder would not be empty for the next attempt
        if result.returncode == 0:
            return
        failures.append(result.stderr)
    raise BundleError(_failure(failures[_AS_CONFIGURED], python, platform))


def _recipe(python: str, platform: str) -> list[str]:
    """Return the arguments that decide what is installed."""
    return [
        *("--python-version", python, "--python-platform", platform),
        *("--only-binary", ":all:", "--no-deps", "--require-hashes"),
        # No links into uv's cache, and no bytecode, which differs by machine.
        *("--link-mode", "copy", "--no-compile-bytecode"),
    ]


def _run(command: list[str]) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(  # noqa: S603 - uv itself, with arguments of our own
            command,
            capture_output=True,
            text=True,
            check=False,
            timeout=_INSTALL_TIMEOUT_S,
            stdin=subprocess.DEVNULL,
            env={name: value for name, value in os.environ.items() if name not in _NOT_PASSED_ON},
        )
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, 1, "", f"uv took longer than {_INSTALL_TIMEOUT_S} s")


def _failure(stderr: str, python: str, platform: str) -> str:
    wanted = ", ".join(line.split()[0] for line in LOCK.read_text("utf-8").splitlines() if "==" in line)
    return (
        f"could not install {wanted} for Python {python} on {platform}:\n{stderr.strip()}\n"
        "If the index is the cause, give uv one that it can reach (UV_DEFAULT_INDEX), or let it keep its cache "
        "between runs (UV_CACHE_DIR); or run `client-connect bundle` where there is a network, and pass the folder as "
        "code=lambda_.Code.from_asset(folder)"
    )
