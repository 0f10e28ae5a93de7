"""Files of devices."""

from __future__ import annotations

import io
import json
import tracemalloc
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from client_connect import Device, OsVersion
from client_connect.items import device_item
from client_connect_tools.devices.formats import READERS, RejectedLine, UnreadableFile
from client_connect_tools.devices.plain import plain
from client_connect_tools.devices.reading import read_devices

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import tzinfo

    from client_connect.items import Item


def read(kind: str, content: bytes, *, zone: tzinfo | None = None) -> tuple[list[Item], list[str]]:
    """Read a file; return the items, and what is rejected as ``line: problem``."""
    lines = [*read_devices(READERS[kind](io.BytesIO(content)), zone=zone)]
    items = [line.item for line in lines if not isinstance(line, RejectedLine)]
    return items, [f"{line.line}: {line.problem}" for line in lines if isinstance(line, RejectedLine)]


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
        (b'commonName,note\na,"b"c\nd,', "d", ["2: cannot be read: "]),
        (b'commonName,note\na,"b\nc,\nd,', "", ["2: cannot be read, up to line 4: "]),
        (b"commonName,compliant\na,yes\nb,False", "b", ['2: "compliant" is "yes", which is neither ']),
        (b"commonName,lastSeen\na,yesterday\nb,2026-11-22", "", ['2: "lastSeen" is "yesterday", ', "3: "]),
        (
            b"commonName,lastSeen\na,2026-11-22T09:00",
            "",
            ['2: "lastSeen" is "2026-11-22T09:00", which has no '],
        ),
        (b"commonName,lastSeen\na,0001-01-01T00:00+14:00", "", ['2: "lastSeen" is "0001-']),
        (
            b"commonName,os\na,10\nb,10.0.22631.4\nc,10.0",
            "c",
            ['2: "os" is "10", ', '3: "os" is "10.0.22631.4", '],
        ),
        (b"commonName,os\n,10.0", "", ['2: "commonName" is missing; give the common name']),
        (f"commonName\n{LONG}\n{LONG[1:]}".encode(), LONG[1:], ['2: "commonName" has 2049 bytes; ']),
        (b"commonName\na\nb\na\na", "a b", ['4: "commonName" is "a", which line 2 has already', "5: "]),
    ],
)
def test_csv(content: bytes, accepted: str, rejected: list[str]) -> None:
    """What can be read is; every other row is rejected by itself, with the line where it begins."""
    items, problems = read(".csv", content)
    assert names(items) == accepted
    assert len(problems) == len(rejected)
    assert all(map(str.startswith, problems, rejected)), problems


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", 'the header has no "commonName": it is ""; name the columns, '),
        (b"name,os\na,10.0", 'the header has no "commonName": it is "name,os"; '),
        (b"commonName;os\na;10.0", 'the header has no "commonName": it is "commonName;os"; '),
        (b"commonName,Compliant\na,no", 'the column "Compliant" would be a tag; write "compliant", '),
        (b"commonName,last_seen\na,no", 'the column "last_seen" would be a tag; write "lastSeen", '),
        (b"commonName,\na,", "a column has no name; "),
        (b"commonName,a,a\nb,c,d", 'the header has "a" twice; '),
        (b"commonName,\xff\n", "the header is not UTF-8; save the file as UTF-8"),
        ("commonName\na".encode("utf-16"), "the header is not UTF-8; save the file as UTF-8"),
        (b'commonName,"a\nb', "the header cannot be read: "),
    ],
)
def test_fails_for_a_header_that_is_none(content: bytes, message: str) -> None:
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
def test_objects(form: str, text: str, accepted: str, problem: str) -> None:
    """A line or an element that is not right is rejected by itself."""
    second = '{"commonName": "z"}'
    whole = f" \n\n{text}\n{second}\n" if form == "lines" else f"\n[\n{text},\n{second}]\n"
    items, problems = read(".json", whole.encode("utf-8", "surrogateescape"))
    assert names(items) == f"{accepted} z".strip()
    assert [each[:3] for each in problems] == (["3: "] if problem else [])
    assert all(each[3:].startswith(problem) for each in problems), problems


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
    with pytest.raises(UnreadableFile, match=f"line {line}: the array is not JSON: "):
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
        count = sum(1 for _ in read_devices(READERS[kind](Rows()), zone=None))  # type: ignore[arg-type]
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
    last_seen=st.none() | st.datetimes(min_value=datetime(1, 1, 3), timezones=st.just(UTC)),  # noqa: DTZ001
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
