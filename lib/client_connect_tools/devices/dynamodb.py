"""DynamoDB as boto3 finds it: Region, credentials and endpoint are those of its standard chain."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import boto3
from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from mypy_boto3_dynamodb import DynamoDBClient

    from client_connect.sources.items import Item


_MISSING = "ResourceNotFoundException"


class DynamoDbFailed(Exception):
    """DynamoDB or STS cannot be asked, or refuses; the message says why."""


def client(region: str | None = None) -> DynamoDBClient:
    """Return a client.

    Args:
        region: The Region. Default: that of the environment.

    Raises:
        DynamoDbFailed: When there is no Region, or the configuration is not right.
    """
    with aws_errors():
        session = boto3.Session(region_name=region)
        if session.region_name is None:
            raise DynamoDbFailed("no Region is set; set AWS_DEFAULT_REGION, or the region of your profile")
        created: DynamoDBClient = session.client("dynamodb")
        return created


def caller(region: str | None = None) -> str:
    """Return the ARN of the principal whose credentials are used, as STS knows it.

    Args:
        region: The Region of the STS that is asked. Default: that of the environment.

    Raises:
        DynamoDbFailed: When STS cannot be asked.
    """
    with aws_errors():
        arn: str = boto3.Session(region_name=region).client("sts").get_caller_identity()["Arn"]
        return arn


@contextmanager
def aws_errors(table: str = "") -> Iterator[None]:
    """Turn what boto3 raises into one error.

    Raises:
        DynamoDbFailed: When it raises something.
    """
    try:
        yield
    except (BotoCoreError, ClientError, ValueError) as error:
        if table and isinstance(error, ClientError) and error.response["Error"]["Code"] == _MISSING:
            raise DynamoDbFailed(
                f'there is no table "{table}" in this Region and account; see whether they are the right ones, and '
                "whether the stack is deployed there"
            ) from error
        where = f'table "{table}": ' if table else ""
        raise DynamoDbFailed(f"{where}{error}") from error


def scan(dynamodb: DynamoDBClient, table: str) -> Iterator[Item]:
    """Yield every item of a table, page by page.

    Raises:
        DynamoDbFailed: When it cannot be read.
    """
    with aws_errors(table):
        for page in dynamodb.get_paginator("scan").paginate(TableName=table):
            yield from page["Items"]  # type: ignore[misc]


def get(dynamodb: DynamoDBClient, table: str, key: Mapping[str, Any]) -> Item | None:
    """Return an item as it is now; ``None`` if it does not exist.

    Raises:
        DynamoDbFailed: When it cannot be read.
    """
    with aws_errors(table):
        return dynamodb.get_item(TableName=table, Key=key, ConsistentRead=True).get("Item")  # type: ignore[return-value]
