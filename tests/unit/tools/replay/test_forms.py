"""The forms of these logs: exports, pages, terminals and other systems."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from client_connect_tools.cli import main
from client_connect_tools.replay import Attempt, Comparison, attempts, replay
from client_connect_tools.replay.reading import sources
from client_connect_tools.replay.reading.lines import Lines
from client_connect_tools.replay.reading.sources import Sources
from client_connect_tools.replay.reading.values import LONGEST
from tests.support.connection_logs import PERMIT, connection, record
from tests.support.log_forms import FORMS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

RECORDS: list[dict[str, Any]] = [
    record(minutes=number, connection_id=f"cvpn-connection-{number}") for number in range(3)
]
LOGS: list[dict[str, Any]] = [
    connection(connection_id=f"cvpn-connection-{number}", username='o"Brien') for number in range(3)
]


def found_in(file: Path) -> tuple[list[Attempt], dict[str, int]]:
    """Return the attempts of a file, and what else is in it."""
    text = b"".join(Sources.find([str(file)]).blocks(lambda _: None)).decode("utf-8", "surrogateescape")
    tally = replay(Comparison(new=PERMIT), Sources.find([str(file)]).blocks(lambda _: None))
    assert not tally.unreadable
    return [each for each in attempts(text.split("\n")) if isinstance(each, Attempt)], dict(tally.skipped)


@pytest.mark.parametrize("entries", [RECORDS, LOGS], ids=["records", "connection logs"])
@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_each_entry_is_found_once_in_every_form(
    form: Callable[[list[dict[str, Any]], list[str]], str], entries: list[dict[str, Any]], tmp_path: Path
) -> None:
    """And nothing is counted that is not there, wherever the file is cut into blocks."""
    texts = [json.dumps(entry) for entry in entries]
    expected = list(attempts(texts))
    file = tmp_path / "log"
    file.write_text(form(entries, texts), "utf-8", newline="")
    found, skipped = found_in(file)
    assert found == expected
    assert set(skipped) <= {"Lambda START", "Lambda END", "Lambda REPORT", "not JSON"}
    assert skipped.get("not JSON", 0) == (2 if form is FORMS["Insights, Markdown"] else 0)


@pytest.mark.parametrize("name", FORMS)
def test_blocks_of_any_size_change_nothing(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An entry may go over several of them."""
    texts = [json.dumps(entry) for entry in RECORDS]
    file = tmp_path / "log"
    file.write_text(FORMS[name](RECORDS, texts), "utf-8", newline="")
    whole = found_in(file)
    for size in (7, 100, 1000):
        monkeypatch.setattr(sources, "BLOCK_BYTES", size)
        assert found_in(file) == whole


@pytest.mark.parametrize(
    "pack",
    [
        gzip.compress,
        bz2.compress,
        lzma.compress,
        lambda content: gzip.compress(gzip.compress(content)),
        lambda content: content.decode().encode("utf-16"),
        lambda content: content.decode().encode("utf-16-le"),
        lambda content: content.decode().encode("utf-16-be"),
        lambda content: content.decode().encode("utf-32"),
        lambda content: content.decode().encode("utf-8-sig"),
        lambda content: gzip.compress(content.decode().encode("utf-16")),
    ],
    ids=["gzip", "bzip2", "xz", "gzip twice", "UTF-16", "UTF-16 LE", "UTF-16 BE", "UTF-32", "a mark", "both"],
)
@pytest.mark.parametrize("name", ["JSON lines", "an array, indented", "console", "aws logs tail, short"])
def test_how_a_file_is_compressed_or_encoded_changes_nothing(
    name: str, pack: Callable[[bytes], bytes], tmp_path: Path
) -> None:
    """It is recognized by content, not by name."""
    texts = [json.dumps(entry) for entry in RECORDS]
    file = tmp_path / "log.txt"
    file.write_bytes(pack(FORMS[name](RECORDS, texts).encode()))
    assert found_in(file) == (list(attempts(texts)), {})


@given(st.lists(st.sampled_from([*FORMS]), min_size=1, max_size=4))
@settings(deadline=None)
def test_forms_may_follow_one_another(names: list[str]) -> None:
    """As where exports were put together in one file."""
    texts = [json.dumps(entry) for entry in RECORDS]
    lines = [line for name in names for line in FORMS[name](RECORDS, texts).split("\n")]
    found = [each for each in attempts(lines) if isinstance(each, Attempt)]
    assert len(found) == len(RECORDS) * len(names)


@given(
    st.lists(
        st.binary(max_size=40) | st.sampled_from([b"{", b"[", b'"', b"\r", b"\x00", b"message,timestamp"])
    )
)
@settings(deadline=None)
def test_no_bytes_are_fatal(parts: list[bytes]) -> None:
    """A picture may lie among the logs; a record behind it is found, or what swallowed it is counted."""
    lines = Lines()
    block = lines.block(b"\n".join(parts) + b"\n") + lines.block(json.dumps(RECORDS[0]).encode() + b"\n")
    tally = replay(Comparison(new=PERMIT), [block + lines.end() + b"\n"])
    assert tally.attempts + tally.skipped.total() >= 1


def test_an_entry_that_is_cut_off_loses_no_other() -> None:
    """It is counted as one that cannot be read, and the next one is read."""
    whole, other = json.dumps(RECORDS[0]), json.dumps(RECORDS[1], indent=4)
    for cut in (whole[:-1], other[: other.index('"statuses"') if '"statuses"' in other else -20]):
        for following in (whole, f"2026-11-23T12:00:00 {whole}", "START RequestId: 1"):
            found = list(attempts([*cut.split("\n"), *following.split("\n")]))
            assert len(found) == 2
            assert getattr(found[0], "is_attempt", None) is True
            assert isinstance(found[1], Attempt) is not following.startswith("START")


def test_one_line_of_many_entries_is_read_in_parts(tmp_path: Path) -> None:
    """An export may be one array in one line, longer than what is read at once."""
    count = 3 * LONGEST // 1000
    file = tmp_path / "log.json"
    with file.open("w", encoding="utf-8") as stream:
        stream.write('{"events": [')
        for number in range(count):
            message = json.dumps(record(minutes=number) | {"padding": "x" * 700})
            stream.write(f"{', ' if number else ''}{json.dumps({'message': message})}")
        stream.write('], "searchedLogStreams": []}')
    assert file.stat().st_size > 3 * LONGEST
    blocks = Sources.find([str(file)]).blocks(lambda _: None)
    sizes = []

    def measured() -> Any:
        for block in blocks:
            sizes.append(len(block))
            yield block

    tally = replay(Comparison(new=PERMIT), measured())
    assert (tally.attempts, tally.skipped.total(), tally.duplicates) == (count, 0, 0)
    assert max(sizes) <= LONGEST + sources.BLOCK_BYTES


def run(*arguments: object) -> Any:
    """Run the command."""
    return CliRunner().invoke(main, ["replay", *map(str, arguments)], env={"COLUMNS": "120"})


@pytest.fixture
def policies(tmp_path: Path) -> Path:
    """Return policies."""
    file = tmp_path / "all.cedar"
    file.write_text(PERMIT, "utf-8")
    return file


@pytest.mark.parametrize(
    "content",
    ["hello\nworld\n", '{"a": 1}\n', "<html></html>\n", "a,b\n1,2\n", '[{"x": [1]}]', "\x00\x01\x02"],
)
def test_fails_for_a_file_of_which_nothing_is_understood(
    content: str, policies: Path, tmp_path: Path
) -> None:
    """Even in a folder with others; it is named."""
    folder = tmp_path / "logs"
    folder.mkdir()
    (folder / "good.jsonl").write_text(json.dumps(RECORDS[0]) + "\n", "utf-8")
    assert run(folder, "--policies", policies).exit_code == 0
    (folder / "other.txt").write_text(content, "utf-8")
    result = run(folder, "--policies", policies)
    assert result.exit_code == 2
    assert f'nothing was understood of "{folder / "other.txt"}": neither decision records' in result.stderr
    assert "good.jsonl" not in result.stderr


@pytest.mark.parametrize(
    "content",
    [
        "",
        "\n",
        "START RequestId: 1\n",
        "Permission Check Successful",
        '{"events": []}',
        "timestamp,message\n",
    ],
)
def test_a_file_without_decisions_may_lie_beside_others(content: str, policies: Path, tmp_path: Path) -> None:
    """Such as an hour without connections, and the file that CloudWatch Logs writes before it exports."""
    folder = tmp_path / "logs"
    folder.mkdir()
    (folder / "good.jsonl").write_text(json.dumps(RECORDS[0]) + "\n", "utf-8")
    (folder / "other").write_text(content, "utf-8")
    assert run(folder, "--policies", policies).exit_code == 0


@pytest.mark.parametrize("jobs", [1, 2])
def test_what_is_in_overlapping_exports_counts_once(jobs: int, policies: Path, tmp_path: Path) -> None:
    """Whatever their forms are, with a word; an entry of another time or log is another one."""
    texts = [json.dumps(entry) for entry in RECORDS]
    for name in ("JSON lines", "console", "aws logs tail, json"):
        (tmp_path / f"{name}.log").write_text(FORMS[name](RECORDS, texts), "utf-8")
    (tmp_path / "connections.log").write_text("\n".join(map(json.dumps, LOGS)), "utf-8")
    files = sorted(tmp_path.glob("*.log"))
    result = run(*files, "--policies", policies, "--json", "--jobs", jobs)
    assert result.exit_code == 0
    totals = json.loads(result.stdout)["totals"]
    assert (totals["decisions"], totals["duplicates"], totals["fromConnectionLogs"]) == (6, 6, 3)
    assert "6 entries are in the logs more than once, and counted once" in result.stderr
