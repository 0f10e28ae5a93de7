"""The function's code as a CDK asset, and the platform it is built for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from aws_cdk import Stack
from aws_cdk import aws_lambda as lambda_

import client_connect
from cdk_client_connect._staged_code import is_unstaged, new_folder, stage_nothing
from cdk_client_connect.errors import InvalidCode, InvalidRuntime
from client_connect_tools.bundle import ARCHITECTURES, PLATFORM_FILE, Bundle, runs_on

if TYPE_CHECKING:
    from constructs import Construct

    from client_connect_tools import ExtraFacts, Policies

Platform = tuple[str, str]

_FOLDERS: dict[tuple[Bundle, bool], Path] = {}


def require_platform(runtime: lambda_.Runtime, architecture: lambda_.Architecture) -> Platform:
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


def require_prebuilt_alone(
    code: lambda_.Code | None, policies: Policies | None, extra_facts: ExtraFacts | None
) -> None:
    """Check that prebuilt code comes without what is in it.

    Raises:
        InvalidCode: When there is another policy set or module beside it.
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


def require_prebuilt_for(platform: Platform, code: lambda_.Code) -> None:
    """Check that a folder made by ``client-connect bundle`` is for the function's platform; others pass.

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
    """Return the module of extra facts in a folder made by ``client-connect bundle``."""
    return _platform_of(code).get("extraFacts")


def _platform_of(code: lambda_.Code | None) -> dict[str, str]:
    file = Path(code.path) / PLATFORM_FILE if isinstance(code, lambda_.AssetCode) else None
    if file is None or not file.is_file():
        return {}
    built: dict[str, str] = json.loads(file.read_text("utf-8"))
    return built


def bundled_code(
    scope: Construct, *, policies: Policies, platform: Platform, extra_facts: ExtraFacts | None = None
) -> lambda_.Code:
    """Build the function's code. The asset's hash is that of the inputs.

    Where the CLI says that the stack needs no bundling (as in ``cdk list``), nothing is built, and the hash is
    the same. Then nothing may be staged either: the CDK would take it for the bundle in the next synthesis.

    Raises:
        BundleError: When a dependency cannot be installed.
    """
    bundle = Bundle(policies.text, *platform, extra_facts=extra_facts, custom=policies.custom)
    if Stack.of(scope).bundling_required:
        folder = _built(bundle, scope)
    else:
        stage_nothing(scope)
        folder = Path(client_connect.__file__).parent
    return lambda_.Code.from_asset(str(folder), asset_hash=bundle.digest())


def _built(bundle: Bundle, scope: Construct) -> Path:
    """Build once in this process, and once more where the folder has to outlive it."""
    key = (bundle, is_unstaged(scope))
    if key not in _FOLDERS:
        folder = new_folder(scope)
        bundle.build(folder)
        _FOLDERS[key] = folder
    return _FOLDERS[key]
