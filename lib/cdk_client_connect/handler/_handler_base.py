"""The part of a handler that follows from its name and ARN."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_ec2 as ec2
from constructs import Construct

from cdk_client_connect.shared._metrics import metric, record_metric

if TYPE_CHECKING:
    from typing import Unpack

    from cdk_client_connect.shared.metric_keywords import MetricKeywords


class HandlerBase(Construct):
    """A handler that is defined here or imported; whoever inherits sets the three attributes."""

    _function_name: str
    _function_arn: str
    _qualifier: str | None

    @property
    def function_name(self) -> str:
        """The function's name; a token only if the ARN of an imported handler is one."""
        return self._function_name

    @property
    def function_arn(self) -> str:
        """The ARN to give an endpoint: the alias's or the unqualified one."""
        return self._function_arn

    @property
    def client_connect_options(self) -> ec2.CfnClientVpnEndpoint.ClientConnectOptionsProperty:
        """The value for an ``ec2.CfnClientVpnEndpoint``'s ``client_connect_options``."""
        return ec2.CfnClientVpnEndpoint.ClientConnectOptionsProperty(
            enabled=True, lambda_function_arn=self.function_arn
        )

    def metric(self, metric_name: str, **options: Unpack[MetricKeywords]) -> cloudwatch.Metric:
        """Return one of Lambda's own metrics of what endpoints invoke, such as ``Duration``.

        Args:
            metric_name: As in the namespace ``AWS/Lambda``.
            **options: As the CDK's ``cloudwatch.MetricOptions``. Default: the average over 5 minutes.
        """
        dimensions = {"FunctionName": self._function_name}
        if self._qualifier is not None:
            dimensions["Resource"] = f"{self._function_name}:{self._qualifier}"
        # By name as text, not by reference: alarms of another stack must follow a renamed function.
        return metric("AWS/Lambda", metric_name, dimensions, None, options).attach_to(self)

    def metric_invocations(self, **options: Unpack[MetricKeywords]) -> cloudwatch.Metric:
        """Return how often Lambda ran what endpoints invoke, by default the sum."""
        return self._sum("Invocations", options)

    def metric_errors(self, **options: Unpack[MetricKeywords]) -> cloudwatch.Metric:
        """Return Lambda's own count of invocations that failed, as of any function, by default the sum.

        Connections that the handler could not decide are ``metric_decision_errors``.
        """
        return self._sum("Errors", options)

    def metric_throttles(self, **options: Unpack[MetricKeywords]) -> cloudwatch.Metric:
        """Return how often Lambda refused to run it, by default the sum."""
        return self._sum("Throttles", options)

    def metric_duration(self, **options: Unpack[MetricKeywords]) -> cloudwatch.Metric:
        """Return the milliseconds per invocation, by default the average."""
        return self.metric("Duration", **options)

    def metric_allowed(self, **options: Unpack[MetricKeywords]) -> cloudwatch.Metric:
        """Return the number of connections that were allowed, by default the sum."""
        return self._of_records("Allowed", cloudwatch.Stats.SUM, options)

    def metric_denied(self, **options: Unpack[MetricKeywords]) -> cloudwatch.Metric:
        """Return the number of connections that the handler denied, by default the sum."""
        return self._of_records("Denied", cloudwatch.Stats.SUM, options)

    def metric_decision_errors(self, **options: Unpack[MetricKeywords]) -> cloudwatch.Metric:
        """Return the number of connections that could not be decided soundly, by default the sum."""
        return self._of_records("Errors", cloudwatch.Stats.SUM, options)

    def metric_shadow_denied(self, **options: Unpack[MetricKeywords]) -> cloudwatch.Metric:
        """Return the number of connections that were allowed only because of shadow mode, by default the sum."""
        return self._of_records("ShadowDenied", cloudwatch.Stats.SUM, options)

    def metric_decision_time(self, **options: Unpack[MetricKeywords]) -> cloudwatch.Metric:
        """Return the milliseconds per decision, by default the 99th percentile."""
        return self._of_records("DecisionTime", cloudwatch.Stats.percentile(99), options)

    def _sum(self, name: str, options: MetricKeywords) -> cloudwatch.Metric:
        given = options.copy()
        if given.get("statistic") is None:
            given["statistic"] = cloudwatch.Stats.SUM
        return self.metric(name, **given)

    def _of_records(self, name: str, statistic: str, options: MetricKeywords) -> cloudwatch.Metric:
        return record_metric(self._function_name, name, statistic, options)
