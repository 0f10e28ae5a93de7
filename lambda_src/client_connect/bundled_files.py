"""The files next to the code in a bundle: the policies and settings of the team, and the schema.

Without ``pathlib``, which nothing else at a cold start would need.
"""

from __future__ import annotations

from os.path import dirname, isfile, join

from client_connect.settings import CUSTOM_SCHEMA_FILE, NETWORKS_DIGEST, NETWORKS_FILE, POLICIES_FILE

_PACKAGE = dirname(__file__)
BUNDLE = dirname(_PACKAGE)


def policies() -> str:
    """Return the Cedar text of the policies."""
    return _text(BUNDLE, POLICIES_FILE)


def custom_schema() -> str | None:
    """Return what ``context.custom`` is; ``None`` where the team declares no custom facts."""
    return _text(BUNDLE, CUSTOM_SCHEMA_FILE) if isfile(join(BUNDLE, CUSTOM_SCHEMA_FILE)) else None


def networks(policies: str) -> bytes | None:
    """Return the table of the named networks; ``None`` without any.

    Args:
        policies: The bundle's; they begin with the digest of the table.

    Raises:
        ValueError: When the table is not that of the policies.
        OSError: When it is missing.
    """
    file = join(BUNDLE, NETWORKS_FILE)
    if not policies.startswith(NETWORKS_DIGEST):
        if isfile(file):
            raise ValueError(
                f"{POLICIES_FILE} has no networks, but there is {NETWORKS_FILE}; build the bundle again"
            )
        return None
    from client_connect.networks import digest  # noqa: PLC0415 - who has none does not import it

    with open(file, "rb") as opened:
        table = opened.read()
    if policies.partition("\n")[0] != NETWORKS_DIGEST + digest(table):
        raise ValueError(f"{NETWORKS_FILE} is not that of {POLICIES_FILE}; build the bundle again")
    return table


def schema() -> str:
    """Return the schema of the policies as it lies in the package."""
    return _text(_PACKAGE, "schema.cedarschema")


def _text(folder: str, name: str) -> str:
    with open(join(folder, name), encoding="utf-8") as file:
        return file.read()
