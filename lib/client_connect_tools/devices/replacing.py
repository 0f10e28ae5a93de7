"""An item of the table of waivers replaced, with the traces of what ends, unless another writer has changed it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from client_connect.sources.items import HOLDER
from client_connect_tools.devices.dynamodb import aws_errors

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mypy_boto3_dynamodb import DynamoDBClient

    from client_connect.sources.items import Item

_CHANGED = frozenset(("ConditionalCheckFailed", "TransactionConflict"))


def replace(  # noqa: PLR0913 - what was read, and what to write
    dynamodb: DynamoDBClient,
    table: str,
    holder: str,
    attribute: str,
    *,
    read: Item | None,
    item: Item | None,
    traces: Sequence[Item],
) -> bool:
    """Write or delete an item, with the traces, unless it was changed since it was read; return whether it was written.

    Args:
        dynamodb: A client.
        table: The name of the table.
        holder: The key of the item.
        attribute: The name of the attribute that shows whether it was changed.
        read: The item as it was read; ``None`` when there was none.
        item: The item to write; ``None`` to delete it.
        traces: Items to write with it.

    Raises:
        DynamoDbFailed: When DynamoDB refuses.
    """
    condition = {"TableName": table, **_unchanged(read, attribute)}
    change: Any = (
        {"Delete": {"Key": {HOLDER: {"S": holder}}, **condition}}
        if item is None
        else {"Put": {"Item": item, **condition}}
    )
    puts: Any = [{"Put": {"TableName": table, "Item": trace}} for trace in traces]
    with aws_errors(table):
        try:
            dynamodb.transact_write_items(TransactItems=[change, *puts])
        except dynamodb.exceptions.TransactionCanceledException as error:
            reasons: Any = error.response.get("CancellationReasons", [])
            if _CHANGED.isdisjoint(str(reason.get("Code")) for reason in reasons):
                raise
            return False
    return True


def _unchanged(read: Item | None, attribute: str) -> dict[str, Any]:
    if read is None:
        return {
            "ConditionExpression": "attribute_not_exists(#holder)",
            "ExpressionAttributeNames": {"#holder": HOLDER},
        }
    if attribute not in read:
        return {
            "ConditionExpression": "attribute_not_exists(#attribute)",
            "ExpressionAttributeNames": {"#attribute": attribute},
        }
    return {
        "ConditionExpression": "#attribute = :read",
        "ExpressionAttributeNames": {"#attribute": attribute},
        "ExpressionAttributeValues": {":read": read[attribute]},
    }
