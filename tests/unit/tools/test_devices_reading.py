"""Files of devices."""

from __future__ import annotations

import io
import json
import os
import tracemalloc
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from client_connect import Device, OsVersion
from client_connect.sources.items import device_item
from client_connect_tools.cli import main
from client_connect_tools.devices import encodings, json_file
from client_connect_tools.devices.cells import Meanings
from client_connect_tools.devices.columns import Reading, columns_of
from client_connect_tools.devices.formats import READERS
from client_connect_tools.devices.lines import RejectedLine, UnreadableFile
from client_connect_tools.devices.plain import plain
from client_connect_tools.devices.reading import read_devices, repeated_names

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import tzinfo
    from pathlib import Path

    from client_connect.sources.items import Item
    from client_connect_tools.devices.lines import Line, Table


def read(kind: str, content: bytes, *, zone: tzinfo | None = None) -> tuple[list[Item], list[str]]:
    """Read a file; return the items, and what is rejected as ``line: problem``."""
    repeated = repeated_names(objects(kind, content, zone))
    lines = [*read_devices(objects(kind, content, zone), zone=zone, repeated=repeated)]
    items = [line.item for line in lines if not isinstance(line, RejectedLine)]
    return items, [f"{line.line}: {line.problem}" for line in lines if isinstance(line, RejectedLine)]


def objects(kind: str, content: bytes, zone: tzinfo | None = None) -> Iterator[Line]:
    """Return the devices of a file, of whose columns nothing is said."""
    return of_table(READERS[kind](io.BytesIO(content), None), zone)


def of_table(table: Table, zone: tzinfo | None = None) -> Iterator[Line]:
    """Return the devices of a table."""
    columns = columns_of(table, None, {})
    return table.lines if columns is None else Reading(columns, Meanings(zone=zone)).devices(table.lines)


def names(items: list[Item]) -> str:
    """Return the common names."""
    return " ".join(item["commonName"]["S"] for item in items)


LONG = "x" * 2049
LARGE = "y" * (400 * 1024)


@pytest.mark.parametrize(
    ("content", "accepted", "rejected"),
    [
        (b"commonName\na\n\nb", "a b", []),
        (b"\xef\xbb\xbfcommonName,os\r\na,\r\nb,10.0\r\n", "a b", []),
        (b"commonName\ra\rb\r", "a b", []),
        (b'commonName,note\n"a, ""b""","two\nlines"\nc,\n', 'a, "b" c', []),
        (b"commonName\n" + "\u00e9\u4e2d".encode(), "\u00e9\u4e2d", []),
        (b'commonName,note\n"a\nb",\nc', "a\nb", ["4: has 1 cells; the header has 2"]),
        (b"commonName,note\na,\xff\nb,", "b", ["2: is not UTF-8; save the file as UTF-8"]),
        (b"commonName,note\na,b,c\nd,", "d", ["2: has 3 cells; the header has 2"]),
        (
            b"commonName,compliant\na,maybe\nb,False",
            "b",
            ['2: "compliant" is "maybe", and it is not known '],
        ),
        (b"commonName,compliant\na,Yes\nb,Noncompliant\nc,n/a", "a b c", []),
        (b"commonName,lastSeen\na,yesterday\nb,2026-11-22", "", ['2: "lastSeen" is "yesterday", ', "3: "]),
        (
            b"commonName,lastSeen\na,2026-11-22T09:00",
            "",
            ['2: "lastSeen" is "2026-11-22T09:00", which has no '],
        ),
        (
            b"commonName,lastSeen\na,9999-12-31T23:59:59Z",
            "",
            ['2: "lastSeen" is "9999-12-31T23:59:59+00:00", which is in the '],
        ),
        (b"commonName,lastSeen\na,0001-01-01T00:00+14:00", "a", []),
        (
            b"commonName,os\na,10\nb,10.0.22631.4317\nc,macOS 15.1 (24B83)\nd,ten",
            "a b c d",
            [],
        ),
        (b"commonName,os\n,10.0", "", ['2: "commonName" is missing; give the common name']),
        (f"commonName\n{LONG}\n{LONG[1:]}".encode(), LONG[1:], ['2: "commonName" has 2049 bytes; ']),
        (
            b"commonName\na\nb\na\na",
            "b",
            ['2: "commonName" is "a" in the lines 2, 4, 5; leave one', "4: ", "5: "],
        ),
        (b"commonName,compliant\n a , true \n", "a", []),
    ],
)
def test_a_bad_row_is_rejected_alone_with_its_line(
    content: bytes, accepted: str, rejected: list[str]
) -> None:
    """Readable rows are read; every other row is rejected by itself, with the line where it begins."""
    items, problems = read(".csv", content)
    assert names(items) == accepted
    assert len(problems) == len(rejected)
    assert all(map(str.startswith, problems, rejected)), problems


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", 'the header has no "commonName": it is ""; say which column it is, by --column '),
        (b"name,os\na,10.0", 'the header has no "commonName": it is "name,os"; '),
        (
            b"commonName,Compliance\na,no",
            'the column "Compliance" would be a tag; say --column compliant="Compliance" ',
        ),
        (
            b"commonName,last_sync\na,no",
            'the column "last_sync" would be a tag; say --column lastSeen="last_sync" ',
        ),
        (b"commonName,\na,", "a column has no name; "),
        (b"commonName,a,a\nb,c,d", 'the header has "a" twice; '),
        (b"commonName,\xff\n", "the header is not UTF-8; save the file as UTF-8"),
        (b'commonName,"a\nb', "the header cannot be read: "),
        (b'commonName,note\na,"5" wide\nevil,x"\nb,c\n', "line 2 cannot be read: "),
        (b'commonName,note\na,b\nc,"d\n', "line 3 cannot be read: "),
    ],
)
def test_fails_for_a_header_or_a_quote_that_is_none(content: bytes, message: str) -> None:
    """A column that is not what it seems would change what every row means."""
    with pytest.raises(UnreadableFile) as error:
        read(".csv", content)
    assert str(error.value).startswith(message)


OBJECTS = [
    ('{"commonName": "a", "compliant": null, "tags": {}}', "a", ""),
    (
        '{"commonName": "a", "compliant": "true"}',
        "",
        '"compliant" is "true", which is neither true nor false',
    ),
    ('{"commonName": "a", "compliant": true, "compliant": false}', "", 'has "compliant" twice; '),
    ('{"commonName": "a", "tags": {"b": "c", "b": "d"}}', "", 'has "b" twice; '),
    ('{"commonName": "a", "tags": {"b": 1}}', "", '"tags" is {"b": 1}, which is not an object of texts; '),
    ('{"commonName": "a", "tags": {"": "b"}}', "", '"tags" has a tag without a name; '),
    ('{"commonName": "a", "lastSeen": 7}', "", '"lastSeen" is 7, which is not a text; '),
    ('{"commonName": "a", "owner": "b"}', "", '"owner" is not known; there are commonName, compliant, '),
    ('{"commonName": 7}', "", '"commonName" is 7; give the common name'),
    ('{"commonName": ""}', "", '"commonName" is ""; give the common name'),
    (r'{"commonName": "\ud800"}', "", '"commonName" is "'),
    (
        f'{{"commonName": "a", "tags": {{"b": "{LARGE}"}}}}',
        "",
        "has 409620 bytes as an item; DynamoDB takes 409600: ",
    ),
    ("7", "", 'is 7, which is not an object; give one such as {"commonName": "a"}'),
    ('{"commonName": "\udcff"}', "", "is not UTF-8; save the file as UTF-8"),
]


@pytest.mark.parametrize("form", ["lines", "array"])
@pytest.mark.parametrize(("text", "accepted", "problem"), OBJECTS, ids=lambda value: str(value)[:40])
def test_a_bad_object_is_rejected_alone(form: str, text: str, accepted: str, problem: str) -> None:
    """A line or an element that is not right is rejected by itself."""
    second = '{"commonName": "z"}'
    whole = f" \n\n{text}\n{second}\n" if form == "lines" else f"\n[\n{text},\n{second}]\n"
    items, problems = read(".json", whole.encode("utf-8", "surrogateescape"))
    assert names(items) == f"{accepted} z".strip()
    assert [each[:3] for each in problems] == (["3: "] if problem else [])
    assert all(each[3:].startswith(problem) for each in problems), problems


@pytest.mark.parametrize("separator", [",", ",\n"])
def test_a_name_that_an_array_has_twice_is_rejected_each_time(separator: str) -> None:
    """Whether its entries are in lines of their own or all in one; a number of a line alone would not help."""
    devices = ({"commonName": "a", "compliant": ok} for ok in (False, True))
    content = f"[{separator.join(map(json.dumps, [{'commonName': 'z'}, *devices, 7]))}]".encode()
    lines = [*READERS[".json"](io.BytesIO(content), None).lines]
    found = [*read_devices(lines, zone=None, repeated=repeated_names(lines))]
    assert names([each.item for each in found if not isinstance(each, RejectedLine)]) == "z"
    assert [(each.entry, each.problem[:45]) for each in found if isinstance(each, RejectedLine)] == [
        (2, '"commonName" is "a" in the entries 2, 3; leav'),
        (3, '"commonName" is "a" in the entries 2, 3; leav'),
        (4, "is 7, which is not an object; give one such a"),
    ]


def test_the_command_names_the_entry_of_an_array(tmp_path: Path) -> None:
    """Next to the line, which may have all of them."""
    file = tmp_path / "devices.json"
    file.write_text('[{"commonName":"a","compliant":false},{"commonName":"a","compliant":true}]', "utf-8")
    result = CliRunner().invoke(main, ["devices", "import", str(file), "--dry-run"])
    assert (result.exit_code, result.stdout) == (1, "0 devices would be imported, 2 lines rejected\n")
    assert result.stderr == "".join(
        f'{file}:1: entry {entry}: "commonName" is "a" in the entries 1, 2; leave one\n' for entry in (1, 2)
    )


def test_a_line_that_is_not_json_is_rejected() -> None:
    """The others are read, whatever ends a line."""
    items, problems = read(".jsonl", b'\xef\xbb\xbf{"commonName": "a"}\r\n{"commonName"\r\n' + b"[" * 100_000)
    assert names(items) == "a"
    assert [problem[:15] for problem in problems] == ["2: is not JSON:", "3: is not JSON:"]


@pytest.mark.parametrize("content", [b"", b" \n", b"[]", b" [ ]\n"])
def test_nothing_is_no_device(content: bytes) -> None:
    """An empty file or array is not wrong."""
    assert read(".json", content) == ([], [])


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"[", 1),
        (b'[\n{"commonName": "a"}', 2),
        (b'[\n{"commonName": "a"},\n]', 3),
        (b'[\n{"commonName": "a"}\n{"commonName": "b"}]', 2),
        (b'[\n{"commonName": "a"}] x', 2),
        (b'[{"commonName": "a"},\n{"commonName": }]', 2),
    ],
)
def test_fails_for_an_array_that_is_none(content: bytes, line: int) -> None:
    """It is taken whole, so nothing of it is imported."""
    with pytest.raises(UnreadableFile, match=rf"line {line}, entry \d: the array is not JSON: "):
        read(".json", content)


def test_times_are_in_the_zone_that_is_given() -> None:
    """Unless they have their own."""
    content = b"commonName,lastSeen\na,2026-11-22T10:00\nb,2026-11-22T10:00Z"
    items, _ = read(".csv", content, zone=ZoneInfo("Europe/Berlin"))
    assert [item["lastSeen"]["S"] for item in items] == ["2026-11-22T09:00:00Z", "2026-11-22T10:00:00Z"]


@pytest.mark.parametrize("kind", [".csv", ".jsonl"])
def test_memory_is_flat(kind: str) -> None:
    """Of ten megabytes, next to nothing is kept."""
    note = "x" * 10_000

    class Rows(io.RawIOBase):
        """Rows that are made as they are read."""

        def __init__(self) -> None:
            self.lines = self._lines()

        def _lines(self) -> Iterator[bytes]:
            yield b"commonName,note\n" if kind == ".csv" else b"\n"
            for number in range(1000):
                row = (
                    f"{number},{note}"
                    if kind == ".csv"
                    else json.dumps({"commonName": str(number), "tags": {"note": note}})
                )
                yield f"{row}\n".encode()

        def readable(self) -> bool:
            return True

        def read(self, _: int = -1) -> bytes:
            return next(self.lines, b"")

    tracemalloc.start()
    try:
        count = sum(1 for _ in read_devices(of_table(READERS[kind](Rows(), None)), zone=None, repeated={}))  # type: ignore[arg-type]
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert count == 1000
    assert peak < 1_000_000


TEXT = st.text(st.characters(codec="utf-8"), max_size=20)
NUMBER = st.integers(0, 999_999_999)
DEVICES = st.builds(
    Device,
    compliant=st.none() | st.booleans(),
    last_seen=st.none() | st.datetimes(datetime(1, 1, 3), datetime(2026, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    os=st.none() | st.builds(OsVersion, NUMBER, NUMBER, st.none() | NUMBER),
    tags=st.dictionaries(TEXT.filter(bool), TEXT, max_size=3),
)


@given(st.dictionaries(TEXT.filter(bool), DEVICES, max_size=4), st.booleans())
def test_what_is_exported_is_imported_as_it_was(devices: dict[str, Device], array: bool) -> None:  # noqa: FBT001
    """As lines or as an array, every item comes back."""
    items = [device_item(name, device) for name, device in devices.items()]
    exported = [json.dumps(plain(item), sort_keys=True) for item in items]
    text = "[" + ",\n".join(exported) + "]" if array else "".join(f"{line}\n" for line in exported)
    assert read(".json", text.encode()) == (items, [])


class Endless(io.RawIOBase):
    """A file that goes on and on, after its beginning, and says how much of it was read."""

    def __init__(self, beginning: bytes, rest: bytes) -> None:
        super().__init__()
        self.waiting, self.rest, self.count = beginning, rest, 0

    def readable(self) -> bool:
        """Say so."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Give the next part."""
        content = (self.waiting or self.rest)[: len(buffer)]
        self.waiting = self.waiting[len(content) :]
        buffer[: len(content)] = content
        self.count += len(content)
        return len(content)


@pytest.mark.parametrize(
    ("kind", "beginning", "rest", "message"),
    [
        (".csv", b"", b"\0" * 1000, r"^line 1 has more than \d+ MiB; give one device a line$"),
        (".csv", b"commonName\na\n", b"b" * 1000, r"^line 3 has more than "),
        (".csv", b"commonName\na\n", b"b," * 500, r"^line 3 has more than "),
        (".jsonl", b"", b"\0" * 1000, r"^line 1 has more than "),
        (".json", b'\n{"commonName": "a"}\n', b" " * 1000, r"^line 3 has more than "),
        (".json", b"[", b"\0" * 1000, r"^line 1 has more than "),
        (
            ".json",
            b"[",
            b" " * 999 + b"\n",
            r"^the array has more than \d+ MiB; give one object a line, without ",
        ),
    ],
)
def test_fails_for_a_file_that_does_not_end(
    monkeypatch: pytest.MonkeyPatch, kind: str, beginning: bytes, rest: bytes, message: str
) -> None:
    """It would fill the memory, as a large file without line ends does."""
    monkeypatch.setattr(encodings, "_LONGEST_LINE", 10_000)
    monkeypatch.setattr(json_file, "_LONGEST_TEXT", 50_000)
    file = Endless(beginning, rest)
    with pytest.raises(UnreadableFile, match=message):
        list(READERS[kind](io.BufferedReader(file), None).lines)  # type: ignore[arg-type]
    assert file.count < 150_000


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes here")
def test_fails_for_what_is_no_file(tmp_path: Path) -> None:
    """A pipe cannot be read twice, and a device may never end."""
    os.mkfifo(tmp_path / "pipe.csv")
    (tmp_path / "device.csv").symlink_to("/dev/zero")
    for name in ("pipe.csv", "device.csv"):
        result = CliRunner().invoke(main, ["devices", "import", str(tmp_path / name), "--dry-run"])
        assert result.exit_code == 2
        assert "it is a folder, pipe or device, not a file" in " ".join(result.output.split())


def test_many_columns_take_no_longer_each() -> None:
    """Each with every other would be forty thousand million comparisons: the test would not end."""
    columns = ",".join(["commonName", *(f"column-{number}" for number in range(200_000))])
    items, rejected = read(".csv", f"{columns}\npc{',' * 200_000}".encode())
    assert (names(items), rejected) == ("pc", [])
    columns = ",".join(["commonName", *(f"column-{number // 2}" for number in range(200_000))])
    with pytest.raises(UnreadableFile, match=r'^the header has "column-0" twice; remove one of them$'):
        read(".csv", columns.encode())


def test_many_repeated_keys_take_no_longer_each() -> None:
    """Of one object."""
    pairs = ", ".join(f'"key-{number // 2}": 1' for number in range(200_000))
    items, rejected = read(".jsonl", f"{{{pairs}}}".encode())
    assert (items, rejected) == ([], ['1: has "key-0" twice; leave one of them out'])


def test_a_name_that_is_repeated_very_often_is_reported_briefly() -> None:
    """Each of its lines names the first lines, not all."""
    _, rejected = read(".csv", b"commonName\n" + b"pc\n" * 1000)
    assert len(rejected) == 1000
    assert rejected[999] == (
        '1001: "commonName" is "pc" in the lines 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 and 990 more; leave one'
    )
