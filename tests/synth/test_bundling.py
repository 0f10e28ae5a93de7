"""How the function's code gets into the cloud assembly."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_lambda as lambda_
from aws_cdk.assertions import Template

from cdk_client_connect import BundleError, ClientConnectHandler, InvalidCode, Policies
from cdk_client_connect.handler import _function_code
from client_connect_tools import Bundle

from .conftest import NO_BUNDLING

no_links = pytest.mark.skipif(sys.platform == "win32", reason="files have no numbers there")


def define(
    folder: Path, context: dict[str, Any], policies: Policies | None = None
) -> tuple[dict[str, Any], list[Path]]:
    """Synthesize a handler; return its template and the asset folders that hold our package."""
    app = cdk.App(outdir=str(folder), context=context)
    stack = cdk.Stack(app, "Stack")
    ClientConnectHandler(stack, "Handler", policies=policies)
    assembly = app.synth()
    return Template.from_stack(stack).to_json(), [
        path for path in Path(assembly.directory).glob("asset.*") if (path / "client_connect").is_dir()
    ]


def test_the_asset_holds_package_policies_and_locked_dependencies(tmp_path: Path) -> None:
    """The asset holds our package, the policies and the locked dependencies, for the function's platform."""
    policies = Policies.from_string('@id("mine") permit (principal, action, resource);')
    _, (asset,) = define(tmp_path, {}, policies)
    assert (asset / "policies.cedar").read_text("utf-8") == policies.text
    assert (asset / "client_connect" / "handler.py").is_file()
    assert (asset / "client_connect" / "schema.cedarschema").is_file()
    assert [path.name for path in (asset / "cedarpy").glob("*.so")] == [
        "_internal.cpython-314-aarch64-linux-gnu.so"
    ]
    assert (asset / "tzdata" / "zoneinfo" / "Europe" / "Berlin").is_file()
    assert not list(asset.rglob("*.pyc"))
    assert not list(asset.rglob(".lock"))


def test_nothing_is_built_where_no_bundling_is_required(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`cdk list` and stacks that are not deployed build nothing, and have the same template."""
    bundled, _ = define(tmp_path / "bundled", {})
    monkeypatch.setattr(Bundle, "build", lambda *_, **__: pytest.fail("a bundle was built"))
    skipped, _ = define(tmp_path / "skipped", NO_BUNDLING)
    assert skipped == bundled


def test_without_staging_the_code_stays(tmp_path: Path) -> None:
    """`cdk synth --no-staging`, as for a local invocation, refers to a folder that is still there."""
    template, copies = define(
        tmp_path, {"aws:cdk:disable-asset-staging": True, "aws:cdk:enable-asset-metadata": True}
    )
    assert copies == []
    (function,) = (
        each
        for each in template["Resources"].values()
        if each["Properties"].get("Handler") == "client_connect.handler.handler"
    )
    assert (Path(function["Metadata"]["aws:asset:path"]) / "policies.cedar").is_file()


def test_fails_without_network_and_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A failing install is an error that says what could not be fetched and how to go on."""
    monkeypatch.setattr(_function_code, "_INSTALLED", {})
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "empty"))
    with pytest.raises(
        BundleError, match=r"(?s)could not install cedarpy==.*client-connect bundle.*code=lambda_"
    ):
        define(
            tmp_path / "out",
            {},
            Policies.from_string('@id("never built before") permit (principal, action, resource);'),
        )


def test_offline_with_a_warm_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Packages that were installed once are bundled again without a network."""
    define(tmp_path / "online", {})
    monkeypatch.setattr(_function_code, "_INSTALLED", {})
    monkeypatch.setenv("UV_OFFLINE", "1")
    policies = Policies.from_string('@id("built offline") permit (principal, action, resource);')
    _, (asset,) = define(tmp_path / "offline", {}, policies)
    assert (asset / "cedarpy").is_dir()


def test_a_synthesis_without_bundling_does_not_spoil_the_next(tmp_path: Path) -> None:
    """After `cdk list`, `cdk deploy` with the same output folder still ships the whole bundle."""
    listed, nothing = define(tmp_path, NO_BUNDLING)
    deployed, (asset,) = define(tmp_path, {})
    assert nothing == []
    assert listed == deployed
    assert (asset / "cedarpy").is_dir()
    assert (asset / "policies.cedar").is_file()


def test_the_same_bundle_is_built_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Handlers of the same policies share the bundle."""
    built = []
    build = Bundle.build
    monkeypatch.setattr(
        Bundle,
        "build",
        lambda bundle, folder, **options: (built.append(bundle), build(bundle, folder, **options)),
    )
    stack = cdk.Stack(cdk.App(outdir=str(tmp_path)), "Stack")
    policies = Policies.from_string('@id("shared") permit (principal, action, resource);')
    ClientConnectHandler(stack, "One", policies=policies)
    ClientConnectHandler(stack, "Two", policies=policies)
    assert len(built) == 1


@no_links
def test_bundles_share_what_is_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The packages are installed once, and are on the disk once: even for the synthesis after an edit."""
    installed = []
    install = Bundle.install
    monkeypatch.setattr(
        Bundle, "install", lambda bundle, folder: (installed.append(bundle), install(bundle, folder))
    )
    monkeypatch.setattr(_function_code, "_INSTALLED", {})
    app = cdk.App(outdir=str(tmp_path))
    stack = cdk.Stack(app, "Stack")
    for name in ("a", "b"):
        policies = Policies.from_string(f'@id("{name}") permit (principal, action, resource);')
        ClientConnectHandler(stack, name, policies=policies)
    app.synth()
    _, after = define(tmp_path, {}, Policies.from_string('@id("c") permit (principal, action, resource);'))
    assert len(installed) == 1
    assert len(after) == 3
    engine = {next((asset / "cedarpy").glob("*.so")).stat().st_ino for asset in after}
    assert len(engine) == 1
    assert len({(asset / "policies.cedar").stat().st_ino for asset in after}) == 3
    inodes = {path.stat().st_ino: path.stat().st_size for asset in after for path in asset.rglob("*")}
    once = sum(path.stat().st_size for path in after[0].rglob("*"))
    assert sum(inodes.values()) < 1.1 * once


@pytest.mark.parametrize(
    ("runtime", "architecture", "fails"),
    [
        (lambda_.Runtime.PYTHON_3_12, lambda_.Architecture.X86_64, False),
        (lambda_.Runtime.PYTHON_3_14, lambda_.Architecture.X86_64, True),
        (lambda_.Runtime.PYTHON_3_12, lambda_.Architecture.ARM_64, True),
    ],
)
def test_prebuilt_code_is_for_the_platform(
    tmp_path: Path, runtime: lambda_.Runtime, architecture: lambda_.Architecture, *, fails: bool
) -> None:
    """A folder of `client-connect bundle` is compared with the function: else nothing could be imported."""
    (tmp_path / "bundle").mkdir()
    Bundle('@id("a") permit (principal, action, resource);', "3.12", "x86_64").build(tmp_path / "bundle")
    code = lambda_.Code.from_asset(str(tmp_path / "bundle"))
    stack = cdk.Stack(cdk.App(outdir=str(tmp_path / "out")), "Stack")
    expectation = (
        pytest.raises(InvalidCode, match=r"built for Python 3\.12 on x86_64") if fails else nullcontext()
    )
    with expectation:
        ClientConnectHandler(stack, "Handler", code=code, runtime=runtime, architecture=architecture)
