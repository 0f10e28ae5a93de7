"""The bill of materials of a bundle."""

from __future__ import annotations

import json
import re
import shutil
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from typer.testing import CliRunner

from client_connect_tools import Bundle
from client_connect_tools.bundling import bundle
from client_connect_tools.bundling.sbom import bill_of_materials
from client_connect_tools.bundling.wheel_records import locked_wheels
from client_connect_tools.cli import main

if TYPE_CHECKING:
    from pathlib import Path

POLICIES = '@id("all")\npermit (principal, action, resource);\n'
LOCK = bundle.LOCK.read_text("utf-8")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build a bundle with a team's file."""
    folder = tmp_path_factory.mktemp("sbom") / "bundle"
    Bundle(POLICIES, "3.14", "arm64").build(folder)
    (folder / "own.py").write_text("OWN = True\n", "utf-8")
    return folder


@pytest.fixture(scope="module")
def components(folder: Path) -> dict[str, Any]:
    """Return the components by name."""
    return {each["name"]: each for each in json.loads(bill_of_materials(folder))["components"]}


def test_it_keeps_to_the_schema(folder: Path) -> None:
    """CycloneDX's own schema has no objection, and every reference leads to a component."""
    text = bill_of_materials(folder)
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    known = set(re.findall(r'"bom-ref": "(.*?)"', text))
    for link in json.loads(text)["dependencies"]:
        assert {link["ref"], *link.get("dependsOn", ())} <= known


def test_the_schema_can_object() -> None:
    """So the silence above means something."""
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str('{"bomFormat": "CycloneDX"}') is not None


def test_it_lists_the_locked_packages(folder: Path, components: dict[str, Any]) -> None:
    """Each with its version, its licence, and the hash of the one wheel that the lock has for the platform."""
    for name, version in re.findall(r"^(\S+)==(\S+)", LOCK, re.MULTILINE):
        package = components[name]
        assert (package["version"], package["purl"]) == (version, f"pkg:pypi/{name}@{version}")
        assert package["licenses"] == [{"license": {"id": "Apache-2.0"}}]
        licence = (folder / f"{name}-{version}.dist-info" / "licenses" / "LICENSE").read_text("utf-8")
        assert re.search(r"Apache\s+(Software )?License[\s,]+(Version )?2\.0", licence)
    hashes = [
        digest["content"]
        for name in ("cedarpy", "tzdata")
        for digest in components[name]["externalReferences"][0]["hashes"]
    ]
    assert hashes == [wheel.wheel for wheel in locked_wheels("3.14", "arm64").values()]
    assert set(hashes) <= set(re.findall(r"sha256:(\w+)", LOCK))


def test_it_states_the_files_of_the_packages_that_are_there(folder: Path, tmp_path: Path) -> None:
    """A file that is changed, added or gone after the build is stated as it is, not as the wheel has it."""
    changed = tmp_path / "changed"
    shutil.copytree(folder, changed)
    (changed / "cedarpy" / "__init__.py").write_text("EVIL = True\n", "utf-8")
    (changed / "tzdata" / "evil.py").write_text("EVIL = True\n", "utf-8")
    (changed / "tzdata" / "zones").unlink()
    before, after = (
        files_of(json.loads(bill_of_materials(each))["components"]) for each in (folder, changed)
    )
    evil = sha256(b"EVIL = True\n").hexdigest()
    assert {name for name in before if before[name] != after.get(name)} == {
        "cedarpy/__init__.py",
        "tzdata/zones",
    }
    assert (after["cedarpy/__init__.py"], after["tzdata/evil.py"]) == (evil, evil)
    assert before.keys() == {
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()
    }


def files_of(components: list[dict[str, Any]]) -> dict[str, str]:
    """Return the hashes of all files, at any depth."""
    found = {each["name"]: each["hashes"][0]["content"] for each in components if each["type"] == "file"}
    for each in components:
        found |= files_of(each.get("components", []))
    return found


def test_it_lists_what_is_compiled_into_the_engine(components: dict[str, Any]) -> None:
    """Cedar itself is among it, with a hash and a licence, as all the rest."""
    compiled_in = {
        each["name"]: each for each in components["cedarpy"]["components"] if each["type"] != "file"
    }
    assert {"cedar-policy", "cedar-policy-core"} <= compiled_in.keys()
    assert all(each["hashes"] and each["licenses"] for each in compiled_in.values())


def test_it_lists_every_other_file_by_its_hash(folder: Path, components: dict[str, Any]) -> None:
    """The runtime's sources, the policies and whatever a team added: all that is in no package."""
    ours = {each["name"]: each for each in components["cdk-client-connect"]["components"]}
    others = {name: each for name, each in components.items() if each["type"] == "file"}
    assert others.keys() == {"own.py", "platform.json", "policies.cedar"}
    assert ours.keys() == {
        path.relative_to(folder).as_posix()
        for path in (folder / "client_connect").rglob("*")
        if path.is_file()
    }
    for name, file in (ours | others).items():
        content = (folder / name).read_bytes()
        assert file["hashes"] == [{"alg": "SHA-256", "content": sha256(content).hexdigest()}]


def test_it_is_the_same_for_the_same_bundle(tmp_path: Path) -> None:
    """The command writes it, to the byte and at any time; other policies have another."""
    (tmp_path / "who.cedar").write_text(POLICIES, "utf-8")
    (tmp_path / "own.cedar").write_text(POLICIES.replace("all", "any"), "utf-8")
    written = []
    for name in ("who", "who", "own"):
        output, file = tmp_path / str(len(written)), tmp_path / "sbom.json"
        arguments = [tmp_path / f"{name}.cedar", "--output", output, "--sbom", file]
        result = CliRunner().invoke(main, ["bundle", *map(str, arguments)])
        assert (result.exit_code, result.stdout) == (0, "")
        written.append(file.read_text("utf-8"))
    assert written[0] == written[1]
    assert json.loads(written[0])["serialNumber"] != json.loads(written[2])["serialNumber"]


def test_fails_where_it_cannot_be_written(tmp_path: Path) -> None:
    """Status 2 before anything is built."""
    (tmp_path / "who.cedar").write_text(POLICIES, "utf-8")
    arguments = [
        tmp_path / "who.cedar",
        "--output",
        tmp_path / "out",
        "--sbom",
        tmp_path / "no" / "sbom.json",
    ]
    result = CliRunner().invoke(main, ["bundle", *map(str, arguments)])
    assert result.exit_code == 2
    assert "name a file in a folder that exists" in result.stderr
    assert not (tmp_path / "out").exists()


def test_fails_where_it_is_a_link(tmp_path: Path) -> None:
    """Another user may have made it, to a file of the user's."""
    (tmp_path / "who.cedar").write_text(POLICIES, "utf-8")
    (tmp_path / "mine").write_text("mine", "utf-8")
    (tmp_path / "sbom.json").symlink_to("mine")
    names = ("who.cedar", "--output", "out", "--sbom", "sbom.json")
    arguments = [str(tmp_path / name) if not name.startswith("-") else name for name in names]
    result = CliRunner().invoke(main, ["bundle", *arguments])
    assert result.exit_code == 2
    assert 'is a link to "mine"; name the file itself' in result.stderr
    assert (tmp_path / "mine").read_text("utf-8") == "mine"
