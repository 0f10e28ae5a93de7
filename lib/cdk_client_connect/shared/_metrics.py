"""The metrics that records of decisions and of runs carry."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import aws_cloudwatch as cloudwatch

from client_connect.record import METRIC_NAMESPACE

if TYPE_CHECKING:
    from aws_cdk import Duration


def record_metric(
    function_name: str, name: str, statistic: str, period: Duration | None = None, *, label: str | None = None
) -> cloudwatch.Metric:
    """Return a metric of a function's records, by the function's name."""
    return cloudwatch.Metric(
        namespace=METRIC_NAMESPACE,
        metric_name=name,
        dimensions_map={"FunctionName": function_name},
        statistic=statistic,
        period=period,
        label=label,
    )
