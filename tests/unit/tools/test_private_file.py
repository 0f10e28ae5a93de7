"""Files with names in them are for their owner, and go nowhere but to where they were asked for."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from client_connect_tools.output.private_file import private_file

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="files have other modes there")


def write(path: Path, text: str = "new\n") -> None:
    """Write a file."""
    with private_file(path) as stream:
        stream.write(text)


@pytest.fixture(autouse=True)
def everybody_may_read() -> Iterator[None]:
    """Let new files be readable by everyone by default."""
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.mark.parametrize("before", [None, 0o644, 0o666, 0o400])
def test_only_the_owner_may_read(tmp_path: Path, before: int | None) -> None:
    """Whatever the mode was before, and nothing else is left in the folder."""
    file = tmp_path / ("x" * 255)
    if before is not None:
        file.write_text("old", "utf-8")
        file.chmod(before)
    write(file)
    assert file.read_text("utf-8") == "new\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [file]


def test_a_file_that_is_open_elsewhere_keeps_its_content(tmp_path: Path) -> None:
    """It is replaced, not written to: a foreign hard link does not show the new content."""
    file, other = tmp_path / "file", tmp_path / "other"
    other.write_text("old", "utf-8")
    file.hardlink_to(other)
    write(file)
    assert other.read_text("utf-8") == "old"


@pytest.mark.parametrize("target", ["file", "missing", "folder", "/dev/null", "pipe"])
def test_fails_for_a_link(tmp_path: Path, target: str) -> None:
    """Whatever it leads to, that stays as it is."""
    (tmp_path / "file").write_text("old", "utf-8")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    link = tmp_path / "link"
    link.symlink_to(target)
    with pytest.raises(OSError, match=f'it is a link to "{target}"; name the file itself'):
        write(link)
    assert (tmp_path / "file").read_text("utf-8") == "old"
    assert link.is_symlink()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder", "link", "pipe"]


def test_a_link_that_is_made_meanwhile_is_not_followed(tmp_path: Path) -> None:
    """It is replaced."""
    file, victim = tmp_path / "file", tmp_path / "victim"
    victim.write_text("old", "utf-8")
    with private_file(file) as stream:
        file.symlink_to(victim)
        stream.write("new")
    assert victim.read_text("utf-8") == "old"
    assert not file.is_symlink()


def test_half_a_file_is_none(tmp_path: Path) -> None:
    """The old content stays when writing fails."""
    file = tmp_path / "file"
    file.write_text("old", "utf-8")
    with suppress(KeyError), private_file(file) as stream:
        stream.write("half")
        raise KeyError
    assert file.read_text("utf-8") == "old"
    assert list(tmp_path.iterdir()) == [file]


def test_a_pipe_is_written_to(tmp_path: Path) -> None:
    """And stays a pipe."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        write(pipe)
        assert os.read(reader, 100) == b"new\n"
    finally:
        os.close(reader)
    assert pipe.is_fifo()


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root may give files away")
def test_fails_for_a_pipe_of_somebody_else(tmp_path: Path) -> None:
    """He would read what is for its owner."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    os.chown(pipe, 65534, 65534)
    try:
        with pytest.raises(OSError, match="neither a file, a pipe of yours nor a device"):
            write(pipe)
        assert os.read(reader, 100) == b""
    finally:
        os.close(reader)


def test_a_device_is_written_to() -> None:
    """``/dev/null`` stays one."""
    write(Path(os.devnull))
    assert stat.S_ISCHR(Path(os.devnull).stat().st_mode)


@pytest.mark.parametrize("name", ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"])
def test_what_is_open_already_is_written_to(tmp_path: Path, name: str) -> None:
    """In its order, and to a file or into a pipe alike."""
    if not Path(name).exists():
        pytest.skip("there is none here")
    program = (
        "import sys\nfrom pathlib import Path\nfrom client_connect_tools.output.private_file import private_file\n"
        "print('before')\nwith private_file(Path(sys.argv[1])) as stream:\n    stream.write('new\\n')\nprint('after')\n"
    )
    command = [sys.executable, "-c", program, name]
    with (tmp_path / "file").open("wb") as output:
        subprocess.run(command, stdout=output, check=True)
    assert (tmp_path / "file").read_text("utf-8") == "before\nnew\nafter\n"
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    assert done.stdout == "before\nnew\nafter\n"
