"""DynamoDB, read and written within limits of time.

Uses botocore, which Lambda's image has and which is imported only where there is a table: it takes a good part of
a cold start, and the constructs, which share the names here, must do without.
"""

from __future__ import annotations

from random import random
from time import sleep
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
_LONGEST_PAUSE_S = 2.0


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
        from botocore.config import Config  # noqa: PLC0415
        from botocore.session import get_session  # noqa: PLC0415

        config = Config(
            connect_timeout=CONNECT_TIMEOUT_S,
            read_timeout=READ_TIMEOUT_S,
            retries={"mode": "standard", "total_max_attempts": rounds},
        )
        self._client: Any = get_session().create_client("dynamodb", config=config)
        self._rounds = rounds

    def get(self, keys: Iterable[Key]) -> dict[Key, Item]:
        """Return the items that are there, each as it is now: the reads are strongly consistent.

        Up to 100 different keys are one round trip, whatever tables they are in.

        Raises:
            Unprocessed: When the tables are throttled.
            botocore.exceptions.BotoCoreError, ClientError: When they cannot be read.
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
            answer = self._client.batch_get_item(RequestItems=requests)
            for table, items in answer["Responses"].items():
                found |= {Key(table, names[table], item[names[table]]["S"]): item for item in items}
            requests = answer.get("UnprocessedKeys")
            if not requests:
                return found
            sleep(random() * min(0.05 * 2**attempt, _LONGEST_PAUSE_S))  # noqa: S311 - spreads the load
        left = sum(len(request["Keys"]) for request in requests.values())
        raise Unprocessed(f"{left} of {len(keys)} keys were left unprocessed")

    def put(self, table: str, item: Item, *, unless: str | None = None) -> None:
        """Write an item in place of the one with its key, unless that one has a certain attribute.

        Raises:
            ConditionFailed: When it has.
        """
        condition = {} if unless is None else {"ConditionExpression": f"attribute_not_exists({unless})"}
        try:
            self._client.put_item(TableName=table, Item=item, **condition)
        except self._client.exceptions.ConditionalCheckFailedException as error:
            raise ConditionFailed(f"an item of {table} has {unless}") from error

    def update(self, key: Key, **expression: object) -> Mapping[str, Any]:
        """Change an item; the keywords are those of DynamoDB's ``UpdateItem``.

        Raises:
            ConditionFailed: When its ``ConditionExpression`` is false.
        """
        try:
            answer: Mapping[str, Any] = self._client.update_item(
                TableName=key.table, Key={key.name: {"S": key.value}}, **expression
            )
        except self._client.exceptions.ConditionalCheckFailedException as error:
            raise ConditionFailed(str(key)) from error
        return answer

    def delete(self, key: Key) -> None:
        """Remove an item, if it is there."""
        self._client.delete_item(TableName=key.table, Key={key.name: {"S": key.value}})

    def query(self, table: str, index: str, **expression: object) -> list[Item]:
        """Return all items of an index that a query finds.

        Raises:
            TooManyItems: When it reads more than 5 pages of 1 MB, including those that its filter leaves out.
        """
        items: list[Item] = []
        begin: dict[str, object] = {}
        for _ in range(_MOST_PAGES):
            answer = self._client.query(TableName=table, IndexName=index, **expression, **begin)
            items += answer["Items"]
            if not answer.get("LastEvaluatedKey"):
                return items
            begin = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}
        raise TooManyItems(f"{index} of {table} has more than {_MOST_PAGES} MB for one key")
