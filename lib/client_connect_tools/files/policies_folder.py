"""Which files belong to a set of policies: a folder with its subfolders, or a single file with the files next to it.

Everything in the folder is read, is one of a few things that may lie there, or is an error.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from client_connect.settings import CUSTOM_SCHEMA_FILE
from client_connect_tools.errors import InvalidPolicies
from client_connect_tools.files.folders import Contents, contents, shown, within
from client_connect_tools.files.hidden_characters import has_hidden_characters

if TYPE_CHECKING:
    from collections.abc import Iterable

POLICIES_SUFFIX, TESTS_SUFFIX = ".cedar", ".tests.toml"
NETWORKS_FOLDER, NETWORKS_SUFFIX = "networks", ".txt"

_LIKE_POLICIES = re.compile(r"\.cedar(?![a-z])")
_LIKE_TESTS = re.compile(r"(?:^|[._-])tests?[._-]?to?ml(?![a-z])")
# Folders of version control are not examined.
_VERSION_CONTROL = (".git", ".hg", ".svn", ".jj")
# Files of editors while a file is open: Emacs a link, Vim a file.
_LOCK, _SWAP = re.compile(r"\.#.*"), re.compile(r"\..*\.sw[a-p]")
# Files that may lie there unread, besides those with a leading dot: texts for people, Python (tests, extra facts), a
# schema for editors, what describes the folder to other programs, and what file managers leave.
_PROSE = (".md", ".rst", ".adoc", ".html", ".py")
_MAY_LIE_THERE = (*_PROSE, ".pyc", ".cedarschema")
_MAY_BE_NAMED = frozenset(
    {
        *("readme", "license", "notice", "codeowners", "owners", "makefile"),
        *("client-connect.toml", "pyproject.toml", "pytest.toml", "pytest.ini", "requirements.txt"),
        *("thumbs.db", "desktop.ini"),
    }
)

_POLICIES, _TESTS, _SCHEMA = "policies", "policy tests", "the schema of extra facts"
_NETWORKS = "a list of networks"
_READ_FROM = {
    _POLICIES: f"they are read from *{POLICIES_SUFFIX}",
    _TESTS: f"they are read from *{TESTS_SUFFIX}",
    _SCHEMA: f"it is read from {CUSTOM_SCHEMA_FILE} at the top of the folder",
}
_NOT_READ = (
    f"is not read: policies are read from *{POLICIES_SUFFIX}, tests from *{TESTS_SUFFIX}, networks from "
    f"{NETWORKS_FOLDER}/NAME{NETWORKS_SUFFIX}, and notes may be *.md; rename it, move it out of the folder, or let its "
    "name begin with a dot"
)
_UNPRINTABLE = "has a character in its name that is not shown as it is; rename it"


@dataclass(frozen=True, slots=True)
class PolicyFiles:
    """The files of a set of policies, each kind sorted by path.

    Attributes:
        policies: The Cedar files.
        tests: The files of policy tests.
        networks: The lists of networks.
        custom_schema: The schema of extra facts, if there is one.
        left_out: Cedar files next to a single file, which are no part of the set.
    """

    policies: list[Path] = field(default_factory=list)
    tests: list[Path] = field(default_factory=list)
    networks: list[Path] = field(default_factory=list)
    custom_schema: Path | None = None
    left_out: tuple[Path, ...] = ()


def files_of_folder(directory: Path) -> PolicyFiles:
    """Find the files of a folder and its subfolders.

    Raises:
        InvalidPolicies: When it is no folder, holds no policies, cannot be read, or holds what is not read and is none
            of the few things that may lie there; all at once.
    """
    try:
        if not directory.is_dir():
            raise InvalidPolicies(
                f'"{shown(directory)}" is not a directory; give one that holds *{POLICIES_SUFFIX} files'
            )
        found = contents(directory, skip=lambda path: _is_no_content(directory / path))
    except OSError as error:
        raise InvalidPolicies(f'cannot read the directory "{shown(directory)}": {error}') from None
    files, problems = PolicyFiles(), list(found.problems)
    for file in found.files:
        problems += _named(file, _misplaced(file.relative_to(directory)) or _sorted(file, directory, files))
    for folder in found.folders:
        problems += _named(folder, _misplaced_folder(folder.relative_to(directory)))
    _refuse(directory, problems)
    if not files.policies:
        raise InvalidPolicies(f'directory "{shown(directory)}" holds no *{POLICIES_SUFFIX} file; add one')
    schema = directory / CUSTOM_SCHEMA_FILE
    return replace(files, custom_schema=schema if schema in found.files else None)


def _sorted(file: Path, directory: Path, files: PolicyFiles) -> str:
    """Add a file to its kind, or return why it should have been of one."""
    if file.parent.name == NETWORKS_FOLDER and file.parent != directory:
        files.networks.extend([file] if file.suffix == NETWORKS_SUFFIX else [])
    elif file.suffix == POLICIES_SUFFIX:
        files.policies.append(file)
    elif file.name.endswith(TESTS_SUFFIX):
        files.tests.append(file)
    elif file != directory / CUSTOM_SCHEMA_FILE:
        return "" if _may_lie_there(file, directory) else _NOT_READ
    return ""


def _is_no_content(path: Path) -> bool:
    """Tell whether version control or an editor keeps something, which no name of a file of policies has."""
    if _LOCK.fullmatch(path.name):
        return path.is_symlink()
    return path.name in _VERSION_CONTROL or (bool(_SWAP.fullmatch(path.name)) and not path.is_dir())


def _may_lie_there(file: Path, directory: Path) -> bool:
    is_hidden = any(part.startswith(".") for part in file.relative_to(directory).parts)
    return is_hidden or file.suffix.lower() in _MAY_LIE_THERE or file.name.lower() in _MAY_BE_NAMED


def files_of_file(file: Path) -> PolicyFiles:
    """Find the files of a set that is a single file: its tests, the schema and the networks next to it.

    Raises:
        InvalidPolicies: When a file next to it looks like one of these, but is not read.
    """
    tests = file.stem + TESTS_SUFFIX
    folder = file.parent / NETWORKS_FOLDER
    try:
        beside = sorted(path for path in file.parent.iterdir() if path.name != file.name)
        lists = contents(folder, recursive=False) if folder in beside else Contents()
    except OSError as error:
        raise InvalidPolicies(f'cannot read what lies beside "{shown(file)}": {error}') from None
    read = [path for path in beside if path.name in (tests, CUSTOM_SCHEMA_FILE, NETWORKS_FOLDER)]
    problems = [f'"{shown(path)}" {problem}' for path in read if (problem := _not_as_named(path))]
    problems += [
        f'"{shown(path)}" is not read; rename it to {meant}, or remove it'
        for path in beside
        if path not in read and (meant := _meant(path.name, tests))
    ]
    problems += lists.problems
    for path in (*lists.files, *lists.folders):
        if problem := (_misplaced if path in lists.files else _misplaced_folder)(
            path.relative_to(file.parent)
        ):
            problems.append(f'"{shown(path)}" {problem}')
    _refuse(file, problems)
    others = [path for path in beside if path.suffix == POLICIES_SUFFIX]
    return PolicyFiles(
        [file],
        [path for path in read if path.name == tests],
        [path for path in lists.files if path.suffix == NETWORKS_SUFFIX],
        next((path for path in read if path.name == CUSTOM_SCHEMA_FILE), None),
        tuple(others),
    )


def files_of_tests(paths: Iterable[Path]) -> list[Path]:
    """Find the policy tests in some files and folders, which hold no policies.

    Raises:
        InvalidPolicies: When one of them has no policies, or one looks like tests but is not read.
    """
    return [file for path in paths for file in _tests_of(path)]


def _tests_of(path: Path) -> list[Path]:
    if not path.is_dir():
        if not path.name.endswith(TESTS_SUFFIX):
            raise InvalidPolicies(f'"{shown(path)}" is no file of policy tests; rename it to *{TESTS_SUFFIX}')
        return [path]
    try:
        found = contents(path, skip=lambda each: _is_no_content(path / each))
    except OSError as error:
        raise InvalidPolicies(f'cannot read the directory "{shown(path)}": {error}') from None
    tests = [file for file in found.files if file.name.endswith(TESTS_SUFFIX)]
    problems = list(found.problems)
    for file in found.files:
        if file not in tests and _kind(file.name.lower()) == _TESTS:
            problems += _named(file, _misplaced(file.relative_to(path)))
    _refuse(path, problems)
    if not tests:
        raise InvalidPolicies(f'directory "{shown(path)}" holds no *{TESTS_SUFFIX} file; add one')
    return tests


def _not_as_named(path: Path) -> str:
    """Return why the files next to a single file cannot be used."""
    if problem := within(path):
        return problem
    if path.is_dir() is not (path.name == NETWORKS_FOLDER):
        return "is no folder; make it one" if path.name == NETWORKS_FOLDER else "is a folder, not a file"
    return ""


def _meant(name: str, tests: str) -> str:
    """Return the file of a single file's set that a name is probably meant to be."""
    lower, stem = name.lower(), tests.removesuffix(TESTS_SUFFIX).lower()
    if _LIKE_TESTS.search(lower) and not name.endswith(TESTS_SUFFIX) and lower.startswith((stem, "test")):
        return tests
    if lower == tests.lower():
        return tests
    return CUSTOM_SCHEMA_FILE if _is_like_schema(lower) else ""


def _misplaced(path: Path) -> str:
    """Return why a file is at a place, or has a name, so it is not read though it looks like it should be."""
    name, lower = path.name, path.name.lower()
    kind = _kind(lower)
    hidden = next((part for part in path.parts if part.startswith(".")), None)
    if hidden is not None:
        if path.parent.name == NETWORKS_FOLDER and lower.endswith(NETWORKS_SUFFIX):
            kind = _NETWORKS
        return (
            f'looks like {kind}, but is not read, because "{hidden}" begins with a dot; rename it'
            if kind
            else ""
        )
    if (kind or lower.endswith(NETWORKS_SUFFIX)) and not _is_printable(path):
        return _UNPRINTABLE
    if NETWORKS_FOLDER in path.parts[:-1]:
        return _misplaced_in_networks(path)
    if not kind or name.endswith((POLICIES_SUFFIX, TESTS_SUFFIX)) or path.as_posix() == CUSTOM_SCHEMA_FILE:
        return ""
    return f"looks like {kind}, but is not read: {_READ_FROM[kind]}; rename, move or remove it"


def _misplaced_in_networks(path: Path) -> str:
    if path.parent.name != NETWORKS_FOLDER:
        return f'is below "{NETWORKS_FOLDER}", which has no subfolders; move it'
    if path.suffix == NETWORKS_SUFFIX or path.suffix.lower() in _PROSE:
        return ""
    return (
        f'lies in a folder named "{NETWORKS_FOLDER}", where only lists of networks are read, *{NETWORKS_SUFFIX}; '
        "rename or move it"
    )


def _misplaced_folder(path: Path) -> str:
    name = path.name
    if any(part.startswith(".") for part in path.parts):
        return ""
    if NETWORKS_FOLDER in path.parts[:-1]:
        return f'is below "{NETWORKS_FOLDER}", which has no subfolders; move it'
    if _kind(name.lower()):
        return "is named like a file that is read, but is a folder; rename it"
    return "" if _is_printable(path) else _UNPRINTABLE


def _kind(lower: str) -> str:
    """Return what a file is by its name, or is probably meant to be."""
    if _LIKE_POLICIES.search(lower) or difflib.get_close_matches(
        Path(lower).suffix, [POLICIES_SUFFIX], cutoff=0.8
    ):
        return _POLICIES
    if _LIKE_TESTS.search(lower):
        return _TESTS
    return _SCHEMA if _is_like_schema(lower) else ""


def _is_like_schema(lower: str) -> bool:
    stem, dot, _ = lower.partition(".")
    return bool(dot) and (
        lower.startswith(CUSTOM_SCHEMA_FILE)
        or bool(difflib.get_close_matches(lower, [CUSTOM_SCHEMA_FILE], cutoff=0.85))
        or (stem == "custom" and "schema" in lower)
    )


def _is_printable(path: Path) -> bool:
    return path.name.isprintable() and not has_hidden_characters(path.name)


def _named(path: Path, problem: str) -> list[str]:
    return [f'"{shown(path)}" {problem}'] if problem else []


def _refuse(place: Path, problems: list[str]) -> None:
    if problems:
        raise InvalidPolicies(
            f'"{shown(place)}" cannot be read as one set of policies:', problems=sorted(problems)
        )
