"""The policies of a handler, from where they are kept."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import cedarpy

from client_connect import Authorizer
from client_connect.engine.policy_set import InvalidPolicySet, PolicySet
from client_connect_tools.errors import InvalidPolicies
from client_connect_tools.files.folders import shown, unix
from client_connect_tools.files.networks import (
    NetworkList,
    lists_given,
    lists_of_files,
    packed,
    require_unique,
)
from client_connect_tools.files.policies_folder import (
    TESTS_SUFFIX,
    PolicyFiles,
    files_of_file,
    files_of_folder,
)
from client_connect_tools.files.source import Source, read_source
from client_connect_tools.guardrails import as_forbids
from client_connect_tools.output.safe_output import safe_text
from client_connect_tools.rules.rules import to_cedar

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable

    from client_connect_tools.files.networks import Lists
    from client_connect_tools.rules import Rules

__all__ = ["TESTS_SUFFIX", "Policies", "Source"]

RENDERED = "<rules>"
"""The name of the source of policies that ``Rules`` rendered."""

_NOTED = 3


@dataclass(frozen=True, slots=True)
class Policies:
    """Cedar policies that decide connections; made by one of the factories.

    They are checked when a handler is defined with them, not when they are read.

    Attributes:
        sources: Their text, file by file.
        test_files: Their policy tests. They are no part of ``text``.
        custom_schema: Their ``custom.cedarschema``, when there is one. It says what ``context.custom`` is: a Cedar
            record type, such as ``{ riskScore: Long, vip?: Bool }``.
        networks: The named networks that they may read as ``context.networks``, in the order of the names.
        left_out: Cedar files in the folder of a single file, which are no part of the set.
    """

    sources: tuple[Source, ...]
    test_files: tuple[Path, ...] = ()
    custom_schema: Source | None = None
    networks: tuple[NetworkList, ...] = ()
    left_out: tuple[Path, ...] = ()

    @staticmethod
    def from_path(path: str | os.PathLike[str]) -> Policies:
        """Read a directory, or else a single file.

        Raises:
            InvalidPolicies: As of ``from_directory`` and ``from_file``.
        """
        return Policies.from_directory(path) if Path(path).is_dir() else Policies.from_file(path)

    @staticmethod
    def from_directory(path: str | os.PathLike[str]) -> Policies:
        """Read a directory and its subdirectories: one set of policies.

        It is every ``*.cedar`` file, in the order of their paths, with every ``*.tests.toml``, every
        ``networks/NAME.txt``, and ``custom.cedarschema`` at the top of the directory.

        Raises:
            InvalidPolicies: When it is not a directory, holds no policies, a file cannot be read, or one looks like
                a part of the set but is not read: a link that leaves the directory, or a name such as
                ``vpn.CEDAR``, ``vpn.cedar.bak`` or ``vpn.test.toml``. See docs/policies.md.
        """
        return _read(files_of_folder(Path(path)))

    @staticmethod
    def from_file(path: str | os.PathLike[str]) -> Policies:
        """Read one file as a separate set.

        To the set of ``vpn.cedar`` belong its tests in ``vpn.tests.toml``, ``custom.cedarschema`` and
        ``networks/NAME.txt``, all in the same directory, if they exist. Other policies there are in ``left_out``.

        Raises:
            InvalidPolicies: When it cannot be read, or a file next to it looks like one of these but is not read.
        """
        file = Path(path)
        read_source(file)  # for a file that is missing, this is the reason to name
        return _read(files_of_file(file))

    @staticmethod
    def from_string(
        text: str, *, name: str = "<string>", custom: str | None = None, networks: Lists | None = None
    ) -> Policies:
        """Take Cedar text as if it had been read from a file.

        Args:
            text: The policies.
            name: What findings call this text, in the place of a file.
            custom: What ``context.custom`` is, as ``custom.cedarschema`` would say it. Default: empty.
            networks: The named networks: a mapping of names to CIDRs, such as ``{"office": ["203.0.113.0/24"]}``, or
                a directory of ``NAME.txt`` files. Default: none.

        Raises:
            InvalidPolicies: When the networks cannot be read.
        """
        schema = None if custom is None else Source("<custom>", unix(custom))
        return Policies((Source(name, unix(text)),), custom_schema=schema, networks=lists_given(networks))

    @staticmethod
    def from_rules(
        *rules: Rules, networks: Lists | None = None, tests: Iterable[str | os.PathLike[str]] = ()
    ) -> Policies:
        """Render rules to Cedar.

        Args:
            *rules: The rules; at most one has no scope; a rule of any of them denies.
            networks: The networks that ``allowed_networks`` and ``blocked_networks`` name: a mapping of names to
                CIDRs, such as ``{"office": ["203.0.113.0/24"]}``, or a directory of ``NAME.txt`` files. Default: none.
            tests: Files of policy tests, ``*.tests.toml``, which run at synthesis. Default: none.

        Raises:
            InvalidPolicies: When the networks cannot be read, or a file of tests is not there.
            InvalidRules: When none is given, or two of them have the same scope's name, or none.
        """
        files = tuple(map(Path, tests))
        for file in files:
            if not file.is_file():
                raise InvalidPolicies(
                    f'there are no policy tests "{shown(file)}"; give a file named *{TESTS_SUFFIX}'
                )
        return Policies((Source(RENDERED, to_cedar(rules)),), files, networks=lists_given(networks))

    def merge(*policies: Policies) -> Policies:
        """Put several sets together: ``base.merge(team)`` and ``Policies.merge(base, team)`` are the same.

        Every ``@id`` must be unique in all of them. A forbid of any of them beats every permit of all of them. The
        tests of each are those of all, and are decided with all; so are the named networks.

        Raises:
            InvalidPolicies: When none is given, one is something else, or two of them say differently what
                ``context.custom`` or a named network is.
        """
        if not policies:
            raise InvalidPolicies("there are no policies to merge; give at least one")
        for part in policies:
            if not isinstance(part, Policies):
                raise InvalidPolicies(
                    f"{type(part).__name__} cannot be merged; give Policies, each as its own argument"
                )
        return Policies(
            tuple(source for part in policies for source in part.sources),
            tuple(dict.fromkeys(file for part in policies for file in part.test_files)),
            _only(part.custom_schema for part in policies),
            require_unique(each for part in policies for each in part.networks),
            tuple(dict.fromkeys(file for part in policies for file in part.left_out)),
        )

    def guarded_by(self, guardrails: Policies, *, shadow: bool = False) -> Policies:
        """Return these policies within guardrails: a connection is allowed only if both sets allow it.

        The tests stay those of these policies, and decide within the guardrails; those of the guardrails are about
        them alone. The guardrails' forbids must have other ids than these policies, and ``guardrails`` is taken.
        Custom schemas and named networks are put together as by ``merge``.

        Args:
            guardrails: Policies that must allow, too, whatever these permit.
            shadow: Whether the guardrails only record what they would deny.

        Raises:
            InvalidPolicies: When the guardrails have errors, or the two do not fit together.
        """
        found = as_forbids(guardrails.sources, shadow=shadow)
        bounded = replace(guardrails, sources=found, test_files=(), left_out=())
        return Policies.merge(self, bounded)

    @property
    def text(self) -> str:
        """All policies in one text: what is bundled. It depends on no path and no line ending."""
        return "\n".join(source.text.strip() + "\n" for source in self.sources)

    def left_out_note(self) -> str:
        """Return a line that says which policies are no part of the set, though they lie next to its single file."""
        names = [shown(file) for file in self.left_out[:_NOTED]]
        more = f" and {len(self.left_out) - _NOTED} more" if len(self.left_out) > _NOTED else ""
        return safe_text(
            f'note: "{self.sources[0].name}" is a separate set, without {", ".join(names)}{more}; give the folder '
            "to have all of them"
        )

    @property
    def custom(self) -> str | None:
        """The type of ``context.custom``, as bundled next to the policies. It depends on no line ending."""
        return None if self.custom_schema is None else self.custom_schema.text.strip() + "\n"

    @property
    def network_table(self) -> bytes | None:
        """The named networks as they are bundled; ``None`` without any. It depends on no comment or layout.

        Raises:
            InvalidPolicies: When a list is wrong, with everything that is.
        """
        for each in self.networks:
            for line, problem in each.problems:
                raise InvalidPolicies(f"{each.source.name}:{line}: {problem}")
        return packed(self.networks)

    def authorizer(self) -> Authorizer:
        """Return the authorizer with these policies, with their schema and networks.

        Raises:
            InvalidPolicies: When a list of networks is wrong.
            InvalidPolicySet: When the policies or the schema cannot be parsed.
        """
        return Authorizer(self.text, custom=self.custom, networks=self.network_table)

    def digests(self) -> dict[str, str]:
        """Return the digest of each policy, by its ``@id`` in alphabetical order.

        ``permit 0123456789ab``, or ``forbid, shadow 0123456789ab``: the effect, whether it is in shadow mode,
        and the first 12 hexadecimal digits of the SHA-256 of the policy in Cedar's JSON format with sorted
        keys. That depends on conditions and annotations, but neither on comments and layout nor on the other
        policies. A list of networks is ``networks/NAME``, with how many it has and a digest of them.

        Raises:
            InvalidPolicies: When they cannot be parsed, or one has no unique ``@id``.
        """
        try:
            by_id = PolicySet.parse(self.text).by_id
        except InvalidPolicySet as error:
            raise InvalidPolicies(f"cannot tell the policies apart: {error}") from None
        found = {}
        for policy in json.loads(cedarpy.policies_to_json_str(self.text))["staticPolicies"].values():
            known = by_id[policy["annotations"]["id"]]
            digest = sha256(json.dumps(policy, sort_keys=True).encode()).hexdigest()[:12]
            found[known.id] = f"{known.effect}{', shadow' if known.shadow else ''} {digest}"
        for each in self.networks:
            digest = sha256("\n".join(sorted(map(str, each.networks))).encode()).hexdigest()[:12]
            found[f"networks/{each.name}"] = f"{len(each.networks)} networks {digest}"
        return dict(sorted(found.items()))


def _read(files: PolicyFiles) -> Policies:
    return Policies(
        tuple(read_source(file) for file in files.policies),
        tuple(files.tests),
        None if files.custom_schema is None else read_source(files.custom_schema, "schema"),
        lists_of_files(files.networks),
        files.left_out,
    )


def _only(schemas: Iterable[Source | None]) -> Source | None:
    """Return the one schema; the same text twice is one."""
    found = {schema.text.strip(): schema for schema in schemas if schema is not None}
    if len(found) > 1:
        names = " and ".join(f'"{schema.name}"' for schema in found.values())
        raise InvalidPolicies(f"{names} say differently what context.custom is; keep one of them")
    return next(iter(found.values()), None)
