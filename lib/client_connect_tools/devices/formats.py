"""The files that devices are imported from, as JSON objects with the lines they begin in."""

from __future__ import annotations

import csv
import io
import itertools
import json
import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from client_connect.sources.items import COMMON_NAME
from client_connect_tools.inputs.device_json import is_unicode, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from typing import BinaryIO

_COLUMNS = (COMMON_NAME, "compliant", "lastSeen", "os")
_BOOLEANS = {"true": True, "false": False}
_SPACE = re.compile(r"[ \t\r\n]*")
# Many times what an item may have; and an array is kept whole. A file without line ends would fill the memory.
_LONGEST_LINE = 16 * 1024 * 1024
_LONGEST_ARRAY = 128 * 1024 * 1024
_MEBIBYTE = 1024 * 1024
_NOT_UTF_8 = "is not UTF-8; save the file as UTF-8"


class UnreadableFile(ValueError):
    """Nothing in a file can be read; the message says why."""


@dataclass(frozen=True, slots=True)
class RejectedLine:
    """A line that is not imported.

    Attributes:
        line: Where the device begins, counted from 1.
        problem: What came, and what is allowed.
        entry: Of an array, which of its entries it is, counted from 1.
    """

    line: int
    problem: str
    entry: int | None = None


@dataclass(frozen=True, slots=True)
class ObjectLine:
    """A device as a JSON object, not looked into yet.

    Attributes:
        line: Where it begins, counted from 1.
        value: The object.
        entry: Of an array, which of its entries it is, counted from 1.
    """

    line: int
    value: Mapping[str, object]
    entry: int | None = None


Line = ObjectLine | RejectedLine


def read_csv(file: BinaryIO) -> Iterator[Line]:
    """Read comma-separated values, row by row. An empty cell is not known; other columns are tags.

    Raises:
        UnreadableFile: When the header is not one, or a quote is broken: then nobody knows where the rows after it
            begin, and the text of a cell could be taken for a device. Or when a line does not end.
    """
    rows = csv.reader(_lines(_text(file, newline="")), strict=True)
    try:
        header = next(rows, [])
    except csv.Error as error:
        raise UnreadableFile(f"the header cannot be read: {error}") from error
    _require_header(header)
    while True:
        line = rows.line_num + 1
        try:
            cells = next(rows)
        except StopIteration:
            return
        except csv.Error as error:
            raise UnreadableFile(
                f"line {line} cannot be read: {error}; close each quote, and double those within a cell"
            ) from error
        if cells:
            yield _row(line, header, cells)


def read_json(file: BinaryIO) -> Iterator[Line]:
    """Read one object a line, skipping empty ones, or an array of objects, which is taken whole.

    Raises:
        UnreadableFile: When it begins an array and is not one, or one that is too large; or when a line does not end.
    """
    text = _text(file)
    lines = _lines(text)
    skipped = 0
    for first in lines:
        if first.lstrip().startswith("["):
            yield from _array(_whole(first, text), skipped)
        elif first.isspace():
            skipped += 1
            continue
        else:
            yield from _json_lines(itertools.chain([first], lines), skipped)
        return


READERS: Mapping[str, Callable[[BinaryIO], Iterator[Line]]] = {
    ".csv": read_csv,
    ".json": read_json,
    ".jsonl": read_json,
}


def _text(file: BinaryIO, newline: str | None = None) -> io.TextIOWrapper:
    # Bytes that are not UTF-8 become lone surrogates, so that one of them rejects its own line only.
    return io.TextIOWrapper(file, "utf-8-sig", "surrogateescape", newline)


def _lines(text: io.TextIOWrapper) -> Iterator[str]:
    number = 0
    while line := text.readline(_LONGEST_LINE + 1):
        number += 1
        if len(line) > _LONGEST_LINE:
            raise UnreadableFile(
                f"line {number} has more than {_LONGEST_LINE // _MEBIBYTE} MiB; give one device a line"
            )
        yield line


def _whole(beginning: str, text: io.TextIOWrapper) -> str:
    array = beginning + text.read(_LONGEST_ARRAY + 1 - len(beginning))
    if len(array) > _LONGEST_ARRAY:
        raise UnreadableFile(
            f"the array has more than {_LONGEST_ARRAY // _MEBIBYTE} MiB; give one object a line, without an array"
        )
    return array


def _require_header(header: list[str]) -> None:
    if not is_unicode("".join(header)):
        raise UnreadableFile(f"the header {_NOT_UTF_8}")
    if COMMON_NAME not in header:
        raise UnreadableFile(
            f'the header has no "{COMMON_NAME}": it is {shown(",".join(header))}; '
            f"name the columns, separated by commas: {', '.join(_COLUMNS)}, and your tags"
        )
    for name, column in itertools.product(_COLUMNS, header):
        if column != name and _letters(column) == _letters(name):
            raise UnreadableFile(
                f'the column {shown(column)} would be a tag; write "{name}", or name it otherwise'
            )
    if "" in header:
        raise UnreadableFile("a column has no name; name it, or remove it")
    if repeated := sorted(_repeated(header)):
        raise UnreadableFile(f"the header has {shown(repeated[0])} twice; remove one of them")


def _repeated(names: Iterable[str]) -> list[str]:
    return [name for name, count in Counter(names).items() if count > 1]


def _letters(text: str) -> str:
    return re.sub(r"[\W_]", "", text).lower()


def _row(line: int, header: list[str], cells: list[str]) -> Line:
    if not is_unicode("".join(cells)):
        return RejectedLine(line, _NOT_UTF_8)
    if len(cells) != len(header):
        return RejectedLine(line, f"has {len(cells)} cells; the header has {len(header)}")
    stripped = (cell.strip() for cell in cells)
    known: dict[str, object] = {name: cell for name, cell in zip(header, stripped, strict=True) if cell}
    device = {name: known.pop(name) for name in _COLUMNS if name in known}
    if "compliant" in device:
        device["compliant"] = _BOOLEANS.get(str(device["compliant"]).lower(), device["compliant"])
    return ObjectLine(line, {**device, "tags": known})


def _json_lines(lines: Iterable[str], skipped: int) -> Iterator[Line]:
    for number, line in enumerate(lines, skipped + 1):
        if line.isspace():
            continue
        try:
            value = _DECODER.decode(line)
        except (ValueError, RecursionError) as error:
            yield RejectedLine(number, f"is not JSON: {error}" if is_unicode(line) else _NOT_UTF_8)
        else:
            yield _object(number, value, line)


def _array(text: str, skipped: int) -> Iterator[Line]:
    entries: list[Line] = []
    line, read = skipped + 1, 0
    position = _after_space(text, text.index("[") + 1)
    separator = "" if text.startswith("]", position) else ","
    while separator == ",":
        line, read = line + text.count("\n", read, position), position
        entry = len(entries) + 1
        try:
            value, end = _DECODER.raw_decode(text, position)
        except (ValueError, RecursionError) as error:
            raise UnreadableFile(f"line {line}, entry {entry}: the array is not JSON: {error}") from error
        entries.append(_object(line, value, text[position:end], entry))
        position = _after_space(text, end)
        separator, position = text[position : position + 1], _after_space(text, position + 1)
        if separator not in (",", "]") or (separator == "]" and position < len(text)):
            raise UnreadableFile(
                f"line {line}, entry {entry}: the array is not JSON: after this device comes no comma and no end"
            )
    yield from entries


def _after_space(text: str, position: int) -> int:
    match = _SPACE.match(text, position)
    return match.end() if match else position


def _object(line: int, value: object, text: str, entry: int | None = None) -> Line:
    if not is_unicode(text):
        return RejectedLine(line, _NOT_UTF_8, entry)
    if not isinstance(value, dict):
        problem = f'is {shown(value)}, which is not an object; give one such as {{"{COMMON_NAME}": "a"}}'
        return RejectedLine(line, problem, entry)
    for part in (value, *value.values()):
        if isinstance(part, _Object) and part.repeated:
            return RejectedLine(line, f"has {shown(part.repeated[0])} twice; leave one of them out", entry)
    return ObjectLine(line, value, entry)


class _Object(dict[str, object]):
    """A JSON object that knows which of its keys were repeated."""

    def __init__(self, pairs: list[tuple[str, object]]) -> None:
        super().__init__(pairs)
        self.repeated = _repeated(name for name, _ in pairs) if len(self) < len(pairs) else []


_DECODER = json.JSONDecoder(object_pairs_hook=_Object)
