"""A call of the AWS SDK at deployment, by the function that all such calls of a stack share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Stack
from aws_cdk import custom_resources as cr

from cdk_client_connect.shared._function_role import function_role
from cdk_client_connect.shared._log_group import support_log_group

if TYPE_CHECKING:
    from aws_cdk import aws_iam as iam
    from aws_cdk import aws_kms as kms
    from aws_cdk import aws_logs as logs
    from constructs import Construct

# All AwsCustomResources of a stack share one function, which has the role and log group of the first.
_SHARED_FUNCTION_ID = "AWS" + cr.AwsCustomResource.PROVIDER_FUNCTION_UUID.replace("-", "")


def sdk_call(
    scope: Construct,
    id: str,
    *,
    on_create: cr.AwsSdkCall,
    on_update: cr.AwsSdkCall | None = None,
    permission: iam.PolicyStatement,
    encryption_key: kms.IKey | None = None,
    log_retention: logs.RetentionDays | None = None,
) -> cr.AwsCustomResource:
    """Define a call, with its role and log group where it is the stack's first.

    Args:
        scope: The construct to define it in; one call each.
        id: Its id in ``scope``.
        on_create: The call when it is new.
        on_update: The call when it has changed. Default: none.
        permission: What it needs.
        encryption_key: The key of the log group. Default: AWS's own.
        log_retention: How long it is kept. Default: a month.
    """
    shared = Stack.of(scope).node.try_find_child(_SHARED_FUNCTION_ID)
    log_group = None if shared else support_log_group(scope, encryption_key, log_retention)
    return cr.AwsCustomResource(
        scope,
        id,
        on_create=on_create,
        on_update=on_update,
        policy=cr.AwsCustomResourcePolicy.from_statements([permission]),
        role=None if log_group is None else function_role(scope, log_group),
        log_group=log_group,
        install_latest_aws_sdk=False,
    )
