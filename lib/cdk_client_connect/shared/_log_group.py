"""Log groups as we define them, with a key that CloudWatch Logs may use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Annotations, ArnFormat, RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs

from cdk_client_connect.errors import InvalidArgument

if TYPE_CHECKING:
    from aws_cdk import aws_kms as kms
    from constructs import Construct


def kept_log_group(scope: Construct, key: kms.IKey | None, *, is_protected: bool) -> logs.LogGroup:
    """Define a log group of decisions: kept for two years, and retained when the stack is removed."""
    group = logs.LogGroup(
        scope,
        "LogGroup",
        encryption_key=key,
        removal_policy=RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
        deletion_protection_enabled=is_protected or None,
    )
    _let_logs_use(group, key)
    return group


def require_new_log_group(log_group: logs.ILogGroup | None, *, is_protected: bool) -> None:
    """Check that it is ours to protect.

    Raises:
        InvalidArgument: When there is a log group already.
    """
    if is_protected and log_group is not None:
        raise InvalidArgument(
            "log_deletion_protection is for a new log group, but log_group is given; protect that one where it is "
            "defined, by deletion_protection_enabled=True"
        )


def support_log_group(
    scope: Construct, key: kms.IKey | None, retention: logs.RetentionDays | None = None
) -> logs.LogGroup:
    """Define the log group of a small function: by default kept for a month, and removed with the stack."""
    group = logs.LogGroup(
        scope,
        "LogGroup",
        encryption_key=key,
        retention=retention or logs.RetentionDays.ONE_MONTH,
        removal_policy=RemovalPolicy.DESTROY,
    )
    _let_logs_use(group, key)
    return group


def _let_logs_use(group: logs.LogGroup, key: kms.IKey | None) -> None:
    """Allow CloudWatch Logs to use the key, for log groups of this account and Region only.

    Without that, the log group cannot be created. The key's policy cannot name the group, which names the key.

    Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html
    """
    if key is None:
        return
    stack = Stack.of(group)
    result = key.add_to_resource_policy(
        iam.PolicyStatement(
            principals=[iam.ServicePrincipal(f"logs.{stack.region}.amazonaws.com")],
            actions=[
                "kms:Encrypt*",
                "kms:Decrypt*",
                "kms:ReEncrypt*",
                "kms:GenerateDataKey*",
                "kms:Describe*",
            ],
            resources=["*"],
            conditions={
                "ArnLike": {
                    "kms:EncryptionContext:aws:logs:arn": stack.format_arn(
                        service="logs",
                        resource="log-group",
                        resource_name="*",
                        arn_format=ArnFormat.COLON_RESOURCE_NAME,
                    )
                }
            },
        )
    )
    if not result.statement_added:
        Annotations.of(group).add_warning_v2(
            "cdk-client-connect:logsKeyNotGranted",
            f"the key of log group {group.node.path} is imported, so its policy is not changed here; allow "
            f"logs.{stack.region}.amazonaws.com to use it, or the deployment fails",
        )
