"""The metrics that records of decisions and of runs carry."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import aws_cloudwatch as cloudwatch

from client_connect.record import METRIC_NAMESPACE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cdk_client_connect.shared.metric_keywords import MetricKeywords


def record_metric(
    function_name: str, name: str, statistic: str, options: MetricKeywords | None = None
) -> cloudwatch.Metric:
    """Return a metric of a function's records, by the function's name.

    Args:
        function_name: The function's name.
        name: The metric's name.
        statistic: The statistic unless the options name one.
        options: What the caller asked for.
    """
    return metric(METRIC_NAMESPACE, name, {"FunctionName": function_name}, statistic, options or {})


def metric(
    namespace: str,
    name: str,
    dimensions: Mapping[str, str],
    statistic: str | None,
    options: MetricKeywords,
) -> cloudwatch.Metric:
    """Return a metric with the options that were given."""
    given = options.copy()
    if given.get("statistic") is None:
        given["statistic"] = statistic
    return cloudwatch.Metric(namespace=namespace, metric_name=name, dimensions_map=dimensions, **given)
