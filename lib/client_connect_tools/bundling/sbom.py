"""A bill of materials of a function's code, in CycloneDX's JSON."""

from __future__ import annotations

import json
from hashlib import sha256
from importlib import metadata
from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from uuid import NAMESPACE_OID, uuid5

import client_connect
from client_connect_tools.bundling.bundle import PLATFORM_FILE
from client_connect_tools.bundling.wheel_records import locked_wheels

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from client_connect_tools.bundling.wheel_records import LockedWheel

_LIBRARY = "cdk-client-connect"
_BUNDLE = "bundle"
# As their licence files say; their metadata does not always.
_LICENCES = {_LIBRARY: "Apache-2.0", "cedarpy": "Apache-2.0", "tzdata": "Apache-2.0"}


def bill_of_materials(folder: Path) -> str:
    """Return what is in a bundle: the same text for the same bundle.

    It lists every file with the hash of what is there: those of the runtime package, of each locked package and of
    none of them. Of a locked package it also states the licence, the hash of the wheel that the lock has for the
    platform, and what the package says itself that is compiled into it.

    Args:
        folder: What ``Bundle.build`` filled.

    Source: https://cyclonedx.org/docs/1.6/json/
    """
    platform = json.loads((folder / PLATFORM_FILE).read_text("utf-8"))
    wheels = locked_wheels(platform["python"], platform["architecture"])
    packages = sorted(metadata.distributions(path=[str(folder)]), key=lambda package: package.name)
    compiled_in = {package.name: _declared(folder, package) for package in packages}
    owners = {file.as_posix(): package.name for package in packages for file in package.files or ()}
    files: dict[str, list[dict[str, Any]]] = {}
    for file in _files(folder):
        is_ours = file["name"].startswith(f"{client_connect.__name__}/")
        files.setdefault(_LIBRARY if is_ours else owners.get(file["name"], ""), []).append(file)
    components = [
        {**_package(_LIBRARY, metadata.version(_LIBRARY)), "components": files.pop(_LIBRARY)},
        *(
            _locked(
                package,
                wheels[package.name],
                [*compiled_in[package.name].get("components", ()), *files.pop(package.name)],
            )
            for package in packages
        ),
        *files.get("", ()),
    ]
    names = [package.name for package in packages]
    document = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": uuid5(NAMESPACE_OID, json.dumps(components)).urn,
        "version": 1,
        "metadata": {"lifecycles": [{"phase": "build"}], "component": _whole(platform)},
        "components": components,
        "dependencies": [
            {"ref": _BUNDLE, "dependsOn": [component["bom-ref"] for component in components]},
            {"ref": _LIBRARY, "dependsOn": names},
            *(link for name in names for link in _links(name, compiled_in[name])),
        ],
    }
    return json.dumps(document, indent=2) + "\n"


def _whole(platform: Mapping[str, str]) -> dict[str, Any]:
    properties = [{"name": f"{_LIBRARY}:{name}", "value": value} for name, value in platform.items()]
    return {
        "type": "application",
        "bom-ref": _BUNDLE,
        "name": "client-connect-handler",
        "version": metadata.version(_LIBRARY),
        "properties": properties,
    }


def _package(name: str, version: str) -> dict[str, Any]:
    return {
        "type": "library",
        "bom-ref": name,
        "name": name,
        "version": version,
        "licenses": [{"license": {"id": _LICENCES[name]}}],
        "purl": f"pkg:pypi/{name}@{quote(version, safe='')}",
    }


def _locked(
    package: metadata.Distribution, wheel: LockedWheel, parts: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    component = _package(package.name, package.version)
    component["externalReferences"] = [
        {
            "type": "distribution",
            "url": component["purl"],
            "comment": "the wheel that the lock has for the platform",
            "hashes": [{"alg": "SHA-256", "content": wheel.wheel}],
        }
    ]
    return {**component, "components": [*parts]}


def _declared(folder: Path, package: metadata.Distribution) -> dict[str, Any]:
    """Return the bill of materials in a package, where it has one: PEP 770."""
    for file in package.files or ():
        if file.match("*.dist-info/sboms/*.cyclonedx.json"):
            declared: dict[str, Any] = json.loads((folder / file).read_text("utf-8"))
            return declared
    return {}


def _links(name: str, declared: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield who depends on whom of what is compiled into a package."""
    root = declared["metadata"]["component"]["bom-ref"] if declared else None
    for link in declared.get("dependencies", ()):
        yield {**link, "ref": name} if link["ref"] == root else link


def _files(folder: Path) -> Iterator[dict[str, Any]]:
    """Yield all files, each with the hash of what is there."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            name = path.relative_to(folder).as_posix()
            digest = sha256(path.read_bytes()).hexdigest()
            yield {
                "type": "file",
                "bom-ref": f"file:{name}",
                "name": name,
                "hashes": [{"alg": "SHA-256", "content": digest}],
            }
