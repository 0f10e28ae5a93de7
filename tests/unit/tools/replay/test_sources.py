"""Files, folders and standard input, plain and compressed."""

from __future__ import annotations

import gzip
import io
import os
import sys
import threading
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from client_connect_tools.replay import UnreadableLog
from client_connect_tools.replay.reading import sources
from client_connect_tools.replay.reading.sources import Sources

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CONTENT = b"".join(b"line %d of a log\n" % number for number in range(5000))


def content(*names: str | Path) -> bytes:
    """Return everything that is read, in blocks that end with a line each."""
    found = Sources.find([str(name) for name in names])
    read: list[int] = []
    blocks = list(found.blocks(read.append))
    assert all(block.endswith(b"\n") for block in blocks)
    if found.size is not None:
        assert sum(read) == found.size
    return b"".join(blocks)


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read in more than one block."""
    monkeypatch.setattr(sources, "BLOCK_BYTES", 1000)


def test_a_file_may_be_plain_or_compressed_whatever_its_name(tmp_path: Path) -> None:
    """Plain, compressed, and compressed in several parts, whatever its name is."""
    plain, packed, parts = tmp_path / "a.gz", tmp_path / "b", tmp_path / "c.log"
    plain.write_bytes(CONTENT)
    packed.write_bytes(gzip.compress(CONTENT))
    parts.write_bytes(gzip.compress(CONTENT[:7000]) + gzip.compress(CONTENT[7000:]))
    assert content(plain) == content(packed) == content(parts) == CONTENT
    assert content(packed, plain) == CONTENT * 2


def test_an_empty_file(tmp_path: Path) -> None:
    """There is nothing in it, which is no error."""
    (tmp_path / "empty").touch()
    assert content(tmp_path / "empty") == b""


def test_a_folder_is_all_files_below_it_in_order(tmp_path: Path) -> None:
    """All files below it, sorted by their paths."""
    for name in ("b/2.log", "b/1/x.gz", "a.log", "c/.hidden"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        text = f"{name}\n".encode()
        (tmp_path / name).write_bytes(gzip.compress(text) if name.endswith("gz") else text)
    assert content(tmp_path).split() == [b"a.log", b"b/1/x.gz", b"b/2.log", b"c/.hidden"]


@pytest.mark.parametrize("sent", [CONTENT, gzip.compress(CONTENT)], ids=["plain", "gzip"])
def test_standard_input_is_read_among_files(
    sent: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Among files too; how much there is cannot be known."""
    file = tmp_path / "file"
    file.write_bytes(b"first\n")
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(sent)))
    assert Sources.find(["-"]).size is None
    assert content(file, "-") == b"first\n" + CONTENT
    assert not sys.stdin.buffer.closed


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes here")
@pytest.mark.parametrize("sent", [CONTENT, gzip.compress(CONTENT)], ids=["plain", "gzip"])
def test_a_pipe_is_opened_only_once(sent: bytes, tmp_path: Path) -> None:
    """It can be read once only, so it is not examined before; how much there is cannot be known."""
    file, pipe = tmp_path / "file", tmp_path / "pipe"
    file.write_bytes(b"first\n")
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(sent,), daemon=True)
    writer.start()
    found = Sources.find([str(file), str(pipe)])
    assert found.size is None
    assert b"".join(found.blocks(lambda _: None)) == b"first\n" + CONTENT
    writer.join(10)
    assert not writer.is_alive()


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_fails_for_a_line_that_does_not_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pack: Callable[[bytes], bytes]
) -> None:
    """Memory stays flat whatever a file holds, and it is no log."""
    monkeypatch.setattr(sources, "_LONGEST_LINE", 500)
    (tmp_path / "long").write_bytes(pack(b"x" * 1400 + b"\n" + b"x" * 1001 + b"\n" + b"x" * 10_000))
    blocks = Sources.find([str(tmp_path / "long")]).blocks(lambda _: None)
    assert next(blocks) == b"x" * 1400 + b"\n"
    assert next(blocks) == b"x" * 1001 + b"\n"
    with pytest.raises(
        UnreadableLog, match=r'cannot read the log ".*long": a line has more than .* MiB, so it is no log'
    ):
        next(blocks)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no such devices here")
def test_fails_for_a_device(tmp_path: Path) -> None:
    """It may never end."""
    (tmp_path / "zeros").symlink_to("/dev/zero")
    for name in ("/dev/zero", str(tmp_path / "zeros")):
        with pytest.raises(UnreadableLog, match="it is a device; give a file, a pipe or -"):
            Sources.find([name])


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes here")
@pytest.mark.parametrize("kind", ["pipe", "device", "nothing", "folder"])
def test_fails_for_what_is_no_file_in_a_folder(tmp_path: Path, kind: str) -> None:
    """Logs in it would be missing from the comparison without a word."""
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "a.log").write_bytes(CONTENT)
    (tmp_path / "elsewhere").mkdir()
    other = tmp_path / "logs" / "b.log"
    if kind == "pipe":
        os.mkfifo(other)
    else:
        other.symlink_to(
            {"device": "/dev/zero", "nothing": "missing", "folder": tmp_path / "elsewhere"}[kind]
        )
    with pytest.raises(
        UnreadableLog, match=r'cannot read the log ".*b\.log": it is a pipe, a device or a link '
    ):
        Sources.find([str(tmp_path / "logs")])


def test_fails_for_what_cannot_be_read_before_anything_is(tmp_path: Path) -> None:
    """The message names it."""
    (tmp_path / "good").write_bytes(CONTENT)
    (tmp_path / "bad").write_bytes(b"\x1f\x8bnonsense")
    (tmp_path / "table.xlsx").write_bytes(b"PK\x03\x04rest")
    (tmp_path / "packed.zst").write_bytes(b"\x28\xb5\x2f\xfdrest")
    (tmp_path / "empty").mkdir()
    for name, message in [
        ("missing", 'cannot read the log ".*missing": No such file or directory'),
        ("bad", 'cannot read the log ".*bad": Unknown compression method'),
        ("table.xlsx", 'cannot read the log ".*xlsx": it is a zip archive or a spreadsheet; .* export CSV'),
        ("packed.zst", 'cannot read the log ".*zst": it is compressed by Zstandard; decompress it first'),
        ("empty", 'folder ".*empty" holds no file; give one with logs in it'),
        ("x" * 300, 'cannot read the log ".*x": File name too long'),
    ]:
        with pytest.raises(UnreadableLog, match=message):
            Sources.find([str(tmp_path / "good"), str(tmp_path / name)])


def test_fails_for_a_folder_below_that_may_not_be_read(half_locked: Path) -> None:
    """Its entries would be missing from the comparison."""
    (half_locked / "a.log").write_bytes(CONTENT)
    with pytest.raises(UnreadableLog, match=r'cannot read the log ".*locked": Permission denied'):
        Sources.find([str(half_locked)])


def test_fails_for_a_damaged_file(tmp_path: Path) -> None:
    """Damage further in shows when it is read."""
    (tmp_path / "cut.gz").write_bytes(gzip.compress(CONTENT)[:-2000])
    found = Sources.find([str(tmp_path / "cut.gz")])
    with pytest.raises(UnreadableLog, match=r"cut\.gz.*end-of-stream"):
        list(found.blocks(lambda _: None))
