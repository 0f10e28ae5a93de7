"""How the function's code gets into the cloud assembly."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk.assertions import Template

from cdk_client_connect import BundleError, ClientConnectHandler, Policies
from client_connect_tools import Bundle

from .conftest import NO_BUNDLING


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


def test_bundle(tmp_path: Path) -> None:
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
    monkeypatch.setattr(Bundle, "build", lambda *_: pytest.fail("a bundle was built"))
    skipped, _ = define(tmp_path / "skipped", NO_BUNDLING)
    assert skipped == bundled


def test_without_staging_the_code_stays(tmp_path: Path) -> None:
    """`cdk synth --no-staging`, as for a local invocation, refers to a folder that is still there."""
    template, copies = define(
        tmp_path, {"aws:cdk:disable-asset-staging": True, "aws:cdk:enable-asset-metadata": True}
    )
    assert copies == []
    (function,) = (
        each for each in template["Resources"].values() if each["Properties"].get("Runtime") == "python3.14"
    )
    assert (Path(function["Metadata"]["aws:asset:path"]) / "policies.cedar").is_file()


def test_fails_without_network_and_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A failing install is an error that says what could not be fetched and how to go on."""
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "empty"))
    with pytest.raises(
        BundleError, match=r"(?s)could not install cedarpy==.*client-connect bundle.*code=lambda_"
    ):
        define(tmp_path / "out", {})


def test_offline_with_a_warm_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was installed once is bundled again without a network."""
    define(tmp_path / "online", {})
    monkeypatch.setenv("UV_OFFLINE", "1")
    _, (asset,) = define(tmp_path / "offline", {})
    assert (asset / "cedarpy").is_dir()
