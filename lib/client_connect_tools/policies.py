"""The policies of a handler, from where they are kept."""

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import sha256
from os.path import lexists  # a link to nowhere is there, and an error; not nothing
from pathlib import Path
from typing import TYPE_CHECKING

import cedarpy

from client_connect.policy_set import InvalidPolicySet, PolicySet
from client_connect.settings import CUSTOM_SCHEMA_FILE
from client_connect_tools.errors import InvalidPolicies

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable

    from client_connect_tools.rules import Rules

TESTS_SUFFIX = ".tests.toml"


@dataclass(frozen=True, slots=True)
class Source:
    """Cedar text with the name that findings give it, usually its file's."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Policies:
    """Cedar policies that decide connections; made by one of the factories.

    They are checked when a handler is defined with them, not when they are read.

    Attributes:
        sources: Their text, file by file.
        test_files: The ``*.tests.toml`` that lie beside them. They are no part of ``text``.
        custom_schema: The ``custom.cedarschema`` that lies beside them, when there is one. It says what
            ``context.custom`` is: a Cedar record type, such as ``{ riskScore: Long, vip?: Bool }``.
    """

    sources: tuple[Source, ...]
    test_files: tuple[Path, ...] = ()
    custom_schema: Source | None = None

    @staticmethod
    def from_directory(path: str | os.PathLike[str]) -> Policies:
        """Read every ``*.cedar`` file of a directory, in the order of their names.

        Every ``*.tests.toml`` of the directory belongs to them, and its ``custom.cedarschema``.

        Raises:
            InvalidPolicies: When it is not a directory, holds no such file, or a file cannot be read.
        """
        directory = Path(path)
        try:
            is_directory = directory.is_dir()
            files = sorted(directory.glob("*.cedar"), key=lambda file: file.name)
        except OSError as error:
            raise InvalidPolicies(f'cannot read the directory "{path}": {error}') from error
        if not is_directory:
            raise InvalidPolicies(f'"{path}" is not a directory; give one that holds *.cedar files')
        if not files:
            raise InvalidPolicies(f'directory "{path}" holds no *.cedar file; add one')
        tests = sorted(directory.glob(f"*{TESTS_SUFFIX}"), key=lambda file: file.name)
        return Policies(tuple(_read(file) for file in files), tuple(tests), _custom_schema(directory))

    @staticmethod
    def from_file(path: str | os.PathLike[str]) -> Policies:
        """Read one file.

        The tests of ``vpn.cedar`` are in ``vpn.tests.toml`` beside it, if there is one, and what its
        ``context.custom`` is in ``custom.cedarschema``.

        Raises:
            InvalidPolicies: When it cannot be read.
        """
        file = Path(path)
        tests = file.with_suffix(TESTS_SUFFIX)
        return Policies((_read(file),), (tests,) if lexists(tests) else (), _custom_schema(file.parent))

    @staticmethod
    def from_string(text: str, *, name: str = "<string>", custom: str | None = None) -> Policies:
        """Take Cedar text as if it had been read from a file.

        Args:
            text: The policies.
            name: What findings call this text, in the place of a file.
            custom: What ``context.custom`` is, as ``custom.cedarschema`` would say it. Default: empty.
        """
        schema = None if custom is None else Source("<custom>", _unix(custom))
        return Policies((Source(name, _unix(text)),), custom_schema=schema)

    @staticmethod
    def from_rules(rules: Rules) -> Policies:
        """Render rules to Cedar."""
        return Policies((Source("<rules>", rules.to_cedar()),))

    @staticmethod
    def merge(*policies: Policies) -> Policies:
        """Put several together; every ``@id`` must be unique in all of them.

        A forbid of any of them beats every permit of all of them. The tests of each are those of all, and
        are decided by all.

        Raises:
            InvalidPolicies: When two of them say differently what ``context.custom`` is.
        """
        sources = tuple(source for part in policies for source in part.sources)
        tests = tuple(dict.fromkeys(file for part in policies for file in part.test_files))
        return Policies(sources, tests, _only(part.custom_schema for part in policies))

    @property
    def text(self) -> str:
        """All policies in one text: what is bundled. It depends on no path and no line ending."""
        return "\n".join(source.text.strip() + "\n" for source in self.sources)

    @property
    def custom(self) -> str | None:
        """What ``context.custom`` is: what is bundled beside the policies. It depends on no line ending."""
        return None if self.custom_schema is None else self.custom_schema.text.strip() + "\n"

    def digests(self) -> dict[str, str]:
        """Return what tells each policy from its other versions, by its ``@id`` in alphabetical order.

        ``permit 0123456789ab``, or ``forbid, shadow 0123456789ab``: the effect, whether it is in shadow mode,
        and the first 12 hexadecimal digits of the SHA-256 of the policy in Cedar's JSON format with sorted
        keys. That depends on conditions and annotations, but neither on comments and layout nor on the other
        policies.

        Raises:
            InvalidPolicies: When they cannot be parsed, or one has no ``@id`` of its own.
        """
        try:
            by_id = PolicySet.parse(self.text).by_id
        except InvalidPolicySet as error:
            raise InvalidPolicies(f"cannot tell the policies apart: {error}") from error
        found = {}
        for policy in json.loads(cedarpy.policies_to_json_str(self.text))["staticPolicies"].values():
            known = by_id[policy["annotations"]["id"]]
            digest = sha256(json.dumps(policy, sort_keys=True).encode()).hexdigest()[:12]
            found[known.id] = f"{known.effect}{', shadow' if known.shadow else ''} {digest}"
        return dict(sorted(found.items()))


def _read(file: Path, what: str = "policies") -> Source:
    try:
        return Source(file.as_posix(), file.read_text("utf-8-sig"))
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidPolicies(f'cannot read the {what} "{file}": {error}') from error


def _unix(text: str) -> str:
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")


def _custom_schema(directory: Path) -> Source | None:
    file = directory / CUSTOM_SCHEMA_FILE
    return _read(file, "schema") if lexists(file) else None


def _only(schemas: Iterable[Source | None]) -> Source | None:
    """Return the one schema; the same text twice is one."""
    found = {schema.text.strip(): schema for schema in schemas if schema is not None}
    if len(found) > 1:
        names = " and ".join(f'"{schema.name}"' for schema in found.values())
        raise InvalidPolicies(f"{names} say differently what context.custom is; keep one of them")
    return next(iter(found.values()), None)
