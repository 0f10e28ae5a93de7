"""A small function next to the handler: one of our folders, with only what Lambda's image has."""

from __future__ import annotations

from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from aws_cdk import aws_lambda as lambda_

from cdk_client_connect.shared._function_role import function_role
from cdk_client_connect.shared._log_group import support_log_group
from cdk_client_connect.shared._staged_code import new_folder, require_staged
from cdk_client_connect.shared.function_settings import FunctionSettings
from client_connect_tools.bundling.own_sources import own_sources

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aws_cdk import Duration
    from aws_cdk import aws_kms as kms
    from aws_cdk import aws_logs as logs
    from constructs import Construct


def support_function(
    scope: Construct,
    *,
    package: str,
    handler: str,
    description: str,
    timeout: Duration,
    memory_size: int = 256,
    as_package: bool = False,
    environment: Mapping[str, str] | None = None,
    encryption_key: kms.IKey | None = None,
    settings: FunctionSettings | None = None,
    log_retention: logs.RetentionDays | None = None,
) -> lambda_.Function:
    """Define a function, its role and its log group, which is kept a month and goes with the stack.

    Args:
        scope: The construct to define them in; one function each.
        package: The package whose modules are the code.
        handler: ``module.function`` within the package; with ``as_package``, with the package's name before it.
        description: What the function is for.
        timeout: How long one invocation may take.
        memory_size: In MiB.
        as_package: Whether the modules import each other by the package's name. Without, its folder is the top.
        environment: The function's environment variables.
        encryption_key: The key of its log group and its variables. Default: AWS's own.
        settings: What an organization asks of the function. Default: nothing.
        log_retention: How long its log is kept unless the settings say so. Default: a month.
    """
    settings = settings or FunctionSettings()
    code = _code(scope, _folder(package), as_package=as_package)
    log_group = support_log_group(scope, encryption_key, settings.log_retention or log_retention)
    function = lambda_.Function(
        scope,
        "Function",
        description=description,
        code=code,
        handler=handler,
        runtime=lambda_.Runtime.PYTHON_3_14,
        architecture=lambda_.Architecture.ARM_64,
        memory_size=memory_size,
        timeout=timeout,
        role=function_role(scope, log_group, in_vpc=settings.vpc is not None),
        log_group=log_group,
        logging_format=lambda_.LoggingFormat.JSON,
        application_log_level_v2=lambda_.ApplicationLogLevel.INFO,
        environment=None if environment is None else dict(environment),
        environment_encryption=encryption_key,
        **settings.arguments(),
    )
    require_staged(function, code)
    return function


def _folder(package: str) -> Path:
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(f"the package {package} is not installed next to this one")
    return Path(spec.origin).parent


def _code(scope: Construct, package: Path, *, as_package: bool) -> lambda_.Code:
    """Return its sources and nothing else as code, under a hash of them: the same on every machine."""
    folder = new_folder(scope)
    top = package.parent if as_package else package
    digest = sha256()
    for source in own_sources(package, ".py"):
        name = source.relative_to(top).as_posix()
        text = source.read_text("utf-8").encode()
        digest.update(f"{name}:{len(text)}:".encode() + text)
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text)
        file.chmod(0o644)
    return lambda_.Code.from_asset(str(folder), asset_hash=digest.hexdigest())
