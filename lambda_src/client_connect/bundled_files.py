"""The files beside the code in a bundle: what the team decides by, and the schema.

Without ``pathlib``, which nothing else at a cold start would need.
"""

from __future__ import annotations

from os.path import dirname, isfile, join

from client_connect.settings import CUSTOM_SCHEMA_FILE, POLICIES_FILE

_PACKAGE = dirname(__file__)
BUNDLE = dirname(_PACKAGE)


def policies() -> str:
    """Return the Cedar text of the policies."""
    return _text(BUNDLE, POLICIES_FILE)


def custom_schema() -> str | None:
    """Return what ``context.custom`` is; ``None`` where the team declares no facts of its own."""
    return _text(BUNDLE, CUSTOM_SCHEMA_FILE) if isfile(join(BUNDLE, CUSTOM_SCHEMA_FILE)) else None


def schema() -> str:
    """Return the schema of the policies as it lies in the package."""
    return _text(_PACKAGE, "schema.cedarschema")


def _text(folder: str, name: str) -> str:
    with open(join(folder, name), encoding="utf-8") as file:
        return file.read()
