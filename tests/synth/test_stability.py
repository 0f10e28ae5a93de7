"""The same inputs give the same template, on every machine, in every folder and process."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_ssm as ssm
from syrupy.extensions.json import JSONSnapshotExtension

from cdk_client_connect import ClientConnectHandler, DeviceInventory, Policies
from tests.support.programs import CONTEXT, OUTDIR, run_program

from .conftest import CERTIFICATE, NO_BUNDLING, ROOT, endpoint, template, without_hashes

if TYPE_CHECKING:
    from pathlib import Path

    from syrupy.assertion import SnapshotAssertion


def test_the_default_stack_keeps_its_logical_ids(snapshot: SnapshotAssertion) -> None:
    """Logical ids are a contract: who changes them says so in the changelog."""
    stack = cdk.Stack(cdk.App(context=NO_BUNDLING), "Stack")
    endpoint(stack, ClientConnectHandler(stack, "Handler"))
    assert without_hashes(template(stack).to_json()) == snapshot(extension_class=JSONSnapshotExtension)


CONTEXT_OF_ALL = {"serverCertificateArn": CERTIFICATE, "clientCertificateArn": CERTIFICATE}


def test_two_clones_synthesize_the_same(tmp_path: Path) -> None:
    """Another folder, process, hash seed and other times of the files synthesize the same, bundles included."""
    run_program(
        ROOT / "app.py", folder=ROOT, variables={OUTDIR: str(tmp_path), CONTEXT: json.dumps(CONTEXT_OF_ALL)}
    )
    first = synthesized(tmp_path)
    second = synthesize_clone(tmp_path / "elsewhere" / "second")
    assert {
        "ClientConnect.template.json",
        "ClientVpn.template.json",
        "ClientConnect.assets.json",
    } <= first.keys()
    assert first == second
    assert sum(name.startswith("asset.") for name in first) == 3


def synthesize_clone(folder: Path) -> dict[str, str]:
    """Copy the project, synthesize the whole app there, and return its templates and the names of its assets."""
    for package in ("lambda_src", "lib"):
        shutil.copytree(ROOT / package, folder / package, copy_function=shutil.copyfile)
    for file in ("app.py", "app_context.py"):
        shutil.copyfile(ROOT / file, folder / file)
    (folder / "lambda_src" / "client_connect" / "__pycache__").mkdir(exist_ok=True)
    (folder / "lambda_src" / "client_connect" / "__pycache__" / "other.pyc").write_bytes(b"other")
    environment = {
        **os.environ,
        OUTDIR: str(folder / "out"),
        CONTEXT: json.dumps(CONTEXT_OF_ALL),
        "PYTHONHASHSEED": "2",
        "PYTHONPATH": os.pathsep.join([str(folder / "lambda_src"), str(folder / "lib")]),
    }
    subprocess.run([sys.executable, "app.py"], cwd=folder, env=environment, check=True)
    return synthesized(folder / "out")


def synthesized(out: Path) -> dict[str, str]:
    """Return the templates of an assembly, and the names of its assets."""
    files = {path.name: path.read_text("utf-8") for path in out.glob("*.template.json")}
    assets = json.loads((out / "ClientConnect.assets.json").read_text("utf-8"))["files"]
    files["ClientConnect.assets.json"] = json.dumps(sorted(assets))
    return files | {path.name: "" for path in out.glob("asset.*") if path.is_dir()}


def test_policies_change_the_version_of_the_function() -> None:
    """Other policies are another version, so the alias moves and provisioned environments are renewed."""
    one, same, other = (
        version_of('@id("a") permit (principal, action, resource);'),
        version_of('@id("a") permit (principal, action, resource);\r\n'),
        version_of('@id("b") permit (principal, action, resource);'),
    )
    assert one == same
    assert one != other


def version_of(policies: str) -> str:
    """Return the logical id of the function's version with these policies."""
    stack = cdk.Stack(cdk.App(context=NO_BUNDLING), "Stack")
    ClientConnectHandler(stack, "Handler", policies=Policies.from_string(policies))
    return only_version(stack)


def only_version(stack: cdk.Stack) -> str:
    """Return the logical id of the only version in a stack."""
    (version,) = template(stack).find_resources("AWS::Lambda::Version")
    return str(version)


def test_what_a_token_stands_for_changes_no_version() -> None:
    """So that something else has to change with it, which the documentation says: an id, or a variable."""

    def version(*, name: str = "a", id_: str = "Devices", number: str = "1", value: str = "a") -> str:
        stack = cdk.Stack(cdk.App(context=NO_BUNDLING), "Stack")
        key = dynamodb.Attribute(name="commonName", type=dynamodb.AttributeType.STRING)
        table = dynamodb.Table(stack, id_, table_name=name, partition_key=key)
        parameter = ssm.StringParameter(stack, "Parameter", string_value=value)
        ClientConnectHandler(
            stack,
            "Handler",
            device_inventory=DeviceInventory(stack, "Inventory", devices_table=table),
            environment={"RISK_SERVICE_URL": parameter.string_value, "CONFIGURATION": number},
        )
        return only_version(stack)

    assert version() == version(name="b") == version(value="b")
    assert len({version(), version(name="b", id_="Others"), version(value="b", number="2")}) == 3
