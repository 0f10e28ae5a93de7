"""The class that a log group must be of, so metrics are made of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Token
from aws_cdk import aws_logs as logs

from cdk_client_connect.errors import InvalidArgument

if TYPE_CHECKING:
    from collections.abc import Iterable

_STANDARD = "STANDARD"


def require_standard_class(log_groups: Iterable[logs.ILogGroup]) -> None:
    """Check that log groups are of the class STANDARD; the class of an imported one is unknown.

    Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CloudWatch_Logs_Log_Classes.html

    Raises:
        InvalidArgument: When one is of another class.
    """
    for log_group in log_groups:
        resource = log_group.node.default_child
        class_ = resource.log_group_class if isinstance(resource, logs.CfnLogGroup) else None
        if class_ is not None and not Token.is_unresolved(class_) and class_ != _STANDARD:
            raise InvalidArgument(
                f"log group {log_group.node.path} is of the class {class_}: CloudWatch Logs makes no metrics of it "
                "and it has no subscriptions, so alarms would never go off and nothing would be announced; "
                "give one of the class STANDARD"
            )
