"""Which column of a file, or which field of an object, holds what of a device."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from client_connect.sources.items import COMMON_NAME
from client_connect_devices import values
from client_connect_tools.devices.cells import Meanings, seen, verdict, without_failures
from client_connect_tools.devices.exports import EXPORTS, recognized
from client_connect_tools.devices.lines import ObjectLine, RejectedLine, UnreadableFile
from client_connect_tools.inputs.device_json import MalformedDevice, shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from client_connect_tools.devices.exports import Export
    from client_connect_tools.devices.lines import Line, Table

COMPLIANT, LAST_SEEN, OS = "compliant", "lastSeen", "os"
KEYS = (COMMON_NAME, COMPLIANT, LAST_SEEN, OS)

# The names that a column for one of the keys may have, without case, spaces and punctuation.
ALIKE: dict[str, tuple[str, ...]] = {
    COMMON_NAME: ("cn", "certificatecommonname", "subjectcn", "subjectcommonname"),
    COMPLIANT: ("compliance", "compliancestate", "compliancestatus", "iscompliant", "compliantstate"),
    LAST_SEEN: (
        "lastcheckin",
        "lastcontact",
        "lastsync",
        "lastsyncdatetime",
        "lastseenat",
        "lastcontacttime",
    ),
    OS: ("osversion", "operatingsystemversion", "systemversion", "operatingsystem"),
}

_ROUNDED = re.compile(r"[0-9][.,]?[0-9]*E\+[0-9]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """Where in a record what of a device is; of several places, the first that is not empty counts.

    Attributes:
        of: The places of each key, and of each tag by its name.
        lower_case: Whether the common name is written in lower case.
        counts_failures: Whether ``compliant`` is a number of failures.
        is_own: Whether the file has the names of the inventory, and so its common names as they are.
    """

    of: Mapping[str, tuple[str, ...]]
    lower_case: bool = False
    counts_failures: bool = False
    is_own: bool = False


@dataclass(slots=True)
class Reading:
    """The columns that are read of a file.

    Attributes:
        columns: Where what is.
        meanings: What values mean.
        without_version: How many devices have a version without a number, which is then not known.
        never: What no device has, of what is asked for.
    """

    columns: Columns
    meanings: Meanings
    without_version: int = field(default=0)
    never: dict[str, tuple[str, ...]] = field(init=False)

    def __post_init__(self) -> None:
        """Begin without devices."""
        self.never = {} if self.columns.is_own else dict(self.columns.of)

    def devices(self, lines: Iterable[Line]) -> Iterator[Line]:
        """Yield devices in the form that the inventory has."""
        for line in lines:
            if isinstance(line, RejectedLine):
                yield line
                continue
            try:
                yield ObjectLine(line.line, self._device(line.value), line.entry)
            except MalformedDevice as error:
                yield RejectedLine(line.line, str(error), line.entry)

    def _device(self, record: Mapping[str, object]) -> dict[str, object]:
        found = {name: _found(record, places) for name, places in self.columns.of.items()}
        for name, (place, value) in found.items():
            _require_single(value, name, place)
            if value is not None:
                self.never.pop(name, None)
        device: dict[str, object] = {COMMON_NAME: self._common_name(*found.pop(COMMON_NAME))}
        if COMPLIANT in found:
            column, value = found.pop(COMPLIANT)
            device[COMPLIANT] = (
                without_failures(value, column=column)
                if self.columns.counts_failures
                else verdict(value, self.meanings, column=column)
            )
        if LAST_SEEN in found:
            column, value = found.pop(LAST_SEEN)
            device[LAST_SEEN] = seen(value, self.meanings, column=column)
        if OS in found:
            _, value = found.pop(OS)
            device[OS] = values.os_version(value) or None
            self.without_version += bool(values.text(value)) and device[OS] is None
        device["tags"] = {name: text for name, (_, value) in found.items() if (text := values.text(value))}
        return device

    def _common_name(self, column: str, value: object) -> str | None:
        if _ROUNDED.fullmatch(values.text(value)):
            raise MalformedDevice(
                f'"{column}" is {shown(value)}, a number that a spreadsheet has rounded; export it again as a text'
            )
        if value is None or self.columns.is_own:
            return values.text(value) or None
        try:
            name = values.common_name(value)
        except values.Unreadable as error:
            raise MalformedDevice(f'"{column}" is {shown(value)}, which is {error}') from None
        return name.lower() if self.columns.lower_case else name


def columns_of(table: Table, export: str | None, given: Mapping[str, str]) -> Columns | None:
    """Return which columns count.

    Args:
        table: The file.
        export: Of which device manager it is, as ``EXPORTS`` has it.
        given: The column of each key or tag, as the user has said.

    Returns:
        The columns; ``None`` for JSON without given columns: its objects are devices as they are.

    Raises:
        UnreadableFile: When a column is not there, or the meaning of one is unknown.
    """
    if export is None and not given:
        return None if table.columns is None else _of_own_header(table.columns)
    known = EXPORTS.get(export or "")
    of: dict[str, tuple[str, ...]] = {}
    if known is not None:
        of = {
            COMMON_NAME: known.common_name,
            COMPLIANT: known.compliant,
            LAST_SEEN: known.last_seen,
            OS: known.os,
        }
    of |= {name: (column,) for name, column in given.items()}
    if table.columns is not None:
        of = _there(of, table.columns, given)
    names = of.get(COMMON_NAME, ())
    if not names or (table.columns is not None and names[0] not in table.columns):
        raise UnreadableFile(_without_common_name(table.columns, known.common_name if known else ()))
    counts_failures = known is not None and known.counts_failures and COMPLIANT not in given
    return Columns(
        of={name: places for name, places in of.items() if places},
        lower_case=known is not None and known.lower_case and COMMON_NAME not in given,
        counts_failures=counts_failures,
    )


def proposed(names: Sequence[str], export: Export | None = None) -> dict[str, str]:
    """Return which columns are probably what, by the names that an export has, or that sound like it."""
    if export is not None:
        known = (export.common_name, export.compliant, export.last_seen, export.os)
        of = dict(zip(KEYS, known, strict=True))
        return {key: place for key, places in of.items() for place in reversed(places) if place in names}
    found = {}
    for key in KEYS:
        alike = (_letters(key), *ALIKE[key])
        place = next((each for each in names if _letters(each.rpartition(".")[2]) in alike), None)
        if place is not None:
            found[key] = place
    return found


def left_out(table: Table, columns: Columns) -> list[str]:
    """Return the columns that do not count."""
    counted = {place for places in columns.of.values() for place in places}
    return [name for name in table.columns or () if name and name not in counted]


def _there(
    of: Mapping[str, tuple[str, ...]], header: Sequence[str], given: Mapping[str, str]
) -> dict[str, tuple[str, ...]]:
    """Return those of the columns that a header has, or all where it has none; what the user named is there, once."""
    counts = Counter(header)
    for name, column in given.items():
        if counts[column] != 1:
            came = "is not there" if not counts[column] else f"is there {counts[column]} times"
            raise UnreadableFile(
                f'--column {name}="{column}": that column {came}; the header is {_listed(header)}'
            )
    there = {name: tuple(each for each in places if counts[each]) or places for name, places in of.items()}
    for places in there.values():
        if places and counts[places[0]] > 1:
            raise UnreadableFile(f"the header has {shown(places[0])} twice; remove one of them")
    return there


def _of_own_header(header: Sequence[str]) -> Columns:
    """Return the columns of a file that has the names of the inventory; all others are tags."""
    if "" in header:
        raise UnreadableFile("a column has no name; name it, or remove it")
    if repeated := sorted(name for name, count in Counter(header).items() if count > 1):
        raise UnreadableFile(f"the header has {shown(repeated[0])} twice; remove one of them")
    letters = {name: [each for each in header if _letters(each) == _letters(name)] for name in KEYS}
    if alike := next((same for same in letters.values() if len(same) > 1), None):
        raise UnreadableFile(
            f"the header has {shown(alike[0])} and {shown(alike[1])}, which mean the same; rename or remove one of them"
        )
    of = {name: same[0] for name, same in letters.items() if same}
    if COMMON_NAME not in of:
        raise UnreadableFile(_without_common_name(header, ()))
    _refuse_alike(header, of)
    tags = {column: (column,) for column in header if column not in of.values()}
    return Columns(of={**{name: (column,) for name, column in of.items()}, **tags}, is_own=True)


def _refuse_alike(header: Sequence[str], of: Mapping[str, str]) -> None:
    """Refuse a column that probably is one of the keys: as a tag, no policy would see it."""
    for name, column in itertools.product(KEYS, header):
        if name not in of and _letters(column) in ALIKE[name]:
            raise UnreadableFile(
                f'the column {shown(column)} would be a tag; say --column {name}="{column}" and name all other '
                "columns that you need in the same way, or rename it"
            )


def _without_common_name(header: Sequence[str] | None, expected: Sequence[str]) -> str:
    if header is None:
        return f'no one has said where the common name is; say --column {COMMON_NAME}="FIELD"'
    missing = f" (expected {', '.join(map(shown, expected))})" if expected else ""
    problem = f'the header has no "{COMMON_NAME}"{missing}: it is {_listed(header)}'
    if (export := recognized(header)) is not None and not expected:
        return f"{problem}; it looks like an export of {EXPORTS[export].title}: say --from {export}"
    return (
        f'{problem}; say which column it is, by --column {COMMON_NAME}="...", or see what client-connect devices '
        "template FILE proposes"
    )


def _listed(header: Sequence[str]) -> str:
    return shown(",".join(header))


def key_alike(name: str) -> str | None:
    """Return the key that a name is but for case, spaces and punctuation; nothing for a key itself and for a tag."""
    return next((key for key in KEYS if name != key and _letters(name) == _letters(key)), None)


def _letters(text: str) -> str:
    return re.sub(r"[\W_]", "", text).lower()


def _found(record: Mapping[str, object], places: Sequence[str]) -> tuple[str, object]:
    """Return the first place that is not empty, and what is there; of several, no place with an object or a list."""
    for place in places:
        value = values.field(record, place)
        if value is not None and not (len(places) > 1 and isinstance(value, dict | list)):
            return place, value
    return places[0], None


def _require_single(value: object, name: str, place: str) -> None:
    if isinstance(value, dict | list) and name != COMMON_NAME:
        raise MalformedDevice(
            f'"{place}" is {shown(value)}, which is no single value; name the field in it, as in --column '
            f'{name}="{place}.FIELD"'
        )
