"""Files of JSON: objects on lines or one after the other, an array, or answers of an API with an array in them."""

from __future__ import annotations

import itertools
import json
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from client_connect.sources.items import COMMON_NAME
from client_connect_devices import values
from client_connect_devices.session import total_of
from client_connect_tools.devices import export_file
from client_connect_tools.devices.encodings import NOT_UTF_8, lines_of, text_of
from client_connect_tools.devices.lines import Line, ObjectLine, RejectedLine, Table, UnreadableFile
from client_connect_tools.inputs.device_json import is_unicode, shown

if TYPE_CHECKING:
    import io
    from collections.abc import Iterable, Iterator
    from typing import BinaryIO

_SPACE = re.compile(r"[ \t\r\n]*")
# An array is kept whole.
_LONGEST_TEXT = 128 * 1024 * 1024
_MEBIBYTE = 1024 * 1024

LISTS = ("value", "results", "devices", "hosts", "resources", "systems", "items", "data")
"""Under which key the answer of an API has its devices."""

_NEXT = (
    *(
        "@odata.nextLink",
        "nextPageToken",
        "next",
        "meta.next",
        "meta.pagination.next",
        "pagination.next",
        "paging.next",
    ),
    *("links.next", "next_cursor", "next_page", "has_more", "hasMore", "meta.has_next_results"),
)
_TOTALS = (
    *("@odata.count", "totalCount", "total_count", "count", "total", "Total"),
    *("meta.total", "meta.pagination.total", "pagination.total"),
)


def read_json(file: BinaryIO, encoding: str | None = None) -> Table:
    """Read devices: of objects on lines one by one, of anything else as a whole.

    Raises:
        UnreadableFile: When it is an export of something else, or one that was cut short; when it begins an array and
            is not one; when it is a page of several, and not the last; when what is no object a line is too large; or
            when a line does not end.
    """
    return Table(None, _read(text_of(file, encoding)))


def _read(text: io.TextIOWrapper) -> Iterator[Line]:
    lines = lines_of(text)
    skipped = 0
    for first in lines:
        if first.isspace():
            skipped += 1
            continue
        if export_file.is_export(first):
            yield from _of_numbered(export_file.entries(itertools.chain([first], lines), "devices"), skipped)
        elif _is_object(first):
            yield from _of_lines(itertools.chain([first], lines), skipped)
        else:
            yield from _of_whole(_whole(first, text), skipped)
        return


def _is_object(line: str) -> bool:
    """Tell whether a line has one object, and not an answer of an API."""
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        # One of many lines may be broken, but not the first half of an object.
        return not line.lstrip().startswith(("[", "{")) or line.rstrip().endswith("}")
    return isinstance(value, dict) and _list_in(value) is None


def _whole(beginning: str, text: io.TextIOWrapper) -> str:
    whole = beginning + text.read(_LONGEST_TEXT + 1 - len(beginning))
    if len(whole) > _LONGEST_TEXT:
        raise UnreadableFile(
            f"the array has more than {_LONGEST_TEXT // _MEBIBYTE} MiB; give one object a line, without an array"
        )
    return whole


def _of_lines(lines: Iterable[str], skipped: int) -> Iterator[Line]:
    yield from _of_numbered(
        ((number, line) for number, line in enumerate(lines, 1) if not line.isspace()), skipped
    )


def _of_numbered(lines: Iterable[tuple[int, str]], skipped: int) -> Iterator[Line]:
    for after, line in lines:
        number = skipped + after
        try:
            value = _DECODER.decode(line)
        except (ValueError, RecursionError) as error:
            yield RejectedLine(number, f"is not JSON: {error}" if is_unicode(line) else NOT_UTF_8)
        else:
            yield _object(number, value, line)


def _of_whole(text: str, skipped: int) -> Iterator[Line]:
    """Yield the devices of one value after the other, once all of them are there."""
    found = _Found(text, skipped + 1)
    position = _after_space(text, 0)
    while position < len(text):
        take = found.array if text[position] == "[" else found.value
        position = _after_space(text, take(position))
    found.require_last_page()
    yield from found.lines


@dataclass(slots=True)
class _Found:
    """The values found in a text.

    Attributes:
        text: The text.
        line: The line of the place that was looked at last.
        lines: The devices.
        next: Which key of an answer says that there are more pages.
        total: How many devices an answer says that there are.
    """

    text: str
    line: int
    lines: list[Line] = field(default_factory=list)
    next: str = ""
    total: int = 0
    _at: int = 0

    def array(self, position: int) -> int:
        """Take an array, entry by entry; return where it ends."""
        position, entry, separator = _after_space(self.text, position + 1), 0, ","
        if self.text.startswith("]", position):
            return position + 1
        while separator == ",":
            entry += 1
            self._go_to(position)
            try:
                value, end = _DECODER.raw_decode(self.text, position)
            except (ValueError, RecursionError) as error:
                raise UnreadableFile(
                    f"line {self.line}, entry {entry}: the array is not JSON: {error}"
                ) from error
            self.lines.append(_object(self.line, value, self.text[position:end], entry))
            position = _after_space(self.text, end)
            separator, position = (
                self.text[position : position + 1],
                _after_space(self.text, position + 1),
            )
            if separator not in (",", "]"):
                raise UnreadableFile(
                    f"line {self.line}, entry {entry}: the array is not JSON: after this device comes no comma and no "
                    "end"
                )
        if position < len(self.text) and self.text[position] not in "[{":
            raise UnreadableFile(
                f"line {self.line}, entry {entry}: the array is not JSON: after its end comes something else"
            )
        return position

    def value(self, position: int) -> int:
        """Take a device, or an answer of an API with its devices; return where it ends."""
        self._go_to(position)
        try:
            value, end = _DECODER.raw_decode(self.text, position)
        except (ValueError, RecursionError) as error:
            raise UnreadableFile(f"line {self.line}: is not JSON: {error}") from error
        devices = _list_in(value) if isinstance(value, dict) else None
        if devices is None:
            self.lines.append(_object(self.line, value, self.text[position:end]))
        else:
            self.next = next((key for key in _NEXT if values.field(value, key)), "")
            self.total = max(self.total, *(total_of(values.field(value, key)) or 0 for key in _TOTALS))
            whole = self.text[position:end]
            self.lines += [_object(self.line, each, whole, entry) for entry, each in enumerate(devices, 1)]
        return end

    def require_last_page(self) -> None:
        """Refuse pages without the last one: a missing device would count as unchanged."""
        if self.next:
            raise UnreadableFile(
                f'it is a page of several: "{self.next}" says that there are more; give all, one after the other'
            )
        if self.total > len(self.lines):
            raise UnreadableFile(
                f"it is a page of several: it says that there are {self.total} devices, and has {len(self.lines)}; "
                "give all pages, one after the other"
            )

    def _go_to(self, position: int) -> None:
        self.line += self.text.count("\n", self._at, position)
        self._at = position


def _list_in(value: dict[str, object]) -> list[object] | None:
    """Return the devices of an answer of an API; nothing for a device.

    Raises:
        UnreadableFile: When there are two lists.
    """
    if COMMON_NAME in value:
        return None
    found = {key: each for key in LISTS if (each := _objects(value.get(key))) is not None}
    filled = [key for key, objects in found.items() if objects]
    if len(filled) > 1:
        raise UnreadableFile(
            f"both {shown(filled[0])} and {shown(filled[1])} may be the devices; leave one of them out"
        )
    if filled:
        return found[filled[0]]
    # A device may have an empty list as well; an object with texts is one, or is reported.
    has_texts = any(isinstance(each, str) and not key.startswith("@") for key, each in value.items())
    return None if has_texts else next(iter(found.values()), None)


def _objects(value: object) -> list[object] | None:
    if isinstance(value, list) and all(isinstance(each, dict) for each in value):
        return value
    return None


def _after_space(text: str, position: int) -> int:
    match = _SPACE.match(text, position)
    return match.end() if match else position


def _object(line: int, value: object, text: str, entry: int | None = None) -> Line:
    if not is_unicode(text):
        return RejectedLine(line, NOT_UTF_8, entry)
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
        counts = Counter(name for name, _ in pairs) if len(self) < len(pairs) else Counter[str]()
        self.repeated = [name for name, count in counts.items() if count > 1]


_DECODER = json.JSONDecoder(object_pairs_hook=_Object)
