"""Files of policy tests, ``*.tests.toml``: cases with their variants, whatever it is that a case describes."""

from __future__ import annotations

import re
import tomllib
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from client_connect_tools.errors import InvalidPolicyTests
from client_connect_tools.files.folders import read_text
from client_connect_tools.files.hidden_characters import hidden_characters
from client_connect_tools.files.toml_tables import TOO_DEEP, TomlTable, entries, extremes, literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path
    from typing import Self

CaseT = TypeVar("CaseT")

_HEADER = re.compile(r"""^[ \t]*\[\[[ \t]*(?:test|"test"|'test')[ \t]*\]\]""")


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A case, as far as it has no content yet.

    Attributes:
        file: The file that it was read from.
        line: Where its ``[[test]]`` begins, counted from 1.
        name: Its name, unique in the file; of a variant, with its number and what it changes.
    """

    file: str
    line: int
    name: str


class CaseReader(ABC, Generic[CaseT]):
    """The tables of one kind of policy tests.

    Attributes:
        file_keys: The keys above the tests, ``test`` among them.
        circumstances: The keys of a case that are no expectation.
    """

    file_keys: ClassVar[tuple[str, ...]] = ("test",)
    circumstances: ClassVar[tuple[str, ...]]

    def of_file(self, document: TomlTable) -> Self:
        """Return the reader of a file's cases, which knows what stands above them."""
        document.require_known(self.file_keys)
        return self

    @abstractmethod
    def merged(self, base: Mapping[str, object], variant: Mapping[str, object]) -> dict[str, object]:
        """Let a variant override a case, without what would contradict it."""

    @abstractmethod
    def read(self, table: TomlTable, case: Case) -> CaseT | None:
        """Return a case, its variant already merged into it; or nothing, when something is wrong with it."""


def read_files(paths: Iterable[Path], reader: CaseReader[CaseT]) -> tuple[CaseT, ...]:
    """Read all cases, in the order of the files.

    Raises:
        InvalidPolicyTests: With everything that is wrong in any of the files.
    """
    files = [_File.read(path, reader) for path in paths]
    cases = tuple(case for file in files for case in file.cases())
    problems = [problem for file in files for problem in file.problems]
    if problems:
        raise InvalidPolicyTests(problems)
    return cases


def expected_effect(table: TomlTable) -> str | None:
    """Return what a case expects, ``allow`` or ``deny``, which it has to say."""
    if "expect" not in table.values:
        table.problems.append('there is no "expect"; give "allow" or "deny"')
    return table.one_of("expect", ("allow", "deny"))


def expected_errors(table: TomlTable) -> bool | tuple[str, ...] | None:
    """Return whether a case expects errors, or parts of them; ``None`` where it does not say."""
    if isinstance(table.values.get("errors"), list):
        return table.texts("errors") or False
    return table.flag("errors")


@dataclass(frozen=True, slots=True, kw_only=True)
class _File(Generic[CaseT]):
    name: str
    document: dict[str, Any]
    lines: list[int]
    reader: CaseReader[CaseT]
    problems: list[str]

    @staticmethod
    def read(path: Path, reader: CaseReader[CaseT]) -> _File[CaseT]:
        name = path.as_posix()
        text, document = "", {}
        problems: list[str] = []
        try:
            text = read_text(path)
            problems.extend(f"{name}:{line}:{column}: {why}" for line, column, why in hidden_characters(text))
            document = tomllib.loads(text)
            problems.extend(f"{name}: {problem}" for problem in extremes(document))
        except tomllib.TOMLDecodeError as error:
            problems.append(f"{name}: this is not TOML: {error}; correct it there")
        except (OSError, ValueError) as error:
            problems.append(f"{name}: cannot be read: {error}")
        except RecursionError:
            problems.append(f"{name}: cannot be read: {TOO_DEEP}")
        lines = [number for number, line in enumerate(text.splitlines(), 1) if _HEADER.match(line)]
        return _File(name=name, document=document, lines=lines, reader=reader, problems=problems)

    def cases(self) -> Iterator[CaseT]:
        if self.problems:
            return
        found: list[str] = []
        table = TomlTable(self.document, found)
        reader = self.reader.of_file(table)
        tests = table.tables("test", "write a [[test]] with a name and what to expect")
        self.problems.extend(f"{self.name}: {problem}" for problem in found)
        names: set[str] = set()
        for number, values in enumerate(tests):
            line = self.lines[number] if len(self.lines) == len(tests) else 1
            yield from self._case(values, line, reader, names)

    def _case(
        self, values: dict[str, object], line: int, reader: CaseReader[CaseT], names: set[str]
    ) -> Iterator[CaseT]:
        found: list[str] = []
        name = _name(TomlTable(values, found), names)
        variants = _variants(TomlTable(values, found), name, reader)
        self._note(line, name, found)
        outcomes: dict[str, list[str]] = {}
        for variant, merged in variants:
            table = TomlTable(merged, [])
            case = reader.read(table, Case(file=self.name, line=line, name=variant))
            outcomes[variant] = table.problems
            if case is not None and not table.problems:
                yield case
        self._note_once(line, name, outcomes)

    def _note_once(self, line: int, name: str, outcomes: dict[str, list[str]]) -> None:
        """Note what is wrong in every variant as wrong in the case that they share."""
        common = [
            problem
            for problem in next(iter(outcomes.values()), [])
            if all(problem in problems for problems in outcomes.values())
        ]
        self._note(line, name, common)
        for variant, problems in outcomes.items():
            self._note(line, variant, [problem for problem in problems if problem not in common])

    def _note(self, line: int, name: str, problems: list[str]) -> None:
        where = f"{self.name}:{line}: " + (f"test {literal(name)}: " if name else "")
        self.problems.extend(where + problem for problem in problems)


def _name(table: TomlTable, names: set[str]) -> str:
    name = table.text("name")
    if name is None:
        if "name" not in table.values:
            table.problems.append('the test has no "name"; say in it what is expected')
        return ""
    if not name.strip() or not name.isprintable():
        table.note("name", f"is {literal(name)}; give one line that says what is expected")
        return ""
    if name in names:
        table.note("name", "is that of an earlier test; give each test its own")
    names.add(name)
    return name


def _variants(table: TomlTable, name: str, reader: CaseReader[Any]) -> list[tuple[str, dict[str, object]]]:
    base = {key: value for key, value in table.values.items() if key != "variants"}
    if "variants" not in table.values:
        return [(name, base)]
    variants = table.tables("variants", 'give tables, such as [{ request = { platform = "mac" } }]')
    return [
        (f"{name} [{number}: {_label(variant, reader.circumstances)}]", reader.merged(base, variant))
        for number, variant in enumerate(variants, 1)
    ]


def _label(variant: Mapping[str, object], circumstances: tuple[str, ...]) -> str:
    if isinstance(name := variant.get("name"), str):
        return name if name.isprintable() else literal(name)
    shown = {key: value for key, value in variant.items() if key in circumstances} or dict(variant)
    request = shown.pop("request", None)
    if isinstance(request, dict):
        shown = request | shown
    return entries(shown)
