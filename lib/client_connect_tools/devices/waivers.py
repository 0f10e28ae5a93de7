"""Waivers granted and revoked. What somebody else changes at the same time is never lost."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from client_connect.items import HOLDER, waivers_item, waivers_of
from client_connect_tools.devices.dynamodb import DynamoDbFailed, aws_errors, get

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mypy_boto3_dynamodb import DynamoDBClient

    from client_connect.items import Item
    from client_connect.waiver import Waiver

_ATTEMPTS = 5
_LONGEST_PAUSE_S = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What became of the waivers of a device or a user.

    Attributes:
        former: The waiver of the same policy that was there before.
        expired: Others that were removed because their time is over.
    """

    former: Waiver | None
    expired: tuple[Waiver, ...]


def waive(dynamodb: DynamoDBClient, table: str, waiver: Waiver) -> Change:
    """Grant a waiver, in the place of one of the same policy.

    Raises:
        MalformedItem: When what the table holds cannot be understood.
        DynamoDbFailed: When it cannot be read or written, or others are always faster.
    """
    return _change(dynamodb, table, waiver.holder, waiver.policy_id, [waiver])


def unwaive(dynamodb: DynamoDBClient, table: str, *, holder: str, policy_id: str) -> Change:
    """Revoke a waiver, if there is one.

    Raises:
        MalformedItem: When what the table holds cannot be understood.
        DynamoDbFailed: When it cannot be read or written, or others are always faster.
    """
    return _change(dynamodb, table, holder, policy_id, [])


def _change(
    dynamodb: DynamoDBClient, table: str, holder: str, policy_id: str, granted: Sequence[Waiver]
) -> Change:
    for attempt in range(_ATTEMPTS):
        if attempt:
            time.sleep(random.uniform(0, _LONGEST_PAUSE_S))  # noqa: S311 - no secret
        read = get(dynamodb, table, {HOLDER: {"S": holder}})
        present = waivers_of(read) if read else ()
        others = [waiver for waiver in present if waiver.policy_id != policy_id]
        now = datetime.now(UTC)
        kept = [waiver for waiver in others if waiver.until > now]
        former = next((waiver for waiver in present if waiver.policy_id == policy_id), None)
        if former is None and not granted:
            return Change(former=None, expired=())
        item = _item(read, kept, granted)
        if _replace(dynamodb, table, holder, read=read, item=item):
            return Change(former=former, expired=tuple(waiver for waiver in others if waiver not in kept))
    raise DynamoDbFailed(
        f'table "{table}": the waivers of "{holder}" were changed by somebody else {_ATTEMPTS} times; try again'
    )


def _item(read: Item | None, kept: Sequence[Waiver], granted: Sequence[Waiver]) -> Item | None:
    """Return the item to write; what is kept of the one that was read stays as it is, to the last attribute."""
    if not (kept or granted):
        return None
    item = {**(read or {}), **waivers_item([*kept, *granted])}
    as_read = read["waivers"]["M"] if read else {}
    item["waivers"]["M"] |= {waiver.policy_id: as_read[waiver.policy_id] for waiver in kept}
    return item


def _replace(
    dynamodb: DynamoDBClient, table: str, holder: str, *, read: Item | None, item: Item | None
) -> bool:
    """Write an item, or delete it, unless it is no longer what was read; tell whether it was."""
    condition = _unchanged(read)
    with aws_errors(table):
        try:
            if item is None:
                dynamodb.delete_item(TableName=table, Key={HOLDER: {"S": holder}}, **condition)
            else:
                dynamodb.put_item(TableName=table, Item=item, **condition)
        except dynamodb.exceptions.ConditionalCheckFailedException:
            return False
    return True


def _unchanged(read: Item | None) -> dict[str, Any]:
    if read is None:
        return {
            "ConditionExpression": "attribute_not_exists(#holder)",
            "ExpressionAttributeNames": {"#holder": HOLDER},
        }
    return {
        "ConditionExpression": "#waivers = :waivers",
        "ExpressionAttributeNames": {"#waivers": "waivers"},
        "ExpressionAttributeValues": {":waivers": read["waivers"]},
    }
