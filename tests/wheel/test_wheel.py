"""The distributions: what is in them, and that an installed wheel needs nothing else of this repository."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.wheel

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent  # also of node and uv
NAME = "cdk_client_connect-0.1.0"
PACKAGES = {
    "client_connect": ROOT / "lambda_src" / "client_connect",
    "client_connect_notifications": ROOT / "lambda_src" / "client_connect_notifications",
    "client_connect_attachment": ROOT / "lambda_src" / "client_connect_attachment",
    "client_connect_tools": ROOT / "lib" / "client_connect_tools",
    "cdk_client_connect": ROOT / "lib" / "cdk_client_connect",
}
PLUGIN = "client_connect_pytest.py"
DATA = {
    "client_connect/schema.cedarschema",
    "client_connect_tools/bundle.in",
    "client_connect_tools/bundle.txt",
    *(f"{package}/py.typed" for package in PACKAGES),
}

# What a user's app does first, in an environment that has never seen this repository.
APP = """
import json, sys
from pathlib import Path
import aws_cdk as cdk
import cdk_client_connect, client_connect, client_connect_tools
from cdk_client_connect import ClientConnectHandler, Policies, Rules

for module in (cdk_client_connect, client_connect, client_connect_tools):
    assert Path(module.__file__).is_relative_to(sys.prefix), module.__file__

app = cdk.App(outdir="cdk.out")
stack = cdk.Stack(app, "Vpn")
handler = ClientConnectHandler(stack, "Handler", policies=Policies.from_rules(Rules(platforms=["win"])))
assembly = app.synth()
resources = json.loads(Path(assembly.directory, "Vpn.template.json").read_text("utf-8"))["Resources"].values()
(function,) = (each["Properties"] for each in resources if each["Properties"].get("Runtime") == "python3.14")
assert function["FunctionName"].startswith("AWSClientVPN-"), function
assert function["Handler"] == "client_connect.handler.handler", function
asset = Path(assembly.directory, "asset." + function["Code"]["S3Key"].removesuffix(".zip"))
print(*sorted(path.relative_to(asset).as_posix() for path in asset.glob("*/*")), sep="\\n")
print((asset / "policies.cedar").read_text("utf-8"))
"""


def run(*command: str | Path, cwd: Path) -> str:
    """Run a program of an environment in a folder, without what this process has in its environment."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    environment["PATH"] = os.pathsep.join([str(BIN), os.environ["PATH"]])
    environment["PYTHONDONTWRITEBYTECODE"] = "1"
    result = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.fixture(scope="module")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the sdist from the source tree, and the wheel from the sdist."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, ROOT, cwd=folder)
    return folder


@pytest.fixture(scope="module")
def installed(distributions: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the wheel into an empty environment, with the locked versions; return its programs' folder."""
    environment = tmp_path_factory.mktemp("installed") / "venv"
    run(BIN / "uv", "venv", "--quiet", "--python", sys.executable, environment, cwd=environment.parent)
    programs = environment / BIN.name
    run(
        *(BIN / "uv", "pip", "install", "--quiet", "--python", programs / "python"),
        *("--constraints", ROOT / "requirements" / "dev.txt", distributions / f"{NAME}-py3-none-any.whl"),
        cwd=environment.parent,
    )
    return programs


def package_files() -> set[str]:
    """Return the files of the packages in the source tree, without bytecode, by their names in the wheel."""
    return {
        path.relative_to(folder.parent).as_posix()
        for folder in PACKAGES.values()
        for path in folder.rglob("*")
        if path.is_file() and path.parent.name != "__pycache__"
    }


def test_the_wheel_holds_the_packages_and_nothing_else(distributions: Path) -> None:
    """All modules, the schema, the bundle's lock, the type markers and the licence; no tests, no bytecode."""
    metadata = ("METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE")
    with zipfile.ZipFile(distributions / f"{NAME}-py3-none-any.whl") as wheel:
        assert sorted(wheel.namelist()) == sorted(
            {*package_files(), PLUGIN, *(f"{NAME}.dist-info/{name}" for name in metadata)}
        )
        entry_points = wheel.read(f"{NAME}.dist-info/entry_points.txt").decode()
        assert "client-connect = client_connect_tools.cli:main" in entry_points
        assert "[pytest11]\nclient-connect = client_connect_pytest" in entry_points
        assert "Requires-Python: >=3.11" in wheel.read(f"{NAME}.dist-info/METADATA").decode()
        for name in DATA:
            package, _, file = name.partition("/")
            assert wheel.read(name) == (PACKAGES[package] / file).read_bytes()


def test_the_sdist_holds_what_the_wheel_is_built_from(distributions: Path) -> None:
    """The sources with the documents, and no tests, tools or settings of this repository."""
    sources = {f"{PACKAGES[name.partition('/')[0]].parent.name}/{name}" for name in package_files()}
    sources.add(f"lib/{PLUGIN}")
    documents = {"README.md", "CHANGELOG.md", "LICENSE", "PKG-INFO", "pyproject.toml", ".gitignore"}
    with tarfile.open(distributions / f"{NAME}.tar.gz") as sdist:
        assert sorted(sdist.getnames()) == sorted(f"{NAME}/{name}" for name in {*sources, *documents})


def test_an_installed_wheel_synthesizes_and_bundles(installed: Path, tmp_path: Path) -> None:
    """From an empty folder, an app gets its template and the function's whole code."""
    (tmp_path / "app.py").write_text(APP, "utf-8")
    output = run(installed / "python", "app.py", cwd=tmp_path)
    lines = output.splitlines()
    assert {f"client_connect/{path.name}" for path in PACKAGES["client_connect"].glob("*.py")} < set(lines)
    assert {"client_connect/schema.cedarschema", "cedarpy/__init__.py", "tzdata/zones"} < set(lines)
    assert any(line.startswith("cedarpy/_internal.cpython-314-aarch64") for line in lines)
    assert '{ !["win"].contains(context.platform) }' in output
    assert not any(str(ROOT) in line for line in lines)


def test_the_command_of_an_installed_wheel_works(installed: Path, tmp_path: Path) -> None:
    """The entry point is there, and finds the lock that it bundles by."""
    assert "bundle" in run(installed / "client-connect", "--help", cwd=tmp_path)
    (tmp_path / "who.cedar").write_text('@id("all") permit (principal, action, resource);\n', "utf-8")
    run(installed / "client-connect", "bundle", "who.cedar", "--output", "out", cwd=tmp_path)
    assert (tmp_path / "out" / "client_connect" / "schema.cedarschema").is_file()
