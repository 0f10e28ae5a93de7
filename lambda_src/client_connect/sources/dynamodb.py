"""DynamoDB, read and written within limits of time.

Its client needs botocore, which Lambda's image has and which is imported only where there is a table: it takes a good
part of a cold start, and the constructs, which share the names here, must do without.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from client_connect.sources.items import Key

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from client_connect.sources.items import Item

# All far inside the function's own timeout, which is at least 5 s where there is a table.
CONNECT_TIMEOUT_S = 1.0
READ_TIMEOUT_S = 1.0
ATTEMPTS = 2

_KEYS_PER_REQUEST = 100
# Of 1 MB each; of the connections of one user, a page has about 7,000.
_MOST_PAGES = 5
_CONDITION_FAILED = "ConditionalCheckFailedException"


class Unprocessed(Exception):
    """DynamoDB left keys unprocessed, because the table is throttled."""


class TooManyItems(Exception):
    """A query did not come to its end."""


class ConditionFailed(Exception):
    """An item is not as the change demands."""


class Tables:
    """The tables of one Region.

    Args:
        rounds: How often keys that DynamoDB leaves unprocessed are asked for. Default: twice.
    """

    def __init__(self, *, rounds: int = ATTEMPTS) -> None:
        from client_connect.sources import dynamodb_client  # noqa: PLC0415

        self._client = dynamodb_client.DynamoDbClient(
            attempts=rounds, connect_timeout=CONNECT_TIMEOUT_S, read_timeout=READ_TIMEOUT_S
        )
        self._pause = dynamodb_client.pause
        self._rounds = rounds

    def get(self, keys: Iterable[Key]) -> dict[Key, Item]:
        """Return the items that are there, each as it is now: the reads are strongly consistent.

        Up to 100 different keys are one round trip, whatever tables they are in.

        Raises:
            Unprocessed: When the tables are throttled.
            botocore.exceptions.BotoCoreError, ClientError, InvalidAnswer: When they cannot be read.
        """
        wanted = list(dict.fromkeys(keys))
        found: dict[Key, Item] = {}
        for first in range(0, len(wanted), _KEYS_PER_REQUEST):
            found |= self._get(wanted[first : first + _KEYS_PER_REQUEST])
        return found

    def _get(self, keys: Sequence[Key]) -> dict[Key, Item]:
        names = {key.table: key.name for key in keys}
        requests: dict[str, Any] = {table: {"ConsistentRead": True, "Keys": []} for table in names}
        for key in keys:
            requests[key.table]["Keys"].append({key.name: {"S": key.value}})
        found: dict[Key, Item] = {}
        for attempt in range(self._rounds):
            answer = self._client.call("BatchGetItem", RequestItems=requests)
            for table, items in answer["Responses"].items():
                found |= {Key(table, names[table], item[names[table]]["S"]): item for item in items}
            requests = answer.get("UnprocessedKeys") or {}
            if not requests:
                return found
            self._pause(attempt)
        left = sum(len(request["Keys"]) for request in requests.values())
        raise Unprocessed(f"{left} of {len(keys)} keys were left unprocessed")

    def put(self, table: str, item: Item, *, unless: str | None = None) -> None:
        """Write an item in place of the one with its key, unless that one has a certain attribute.

        Raises:
            ConditionFailed: When it has.
        """
        condition = {} if unless is None else {"ConditionExpression": f"attribute_not_exists({unless})"}
        self._change("PutItem", f"an item of {table} has {unless}", TableName=table, Item=item, **condition)

    def update(self, key: Key, **expression: object) -> Mapping[str, Any]:
        """Change an item; the keywords are those of DynamoDB's ``UpdateItem``.

        Raises:
            ConditionFailed: When its ``ConditionExpression`` is false.
        """
        return self._change("UpdateItem", str(key), **_place(key), **expression)

    def delete(self, key: Key) -> None:
        """Remove an item, if it is there."""
        self._client.call("DeleteItem", **_place(key))

    def query(self, table: str, index: str, **expression: object) -> list[Item]:
        """Return all items of an index that a query finds.

        Raises:
            TooManyItems: When it reads more than 5 pages of 1 MB, including those that its filter leaves out.
        """
        items: list[Item] = []
        begin: dict[str, object] = {}
        for _ in range(_MOST_PAGES):
            answer = self._client.call("Query", TableName=table, IndexName=index, **expression, **begin)
            items += answer["Items"]
            if not answer.get("LastEvaluatedKey"):
                return items
            begin = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}
        raise TooManyItems(f"{index} of {table} has more than {_MOST_PAGES} MB for one key")

    def _change(self, operation: str, problem: str, **parameters: object) -> Mapping[str, Any]:
        from botocore.exceptions import ClientError  # noqa: PLC0415

        try:
            return self._client.call(operation, **parameters)
        except ClientError as error:
            if error.response["Error"]["Code"] == _CONDITION_FAILED:
                raise ConditionFailed(problem) from error
            raise


def _place(key: Key) -> dict[str, Any]:
    return {"TableName": key.table, "Key": {key.name: {"S": key.value}}}
