"""The keywords of metrics, which are the CDK's."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    from aws_cdk import Duration
    from aws_cdk import aws_cloudwatch as cloudwatch


class MetricKeywords(TypedDict, total=False):
    """The keywords of a metric method, as the CDK's ``cloudwatch.MetricOptions``; each may be left out or ``None``.

    Attributes:
        account: The account that has the metric. Default: that of the stack.
        color: A hexadecimal color such as ``#ff0000`` on graphs. Default: chosen by CloudWatch.
        id: The metric's id in expressions. Default: made up.
        label: Its label. Default: the metric's name.
        period: The time that one value stands for. Default: 5 minutes.
        region: The Region that has the metric. Default: that of the stack.
        stack_account: The account of the stack that uses it. Default: that of the stack.
        stack_region: The Region of the stack that uses it. Default: that of the stack.
        statistic: What is made of the values. Default: what the method says.
        unit: A filter for values of that unit. Default: all units.
        visible: Whether a graph shows it. Default: ``True``.
    """

    account: str | None
    color: str | None
    id: str | None
    label: str | None
    period: Duration | None
    region: str | None
    stack_account: str | None
    stack_region: str | None
    statistic: str | None
    unit: cloudwatch.Unit | None
    visible: bool | None
