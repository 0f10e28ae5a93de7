"""Settings that an organization may ask of every function: a network, a dead-letter queue, reserved concurrency."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_logs as logs

from cdk_client_connect.errors import InvalidArgument
from cdk_client_connect.shared._arguments import is_number_token, is_whole, typed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aws_cdk import aws_sqs as sqs

    from cdk_client_connect.shared._arguments import Argument


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionSettings:
    """Settings of a function that a construct defines alongside a handler, as compliance packs ask for them.

    Attributes:
        vpc: The VPC to run in. The function must reach the AWS services that it calls from there, by endpoints or a
            NAT. Default: none.
        vpc_subnets: The subnets in ``vpc``. Default: the CDK's.
        security_groups: The security groups in ``vpc``. Default: a new one.
        dead_letter_queue: Receives events that the function failed to process when no caller waited for the answer.
            Default: none.
        reserved_concurrent_executions: 1 or more; may be a token. Default: none reserved.
        log_retention: How long the log group that is defined with the function keeps its lines, where that is not the
            log of decisions. Default: that of the handler's ``support_log_retention``, a month.

    Raises:
        InvalidArgument: When a value is wrong.
    """

    vpc: ec2.IVpc | None = None
    vpc_subnets: ec2.SubnetSelection | None = None
    security_groups: Sequence[ec2.ISecurityGroup] | None = None
    dead_letter_queue: sqs.IQueue | None = None
    reserved_concurrent_executions: int | None = None
    log_retention: logs.RetentionDays | None = None

    def __post_init__(self) -> None:
        """Check the values."""
        problems = []
        if self.vpc is not None and not hasattr(self.vpc, "vpc_id"):
            problems.append(f"vpc={self.vpc!r} must be an ec2.Vpc or None")
        if self.vpc is None and (self.vpc_subnets is not None or self.security_groups is not None):
            problems.append("vpc_subnets and security_groups need vpc; give it too")
        if self.dead_letter_queue is not None and not hasattr(self.dead_letter_queue, "queue_arn"):
            problems.append(f"dead_letter_queue={self.dead_letter_queue!r} must be an sqs.Queue or None")
        reserved = self.reserved_concurrent_executions
        if reserved is not None and not (is_whole(reserved, 1) or is_number_token(reserved)):
            problems.append(
                f"reserved_concurrent_executions={reserved!r} must be a whole number of 1 or more, or None"
            )
        retention: object = self.log_retention
        if retention is not None and not isinstance(retention, logs.RetentionDays):
            problems.append(
                f"log_retention={self.log_retention!r} must be a logs.RetentionDays, such as RetentionDays.ONE_YEAR"
            )
        subnets: object = self.vpc_subnets
        if subnets is not None and not isinstance(subnets, ec2.SubnetSelection):
            problems.append(f"vpc_subnets={self.vpc_subnets!r} must be an ec2.SubnetSelection or None")
        if problems:
            raise InvalidArgument("\n".join(problems))

    def arguments(self) -> dict[str, Any]:
        """Return the arguments of a ``lambda_.Function``."""
        return {
            "vpc": self.vpc,
            "vpc_subnets": self.vpc_subnets,
            "security_groups": self.security_groups,
            "dead_letter_queue": self.dead_letter_queue,
            "reserved_concurrent_executions": self.reserved_concurrent_executions,
        }


def settings_argument(value: object) -> Argument:
    """Return the check of an argument that takes these settings."""
    return typed("function_settings", value, FunctionSettings, "FunctionSettings(...) or None", optional=True)
