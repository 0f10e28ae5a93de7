"""Files that are on the disk once: only where they are the same, and no one else may write them."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest

from client_connect_tools.bundling import linked_files
from client_connect_tools.bundling.linked_files import link_files, share_files

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="links need privileges there")
CONTENT = "the engine\n"


def asset(folder: Path, name: str, content: str = CONTENT) -> Path:
    """Make a staged folder with a file; return the file."""
    file = folder / f"asset.{name}" / "cedarpy" / "engine.so"
    file.parent.mkdir(parents=True)
    file.write_text(content, "utf-8")
    return file


def is_shared(one: Path, other: Path) -> bool:
    """Tell whether two files are one."""
    return one.samefile(other)


def test_equal_files_become_one(tmp_path: Path) -> None:
    """Under the same name, whatever else is in the folders."""
    old, new = asset(tmp_path, "old"), asset(tmp_path, "new")
    (new.parents[1] / "policies.cedar").write_text("new", "utf-8")
    share_files(new.parents[1])
    assert is_shared(old, new)
    assert sorted(path.name for path in new.parents[1].iterdir()) == ["cedarpy", "policies.cedar"]
    share_files(new.parents[1])  # again changes nothing
    assert old.stat().st_nlink == 2


def test_of_several_the_equal_one_is_taken(tmp_path: Path) -> None:
    """Folders of an earlier version stay as they are."""
    other, equal, new = asset(tmp_path, "x", "the motor."), asset(tmp_path, "y"), asset(tmp_path, "z")
    share_files(new.parents[1])
    assert is_shared(equal, new)
    assert other.read_text("utf-8") == "the motor."


def change(old: Path, _elsewhere: Path) -> None:
    """Another content of the same length."""
    old.write_text(CONTENT.upper(), "utf-8")


def link(old: Path, elsewhere: Path) -> None:
    """A link to a file that another user may write."""
    old.unlink()
    old.symlink_to(elsewhere)


def link_folder(old: Path, elsewhere: Path) -> None:
    """A link to a folder that another user may write."""
    old.unlink()
    old.parent.rmdir()
    elsewhere.rename(elsewhere.with_name(old.name))
    old.parent.symlink_to(elsewhere.parent)


def link_asset(old: Path, elsewhere: Path) -> None:
    """A link to another asset, elsewhere."""
    folder = old.parents[1]
    folder.rename(elsewhere.parent / "asset")
    folder.symlink_to(elsewhere.parent / "asset")


def let_others_write(old: Path, _elsewhere: Path) -> None:
    """Other modes."""
    old.chmod(0o666)


def make_a_folder(old: Path, _elsewhere: Path) -> None:
    """A folder of that name."""
    old.unlink()
    old.mkdir()


def make_a_pipe(old: Path, _elsewhere: Path) -> None:
    """A pipe, which a reader would wait for."""
    old.unlink()
    os.mkfifo(old)


@pytest.mark.parametrize(
    "tamper", [change, link, link_folder, link_asset, let_others_write, make_a_folder, make_a_pipe]
)
def test_nothing_is_shared_with_what_is_not_the_same_file(
    tamper: Callable[[Path, Path], None], tmp_path: Path
) -> None:
    """The new folder keeps its own file, and what is elsewhere gets no other name in it."""
    (tmp_path / "elsewhere").mkdir()
    elsewhere = tmp_path / "elsewhere" / "file"
    elsewhere.write_text(CONTENT, "utf-8")
    out = tmp_path / "cdk.out"
    old, new = asset(out, "old"), asset(out, "new")
    tamper(old, elsewhere)
    share_files(new.parents[1])
    assert new.read_text("utf-8") == CONTENT
    assert new.lstat().st_nlink == 1
    assert not new.is_symlink()


def test_a_folder_that_is_a_link_is_left_alone(tmp_path: Path) -> None:
    """Its target is not ours."""
    out = tmp_path / "cdk.out"
    asset(out, "old")
    target = asset(tmp_path, "target")
    (out / "asset.new").symlink_to(target.parents[1])
    share_files(out / "asset.new")
    assert target.stat().st_nlink == 1


def test_without_links_there_are_copies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a file system that has none."""

    def refuse(*_: object) -> None:
        raise OSError("no links")

    monkeypatch.setattr(linked_files.os, "link", refuse)
    old, new = asset(tmp_path, "old"), asset(tmp_path, "new")
    share_files(new.parents[1])
    assert not is_shared(old, new)
    link_files(old.parents[1], tmp_path / "built")
    assert (tmp_path / "built" / "cedarpy" / "engine.so").read_text("utf-8") == CONTENT
    assert not list(tmp_path.glob(".asset*"))


def test_what_a_bundle_adds_does_not_reach_the_installed_packages(tmp_path: Path) -> None:
    """A file of the team's takes the place of a link; it is not written through it."""
    installed = asset(tmp_path, "installed").parents[1]
    link_files(installed, tmp_path / "built")
    assert is_shared(installed / "cedarpy" / "engine.so", tmp_path / "built" / "cedarpy" / "engine.so")
