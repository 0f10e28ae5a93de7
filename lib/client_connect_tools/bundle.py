"""The function's code: the runtime package, the policies and the locked dependencies, put together by uv."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import client_connect
from client_connect.settings import CUSTOM_SCHEMA_FILE, POLICIES_FILE
from client_connect_tools._installing import PLATFORMS, install, recipe
from client_connect_tools._own_sources import own_sources

if TYPE_CHECKING:
    from collections.abc import Sequence

    from client_connect_tools.extra_facts import ExtraFacts

# What the bundle is for, beside the code; a construct that is given the folder compares it.
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
    """

    policies: str
    python: str
    architecture: str
    extra_facts: ExtraFacts | None = field(default=None, kw_only=True)
    custom: str | None = field(default=None, kw_only=True)

    def digest(self) -> str:
        """Return a hash of everything that goes in: the same on every machine and day.

        It covers our sources, the lock, the policies, the module of extra facts and what it declares, the
        Python version, the architecture and how the dependencies are installed; never bytecode, times, file
        modes or line endings.
        """
        parts = [
            self.policies,
            LOCK.read_text("utf-8"),
            *recipe(self.python, self.architecture),
        ]
        parts += [part for path in _source_files() for part in (path.name, path.read_text("utf-8"))]
        digest = sha256()
        for content in [part.encode() for part in parts] + self._own_parts():
            digest.update(f"{len(content)}:".encode() + content)
        return digest.hexdigest()

    def build(self, folder: Path) -> None:
        """Put the code together in an empty or missing folder.

        The dependencies come from uv's cache when it has them, else from the package index that uv is
        configured for, or that pip is. Only wheels are taken, each must have the hash that the lock states, and
        every installed file must be the one in the wheel.

        Raises:
            BundleError: When a dependency cannot be installed, or is not the locked one.
        """
        install(folder, LOCK, self.python, self.architecture)
        package = folder / _SOURCES.name
        package.mkdir()
        for source in _source_files():
            shutil.copyfile(source, package / source.name)
        (folder / POLICIES_FILE).write_text(self.policies, "utf-8", newline="\n")
        for name, content in self._own_files():
            file = folder / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        platform = {"python": self.python, "architecture": self.architecture}
        if self.extra_facts is not None:
            platform["extraFacts"] = self.extra_facts.module
        (folder / PLATFORM_FILE).write_text(json.dumps(platform), "utf-8")

    def _own_files(self) -> Sequence[tuple[str, bytes]]:
        """Return what a team adds beside its policies, with the paths in the bundle."""
        declared = () if self.custom is None else ((CUSTOM_SCHEMA_FILE, self.custom.encode()),)
        return (*declared, *(self.extra_facts.files if self.extra_facts else ()))

    def _own_parts(self) -> list[bytes]:
        return [part for name, content in self._own_files() for part in (name.encode(), content)]


def runs_on(python: str) -> bool:
    """Tell whether there is a bundle for a Python version, such as ``3.14``: for 3.11 or later."""
    match = re.fullmatch(r"([1-9][0-9]*)\.([1-9][0-9]*)", python)
    return match is not None and (int(match[1]), int(match[2])) >= _OLDEST_PYTHON


def _source_files() -> Sequence[Path]:
    return own_sources(_SOURCES, ".py", ".cedarschema")
