"""A bill of materials of a function's code, in CycloneDX's JSON; needs the extra ``sbom``."""

from __future__ import annotations

import json
from hashlib import sha256
from importlib import metadata
from typing import TYPE_CHECKING
from uuid import NAMESPACE_OID, UUID, uuid5
from warnings import catch_warnings

from cyclonedx.model import ExternalReference, ExternalReferenceType, HashAlgorithm, HashType, Property, XsUri
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import DisjunctiveLicense
from cyclonedx.model.lifecycle import LifecyclePhase, PredefinedLifecycle
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

import client_connect
from client_connect_tools import distribution
from client_connect_tools.bundling.bundle import PLATFORM_FILE
from client_connect_tools.bundling.wheel_records import locked_wheels

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
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
    owners = {file.as_posix(): package.name for package in packages for file in package.files or ()}
    files: dict[str, list[Component]] = {}
    for file in _files(folder):
        is_ours = file.name.startswith(f"{client_connect.__name__}/")
        files.setdefault(_LIBRARY if is_ours else owners.get(file.name, ""), []).append(file)

    bill = Bom(metadata=_metadata(platform), serial_number=UUID(int=0))
    library = _package(_LIBRARY, distribution.version(), files.pop(_LIBRARY))
    locked = []
    for package in packages:
        declared = _declared(folder, package)
        component = _locked(package, wheels[package.name], [*declared.components, *files.pop(package.name)])
        locked.append(component)
        _register_compiled_in(bill, component, declared)
    bill.components.update((library, *locked, *files.get("", ())))
    if bill.metadata.component is not None:
        bill.register_dependency(bill.metadata.component, bill.components)
    bill.register_dependency(library, locked)
    # A hash of all else, not a random number.
    bill.serial_number = uuid5(NAMESPACE_OID, JsonV1Dot6(bill).output_as_string())
    return JsonV1Dot6(bill).output_as_string(indent=2) + "\n"


def _metadata(platform: Mapping[str, str]) -> BomMetaData:
    whole = Component(
        type=ComponentType.APPLICATION,
        bom_ref=_BUNDLE,
        name="client-connect-handler",
        version=distribution.version(),
        properties=[Property(name=f"{_LIBRARY}:{name}", value=value) for name, value in platform.items()],
    )
    found = BomMetaData(component=whole, lifecycles=[PredefinedLifecycle(LifecyclePhase.BUILD)])
    found.timestamp = None  # type: ignore[assignment] # the same bundle has the same bill at any time
    return found


def _package(name: str, version: str, parts: Iterable[Component]) -> Component:
    return Component(
        type=ComponentType.LIBRARY,
        bom_ref=name,
        name=name,
        version=version,
        licenses=[DisjunctiveLicense(id=_LICENCES[name])],
        purl=PackageURL("pypi", name=name, version=version),
        components=parts,
    )


def _locked(package: metadata.Distribution, wheel: LockedWheel, parts: Iterable[Component]) -> Component:
    component = _package(package.name, package.version, parts)
    component.external_references.add(
        ExternalReference(
            type=ExternalReferenceType.DISTRIBUTION,
            url=XsUri(str(component.purl)),
            comment="the wheel that the lock has for the platform",
            hashes=[HashType(alg=HashAlgorithm.SHA_256, content=wheel.wheel)],
        )
    )
    return component


def _declared(folder: Path, package: metadata.Distribution) -> Bom:
    """Return the bill of materials in a package, where it has one: PEP 770."""
    for file in package.files or ():
        if file.match("*.dist-info/sboms/*.cyclonedx.json"):
            document = json.loads((folder / file).read_text("utf-8"))
            with catch_warnings(
                action="ignore", category=DeprecationWarning
            ):  # of keys of older versions in it
                found: Bom = Bom.from_json(document)  # type: ignore[attr-defined]
            return found
    return Bom()


def _register_compiled_in(bill: Bom, package: Component, declared: Bom) -> None:
    """Take over the dependencies among the parts compiled into a package."""
    root = declared.metadata.component
    for link in declared.dependencies:
        if root is not None and link.ref == root.bom_ref:
            link.ref = package.bom_ref
        bill.dependencies.add(link)


def _files(folder: Path) -> Iterator[Component]:
    """Yield all files, each with the hash of what is there."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            name = path.relative_to(folder).as_posix()
            digest = sha256(path.read_bytes()).hexdigest()
            yield Component(
                type=ComponentType.FILE,
                bom_ref=f"file:{name}",
                name=name,
                hashes=[HashType(alg=HashAlgorithm.SHA_256, content=digest)],
            )
