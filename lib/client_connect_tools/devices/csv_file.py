"""Files of comma-separated values, as Excel, PowerShell and device managers write them."""

from __future__ import annotations

import csv
import itertools
import re
from typing import TYPE_CHECKING

from client_connect_tools.devices.encodings import NOT_UTF_8, lines_of, text_of
from client_connect_tools.devices.lines import Line, ObjectLine, RejectedLine, Table, UnreadableFile
from client_connect_tools.inputs.device_json import is_unicode, shown

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, BinaryIO

_SEPARATORS = (",", ";", "\t", "|")
# The lines that name the separator for Excel, and the exported type for PowerShell.
_SEPARATOR_LINE = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)
_TYPE_LINE = "#TYPE "
# How a file keeps Excel from reading a serial number as a number.
_FORMULA = re.compile(r'^="([^"]*)"$')
_OTHER_QUOTES = ("'", "\u2018", "\u201c", "\u201e", "\u00ab")
_QUOTED = re.compile(r'"[^"]*"')


def read_csv(file: BinaryIO, encoding: str | None = None) -> Table:
    """Read rows of cells, each by the name of its column; an empty cell is left out.

    The separator of the cells is a comma, a semicolon, a tab or a bar: what the line ``sep=`` says, or what is most
    often in the header. A line ``#TYPE`` and empty lines before the header are passed over.

    Raises:
        UnreadableFile: When there is no header, or a quote is broken: then it is unknown where the rows after it
            begin, and the text of a cell could look like a device. Or when a line does not end.
    """
    lines = lines_of(text_of(file, encoding, newline=""))
    separator, before, first = _beginning(lines)
    rows = csv.reader(itertools.chain([first], lines), delimiter=separator or _separator(first), strict=True)
    try:
        header = [cell.strip() for cell in next(rows, [])]
    except csv.Error as error:
        raise UnreadableFile(f"the header cannot be read: {error}") from error
    if not is_unicode("".join(header)):
        raise UnreadableFile(f"the header {NOT_UTF_8}")
    if quoted := next((cell for cell in header if cell.startswith(_OTHER_QUOTES)), None):
        raise UnreadableFile(
            f'the header has {shown(quoted)}, in quotes that mean nothing in such a file; use "..."'
        )
    return Table(tuple(header), _rows(rows, header, before))


def _beginning(lines: Iterator[str]) -> tuple[str | None, int, str]:
    """Return what separates cells, if the file says so, how many lines are before the header, and its first line."""
    separator = None
    for number, line in enumerate(lines):
        if match := _SEPARATOR_LINE.fullmatch(line):
            separator = match[1]
        elif line.strip() and not line.startswith(_TYPE_LINE):
            return separator, number, line
    return separator, 0, ""


def _separator(header: str) -> str:
    unquoted = _QUOTED.sub("", header)
    return max(_SEPARATORS, key=unquoted.count)


def _rows(rows: Any, header: list[str], before: int) -> Iterator[Line]:  # noqa: ANN401 - csv does not name its reader
    while True:
        line = before + rows.line_num + 1
        try:
            cells = next(rows)
        except StopIteration:
            return
        except csv.Error as error:
            raise UnreadableFile(
                f"line {line} cannot be read: {error}; close each quote, and double those within a cell"
            ) from error
        if any(map(str.strip, cells)):
            yield _row(line, header, cells)


def _row(line: int, header: list[str], cells: list[str]) -> Line:
    if not is_unicode("".join(cells)):
        return RejectedLine(line, NOT_UTF_8)
    if any("\0" in cell for cell in cells):
        return RejectedLine(line, NOT_UTF_8)
    if len(cells) != len(header):
        return RejectedLine(line, f"has {len(cells)} cells; the header has {len(header)}")
    stripped = (_FORMULA.sub(r"\1", cell.strip()) for cell in cells)
    return ObjectLine(line, {name: cell for name, cell in zip(header, stripped, strict=True) if cell})
