"""The function's code as a CDK asset, and the platform it is built for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from aws_cdk import Stack
from aws_cdk import aws_lambda as lambda_

import client_connect
from cdk_client_connect.errors import InvalidRuntime
from cdk_client_connect.shared._staged_code import is_unstaged, new_folder, stage_nothing
from client_connect_tools.bundling.bundle import ARCHITECTURES, Bundle, runs_on

if TYPE_CHECKING:
    from constructs import Construct

    from cdk_client_connect.handler._options import Options
    from client_connect_tools import Policies

_FOLDERS: dict[tuple[Bundle, bool], Path] = {}
# The dependencies, by Python version and architecture.
_INSTALLED: dict[tuple[str, str], Path] = {}


def require_platform(runtime: lambda_.Runtime, architecture: lambda_.Architecture) -> tuple[str, str]:
    """Return the Python version, such as ``3.14``, and the architecture, such as ``arm64``.

    Raises:
        InvalidRuntime: When it is not Python 3.11 or later, or not an architecture that there are wheels for.
    """
    python = runtime.name.removeprefix("python")
    if not runs_on(python):
        raise InvalidRuntime(
            f'runtime "{runtime.name}" cannot run the handler, which needs Python 3.11 or later; '
            "use lambda_.Runtime.PYTHON_3_14"
        )
    if architecture.name not in ARCHITECTURES:
        raise InvalidRuntime(
            f'architecture "{architecture.name}" cannot run the handler; use lambda_.Architecture.ARM_64 or X86_64'
        )
    return python, architecture.name


def bundled_code(scope: Construct, options: Options, policies: Policies) -> lambda_.Code:
    """Build the function's code. The asset's hash is that of the inputs.

    Where the CLI says that the stack needs no bundling (as in ``cdk list``), nothing is built, and the hash is
    the same. Then nothing may be staged either: the CDK would use it as the bundle in the next synthesis.

    Raises:
        BundleError: When a dependency cannot be installed.
    """
    bundle = bundle_of(options, policies)
    if Stack.of(scope).bundling_required:
        folder = _built(bundle, scope)
    else:
        stage_nothing(scope)
        folder = Path(client_connect.__file__).parent
    return lambda_.Code.from_asset(str(folder), asset_hash=bundle.digest())


def bundle_of(options: Options, policies: Policies) -> Bundle:
    """Return what the code is built of."""
    return Bundle(
        policies.text,
        *require_platform(options.runtime, options.architecture),
        extra_facts=options.extra_facts,
        custom=policies.custom,
        networks=policies.network_table,
    )


def _built(bundle: Bundle, scope: Construct) -> Path:
    """Build once in this process, and once more where the folder has to outlive it."""
    key = (bundle, is_unstaged(scope))
    if key not in _FOLDERS:
        folder = new_folder(scope)
        bundle.build(folder, installed=_installed(bundle, scope))
        _FOLDERS[key] = folder
    return _FOLDERS[key]


def _installed(bundle: Bundle, scope: Construct) -> Path:
    """Install the dependencies once in this process for each platform."""
    platform = bundle.python, bundle.architecture
    if platform not in _INSTALLED:
        folder = new_folder(scope)
        bundle.install(folder)
        _INSTALLED[platform] = folder
    return _INSTALLED[platform]
