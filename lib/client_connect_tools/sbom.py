"""A bill of materials of a function's code, in CycloneDX's JSON."""

from __future__ import annotations

import json
import re
from hashlib import sha256
from importlib import metadata
from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from uuid import NAMESPACE_OID, uuid5

import client_connect
from client_connect_tools.bundle import LOCK, PLATFORM_FILE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

_LIBRARY = "cdk-client-connect"
_BUNDLE = "bundle"
# As their licence files say; their metadata does not always.
_LICENCES = {_LIBRARY: "Apache-2.0", "cedarpy": "Apache-2.0", "tzdata": "Apache-2.0"}


def bill_of_materials(folder: Path) -> str:
    """Return what is in a bundle: the same text for the same bundle.

    It lists the runtime package and every file that is not of a locked package, each with its hash, and the
    locked packages with their licence, the hashes that the lock admits, and what they say themselves that is
    compiled into them.

    Args:
        folder: What ``Bundle.build`` filled.

    Source: https://cyclonedx.org/docs/1.6/json/
    """
    packages = sorted(metadata.distributions(path=[str(folder)]), key=lambda package: package.name)
    compiled_in = {package.name: _declared(folder, package) for package in packages}
    files = list(_files(folder, packages))
    ours = [file for file in files if file["name"].startswith(f"{client_connect.__name__}/")]
    components = [
        {**_package(_LIBRARY, metadata.version(_LIBRARY)), "components": ours},
        *(_locked(package, compiled_in[package.name]) for package in packages),
        *(file for file in files if file not in ours),
    ]
    names = [package.name for package in packages]
    document = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": uuid5(NAMESPACE_OID, json.dumps(components)).urn,
        "version": 1,
        "metadata": {"lifecycles": [{"phase": "build"}], "component": _whole(folder)},
        "components": components,
        "dependencies": [
            {"ref": _BUNDLE, "dependsOn": [component["bom-ref"] for component in components]},
            {"ref": _LIBRARY, "dependsOn": names},
            *(link for name in names for link in _links(name, compiled_in[name])),
        ],
    }
    return json.dumps(document, indent=2) + "\n"


def _whole(folder: Path) -> dict[str, Any]:
    platform = json.loads((folder / PLATFORM_FILE).read_text("utf-8"))
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


def _locked(package: metadata.Distribution, declared: Mapping[str, Any]) -> dict[str, Any]:
    component = _package(package.name, package.version)
    hashes = [{"alg": "SHA-256", "content": digest} for digest in _admitted(package.name)]
    component["externalReferences"] = [
        {
            "type": "distribution",
            "url": component["purl"],
            "comment": "the lock admits the files with these hashes and no other; one of them is installed",
            "hashes": hashes,
        }
    ]
    return {**component, "components": declared["components"]} if declared else component


def _admitted(name: str) -> list[str]:
    """Return the hashes that the lock has for a package."""
    (entry,) = re.findall(rf"^{re.escape(name)}==.*\n((?: .*\n?)+)", LOCK.read_text("utf-8"), re.MULTILINE)
    return re.findall(r"--hash=sha256:([0-9a-f]{64})", entry)


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


def _files(folder: Path, packages: Iterable[metadata.Distribution]) -> Iterator[dict[str, Any]]:
    """Yield the files that are of none of the packages."""
    theirs = {file.as_posix() for package in packages for file in package.files or ()}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and name not in theirs:
            digest = sha256(path.read_bytes()).hexdigest()
            yield {
                "type": "file",
                "bom-ref": f"file:{name}",
                "name": name,
                "hashes": [{"alg": "SHA-256", "content": digest}],
            }
