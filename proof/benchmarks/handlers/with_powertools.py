"""A handler that only logs and counts, with Powertools for AWS Lambda."""

from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger(service="client-connect")
metrics = Metrics(namespace="ClientConnect", service="client-connect")


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:  # noqa: ARG001 - Lambda's signature
    """Allow everyone, and say so."""
    logger.info("connection allowed", extra={"request": event})
    metrics.add_metric(name="Allowed", unit=MetricUnit.Count, value=1)
    return {
        "allow": True,
        "error-msg-on-denied-connection": "",
        "posture-compliance-statuses": [],
        "schema-version": event["schema-version"],
    }
