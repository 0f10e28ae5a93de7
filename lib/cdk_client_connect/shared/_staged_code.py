"""Whether the code that the CLI deploys is the code that was built.

The CDK names an asset's folder in ``cdk.out`` after a hash of what it is made from, and never looks into one that is
there already. What changed such a folder, or the archive that the CLI made of it, would be deployed.
"""

from __future__ import annotations

import atexit
import shutil
from collections import Counter
from pathlib import Path
from stat import S_IROTH
from tempfile import mkdtemp
from typing import TYPE_CHECKING
from zipfile import BadZipFile, ZipFile, is_zipfile

from aws_cdk import AssetStaging, Stage
from aws_cdk import aws_lambda as lambda_

from cdk_client_connect.errors import InvalidCode
from client_connect_tools.bundling.linked_files import share_files

if TYPE_CHECKING:
    from collections.abc import Mapping

    from constructs import Construct

    # Entries that the CLI would follow or Lambda could read in two ways are listed without content.
    _Files = Mapping[str, bytes | None]

_NO_STAGING = "aws:cdk:disable-asset-staging"
_SHOWN = 3


def new_folder(scope: Construct) -> Path:
    """Return an empty folder for an asset of this scope.

    It ends with this process; but where nothing is staged, what reads the template reads the folder too, later.
    """
    folder = Path(mkdtemp(prefix="client-connect-"))
    if not is_unstaged(scope):
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def is_unstaged(scope: Construct) -> bool:
    """Tell whether the template refers to the folders of assets themselves."""
    return bool(scope.node.try_get_context(_NO_STAGING))


def stage_nothing(scope: Construct) -> None:
    """Let the template refer to the folders of the assets in this scope."""
    scope.node.set_context(_NO_STAGING, True)  # noqa: FBT003 - the CDK's signature


def require_staged(function: lambda_.Function, code: lambda_.Code, *, in_full: bool = True) -> None:
    """Check that the place of a function's code in ``cdk.out`` holds that code.

    Files that other assets have too become links to those first, so a change of policies takes kilobytes.

    Args:
        function: The function.
        code: Its code.
        in_full: Whether all of the folder is staged; else the asset's options may leave out files.

    Raises:
        InvalidCode: When it holds anything else, or what Lambda could not read.
    """
    staging = next((each for each in function.node.find_all() if isinstance(each, AssetStaging)), None)
    if staging is None or not isinstance(code, lambda_.AssetCode):
        return
    source, staged = Path(code.path).absolute(), Path(staging.absolute_staged_path)
    _require_readable(source)
    if staged == source:
        return
    if in_full:
        share_files(staged)
    wanted = _files(source)
    _require_same(staged, wanted, _staged_files(staged), in_full=in_full)
    _require_readable(staged)
    stage = Stage.of(function)
    archive = Path(stage.outdir, ".cache", f"{staging.asset_hash}.zip") if stage else None
    if archive is not None and archive.exists() and source.is_dir():
        _require_same(archive, wanted, _in_archive(archive), in_full=in_full)
        _require_readable(archive)


def _require_same(place: Path, wanted: _Files, found: _Files, *, in_full: bool) -> None:
    names = wanted.keys() | found.keys() if in_full else found.keys()
    different = sorted(name for name in names if found.get(name) is None or wanted.get(name) != found[name])
    if different:
        more = f" and {len(different) - _SHOWN} more" if len(different) > _SHOWN else ""
        raise InvalidCode(
            f'"{place}" is not the code that was built, by {", ".join(different[:_SHOWN])}{more}: an interrupted '
            "synthesis left it behind, or it was changed; delete it and synthesize again"
        )


def _require_readable(place: Path) -> None:
    """Check that Lambda, which runs code as another user, could read it; the archive that the CLI makes keeps modes.

    Raises:
        InvalidCode: When only the owner of a file, or its group, may read it.
    """
    modes = _modes(place)
    unreadable = sorted(name for name, mode in modes.items() if mode and not mode & S_IROTH)
    if unreadable:
        more = f" and {len(unreadable) - _SHOWN} more" if len(unreadable) > _SHOWN else ""
        raise InvalidCode(
            f'"{place}" has files that not everybody may read, so Lambda could not run it: '
            f"{', '.join(unreadable[:_SHOWN])}{more}; set their modes to 644, or delete what a synthesis made and "
            "synthesize again"
        )


def _modes(place: Path) -> dict[str, int]:
    """Return the modes of the files in a folder or an archive; 0 where an archive has none."""
    if place.is_dir():
        return {
            path.relative_to(place).as_posix(): path.stat().st_mode
            for path in place.rglob("*")
            if path.is_file()
        }
    if not is_zipfile(place):
        return {}
    with ZipFile(place) as archive:
        return {each.filename: each.external_attr >> 16 for each in archive.infolist() if not each.is_dir()}


def _files(place: Path) -> dict[str, bytes]:
    """Return the files of a folder by name, or a file as the only one of none."""
    if not place.is_dir():
        return {place.suffix: place.read_bytes()}
    return {
        path.relative_to(place).as_posix(): path.read_bytes() for path in place.rglob("*") if path.is_file()
    }


def _staged_files(place: Path) -> _Files:
    """Return the same of a staged folder, where nothing may be a link or a pipe: the CLI would follow it."""
    if place.is_symlink():
        return {place.name: None}
    if not place.is_dir():
        return {place.suffix: place.read_bytes()}
    return {
        path.relative_to(place).as_posix(): path.read_bytes() if _is_file_itself(path) else None
        for path in place.rglob("*")
        if path.is_symlink() or not path.is_dir()
    }


def _is_file_itself(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()


def _in_archive(archive: Path) -> _Files:
    try:
        with ZipFile(archive) as opened:
            names = Counter(each for each in opened.namelist() if not _is_folder(opened, each))
            return {
                each: opened.read(each) if count == 1 and not each.endswith("/") else None
                for each, count in names.items()
            }
    except (BadZipFile, OSError):
        return {"not an archive": None}


def _is_folder(archive: ZipFile, name: str) -> bool:
    return name.endswith("/") and archive.getinfo(name).file_size == 0
