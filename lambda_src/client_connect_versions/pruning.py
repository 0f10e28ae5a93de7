"""Removes the oldest versions of a handler and its re-authorizer, and keeps as many as configured.

CloudFormation keeps all of them, because it cannot count. So this runs once a day: a version too many does no harm
until then. Whatever the event, only what the environment says is removed.

Versions that an alias runs, and versions that are newer than these, are never removed. Lambda itself refuses to remove
a version that an alias runs.

Source: https://docs.aws.amazon.com/lambda/latest/api/API_DeleteFunction.html
"""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from collections.abc import Collection

# The functions, with commas between them, and how many versions of each to keep, not counting those that an alias runs.
FUNCTION_NAMES = "CLIENT_CONNECT_FUNCTION_NAMES"
PREVIOUS_VERSIONS = "CLIENT_CONNECT_PREVIOUS_VERSIONS"

_CONFIG = Config(connect_timeout=5, read_timeout=15, retries={"mode": "standard", "total_max_attempts": 5})

_logger = logging.getLogger("client_connect_versions")


def handler(_event: object, _context: object) -> None:
    """Remove what is too much.

    Raises:
        RuntimeError: When something could not be removed, so Lambda counts it and tries again.
    """
    client = boto3.client("lambda", config=_CONFIG)
    keep = int(os.environ[PREVIOUS_VERSIONS])
    failed = [
        f"{name}:{version}"
        for name in os.environ[FUNCTION_NAMES].split(",")
        for version in surplus(*_known(client, name), keep=keep)
        if not _removed(client, name, version)
    ]
    if failed:
        raise RuntimeError(f"could not remove {', '.join(failed)}")


def surplus(versions: Collection[int], running: Collection[int], *, keep: int) -> list[int]:
    """Return the versions to remove, the oldest first.

    Args:
        versions: The numbers of all versions.
        running: Those that an alias runs.
        keep: How many to keep of those that are older than what runs.
    """
    if not running:
        return []
    older = sorted(version for version in versions if version < max(running) and version not in running)
    return older[: max(0, len(older) - keep)]


def _known(client: Any, name: str) -> tuple[set[int], set[int]]:  # noqa: ANN401 - boto3 has no types in Lambda
    """Return all versions of a function, and those that an alias runs."""
    versions = {
        int(version["Version"])
        for page in client.get_paginator("list_versions_by_function").paginate(FunctionName=name)
        for version in page["Versions"]
        if version["Version"] != "$LATEST"
    }
    running = {
        int(number)
        for page in client.get_paginator("list_aliases").paginate(FunctionName=name)
        for alias in page["Aliases"]
        for number in (
            alias["FunctionVersion"],
            *alias.get("RoutingConfig", {}).get("AdditionalVersionWeights", {}),
        )
        if number != "$LATEST"
    }
    return versions, running


def _removed(client: Any, name: str, version: int) -> bool:  # noqa: ANN401 - see above
    try:
        client.delete_function(FunctionName=name, Qualifier=str(version))
    except ClientError:
        _logger.exception("could not remove version %d of %s", version, name)
        return False
    _logger.info("removed version %d of %s", version, name)
    return True
