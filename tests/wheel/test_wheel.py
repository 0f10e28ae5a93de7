"""The distributions: what is in them, and that an installed wheel needs nothing else of this repository."""

from __future__ import annotations

import shutil
import sys
import tarfile
import zipfile
from typing import TYPE_CHECKING

import pytest
from packaging.metadata import Metadata

from tests.wheel.environment import BIN, ROOT, install, run

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.wheel

PACKAGES = {
    "client_connect": ROOT / "lambda_src" / "client_connect",
    "client_connect_devices": ROOT / "lambda_src" / "client_connect_devices",
    "client_connect_notifications": ROOT / "lambda_src" / "client_connect_notifications",
    "client_connect_versions": ROOT / "lambda_src" / "client_connect_versions",
    "client_connect_attachment": ROOT / "lambda_src" / "client_connect_attachment",
    "client_connect_tools": ROOT / "lib" / "client_connect_tools",
    "cdk_client_connect": ROOT / "lib" / "cdk_client_connect",
}
PLUGIN = "client_connect_pytest.py"
DATA = {
    "client_connect/schema.cedarschema",
    "client_connect_tools/costs/prices.toml",
    "client_connect_tools/bundling/bundle.in",
    "client_connect_tools/bundling/bundle.records.json",
    "client_connect_tools/bundling/bundle.txt",
    *(f"{package}/py.typed" for package in PACKAGES),
}

# The first steps of a user's app, in an environment that has never seen this repository.
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
(function,) = (
    each["Properties"]
    for each in resources
    if each["Properties"].get("Handler") == "client_connect.handler.handler"
)
assert function["FunctionName"].startswith("AWSClientVPN-"), function
assert function["Handler"] == "client_connect.handler.handler", function
asset = Path(assembly.directory, "asset." + function["Code"]["S3Key"].removesuffix(".zip"))
print(*sorted(path.relative_to(asset).as_posix() for path in asset.glob("*/*")), sep="\\n")
print((asset / "policies.cedar").read_text("utf-8"))
"""


@pytest.fixture(scope="module")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the sdists, and the wheels from them, as a release does."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, ROOT / "distributions" / "build.py", folder, cwd=folder)
    return folder


@pytest.fixture(scope="module")
def wheel(distributions: Path) -> Path:
    """Return the wheel."""
    (wheel,) = distributions.glob("cdk_client_connect-*.whl")
    return wheel


@pytest.fixture(scope="module")
def tools_wheel(distributions: Path) -> Path:
    """Return the wheel of the tools alone."""
    (wheel,) = distributions.glob("client_connect_tools-*.whl")
    return wheel


@pytest.fixture(scope="module")
def installed_tools(tools_wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the wheel of the tools into an empty environment; return its programs' folder."""
    environment = tmp_path_factory.mktemp("installed-tools") / "venv"
    return install(tools_wheel, environment, ROOT / "requirements" / "dev.txt")


@pytest.fixture(scope="module")
def name(wheel: Path) -> str:
    """Return the name with the version, which follows from the tags and commits that are there."""
    name = wheel.name.removesuffix("-py3-none-any.whl")
    assert name.startswith("cdk_client_connect-")
    return name


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the wheel into an empty environment, with the locked versions; return its programs' folder."""
    environment = tmp_path_factory.mktemp("installed") / "venv"
    return install(wheel, environment, ROOT / "requirements" / "dev.txt")


def package_files() -> set[str]:
    """Return the files of the packages in the source tree, without bytecode, by their names in the wheel."""
    return {
        path.relative_to(folder.parent).as_posix()
        for folder in PACKAGES.values()
        for path in folder.rglob("*")
        if path.is_file() and path.parent.name != "__pycache__"
    }


def test_the_wheel_holds_the_packages_and_nothing_else(wheel: Path, name: str) -> None:
    """All modules, the schema, the bundle's lock, the type markers and the licence; no tests, no bytecode."""
    metadata = ("METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE")
    with zipfile.ZipFile(wheel) as archive:
        assert sorted(archive.namelist()) == sorted(
            {*package_files(), PLUGIN, *(f"{name}.dist-info/{file}" for file in metadata)}
        )
        entry_points = archive.read(f"{name}.dist-info/entry_points.txt").decode()
        assert "client-connect = client_connect_tools.cli:main" in entry_points
        assert "[pytest11]\nclient-connect = client_connect_pytest" in entry_points
        for data in DATA:
            package, _, file = data.partition("/")
            assert archive.read(data) == (PACKAGES[package] / file).read_bytes()


def test_an_index_would_take_the_wheel(wheel: Path, name: str) -> None:
    """Its metadata is valid and complete, and nothing is in it that should not be."""
    with zipfile.ZipFile(wheel) as archive:
        metadata = Metadata.from_email(archive.read(f"{name}.dist-info/METADATA"), validate=True)
    assert name == f"cdk_client_connect-{metadata.version}"
    assert str(metadata.requires_python) == ">=3.11"
    assert (metadata.license_expression, metadata.license_files) == ("Apache-2.0", ["LICENSE"])
    assert metadata.description_content_type == "text/markdown"
    assert metadata.description == (ROOT / "README.md").read_text("utf-8")
    run(BIN / "check-wheel-contents", "--config", ROOT / "pyproject.toml", wheel, cwd=wheel.parent)


@pytest.mark.skipif(shutil.which("git") is None, reason="there is no git")
def test_the_version_is_that_of_the_tag(tmp_path: Path) -> None:
    """With a tag it is the tag's, without any the commits are counted, without git it is the fallback."""
    for folder in ("lambda_src", "lib"):
        (tmp_path / folder).mkdir()
    for file in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copyfile(ROOT / file, tmp_path / file)
    assert version_in(tmp_path) == "0.0.0"
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "--message", "The first")
    assert version_in(tmp_path).startswith("0.0.1.dev1+g")
    git(tmp_path, "tag", "v1.2.3")
    assert version_in(tmp_path) == "1.2.3"
    git(tmp_path, "commit", "--quiet", "--allow-empty", "--message", "Another")
    assert version_in(tmp_path).startswith("1.2.4.dev1+g")


def version_in(folder: Path) -> str:
    """Return the version that a build in a folder would have."""
    return run(sys.executable, "-m", "hatchling", "version", cwd=folder).strip()


def git(folder: Path, *arguments: str) -> str:
    """Run git, under some name."""
    somebody = ("-c", "user.name=Somebody", "-c", "user.email=somebody@example.com")
    return run("git", *somebody, *arguments, cwd=folder)


def test_the_sdist_holds_what_the_wheel_is_built_from(distributions: Path, name: str) -> None:
    """The sources with the documents, and no tests, tools or settings of this repository."""
    sources = {f"{PACKAGES[file.partition('/')[0]].parent.name}/{file}" for file in package_files()}
    sources.add(f"lib/{PLUGIN}")
    documents = {"README.md", "CHANGELOG.md", "LICENSE", "PKG-INFO", "pyproject.toml", ".gitignore"}
    with tarfile.open(distributions / f"{name}.tar.gz") as sdist:
        assert sorted(sdist.getnames()) == sorted(f"{name}/{file}" for file in {*sources, *documents})


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


def test_the_tools_alone_have_the_same_files(wheel: Path, tools_wheel: Path) -> None:
    """Whoever has either has the same tools, of the same version, and no constructs in one of them."""
    of_tools = {"client_connect", "client_connect_devices", "client_connect_tools", PLUGIN}
    with zipfile.ZipFile(wheel) as everything, zipfile.ZipFile(tools_wheel) as tools:
        files = {each for each in everything.namelist() if each.partition("/")[0] in of_tools}
        own = {each for each in tools.namelist() if ".dist-info/" not in each}
        assert own == files
        assert all(tools.read(each) == everything.read(each) for each in files)
    assert wheel.name.split("-")[1] == tools_wheel.name.split("-")[1]
    run(
        BIN / "check-wheel-contents",
        "--config",
        ROOT / "pyproject.toml",
        "--toplevel",
        ",".join(sorted(of_tools)),
        tools_wheel,
        cwd=tools_wheel.parent,
    )


def test_both_distributions_ask_for_the_same(wheel: Path, tools_wheel: Path) -> None:
    """But for the CDK; so do their extras, commands and plugins."""
    one, other = _metadata(wheel), _metadata(tools_wheel)
    requires = {str(each) for each in one.requires_dist or ()}
    of_the_cdk = {each for each in requires if each.startswith(("aws-cdk-lib", "constructs"))}
    assert {str(each) for each in other.requires_dist or ()} == requires - of_the_cdk
    assert len(of_the_cdk) == 2
    assert (one.requires_python, one.license_expression) == (other.requires_python, other.license_expression)
    assert _entry_points(wheel) == _entry_points(tools_wheel)


def test_the_tools_work_without_the_cdk(installed_tools: Path, tmp_path: Path) -> None:
    """They check, test, decide and bundle, and the plugin of pytest is there."""
    with pytest.raises(AssertionError, match="No module named 'aws_cdk'"):
        run(installed_tools / "python", "-c", "import aws_cdk", cwd=tmp_path)
    policies = tmp_path / "policies"
    policies.mkdir()
    for path in (ROOT / "examples" / "policies").glob("working-hours.*"):
        shutil.copyfile(path, policies / path.name)
    client_connect = installed_tools / "client-connect"
    assert "nothing found" in run(client_connect, "check", "policies", cwd=tmp_path)
    assert "passed" in run(client_connect, "test", "policies", cwd=tmp_path)
    run(client_connect, "bundle", "policies", "--output", "out", cwd=tmp_path)
    assert (tmp_path / "out" / "client_connect" / "schema.cedarschema").is_file()
    folder = installed_tools.parent
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    assert size < 150_000_000


def _metadata(wheel: Path) -> Metadata:
    with zipfile.ZipFile(wheel) as archive:
        (file,) = (each for each in archive.namelist() if each.endswith(".dist-info/METADATA"))
        return Metadata.from_email(archive.read(file), validate=True)


def _entry_points(wheel: Path) -> bytes:
    with zipfile.ZipFile(wheel) as archive:
        (file,) = (each for each in archive.namelist() if each.endswith(".dist-info/entry_points.txt"))
        return archive.read(file)
