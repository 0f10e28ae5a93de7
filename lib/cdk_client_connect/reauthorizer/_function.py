"""The function of a re-authorizer: the handler's code, with its policies and variables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import aws_lambda as lambda_

from cdk_client_connect.final_templates._alias import check_alias
from cdk_client_connect.final_templates._function import check_function
from client_connect_tools.deployed.description import ALIAS_NAME

if TYPE_CHECKING:
    from aws_cdk import Duration
    from aws_cdk import aws_iam as iam
    from aws_cdk import aws_kms as kms
    from aws_cdk import aws_logs as logs
    from constructs import Construct

    from cdk_client_connect.handler._deciding import Deciding
    from cdk_client_connect.shared.function_settings import FunctionSettings


def reauthorizer_function(
    scope: Construct,
    *,
    decides_as: Deciding,
    role: iam.IRole,
    log_group: logs.ILogGroup,
    timeout: Duration,
    memory_size: int,
    environment: dict[str, str],
    max_event_age: Duration,
    encryption_key: kms.IKey | None,
    settings: FunctionSettings,
) -> tuple[lambda_.Function, lambda_.Alias]:
    """Define a function that decides as a handler does, and is deployed after it, and the alias to run it by.

    It has its own versions, so it goes back together with the handler.

    It is granted nothing that the handler asks.

    Args:
        scope: The re-authorizer.
        decides_as: What the handler decides with.
        role: Its role.
        log_group: Where it logs.
        timeout: How long one invocation may take.
        memory_size: In MiB.
        environment: All its variables, which later change in place.
        max_event_age: How long an asynchronous event may wait. It is not tried again.
        encryption_key: The key of its variables.
        settings: What an organization asks of the function.
    """
    function = lambda_.Function(
        scope,
        "Function",
        description=decides_as.description,
        code=decides_as.code,
        handler="client_connect.reauthorizer.handler.handler",
        runtime=decides_as.runtime,
        architecture=decides_as.architecture,
        memory_size=memory_size,
        timeout=timeout,
        role=role,
        log_group=log_group,
        logging_format=lambda_.LoggingFormat.JSON,
        application_log_level_v2=lambda_.ApplicationLogLevel.INFO,
        environment=environment,
        environment_encryption=encryption_key,
        **decides_as.arguments,
        **settings.arguments(),
        current_version_options=decides_as.previous_versions.options(),
    )
    if decides_as.first is not None:
        function.node.add_dependency(decides_as.first)
    alias = lambda_.Alias(
        scope,
        "Alias",
        alias_name=ALIAS_NAME,
        version=function.current_version,
        retry_attempts=0,
        max_event_age=max_event_age,
    )
    decides_as.previous_versions.prune(alias)
    owner = f"re-authorizer {scope.node.path}"
    check_function(owner, function, variables=environment)
    check_alias(owner, alias, minimum=0, maximum=0, scales=False)
    return function, alias
