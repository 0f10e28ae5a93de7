"""Items written by the batch."""

from __future__ import annotations

import itertools
import random
import time
from typing import TYPE_CHECKING

from client_connect_tools.devices.dynamodb import DynamoDbFailed, aws_errors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from mypy_boto3_dynamodb import DynamoDBClient

    from client_connect.sources.items import Item

# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchWriteItem.html
BATCH = 25
_ROUNDS = 10
_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 10.0


def write(
    dynamodb: DynamoDBClient,
    table: str,
    items: Iterable[Item],
    *,
    pause: Callable[[float], None] = time.sleep,
) -> Iterator[int]:
    """Write items, and yield after each request how many DynamoDB has taken.

    Unprocessed items are sent again after a pause, which grows at random while nothing is taken.

    Args:
        dynamodb: A client.
        table: The name of the table.
        items: The items; no two in a row of 25 may have the same key.
        pause: Waits for so many seconds.

    Raises:
        DynamoDbFailed: When they cannot be written, or when nothing is taken ten times in a row.
    """
    remaining = iter(items)
    while batch := list(itertools.islice(remaining, BATCH)):
        yield from _write(dynamodb, table, batch, pause)


def _write(
    dynamodb: DynamoDBClient, table: str, batch: Sequence[Item], pause: Callable[[float], None]
) -> Iterator[int]:
    left = len(batch)
    requests = {table: [{"PutRequest": {"Item": item}} for item in batch]}
    refused = 0
    while requests:
        with aws_errors(table):
            requests = dynamodb.batch_write_item(RequestItems=requests).get("UnprocessedItems", {})  # type: ignore[arg-type, assignment]
        still = sum(map(len, requests.values()))
        yield left - still
        refused = 0 if still < left else refused + 1
        left = still
        if refused == _ROUNDS:
            raise DynamoDbFailed(f'table "{table}": DynamoDB took nothing {_ROUNDS} times; it is throttled')
        if requests:
            pause(random.uniform(0.5, 1) * min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2**refused))  # noqa: S311 - no secret
