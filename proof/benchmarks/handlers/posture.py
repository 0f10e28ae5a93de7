"""A handler as a team writes it by hand: it looks the device up in a table with boto3, and decides on its posture."""

import logging
import os
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3

logger = logging.getLogger()
logger.setLevel(logging.INFO)
table = boto3.resource("dynamodb").Table(os.environ["DEVICES_TABLE"])


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001 - Lambda's signature
    """Allow who has a compliant device that was seen lately."""
    device = table.get_item(Key={"commonName": event["common-name"]}, ConsistentRead=True).get("Item")
    message, statuses = "", []
    if device is None:
        message, statuses = "Your device is not registered.", ["unregistered"]
    elif not device["compliant"]:
        message, statuses = "Your device is not compliant.", ["not-compliant"]
    elif datetime.fromisoformat(device["lastSeen"]) < datetime.now(UTC) - timedelta(days=365):
        message, statuses = "Your device has not been seen lately.", ["stale"]
    logger.info("decided", extra={"request": event, "allow": not message})
    return {
        "allow": not message,
        "error-msg-on-denied-connection": message,
        "posture-compliance-statuses": statuses,
        "schema-version": event["schema-version"],
    }
