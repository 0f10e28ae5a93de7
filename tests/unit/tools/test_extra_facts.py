"""A module of extra facts: what is taken, what is refused, and how it gets into the bundle."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from client_connect_tools import Bundle, ExtraFacts, InvalidExtraFacts
from client_connect_tools.bundling import bundle
from client_connect_tools.cli import main

if TYPE_CHECKING:
    from collections.abc import Callable

SOURCE = "def facts(request):\n    return {'riskScore': 1}\n"
PERMIT = '@id("all") permit (principal, action, resource);\n'
SCHEMA = "{ riskScore: Long }\n"


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str | bytes], Path]:
    """Write a file in the working folder, which is empty."""
    monkeypatch.chdir(tmp_path)

    def write(name: str, content: str | bytes) -> Path:
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


Write = "Callable[[str, str | bytes], Path]"


def test_a_file_is_imported_by_its_name(write: Write) -> None:
    """It is imported by its name; who saved it plays no part."""
    extra = ExtraFacts.from_file(write("our_facts.py", SOURCE))
    assert extra == ExtraFacts(module="our_facts", files=(("our_facts.py", SOURCE.encode()),))
    for saved in (SOURCE.replace("\n", "\r\n").encode(), SOURCE.encode("utf-8-sig")):
        assert ExtraFacts.from_file(str(write("our_facts.py", saved))) == extra


def test_a_package_brings_its_modules_and_data(write: Write) -> None:
    """All that is in it, data too, but no bytecode and nothing hidden."""
    write(
        "risk/__init__.py", "from risk.scores import score\ndef facts(request): return {'riskScore': score()}"
    )
    write("risk/scores.py", "def score(): return 1\r\n")
    write("risk/data/table.bin", b"\xff\r\n")
    for other in ("risk/__pycache__/a.pyc", "risk/old.pyc", "risk/.git/config", "risk/data/.DS_Store"):
        write(other, b"\xff")
    extra = ExtraFacts.from_directory("risk")
    assert extra.module == "risk"
    assert dict(extra.files) == {
        "risk/__init__.py": b"from risk.scores import score\ndef facts(request): return {'riskScore': score()}",
        "risk/scores.py": b"def score(): return 1\n",
        "risk/data/table.bin": b"\xff\r\n",
    }
    assert ExtraFacts.from_directory(Path("risk").resolve()) == extra


@pytest.mark.parametrize(
    "definition",
    [
        "def facts(request): ...",
        "def facts(request, /): ...",
        "def facts(request, cache={}, *, more=1, **rest): ...",
        "def facts(*requests): ...",
        "def facts(request=None): ...",
        "def facts(): ...\n@decorated\ndef facts(request): ...",
        "x = '\\d'\ndef facts(request): ...",
    ],
)
def test_functions_that_take_a_request(write: Write, definition: str) -> None:
    """Whatever can be called with one argument."""
    assert ExtraFacts.from_file(write("our_facts.py", definition)).module == "our_facts"


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("def facts(): ...", "our_facts.py:1: facts must take one argument; write def facts(request): ..."),
        ("\ndef facts(a, b): ...", "our_facts.py:2: facts must take one argument"),
        ("def facts(request, *, b): ...", "our_facts.py:1: facts must take one argument"),
        ("def facts(*, request): ...", "our_facts.py:1: facts must take one argument"),
        ("async def facts(request): ...", "our_facts.py:1: facts is async, but is called as it is; use def"),
        ("", "our_facts.py: no function facts is defined at the top; write def facts(request): ..."),
        ("def fact(request): ...", "our_facts.py: no function facts is defined at the top"),
        ("class A:\n    def facts(request): ...", "our_facts.py: no function facts is defined at the top"),
        ("x = 1\ndef facts(request) return {}", "our_facts.py:2: this is not Python 3.11 or later: "),
        (
            "return\ndef facts(request): ...",
            "our_facts.py:1: this is not Python 3.11 or later: 'return' outside",
        ),
        ("type X = int\ndef facts(request): ...", "this is not Python 3.11 or later: "),
        (b"# \xff\n", 'cannot read "our_facts.py": '),
        (b"\x00", "this is not Python 3.11 or later: "),
        ("x = " + "(" * 1000, "this is not Python 3.11 or later: "),
    ],
)
def test_fails_with_a_source_that_could_tell_nothing(write: Write, source: str | bytes, problem: str) -> None:
    """Before it is bundled, with file and line, without running it."""
    with pytest.raises(InvalidExtraFacts) as caught:
        ExtraFacts.from_file(write("our_facts.py", source))
    assert problem in str(caught.value)


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("json.py", '"json.py" would be imported in the place of the module json that the handler'),
        ("annotationlib.py", "in the place of the module annotationlib"),
        ("client_connect.py", "in the place of the module client_connect"),
        ("cedarpy.py", "in the place of the module cedarpy"),
        (
            "boto3.py",
            "in the place of the module boto3 that the handler or its runtime needs; rename it, such",
        ),
        ("our-facts.py", '"our-facts.py" cannot be imported by its name; rename it to one such as facts'),
        ("1st.py", "cannot be imported by its name"),
        ("class.py", "cannot be imported by its name"),
        ("risk.v2.py", "cannot be imported by its name"),
        ("über.py", "cannot be imported by its name"),
        ("facts.txt", '"facts.txt" is not a Python file; give one such as facts.py'),
    ],
)
def test_fails_with_a_name_that_means_another_module(write: Write, name: str, problem: str) -> None:
    """The handler's imports must not become the team's, nor the other way round."""
    with pytest.raises(InvalidExtraFacts) as caught:
        ExtraFacts.from_file(write(name, SOURCE))
    assert problem in str(caught.value)


def test_fails_with_a_part_that_may_not_be_read(half_locked: Path) -> None:
    """Without it, the bundle would be no whole package."""
    package = half_locked / "risk"
    (package / "data").mkdir(parents=True)
    (package / "__init__.py").write_text(SOURCE)
    (package / "data" / "scores.json").touch(0)
    with pytest.raises(InvalidExtraFacts, match=r'cannot read ".*scores.json": .*Permission denied'):
        ExtraFacts.from_directory(package)
    (package / "data").chmod(0)
    with pytest.raises(InvalidExtraFacts, match=r'cannot read ".*risk": .*Permission denied'):
        ExtraFacts.from_directory(package)
    (package / "data").chmod(0o700)


def test_fails_with_what_is_not_there(write: Write) -> None:
    """A missing file, a folder for a file, a file for a folder, and a folder that is no package."""
    write("risk/scores.py", SOURCE)
    with pytest.raises(InvalidExtraFacts, match=r'cannot read "missing.py": .*No such file'):
        ExtraFacts.from_file("missing.py")
    with pytest.raises(InvalidExtraFacts, match='"risk" is not a Python file'):
        ExtraFacts.from_file("risk")
    for path in ("missing", "risk", "risk/scores.py"):
        with pytest.raises(InvalidExtraFacts, match=f'"{path}" is not a Python package; give a directory'):
            ExtraFacts.from_directory(path)
    write("risk/__init__.py", "from risk.scores import facts")
    with pytest.raises(InvalidExtraFacts, match=r"risk/__init__.py: no function facts is defined"):
        ExtraFacts.from_directory("risk")
    write("risk/__init__.py", SOURCE)
    write("risk/scores.py", "def")
    with pytest.raises(InvalidExtraFacts, match=r"risk/scores.py:1: this is not Python"):
        ExtraFacts.from_directory("risk")
    shutil.move("risk", "json")
    with pytest.raises(InvalidExtraFacts, match="in the place of the module json"):
        ExtraFacts.from_directory("json")


def made(*, source: str = SOURCE, name: str = "our_facts", custom: str | None = SCHEMA) -> Bundle:
    """Return a bundle with a module."""
    extra = ExtraFacts(module=name, files=((f"{name}.py", source.encode()),))
    return Bundle(PERMIT, "3.14", "arm64", extra_facts=extra, custom=custom)


def test_the_digest_covers_what_a_team_adds() -> None:
    """The module, its name and its type, each by itself; what has none of them stays as it was."""
    plain = Bundle(PERMIT, "3.14", "arm64")
    digests = {
        plain.digest(),
        Bundle(PERMIT, "3.14", "arm64", custom=SCHEMA).digest(),
        Bundle(PERMIT, "3.14", "arm64", custom="{}\n").digest(),
        made().digest(),
        made(custom="{}\n").digest(),
        made(source=SOURCE + "\n").digest(),
        made(name="risk").digest(),
    }
    assert len(digests) == 7
    assert made().digest() == made().digest()
    assert Bundle(PERMIT, "3.14", "arm64", extra_facts=None, custom=None).digest() == plain.digest()
    assert hash(made()) == hash(made())


def test_the_bundle_holds_what_a_team_adds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The module at the top, its type next to the policies, and its name for a construct that gets the folder."""
    monkeypatch.setattr(bundle, "install", lambda folder, *_, **__: folder.mkdir(exist_ok=True))
    extra = ExtraFacts(
        module="risk", files=(("risk/__init__.py", SOURCE.encode()), ("risk/data/table.bin", b"\xff"))
    )
    Bundle(PERMIT, "3.14", "arm64", extra_facts=extra, custom=SCHEMA).build(tmp_path / "with")
    Bundle(PERMIT, "3.14", "arm64").build(tmp_path / "without")
    assert (tmp_path / "with/custom.cedarschema").read_text("utf-8") == SCHEMA
    assert (tmp_path / "with/risk/__init__.py").read_text("utf-8") == SOURCE
    assert (tmp_path / "with/risk/data/table.bin").read_bytes() == b"\xff"
    assert json.loads((tmp_path / "with/platform.json").read_text("utf-8")) == {
        "python": "3.14",
        "architecture": "arm64",
        "version": bundle.library_version(),
        "extraFacts": "risk",
    }
    assert {path.name for path in (tmp_path / "without").iterdir()} == {
        *("client_connect", "policies.cedar", "platform.json"),
    }
    assert json.loads((tmp_path / "without/platform.json").read_text("utf-8")).keys() == {
        *("python", "architecture", "version"),
    }


def run(command: str) -> tuple[int, str]:
    """Run a command; return its status and errors."""
    result = CliRunner().invoke(main, shlex.split(command), catch_exceptions=False)
    return result.exit_code, result.stderr


def test_the_bundle_command_takes_a_file_or_a_package(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """`client-connect bundle` takes a file or a package, and refuses what could not be read."""
    monkeypatch.setattr(bundle, "install", lambda folder, *_, **__: folder.mkdir(exist_ok=True))
    write("policies/vpn.cedar", PERMIT)
    write("our_facts.py", SOURCE)
    write("risk/__init__.py", SOURCE)
    status, errors = run("bundle policies --output none --extra-facts our_facts.py")
    assert (status, errors.partition(", so none")[0]) == (
        1,
        'extra facts of the module "our_facts" are given, but the policies come without a custom.cedarschema',
    )
    write("policies/custom.cedarschema", SCHEMA)
    assert run("bundle policies --output file --extra-facts our_facts.py") == (0, "")
    assert run("bundle policies --output package --extra-facts risk") == (0, "")
    for missing in ("missing.py", "missing"):
        assert run(f"bundle policies --output none --extra-facts {missing}") == (
            2,
            f"cannot read \"{missing}\": [Errno 2] No such file or directory: '{missing}'\n",
        )
    write("latin.py", b"# \xe9")
    status, errors = run("bundle policies --output none --extra-facts latin.py")
    assert (status, errors.partition(":")[0]) == (2, 'cannot read "latin.py"')
    write("no_facts.py", "")
    assert run("bundle policies --output none --extra-facts no_facts.py")[0] == 1
    assert Path("file/our_facts.py").read_text("utf-8") == SOURCE
    assert Path("package/risk/__init__.py").read_text("utf-8") == SOURCE
    assert not Path("none").exists()


def test_the_module_is_not_run_when_it_is_read(write: Write) -> None:
    """It may need what only Lambda has."""
    assert ExtraFacts.from_file(write("our_facts.py", f"raise SystemExit\n{SOURCE}")).module == "our_facts"


@pytest.mark.skipif(sys.platform == "win32", reason="links and pipes need privileges there")
@pytest.mark.parametrize(
    ("name", "target", "problem"),
    [
        ("environment.bin", "/proc/self/environ", "is a link that leaves the folder"),
        ("__init__.py", "../facts.py", "is a link that leaves the folder"),
        ("inner/other.py", "../../facts.py", "is a link that leaves the folder"),
        ("shared", "..", "is a link that leaves the folder"),
        ("again", "inner", "is a link to a folder or device"),
        ("zero", "/dev/zero", "is a link that leaves the folder"),
        ("lost.json", "nowhere", "is a link to nothing"),
        ("pipe", None, "is neither a file nor a folder"),
    ],
)
def test_fails_for_what_is_not_of_the_package(
    tmp_path: Path, name: str, target: str | None, problem: str
) -> None:
    """The builder's files and environment have no place in a function's code; a link within the package has."""
    (tmp_path / "facts.py").write_text(SOURCE, "utf-8")
    package = tmp_path / "risk"
    (package / "inner").mkdir(parents=True)
    (package / "__init__.py").write_text(SOURCE, "utf-8")
    (package / "same.py").symlink_to("__init__.py")
    assert [path for path, _ in ExtraFacts.from_directory(package).files] == [
        "risk/__init__.py",
        "risk/same.py",
    ]
    (package / name).unlink(missing_ok=True)
    if target is None:
        os.mkfifo(package / name)
    else:
        (package / name).symlink_to(target)
    with pytest.raises(InvalidExtraFacts, match=problem):
        ExtraFacts.from_directory(package)


def test_fails_for_a_package_that_no_function_takes(tmp_path: Path) -> None:
    """Before a byte of it is read."""
    (tmp_path / "risk").mkdir()
    (tmp_path / "risk" / "__init__.py").write_text(SOURCE, "utf-8")
    with (tmp_path / "risk" / "addresses.db").open("wb") as file:
        file.truncate(2**40)
    with pytest.raises(InvalidExtraFacts, match="has more than 200 MiB"):
        ExtraFacts.from_directory(tmp_path / "risk")


@pytest.mark.skipif(sys.platform == "win32", reason="some of these names are not allowed there")
@pytest.mark.parametrize(
    "name", ["a\u202eyp.b", "inner\u2066/data.bin", "a\u200b.py", "a\nb.py", "e\x1b[2K.txt"]
)
def test_fails_for_a_file_whose_name_is_not_what_it_looks_like(tmp_path: Path, name: str) -> None:
    """It would be in the function's code under that name; with a line for each."""
    for each in ("__init__.py", name, "second\u202e.py"):
        file = tmp_path / "risk" / each
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(SOURCE, "utf-8")
    with pytest.raises(InvalidExtraFacts) as caught:
        ExtraFacts.from_directory(tmp_path / "risk")
    first, *others = str(caught.value).split("\n")
    assert first.endswith('/risk" cannot be bundled:')
    assert len(others) == 2
    assert all("has a character in its name that is not shown as it is; rename it" in each for each in others)


@pytest.mark.parametrize("character", "\u202e\u2066\u200b\x1b")
def test_fails_for_python_that_is_not_what_it_looks_like(tmp_path: Path, character: str) -> None:
    """In a comment or a text: with file, line and column."""
    file = tmp_path / "risk.py"
    file.write_text(f"{SOURCE}# {character}\n", "utf-8")
    line = SOURCE.count("\n") + 1
    with pytest.raises(
        InvalidExtraFacts, match=rf"risk\.py:{line}:3: the character U\+{ord(character):04X} "
    ):
        ExtraFacts.from_file(file)
