"""The function's code: the runtime package, the policies and the locked dependencies, put together by uv."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import client_connect
from client_connect.networks import digest as digest_of_networks
from client_connect.settings import CUSTOM_SCHEMA_FILE, NETWORKS_DIGEST, NETWORKS_FILE, POLICIES_FILE
from client_connect_tools import distribution
from client_connect_tools.bundling.installing import PLATFORMS, install, recipe
from client_connect_tools.bundling.linked_files import link_files
from client_connect_tools.bundling.own_sources import own_sources

if TYPE_CHECKING:
    from collections.abc import Sequence

    from client_connect_tools.bundling.extra_facts import ExtraFacts

# The target of the bundle, next to the code; a construct that is given the folder compares it.
PLATFORM_FILE = "platform.json"
LOCK = Path(__file__).with_name("bundle.txt")
_SOURCES = Path(client_connect.__file__).parent
_OLDEST_PYTHON = (3, 11)
ARCHITECTURES = PLATFORMS


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
            *recipe(self.python, self.architecture),
        ]
        parts += [part for path in _source_files() for part in (_name(path), path.read_text("utf-8"))]
        digest = sha256()
        for content in [part.encode() for part in parts] + self._own_parts():
            digest.update(f"{len(content)}:".encode() + content)
        return digest.hexdigest()

    def install(self, folder: Path, *, trusts_project: bool = True) -> None:
        """Put the dependencies into an empty or missing folder: the same for all bundles of a platform.

        They come from uv's cache when it has them, else from the package index that uv is
        configured for, or that pip is. Only wheels are taken, each must have the hash that the lock states, and
        every installed file must be the one in the wheel.

        Args:
            folder: The folder.
            trusts_project: Whether this process runs code of the working directory anyway. Else uv's settings there
                cannot have credentials of this environment sent to a server that they name.

        Raises:
            BundleError: When a dependency cannot be installed, or is not the locked one.
        """
        install(folder, LOCK, self.python, self.architecture, trusts_project=trusts_project)
        _let_anybody_read(folder)

    def build(self, folder: Path, *, installed: Path | None = None, trusts_project: bool = True) -> None:
        """Put the code together in an empty or missing folder.

        Args:
            folder: The folder.
            installed: A folder with the dependencies, made by ``install`` for the same platform, which is not changed
                from then on: the bundle has links to its files. Default: they are installed.
            trusts_project: As ``install`` has it.

        Raises:
            BundleError: When a dependency cannot be installed, or is not the locked one.
        """
        if installed is None:
            self.install(folder, trusts_project=trusts_project)
        else:
            link_files(installed, folder)
        sources = [(f"{_SOURCES.name}/{_name(path)}", path.read_bytes()) for path in _source_files()]
        for name, content in (*sources, *self.team_files()):
            file = folder / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.unlink(missing_ok=True)  # or what is written would go where a link leads
            file.write_bytes(content)
        platform = {"python": self.python, "architecture": self.architecture, "version": library_version()}
        if self.extra_facts is not None:
            platform["extraFacts"] = self.extra_facts.module
        (folder / PLATFORM_FILE).write_text(json.dumps(platform), "utf-8")
        _let_anybody_read(folder)

    def team_files(self) -> Sequence[tuple[str, bytes]]:
        """Return all of the team's files: the policies and those next to them, with the paths in the bundle."""
        return ((POLICIES_FILE, policies_file(self.policies, self.networks).encode()), *self._own_files())

    def _own_files(self) -> Sequence[tuple[str, bytes]]:
        """Return the team's files next to its policies, with the paths in the bundle."""
        declared = () if self.custom is None else ((CUSTOM_SCHEMA_FILE, self.custom.encode()),)
        networks = () if self.networks is None else ((NETWORKS_FILE, self.networks),)
        return (*declared, *networks, *(self.extra_facts.files if self.extra_facts else ()))

    def _own_parts(self) -> list[bytes]:
        return [part for name, content in self._own_files() for part in (name.encode(), content)]


def policies_file(policies: str, networks: bytes | None) -> str:
    """Return the policies with the digest of their networks: neither is complete without the other."""
    if networks is None:
        # One that was copied out of a bundle may begin so.
        return "\n" * policies.startswith(NETWORKS_DIGEST) + policies
    return f"{NETWORKS_DIGEST}{digest_of_networks(networks)}\n{policies}"


def library_version() -> str:
    """Return the version of this library."""
    return distribution.version()


def runs_on(python: str) -> bool:
    """Tell whether there is a bundle for a Python version, such as ``3.14``: for 3.11 or later."""
    match = re.fullmatch(r"([1-9][0-9]*)\.([1-9][0-9]*)", python)
    return match is not None and (int(match[1]), int(match[2])) >= _OLDEST_PYTHON


def _let_anybody_read(folder: Path) -> None:
    """Give what is in a folder the modes that Lambda needs, whatever the umask of this process.

    Lambda runs code as another user than the one that unpacks it.
    https://docs.aws.amazon.com/lambda/latest/dg/troubleshooting-deployment.html
    """
    for path in folder.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)


def _source_files() -> Sequence[Path]:
    return own_sources(_SOURCES, ".py", ".cedarschema")


def _name(source: Path) -> str:
    return source.relative_to(_SOURCES).as_posix()
