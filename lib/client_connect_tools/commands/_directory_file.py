"""A file of users with their groups and departments, as a directory exports it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from client_connect.names import lower_case
from client_connect_tools.devices.csv_file import read_csv
from client_connect_tools.devices.encodings import NOT_UTF_8
from client_connect_tools.devices.lines import ObjectLine, RejectedLine, UnreadableFile
from client_connect_tools.inputs.device_json import shown
from client_connect_tools.replay.people import Directory

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

USER, GROUPS, DEPARTMENT = "user", "groups", "department"
# The names that a column may have, without case, spaces and punctuation; the first that is there counts.
_ALIKE = {
    USER: (
        *("user", "username", "userprincipalname", "upn", "nameid", "login", "userlogin", "samaccountname"),
        *("mail", "email", "emailaddress", "primaryemail", "primaryemailaddress"),
    ),
    GROUPS: ("groups", "group", "memberof", "groupnames", "groupname", "groupmemberships"),
    DEPARTMENT: ("department", "dept", "departmentname", "costcenter", "orgunit", "division"),
}
_SEPARATORS = ("\n", ";", "|")
# The text that PowerShell writes in place of a list.
_TYPE_OF_LIST = re.compile(r"(?:System|Microsoft)\.[\w.]+(?:\[\]|Collection|List)?(?:`\d.*)?")
_NAME = re.compile(r"CN=((?:[^,\\]|\\.)+)", re.IGNORECASE)
_DISTINGUISHED = re.compile(
    r"(?:CN|OU|DC)=(?:[^,\\]|\\.)*(?:,\s*(?:CN|OU|DC|O|C|L|ST)=(?:[^,\\]|\\.)*)+", re.IGNORECASE
)


class UnreadableDirectory(ValueError):
    """The file cannot be read; the message says where and what to do."""


def read_directory(file: Path) -> Directory:
    """Read a file with a row for each user, or for each user and group.

    Raises:
        UnreadableDirectory: When it cannot be read, or a row of it is not clear.
    """
    try:
        with file.open("rb") as stream:
            table = read_csv(stream)
            columns = _columns(table.columns or ())
            users = _Users(columns)
            for line in table.lines:
                users.read(line)
    except UnreadableFile as error:
        raise UnreadableDirectory(f'"{file}": {_without_option(str(error))}') from None
    except _Wrong as error:
        raise UnreadableDirectory(f'"{file}", {error}') from None
    except OSError as error:
        raise UnreadableDirectory(f'cannot read "{file}": {error.strerror or error}') from None
    if not users.names:
        raise UnreadableDirectory(f'"{file}" has no users; give a row for each')
    return Directory(groups=users.groups, departments=users.departments, names=users.names)


class _Wrong(ValueError):
    """A row is not clear; the message begins with its line."""


def _without_option(reason: str) -> str:
    """Return what is wrong with a file, without an option that other commands have."""
    return reason.replace(NOT_UTF_8, "is not UTF-8; save the file as CSV UTF-8")


def _columns(header: Sequence[str]) -> dict[str, str]:
    """Return which column is what."""
    found: dict[str, str] = {}
    for key, alike in _ALIKE.items():
        for name in alike:
            if same := [column for column in header if _letters(column) == name]:
                if len(same) > 1:
                    raise UnreadableFile(
                        f"the header has {shown(same[0])} and {shown(same[1])}; remove one of them"
                    )
                found[key] = same[0]
                break
    listed = ", ".join(map(shown, header)) or "nothing"
    if USER not in found:
        raise UnreadableFile(f'no column has the users; call it "user" (the header has {listed})')
    if len(found) == 1:
        raise UnreadableFile(
            'there are neither groups nor departments; call a column "groups" or "department" '
            f"(the header has {listed})"
        )
    return found


def _letters(text: str) -> str:
    return re.sub(r"[\W_]", "", text).lower()


@dataclass(slots=True)
class _Users:
    """The users of the rows so far, by their names in lower case."""

    columns: dict[str, str]
    names: dict[str, str] = field(default_factory=dict)
    groups: dict[str, tuple[str, ...]] = field(default_factory=dict)
    departments: dict[str, str] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)

    def read(self, line: object) -> None:
        """Read a row.

        Raises:
            _Wrong: When it is not clear.
        """
        if isinstance(line, RejectedLine):
            raise _Wrong(f"line {line.line}: it {_without_option(line.problem)}")
        if not isinstance(line, ObjectLine):
            return
        cells = {key: str(line.value.get(column, "")) for key, column in self.columns.items()}
        if not cells[USER]:
            raise _Wrong(f"line {line.line}: there is no user; name one, or remove the row")
        name = lower_case(cells[USER])
        if GROUPS in cells:
            try:
                groups = tuple(_groups(cells[GROUPS]))
            except ValueError as error:
                raise _Wrong(f"line {line.line}: {error}") from None
            self.groups[name] = tuple(dict.fromkeys((*self.groups.get(name, ()), *groups)))
        self._department(name, cells.get(DEPARTMENT, ""), line.line)
        self.names.setdefault(name, cells[USER])
        self.lines.setdefault(name, line.line)

    def _department(self, name: str, department: str, line: int) -> None:
        if not department:
            return
        before = self.departments.setdefault(name, department)
        if before != department:
            raise _Wrong(
                f"line {line}: the department is {shown(department)}, but in line {self.lines[name]} the same user has "
                f"{shown(before)}; leave one of them"
            )


def _groups(text: str) -> Iterator[str]:
    """Yield the groups of a cell: a JSON list, or names between semicolons, bars, line ends or commas.

    Raises:
        ValueError: When it is not clear what they are.
    """
    if text.startswith("["):
        yield from _listed(text)
        return
    if _TYPE_OF_LIST.fullmatch(text):
        raise ValueError(
            f"the groups are {shown(text)}, the type of a list in place of the list; in PowerShell, export "
            "($_.MemberOf -join ';')"
        )
    separator = next((each for each in _SEPARATORS if each in text), None)
    if separator is None and not _DISTINGUISHED.fullmatch(text):
        separator = ","
    yield from _named(text.split(separator) if separator else [text])


def _named(names: Iterable[str]) -> Iterator[str]:
    for name in names:
        stripped = name.strip().strip("\"'").strip()
        if _DISTINGUISHED.fullmatch(stripped):
            match = _NAME.match(stripped)
            if match is None:
                raise ValueError(f"{shown(stripped)} has no CN; give the name that the policies have")
            stripped = re.sub(r"\\(.)", r"\1", match[1])
        if stripped:
            yield stripped


def _listed(text: str) -> Iterator[str]:
    try:
        names = json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError(f"the groups {shown(text)} begin as a JSON list, but are none") from None
    if not all(isinstance(name, str) for name in names):
        raise ValueError(f"the groups {shown(text)} are not all texts")
    yield from (name for name in names if name)
