"""The function's code as a CDK asset."""

from __future__ import annotations

import re
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp
from typing import TYPE_CHECKING

from aws_cdk import Stack
from aws_cdk import aws_lambda as lambda_

import client_connect
from cdk_client_connect.errors import InvalidRuntime
from client_connect_tools import Bundle

if TYPE_CHECKING:
    from collections.abc import Iterator

    from constructs import Construct

    from client_connect_tools import Policies

_OLDEST_PYTHON = (3, 11)
_NO_STAGING = "aws:cdk:disable-asset-staging"


def require_runtime(runtime: lambda_.Runtime) -> str:
    """Return the version of a Python runtime, such as ``3.14``.

    Raises:
        InvalidRuntime: When it is not Python, or older than 3.11.
    """
    match = re.fullmatch(r"python(\d+)\.(\d+)", runtime.name)
    if match is None or (int(match[1]), int(match[2])) < _OLDEST_PYTHON:
        raise InvalidRuntime(
            f'runtime "{runtime.name}" cannot run the handler, which needs Python 3.11 or later; '
            "use lambda_.Runtime.PYTHON_3_14"
        )
    return f"{match[1]}.{match[2]}"


@contextmanager
def bundled_code(
    scope: Construct, *, policies: Policies, python: str, architecture: lambda_.Architecture
) -> Iterator[lambda_.Code]:
    """Build the bundle for as long as the CDK needs to stage it.

    The asset's hash is that of the inputs. Where the CLI says that this stack needs no bundling (as in
    ``cdk list``), nothing is built, and the hash is the same.

    Raises:
        BundleError: When a dependency cannot be installed.
    """
    bundle = Bundle(policies.text, python, architecture.name)
    digest = bundle.digest()
    if not Stack.of(scope).bundling_required:
        yield lambda_.Code.from_asset(str(Path(client_connect.__file__).parent), asset_hash=digest)
    elif scope.node.try_get_context(_NO_STAGING):
        # Nothing copies the folder then: what reads the template reads the folder too, later.
        yield _built(bundle, Path(mkdtemp(prefix="client-connect-")), digest)
    else:
        with TemporaryDirectory(prefix="client-connect-") as folder:
            yield _built(bundle, Path(folder), digest)


def _built(bundle: Bundle, folder: Path, digest: str) -> lambda_.Code:
    bundle.build(folder)
    return lambda_.Code.from_asset(str(folder), asset_hash=digest)
