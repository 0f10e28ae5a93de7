"""The functions' code in `cdk.out` is the one built from the sources, or the synthesis fails."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from zipfile import ZipFile

import aws_cdk as cdk
import pytest
from aws_cdk import aws_lambda as lambda_

from cdk_client_connect import (
    ClientConnectHandler,
    ConnectionMonitoring,
    EndpointAttachment,
    InvalidCode,
    Notifications,
    Policies,
)
from client_connect_tools.bundling.bundle import Bundle
from client_connect_tools.bundling.wheel_records import file_digest

from .conftest import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable

POLICIES = Policies.from_string(
    '@id("staff") permit (principal in ClientVpn::Group::"staff", action, resource);'
)
ENDPOINT_ID = "cvpn-endpoint-0123456789abcdef0"
no_links = pytest.mark.skipif(sys.platform == "win32", reason="links and pipes need privileges there")
no_modes = pytest.mark.skipif(sys.platform == "win32", reason="files have no modes there")
# A file that identifies the asset of a function.
ASSETS = {"handler": "policies.cedar", "attachment": "attachment.py", "forwarder": "forwarder.py"}


def synthesize(folder: Path, code: lambda_.Code | None = None, **context: object) -> cdk.Stack:
    """Synthesize a handler with both of its small functions."""
    app = cdk.App(outdir=str(folder), context=context)
    stack = cdk.Stack(app, "Vpn")
    handler = ClientConnectHandler(stack, "Handler", policies=None if code else POLICIES, code=code)
    EndpointAttachment(stack, "Attachment", handler=handler, endpoint_id=ENDPOINT_ID)
    ConnectionMonitoring(
        stack,
        "Monitoring",
        handler=handler,
        endpoints=[ENDPOINT_ID],
        connection_log_group=None,
        notifications=Notifications.event_bridge(),
    )
    app.synth()
    return stack


def asset(folder: Path, function: str) -> Path:
    """Return the staged folder of a function."""
    (file,) = folder.glob(f"asset.*/{ASSETS[function]}")
    return file.parent


@pytest.fixture(scope="module")
def staged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Synthesize once."""
    folder = tmp_path_factory.mktemp("staged") / "cdk.out"
    synthesize(folder)
    return folder


@pytest.fixture
def out(staged: Path, tmp_path: Path) -> Path:
    """Return a copy of the cloud assembly, to be tampered with."""
    return Path(shutil.copytree(staged, tmp_path / "cdk.out"))


def test_an_untouched_assembly_is_taken_again(out: Path) -> None:
    """The archives that the CLI made of it too."""
    (out / ".cache").mkdir()
    for function in ASSETS:
        folder = asset(out, function)
        shutil.make_archive(str(out / ".cache" / folder.name.removeprefix("asset.")), "zip", folder)
    synthesize(out)


def permit_all(folder: Path) -> None:
    """Replace the policies."""
    (folder / "policies.cedar").write_text("permit (principal, action, resource);", "utf-8")


def add_module(folder: Path) -> None:
    """Add a module that is found before that of Lambda's image."""
    (folder / "boto3.py").write_text("EVIL = True\n", "utf-8")


def link_a_package(folder: Path) -> None:
    """Add a link to a folder, into which the CLI would go."""
    (folder.parent / "elsewhere" / "boto3").mkdir(parents=True)
    (folder.parent / "elsewhere" / "boto3" / "__init__.py").write_text("EVIL = True\n", "utf-8")
    (folder / "boto3").symlink_to(folder.parent / "elsewhere" / "boto3")


def link_the_same(folder: Path) -> None:
    """Put the policies elsewhere, where they can still be changed."""
    elsewhere = (folder / "policies.cedar").rename(folder.parent / "elsewhere.cedar")
    (folder / "policies.cedar").symlink_to(elsewhere)


def link_the_folder(folder: Path) -> None:
    """Put all of it elsewhere."""
    folder.symlink_to(folder.rename(folder.parent / "elsewhere"))


def add_a_pipe(folder: Path) -> None:
    """Add what whoever reads it would wait for."""
    os.mkfifo(folder / "boto3.py")


def repeat_in_an_archive(folder: Path) -> None:
    """Have the archive the policies twice: some programs take the first, and some the last."""
    with _archive(folder) as opened:
        opened.writestr("policies.cedar", "permit (principal, action, resource);")
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                opened.write(path, path.relative_to(folder).as_posix())


def hide_in_an_archive(folder: Path) -> None:
    """Add content under a name that makes it a folder."""
    with _archive(folder) as opened:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                opened.write(path, path.relative_to(folder).as_posix())
        opened.writestr("boto3.py/", "EVIL = True\n")


def _archive(folder: Path) -> ZipFile:
    archive = folder.parent / ".cache" / f"{folder.name.removeprefix('asset.')}.zip"
    archive.parent.mkdir()
    return ZipFile(archive, "w")


def replace_all_by_an_archive(folder: Path) -> None:
    """Leave the folder as it is, and change what the CLI made of it."""
    with _archive(folder) as opened:
        opened.writestr("evil.py", "EVIL = True\n")


@pytest.mark.parametrize(
    ("function", "tamper", "names"),
    [
        ("handler", permit_all, "policies.cedar"),
        ("handler", add_module, "boto3.py"),
        ("handler", replace_all_by_an_archive, "cedarpy"),
        ("attachment", add_module, "boto3.py"),
        ("attachment", lambda folder: (folder / "attachment.py").write_text("", "utf-8"), "attachment.py"),
        ("forwarder", add_module, "boto3.py"),
        pytest.param("handler", link_a_package, "boto3", marks=no_links),
        pytest.param("forwarder", link_a_package, "boto3", marks=no_links),
        pytest.param("handler", link_the_same, "policies.cedar", marks=no_links),
        pytest.param("handler", link_the_folder, "asset", marks=no_links),
        pytest.param("attachment", add_a_pipe, "boto3.py", marks=no_links),
        pytest.param(
            "handler",
            repeat_in_an_archive,
            "policies.cedar",
            marks=pytest.mark.filterwarnings("ignore:Duplicate name:UserWarning"),
        ),
        ("handler", hide_in_an_archive, "boto3.py"),
    ],
)
def test_fails_when_the_assembly_was_changed(
    out: Path, function: str, tamper: Callable[[Path], object], names: str
) -> None:
    """The CDK would keep what is there, because the folder's name is that of the same sources."""
    tamper(asset(out, function))
    with pytest.raises(
        InvalidCode, match=rf"is not the code that was built, by .*{names}.*delete it and synthesize"
    ):
        synthesize(out)


def close(folder: Path) -> None:
    """Take the policies from everybody but their owner."""
    (folder / "policies.cedar").chmod(0o600)


def close_to_others(folder: Path) -> None:
    """Take a module from everybody but its owner and its group."""
    (folder / "attachment.py").chmod(0o640)


def close_in_an_archive(folder: Path) -> None:
    """Let the archive hold the same files, one readable by its owner only."""
    (folder / "forwarder.py").chmod(0o600)
    with _archive(folder) as opened:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                opened.write(path, path.relative_to(folder).as_posix())
    (folder / "forwarder.py").chmod(0o644)


@no_modes
@pytest.mark.parametrize(
    ("function", "tamper", "name"),
    [
        ("handler", close, "policies.cedar"),
        ("attachment", close_to_others, "attachment.py"),
        ("forwarder", close_in_an_archive, "forwarder.py"),
    ],
)
def test_fails_when_lambda_could_not_read_the_assembly(
    out: Path, function: str, tamper: Callable[[Path], object], name: str
) -> None:
    """The function could not start then, and everybody would be denied."""
    tamper(asset(out, function))
    with pytest.raises(
        InvalidCode, match=rf"not everybody may read, so Lambda could not run it: {name}; set"
    ):
        synthesize(out)


@no_modes
def test_fails_when_lambda_could_not_read_prebuilt_code(staged: Path, tmp_path: Path) -> None:
    """In a folder or in an archive, as Python's zipfile makes it of texts."""
    prebuilt = shutil.copytree(asset(staged, "handler"), tmp_path / "prebuilt")
    archive = tmp_path / "prebuilt.zip"
    with ZipFile(archive, "w") as opened:
        for path in sorted(prebuilt.rglob("*")):
            if path.is_file():
                opened.writestr(path.relative_to(prebuilt).as_posix(), path.read_bytes())
    close(prebuilt)
    for code in (prebuilt, archive):
        with pytest.raises(InvalidCode, match="not everybody may read"):
            synthesize(tmp_path / "cdk.out", lambda_.Code.from_asset(str(code)))


@no_modes
def test_a_umask_takes_no_code_from_lambda(tmp_path: Path) -> None:
    """Hardened build servers give new files to their owner only."""
    before = os.umask(0o077)
    try:
        Bundle(POLICIES.text, "3.14", "arm64").build(tmp_path / "bundle")
        synthesize(tmp_path / "cdk.out", lambda_.Code.from_asset(str(tmp_path / "bundle")))
    finally:
        os.umask(before)
    modes = {path.stat().st_mode & 0o777 for path in (tmp_path / "cdk.out").rglob("asset.*/**/*.py")}
    assert modes == {0o644}
    folders = [path for path in (tmp_path / "bundle").rglob("*") if path.is_dir()]
    assert {path.stat().st_mode & 0o777 for path in folders} == {0o755}


def test_fails_when_prebuilt_code_was_changed_in_the_assembly(staged: Path, tmp_path: Path) -> None:
    """The user's folder counts, not what an earlier synthesis left."""
    prebuilt = shutil.copytree(asset(staged, "handler"), tmp_path / "prebuilt")
    out = tmp_path / "cdk.out"
    synthesize(out, lambda_.Code.from_asset(str(prebuilt)))
    synthesize(out, lambda_.Code.from_asset(str(prebuilt)))
    permit_all(asset(out, "handler"))
    with pytest.raises(InvalidCode, match=r"by policies\.cedar"):
        synthesize(out, lambda_.Code.from_asset(str(prebuilt)))


def test_prebuilt_code_may_leave_out_files(staged: Path, tmp_path: Path) -> None:
    """The options of the user's asset stay in force."""
    prebuilt = shutil.copytree(asset(staged, "handler"), tmp_path / "prebuilt")
    (prebuilt / "notes.txt").write_text("not for Lambda", "utf-8")
    for _ in range(2):
        synthesize(tmp_path / "cdk.out", lambda_.Code.from_asset(str(prebuilt), exclude=["notes.txt"]))
    assert not (asset(tmp_path / "cdk.out", "handler") / "notes.txt").exists()


def test_the_small_functions_hold_our_sources_and_nothing_else(staged: Path) -> None:
    """No bytecode, no marker of types, and nothing that is in their hash only by accident."""
    for function, name in (("attachment", "attachment"), ("forwarder", "notifications")):
        package = ROOT / "lambda_src" / f"client_connect_{name}"
        found = {path.name: path.read_bytes() for path in asset(staged, function).rglob("*")}
        assert found == {path.name: path.read_bytes() for path in package.glob("*.py")}


def test_what_another_package_drops_into_ours_is_not_deployed(tmp_path: Path) -> None:
    """Of an installed wheel, the files count that its RECORD lists; one that was changed fails."""
    program = """
import sys
from pathlib import Path
from client_connect_tools.bundling.own_sources import own_sources
folder = Path(sys.argv[1]) / "client_connect_attachment"
print([path.name for path in own_sources(folder, ".py")])
(folder / "attachment.py").write_text("EVIL = True")
own_sources(folder, ".py")
"""
    site = tmp_path / "site"
    package = shutil.copytree(
        ROOT / "lambda_src" / "client_connect_attachment",
        site / "client_connect_attachment",
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    metadata = site / "cdk_client_connect-1.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: cdk-client-connect\nVersion: 1\n", "utf-8"
    )
    lines = [
        f"{path.relative_to(site).as_posix()},{file_digest(path.read_bytes())},{path.stat().st_size}\n"
        for path in sorted(package.iterdir())
    ]
    (metadata / "RECORD").write_text("".join(lines), "utf-8")
    for name in ("evil.py", "boto3.py", "evil.so"):
        (package / name).write_text("EVIL = True\n", "utf-8")
    run = subprocess.run(
        [sys.executable, "-c", program, str(site)],
        env={"PYTHONPATH": f"{site}:{ROOT / 'lib'}:{ROOT / 'lambda_src'}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.stdout == "['__init__.py', 'attachment.py']\n", run.stderr
    assert "client_connect_attachment/attachment.py is missing or is not the file" in run.stderr
