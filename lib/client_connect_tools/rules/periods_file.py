"""Periods in a file of comma-separated values, as change management and spreadsheets write it."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from client_connect_tools.errors import ClientConnectError, InvalidRules
from client_connect_tools.files.folders import shown
from client_connect_tools.inputs.time_zones import time_zone_named
from client_connect_tools.inputs.timestamps import NotATime, instant
from client_connect_tools.nearest import nearest
from client_connect_tools.rules.values import Period

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Sequence
    from datetime import tzinfo

_SEPARATORS = (",", ";", "\t", "|")
_MARKS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
# Rows with one of these may say that they are no window: rejected, canceled.
_STATES = ("status", "state", "approval", "approved", "decision", "result", "outcome")
_CLOCK = r"(?P<hour>[0-9]{1,2}):(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2}))?(?P<offset>Z|[+-][0-9]{2}:?[0-9]{2})?"
_YEAR_FIRST = re.compile(rf"(?P<year>[0-9]{{4}})-(?P<month>[0-9]{{1,2}})-(?P<day>[0-9]{{1,2}})[T ]+{_CLOCK}")
_DOTTED = re.compile(rf"(?P<day>[0-9]{{1,2}})\.(?P<month>[0-9]{{1,2}})\.(?P<year>[0-9]{{4}}),? +{_CLOCK}")
_SLASHES = re.compile(r"[0-9]{1,2}/[0-9]{1,2}/[0-9]{2,4}\b.*")
_DATE_ALONE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{1,2}\.[0-9]{1,2}\.[0-9]{2,4}|[0-9]{8}")
_EARLIEST_YEAR = 2000
_FORMS = '"2027-01-15 22:00", "15.01.2027 22:00" or "2027-01-15T22:00:00+01:00"'
_MOST_PROBLEMS = 20


def periods_from_csv(  # noqa: PLR0913 - one keyword per option
    path: str | os.PathLike[str],
    *,
    time_zone: str,
    start: str = "start",
    end: str = "end",
    dates: str | None = None,
    where: Mapping[str, str] | None = None,
) -> list[Period]:
    """Read periods from a CSV file with a header: a row has one period.

    The separator is a comma, a semicolon, a tab or a bar. Empty rows are skipped. Periods may overlap. No other cells
    are read than those named here.

    Args:
        path: The file, in UTF-8 or UTF-16. A relative path is relative to the working directory.
        time_zone: The IANA name of the zone of times without an offset, such as ``Europe/Berlin``.
        start: The name of the column with the start, in any case. It has a date and a time: ``2027-01-15 22:00``,
            ``15.01.2027 22:00``, or ISO 8601, with an offset if you like.
        end: The name of the column with the end, in the same way. ``24:00`` is the end of the day.
        dates: How times are written, as of ``datetime.strptime``, such as ``%m/%d/%Y %I:%M %p``. Default: as above.
        where: The cells that a row must have to be read, by column, without regard to case, such as
            ``{"status": "approved"}``. Needed if there is a column such as ``status``. Default: every row is read.

    Raises:
        InvalidRules: When the file or a row cannot be read, or a period ends before it begins, with the lines; or when
            no row is left.
    """
    file = Path(path)
    if not isinstance(where, Mapping | None):
        raise InvalidRules(f'where is {where!r}; give a mapping of columns, such as {{"status": "approved"}}')
    try:
        zone = time_zone_named(time_zone)
    except (ClientConnectError, TypeError) as error:
        raise InvalidRules(f"periods of {shown(file)}: {error}") from None
    rows = _rows(_text(file), shown(file))
    table = _Table(shown(file), next(rows, (1, []))[1], (start, end), where or {})
    reader = _Times(zone, dates)
    found, problems = [], []
    for line, cells in rows:
        try:
            if (texts := table.times(cells)) is not None:
                found.append(reader.period(texts, (start, end)))
        except ValueError as error:
            problems.append(f"  line {line}: {error}")
    if problems:
        more = len(problems) - _MOST_PROBLEMS
        problems[_MOST_PROBLEMS:] = [f"  and {more} more lines"] * (more > 0)
        raise InvalidRules("\n".join([f'the periods in "{shown(file)}" cannot be used:', *problems]))
    if not found:
        which = f" with {dict(where)}" if where else ""
        raise InvalidRules(f'"{shown(file)}" has no period{which}; give at least one row')
    return found


class _Table:
    """Which cells of a row are read."""

    def __init__(
        self, file: str, header: Sequence[str], names: tuple[str, str], where: Mapping[str, str]
    ) -> None:
        self._file = file
        self._header = [name.strip().lower() for name in header]
        self._where = {self._column(name): str(value).strip().lower() for name, value in where.items()}
        self._start, self._end = map(self._column, names)
        for name in _STATES:
            if name in self._header and self._header.index(name) not in (
                *self._where,
                self._start,
                self._end,
            ):
                raise InvalidRules(
                    f'"{file}" has the column "{name}", which may say that a row is no period; say which rows count, '
                    f'such as where={{"{name}": "approved"}}'
                )

    def _column(self, name: str) -> int:
        found = [number for number, each in enumerate(self._header) if each == str(name).strip().lower()]
        if len(found) != 1:
            came = f"{len(found)} columns" if found else "no column"
            near = nearest(str(name), self._header)
            hint = (
                f'; do you mean "{near}"?' if near and not found else "; name another one, such as start=..."
            )
            columns = ", ".join(self._header)
            raise InvalidRules(f'"{self._file}" has {came} "{name}" in its header ({columns}){hint}')
        return found[0]

    def times(self, cells: list[str]) -> tuple[str, str] | None:
        """Return the two times of a row; ``None`` for a row that does not count."""
        width = len(self._header)
        if any(map(str.strip, cells[width:])):
            raise ValueError(
                f"has {len(cells)} cells, but the header has {width}; quote a cell with a separator in it"
            )
        cells += [""] * (width - len(cells))
        if any(cells[column].strip().lower() != value for column, value in self._where.items()):
            return None
        return cells[self._start].strip(), cells[self._end].strip()


class _Times:
    """How times are written."""

    def __init__(self, zone: tzinfo, dates: str | None) -> None:
        self._zone, self._dates = zone, dates

    def period(self, texts: tuple[str, str], names: tuple[str, str]) -> Period:
        """Return a period; raises ``ValueError`` with what is wrong."""
        times = []
        for name, text in zip(names, texts, strict=True):
            try:
                times.append(self._instant(text))
            except NotATime as error:
                raise ValueError(f"{name} {error}") from None
        if times[0] >= times[1]:
            raise ValueError(
                f'it ends at "{texts[1]}", which is not later than its start "{texts[0]}"; correct one of them'
            )
        return Period(*times)

    def _instant(self, text: str) -> datetime:
        if not text:
            raise NotATime(f"is empty; give a date and a time, such as {_FORMS}")
        local = self._own_form(text) or _plain(text)
        if local is None:
            raise NotATime(self._advice(text))
        if local.year < _EARLIEST_YEAR:
            raise NotATime(
                f'is "{text}", which is in the year {local.year}; give one from {_EARLIEST_YEAR} on'
            )
        # In UTC, because within one zone Python compares what the clock shows.
        return instant(local.isoformat(), self._zone).astimezone(time_zone_named("UTC"))

    def _own_form(self, text: str) -> datetime | None:
        if self._dates is None:
            return None
        try:
            return datetime.strptime(text, self._dates)  # noqa: DTZ007 - the zone is added
        except ValueError:
            return None

    def _advice(self, text: str) -> str:
        if self._dates is not None:
            return f'is "{text}", which is not like dates={self._dates!r}; correct one of them'
        if _DATE_ALONE.fullmatch(text):
            return f'is "{text}", which has no time of day; give both, such as {_FORMS}'
        if _SLASHES.fullmatch(text):
            return (
                f'is "{text}", whose day may be the first number or the second; say which, as in '
                'dates="%d/%m/%Y %H:%M" or dates="%m/%d/%Y %I:%M %p"'
            )
        return (
            f'is "{text}", which is not a date and a time; give one such as {_FORMS}, or its form in dates='
        )


def _plain(text: str) -> datetime | None:
    """Return a date and a time in an unambiguous form."""
    if match := _YEAR_FIRST.fullmatch(text) or _DOTTED.fullmatch(text):
        parts = match.groupdict()
        hour = int(parts["hour"])
        ends_the_day = hour == 24 and int(parts["minute"]) == 0 and not int(parts["second"] or 0)  # noqa: PLR2004
        text = (
            f"{parts['year']}-{parts['month']:>02}-{parts['day']:>02}T{0 if ends_the_day else hour:02}:"
            f"{parts['minute']}:{parts['second'] or '00'}{parts['offset'] or ''}"
        )
        return _iso(text, timedelta(days=ends_the_day))
    return None if _DATE_ALONE.fullmatch(text) else _iso(text, timedelta())


def _iso(text: str, later: timedelta) -> datetime | None:
    try:
        return datetime.fromisoformat(text) + later
    except (ValueError, OverflowError):
        return None


def _text(file: Path) -> str:
    try:
        data = file.read_bytes()
        return data.decode(_MARKS.get(data[:2], "utf-8-sig"))
    except OSError as error:
        raise InvalidRules(f'cannot read the periods "{shown(file)}": {error.strerror or error}') from None
    except UnicodeDecodeError:
        raise InvalidRules(
            f'cannot read the periods "{shown(file)}": it is neither UTF-8 nor UTF-16; save it as "CSV UTF-8"'
        ) from None


def _rows(text: str, name: str) -> Iterator[tuple[int, list[str]]]:
    """Yield rows that are not empty, the header first, each with its line."""
    lines = io.StringIO(text, newline="")
    before, separator = _before_the_header(text)
    for _ in range(before):
        lines.readline()
    header = lines.readline()
    lines.seek(lines.tell() - len(header))
    rows = csv.reader(lines, delimiter=separator or max(_SEPARATORS, key=header.count), strict=True)
    while True:
        line = before + rows.line_num + 1
        try:
            cells = next(rows)
        except StopIteration:
            return
        except csv.Error as error:
            raise InvalidRules(
                f'cannot read line {line} of "{name}": {error}; close each quote, and double those within a cell'
            ) from None
        if any(map(str.strip, cells)):
            yield line, cells


def _before_the_header(text: str) -> tuple[int, str | None]:
    """Return the number of lines before the header, and the separator if one of them names it."""
    separator = None
    for number, line in enumerate(io.StringIO(text)):
        if match := re.fullmatch(r'"?sep=(.)"?\s*', line, re.IGNORECASE):
            separator = match[1]
        elif line.strip(" \t\r\n,;|"):
            return number, separator
    return 0, separator
