"""Code that ``client-connect bundle`` made: what is in it, and whether it fits the function."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING
from zipfile import ZipFile, is_zipfile

from aws_cdk import aws_lambda as lambda_

from cdk_client_connect.errors import InvalidCode
from client_connect.networks import InvalidNetworks, digest
from client_connect.settings import CUSTOM_SCHEMA_FILE, NETWORKS_DIGEST, NETWORKS_FILE, POLICIES_FILE
from client_connect_tools import Policies
from client_connect_tools.bundling.bundle import PLATFORM_FILE, library_version
from client_connect_tools.files.networks import unpacked

if TYPE_CHECKING:
    from client_connect_tools import ExtraFacts


def require_prebuilt_alone(
    code: lambda_.Code | None, policies: Policies | None, extra_facts: ExtraFacts | None
) -> None:
    """Check that prebuilt code comes without what is in it.

    Raises:
        InvalidCode: When there is another policy set or module too.
    """
    if code is None:
        return
    if policies is not None:
        raise InvalidCode(
            "code and policies are both given, but prebuilt code has its policies in it; give one"
        )
    if extra_facts is not None:
        raise InvalidCode(
            "code and extra_facts are both given, but prebuilt code has its module in it; give one, and build the "
            "code with client-connect bundle --extra-facts"
        )


def require_prebuilt_for(platform: tuple[str, str], code: lambda_.Code) -> None:
    """Check that code made by ``client-connect bundle`` is for the function's platform; others pass.

    Raises:
        InvalidCode: When it is not: Lambda could not import it, so every connection would be denied.
    """
    built = _platform_of(code)
    if built and (built["python"], built["architecture"]) != platform:
        raise InvalidCode(
            f"code is built for Python {built['python']} on {built['architecture']}, but the function runs Python "
            f"{platform[0]} on {platform[1]}; run client-connect bundle --python {platform[0]} "
            f"--architecture {platform[1]}, or set runtime and architecture"
        )


def prebuilt_module(code: lambda_.Code | None) -> str | None:
    """Return the module of extra facts in code made by ``client-connect bundle``."""
    return _platform_of(code).get("extraFacts")


def prebuilt_policies(code: lambda_.Code | None) -> Policies | None:
    """Return the policies in prebuilt code, a folder or a ZIP file; ``None`` if it is neither, or has none.

    Raises:
        InvalidCode: When a bundle has none; or when their networks are missing, are not those that they were bundled
            with, or cannot be read.
    """
    text = _bundled_text(code, POLICIES_FILE)
    if text is None and _bundled(code, PLATFORM_FILE) is not None:
        raise InvalidCode(
            f"code was made by client-connect bundle, but has no {POLICIES_FILE}, so every connection would be denied; "
            "build it again"
        )
    if text is None:
        return None
    return Policies.from_string(
        text,
        name=f"{_path(code)}/{POLICIES_FILE}",
        custom=_bundled_text(code, CUSTOM_SCHEMA_FILE),
        networks=_prebuilt_networks(code, text),
    )


def _prebuilt_networks(code: lambda_.Code | None, policies: str) -> dict[str, list[str]] | None:
    table = _bundled(code, NETWORKS_FILE)
    named = policies.partition("\n")[0] if policies.startswith(NETWORKS_DIGEST) else None
    try:
        if named == (None if table is None else NETWORKS_DIGEST + digest(table)):
            return None if table is None else unpacked(table)
    except InvalidNetworks as error:
        raise InvalidCode(f"code has networks that cannot be read: {error}") from None
    raise InvalidCode(
        f"code has a {NETWORKS_FILE} that is not the one of its {POLICIES_FILE}, so every connection would be denied; "
        "build it again with client-connect bundle"
    )


def built_by_other_version(code: lambda_.Code | None) -> str | None:
    """Return how a warning names the version that built prebuilt code, unless it is this one or is not known."""
    built = _platform_of(code)
    if not built or built.get("version") == library_version():
        return None
    return str(built.get("version", "an earlier version"))


def _platform_of(code: lambda_.Code | None) -> dict[str, str]:
    text = _bundled_text(code, PLATFORM_FILE)
    if text is None:
        return {}
    try:
        built: dict[str, str] = json.loads(text)
        if {"python", "architecture"} <= built.keys():
            return built
    except (ValueError, AttributeError):
        pass
    raise InvalidCode(
        f"code has a {PLATFORM_FILE} that client-connect bundle did not write; build it again, or remove that file"
    )


def _path(code: lambda_.Code | None) -> Path | None:
    return Path(code.path) if isinstance(code, lambda_.AssetCode) else None


def _bundled_text(code: lambda_.Code | None, name: str) -> str | None:
    content = _bundled(code, name)
    try:
        return None if content is None else content.decode()
    except UnicodeDecodeError as error:
        raise InvalidCode(f"code has a {name} that is not UTF-8: {error}; build it again") from None


def _bundled(code: lambda_.Code | None, name: str) -> bytes | None:
    """Return a file at the top of the code, if there is one."""
    path = _path(code)
    if path is None:
        return None
    if path.is_dir():
        file = path / name
        return file.read_bytes() if file.is_file() else None
    if not is_zipfile(path):
        return None
    with ZipFile(path) as archive:
        return archive.read(name) if name in archive.namelist() else None
