"""The least that Client VPN accepts, with the AWS SDK imported."""

import boto3  # noqa: F401 - that is what is measured


def handler(event, context):  # noqa: ANN001, ANN201, ARG001, D103 - two lines
    return {
        "allow": True,
        "posture-compliance-statuses": [],
        "schema-version": "v3",
        "error-msg-on-denied-connection": "",
    }
