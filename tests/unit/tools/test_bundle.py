"""The function's code: what goes in, what its digest covers, and what happens where nothing can be fetched."""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import uv

from client_connect_tools import Bundle, BundleError
from client_connect_tools.bundling import bundle
from client_connect_tools.bundling.uv_cache import take_along
from client_connect_tools.bundling.wheel_records import locked_wheels, require_locked

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[3]
POLICIES = '@id("nobody")\n@message("Not today, für niemand.")\nforbid (principal, action, resource);\n'
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
ARCHITECTURE = "arm64" if platform.machine() in ("aarch64", "arm64") else "x86_64"
HERE = Bundle(POLICIES, PYTHON, ARCHITECTURE)
LOCKED = dict(re.findall(r"^(\S+)==(\S+)", bundle.LOCK.read_text("utf-8"), re.MULTILINE))


def files(folder: Path) -> set[str]:
    """Return the files of a folder, without the time zones and the metadata of the packages."""
    paths = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return {path for path in paths if not re.match(r"tzdata/zoneinfo/|[a-z]+-[0-9.]+\.dist-info/", path)}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build a bundle for this interpreter; uv's cache is warm from then on."""
    folder = tmp_path_factory.mktemp("bundle") / "missing" / "folder"
    HERE.build(folder)
    return folder


@pytest.fixture
def sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a copy of the sources that the bundle is made from instead."""
    folder = tmp_path / "elsewhere" / "client_connect"
    shutil.copytree(bundle._SOURCES, folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(bundle.LOCK, folder.parent / "bundle.txt")
    monkeypatch.setattr(bundle, "_SOURCES", folder)
    monkeypatch.setattr(bundle, "LOCK", folder.parent / "bundle.txt")
    return folder


def test_the_digest_depends_on_the_content_alone(sources: Path) -> None:
    """Another folder, times, modes, line ends and bytecode give the same digest: the same on every machine."""
    for path in [*sources.glob("*.*"), sources.parent / "bundle.txt"]:
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
        path.chmod(0o700)
        os.utime(path, (0, 0))
    (sources / "__pycache__").mkdir()
    (sources / "__pycache__" / "handler.cpython-311.pyc").write_bytes(b"bytecode")
    (sources / "handler.pyc").write_bytes(b"bytecode")
    moved = HERE.digest()
    with pytest.MonkeyPatch.context() as original:
        original.setattr(bundle, "_SOURCES", Path(bundle.client_connect.__file__).parent)
        original.setattr(bundle, "LOCK", Path(bundle.__file__).with_name("bundle.txt"))
        assert moved == HERE.digest()


def test_the_digest_changes_with_everything_that_goes_in(sources: Path) -> None:
    """Policies, Python, architecture, a source, its name, and the lock."""
    digests = [HERE.digest(), Bundle(POLICIES + PYTHON[0], PYTHON[1:], ARCHITECTURE).digest()]
    digests += [Bundle(policies, PYTHON, ARCHITECTURE).digest() for policies in ("", POLICIES + " ")]
    digests += [Bundle(POLICIES, python, ARCHITECTURE).digest() for python in ("3.10", "3.1", "")]
    digests += [Bundle(POLICIES, PYTHON, other).digest() for other in ("arm64", "x86_64")]
    digests.remove(HERE.digest())  # one of the two architectures is that of this machine
    for name in ("facts.py", "schema.cedarschema"):
        (sources / name).write_text((sources / name).read_text("utf-8") + "\n", "utf-8")
        digests.append(HERE.digest())
    (sources / "facts.py").rename(sources / "facts2.py")
    digests.append(HERE.digest())
    (sources / "facts2.py").unlink()
    digests.append(HERE.digest())
    bundle.LOCK.write_text(bundle.LOCK.read_text("utf-8").replace("sha256:0", "sha256:1", 1), "utf-8")
    digests.append(HERE.digest())
    assert len(digests) == len(set(digests)) == 13


def test_the_bundle_holds_what_the_function_needs_and_nothing_else(built: Path) -> None:
    """Our modules, the schema, the policies and the two locked packages; no bytecode, links or leftovers."""
    sources = bundle._SOURCES
    ours = [path.relative_to(sources).as_posix() for path in sources.rglob("*.py")] + ["schema.cedarschema"]
    assert {path.name for path in built.iterdir()} == {
        *("client_connect", "policies.cedar", "platform.json", "cedarpy", "tzdata"),
        *(f"{name}-{version}.dist-info" for name, version in LOCKED.items()),
    }
    (engine,) = (path.name for path in built.glob("cedarpy/*.so"))
    assert files(built) == {
        *("policies.cedar", "platform.json"),
        *(f"client_connect/{name}" for name in ours),
        *(
            f"cedarpy/{name}"
            for name in ("__init__.py", "pst.py", "_internal.pyi", "cedarpy.pyi", "py.typed")
        ),
        *(f"cedarpy/{engine}", "tzdata/__init__.py", "tzdata/zones"),
    }
    assert (built / "policies.cedar").read_bytes().decode() == POLICIES
    for name in ours:
        assert (built / "client_connect" / name).read_bytes() == (bundle._SOURCES / name).read_bytes()


@pytest.mark.parametrize(
    "variable",
    ["UV_COMPILE_BYTECODE=1", "UV_LINK_MODE=symlink", "UV_LINK_MODE=hardlink", "UV_CONFIG_FILE=uv.toml"],
)
def test_the_bundle_does_not_depend_on_how_uv_is_configured(
    built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    """It has no bytecode and shares no file with uv's cache, which would change or vanish with it."""
    monkeypatch.chdir(tmp_path)
    Path("uv.toml").write_text('[pip]\ncompile-bytecode = true\nlink-mode = "symlink"\n', "utf-8")
    monkeypatch.setenv(*variable.split("="))
    HERE.build(tmp_path / "out")
    assert files(tmp_path / "out") == files(built)
    for path in (tmp_path / "out").rglob("*"):
        assert not path.is_symlink()
        assert path.is_dir() or path.stat().st_nlink == 1


@pytest.mark.skipif(sys.platform != "linux", reason="Lambda's packages run on Linux only")
def test_the_bundle_decides_by_itself(built: Path) -> None:
    """In an interpreter that has nothing but the bundle, the handler answers by the bundled policies."""
    event = {
        "connection-id": "cvpn-connection-1",
        "endpoint-id": "cvpn-endpoint-1",
        "common-name": "laptop-1",
        "platform": "win",
        "public-ip": "198.51.100.7",
        "schema-version": "v3",
    }
    program = f"""
import json, sys, zoneinfo
sys.path.append({str(built)!r})
zoneinfo.reset_tzpath(to=[])
zoneinfo.ZoneInfo("Europe/Berlin")  # from the bundled tzdata
from client_connect.handler import handler
answer = handler({event!r})
modules = [sys.modules[name].__file__ for name in ("client_connect", "cedarpy", "tzdata")]
print(json.dumps([answer, modules]))
"""
    # -I ignores the environment, -S the installed packages, and -B leaves the bundle as it is.
    run = subprocess.run([sys.executable, "-ISB", "-c", program], capture_output=True, check=True, cwd=built)
    answer, modules = json.loads(run.stdout.splitlines()[-1])
    assert answer == {
        "allow": False,
        "error-msg-on-denied-connection": "Not today, für niemand.",
        "posture-compliance-statuses": [],
        "schema-version": "v3",
    }
    assert modules == [str(built / name / "__init__.py") for name in ("client_connect", "cedarpy", "tzdata")]


def test_every_module_of_the_bundle_can_be_imported(built: Path) -> None:
    """Those in packages below ours too, besides the SDK that Lambda has."""
    package = built / "client_connect"
    paths = [path.relative_to(built).with_suffix("") for path in package.rglob("*.py")]
    names = sorted(".".join(path.parts).removesuffix(".__init__") for path in paths)
    assert "client_connect.reauthorizer.handler" in names
    program = f"""
import importlib, sys
sys.path.insert(0, {str(built)!r})
print(all(importlib.import_module(name).__file__.startswith({str(built)!r}) for name in {names!r}))
"""
    done = subprocess.run([sys.executable, "-IB", "-c", program], capture_output=True, check=True, cwd=built)
    assert done.stdout == b"True\n"


@pytest.mark.parametrize(
    ("python", "architecture", "engine", "machine"),
    [
        ("3.14", "arm64", "_internal.cpython-314-aarch64-linux-gnu.so", 0xB7),
        ("3.12", "x86_64", "_internal.cpython-312-x86_64-linux-gnu.so", 0x3E),
    ],
)
def test_the_bundle_is_for_the_function_not_for_this_machine(
    tmp_path: Path, python: str, architecture: str, engine: str, machine: int
) -> None:
    """The engine is of the Lambda runtime's Python and architecture, whatever runs the synthesis."""
    Bundle(POLICIES, python, architecture).build(tmp_path)
    (file,) = tmp_path.glob("cedarpy/*.so")
    header = file.read_bytes()[:20]
    assert file.name == engine
    assert header[:4] == b"\x7fELF"
    assert int.from_bytes(header[18:20], "little") == machine


def test_fails_without_network_and_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message says what is missing, its purpose, and how to go on; the folder is as empty as before."""
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "cache"))
    folder = tmp_path / "out"
    with pytest.raises(BundleError) as failure:
        HERE.build(folder)
    message = str(failure.value)
    assert message.startswith(
        f"could not install cedarpy=={LOCKED['cedarpy']}, tzdata=={LOCKED['tzdata']} for Python {PYTHON} on "
    )
    for part in (
        "network",
        "UV_DEFAULT_INDEX",
        "UV_CACHE_DIR",
        "`client-connect bundle`",
        "code=lambda_.Code",
    ):
        assert part in message
    assert not folder.exists() or list(folder.iterdir()) == []


def test_a_warm_cache_needs_no_network(built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bundle that was built once can be built again on a train."""
    monkeypatch.setenv("UV_OFFLINE", "1")
    HERE.build(tmp_path)
    assert files(tmp_path) == files(built)


def test_fails_when_a_package_is_not_the_locked_one(
    sources: Path, tmp_path: Path, built: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A package whose hash is not in the lock is refused, also from the cache, and nothing is installed."""
    assert (built / "cedarpy").is_dir()
    assert sources.is_dir()
    monkeypatch.setenv("UV_OFFLINE", "1")
    engine, others = bundle.LOCK.read_text("utf-8").split("\ntzdata==")
    tampered = re.sub("sha256:.{8}", "sha256:00000000", engine)
    bundle.LOCK.write_text(f"{tampered}\ntzdata=={others}", "utf-8")
    folder = tmp_path / "out"
    with pytest.raises(BundleError, match=rf"(?i)hash mismatch for `cedarpy=={LOCKED['cedarpy']}`"):
        HERE.build(folder)
    assert not folder.exists() or list(folder.iterdir()) == []


@pytest.fixture
def cache(tmp_path: Path, built: Path) -> Path:
    """Return a copy of what uv's cache has of the packages, to be tampered with."""
    assert built.is_dir()
    own = subprocess.run([uv.find_uv_bin(), "cache", "dir"], capture_output=True, text=True, check=True)
    # Another test may be writing to uv's cache, so a copy lacks what is being replaced.
    for attempt in range(5):
        copy = tmp_path / f"cache{attempt}"
        copy.mkdir()
        take_along(Path(own.stdout.strip()), copy, LOCKED)
        if _has_everything(copy, tmp_path / f"built{attempt}"):
            return copy
    raise AssertionError("uv's cache has never had all packages")


def _has_everything(cache: Path, output: Path) -> bool:
    with pytest.MonkeyPatch.context() as here:
        here.setenv("UV_CACHE_DIR", str(cache))
        here.setenv("UV_OFFLINE", "1")
        try:
            HERE.build(output)
        except BundleError:
            return False
    return True


def append(path: Path, text: str) -> None:
    """Change a file."""
    path.write_text(path.read_text("utf-8") + text, "utf-8")


TAMPERED: dict[str, tuple[Callable[[Path], object], str]] = {
    "a changed module": (
        lambda package: append(package / "cedarpy" / "__init__.py", "\nEVIL = True\n"),
        r"cedarpy/__init__\.py has been changed",
    ),
    "a changed engine": (
        # The cache may have it for other systems, too.
        lambda package: [each.write_bytes(b"\x7fELF") for each in (package / "cedarpy").glob("*.so")],
        r"cedarpy/_internal\S*\.so has been changed",
    ),
    "a module that hides one of the SDK": (
        lambda package: (package / "boto3.py").write_text("EVIL = True\n", "utf-8"),
        r"boto3\.py is of no locked package",
    ),
    "bytecode that Python would run in place of a module": (
        lambda package: (
            (package / "cedarpy" / "__pycache__").mkdir(),
            (package / "cedarpy" / "__pycache__" / "pst.cpython-314.pyc").write_bytes(b"evil"),
        ),
        r"cedarpy/__pycache__/pst\.cpython-314\.pyc is of no locked package",
    ),
    "a file that is gone": (
        lambda package: (package / "cedarpy" / "pst.py").unlink(),
        r"cedarpy/pst\.py is missing",
    ),
    "a changed file that RECORD agrees with": (
        lambda package: (
            append(package / "cedarpy" / "pst.py", "\nEVIL = True\n"),
            append(next(package.glob("cedarpy-*.dist-info")) / "RECORD", "cedarpy/evil.py,,\n"),
        ),
        r"cedarpy-\S+\.dist-info/RECORD is not that of the locked wheel",
    ),
}


@pytest.mark.parametrize("name", TAMPERED)
def test_fails_when_uvs_cache_was_tampered_with(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """The installer takes what its cache has unpacked; the bundle holds what the lock says, or nothing."""
    tamper, message = TAMPERED[name]
    packages = [each.parent for each in cache.glob("archive-*/*/cedarpy-*.dist-info")]
    for package in packages:
        tamper(package)
    assert packages
    monkeypatch.setenv("UV_CACHE_DIR", str(cache))
    monkeypatch.setenv("UV_OFFLINE", "1")
    folder = tmp_path / "out"
    with pytest.raises(BundleError, match=rf"{message}.*uv cache clean cedarpy tzdata"):
        HERE.build(folder)
    assert list(folder.iterdir()) == []


def test_fails_when_an_installed_file_is_a_link(built: Path, tmp_path: Path) -> None:
    """Where a link leads can change after the look."""
    folder = tmp_path / "installed"
    for part in (part for name in LOCKED for part in built.glob(f"{name}*")):
        shutil.copytree(part, folder / part.name)
    wheels = locked_wheels(PYTHON, ARCHITECTURE)
    require_locked(folder, wheels)
    zones = folder / "tzdata" / "zones"
    zones.rename(tmp_path / "zones")
    zones.symlink_to(tmp_path / "zones")
    with pytest.raises(BundleError, match="tzdata/zones has been changed"):
        require_locked(folder, wheels)


def test_there_is_a_record_for_every_runtime_and_package() -> None:
    """Each is of a wheel that the lock has; without one, the message says which Python there is."""
    hashes = set(re.findall(r"sha256:(\w+)", bundle.LOCK.read_text("utf-8")))
    for python in ("3.11", "3.12", "3.13", "3.14"):
        for architecture in bundle.ARCHITECTURES:
            wheels = locked_wheels(python, architecture)
            assert {name: wheel.version for name, wheel in wheels.items()} == LOCKED
            assert {wheel.wheel for wheel in wheels.values()} <= hashes
    with pytest.raises(
        BundleError, match=r"no locked packages for Python 3\.99 on arm64; use one of 3\.11, "
    ):
        locked_wheels("3.99", "arm64")


def test_fails_when_uv_does_not_come_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hanging download ends in an error."""
    monkeypatch.setattr("client_connect_tools.bundling.installing.INSTALL_TIMEOUT_S", 0.001)
    with pytest.raises(BundleError, match=r"uv took longer than 0\.001 s"):
        HERE.build(tmp_path)


def test_every_locked_package_has_hashes_and_no_address() -> None:
    """The lock works behind any mirror, and no mirror can change what is installed."""
    line = re.compile(r"[a-z]+==[0-9.]+ \\|    --hash=sha256:[0-9a-f]{64}( \\)?")
    lines = bundle.LOCK.read_text("utf-8").splitlines()
    assert [each for each in lines if not line.fullmatch(each)] == []
    for entry in re.split(r"\n(?=\S)", bundle.LOCK.read_text("utf-8")):
        assert "--hash=" in entry


def test_the_bundle_has_the_engine_that_the_library_checks_with() -> None:
    """pyproject.toml, the bundle's requirements and lock, and the lock of the tests name one version of cedarpy."""
    engine = f"cedarpy=={LOCKED['cedarpy']}"
    assert engine in tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["dependencies"]
    assert engine in bundle.LOCK.with_name("bundle.in").read_text("utf-8").splitlines()
    assert f"{engine} \\" in (ROOT / "requirements" / "dev.txt").read_text("utf-8").splitlines()
    assert set(LOCKED) == {"cedarpy", "tzdata"}
