"""Blocks written and removed, with a trace of each that ends. Changes by others at the same time are not lost.

A trace is a separate item in the table of waivers, for 400 days, as that of a waiver::

    {"holder": "unblocked:2026-11-22T09:00:00.000000Z:4f2a...", "ended": {..., "how": "unblocked", "endedAt": ...,
     "endedBy": "arn:aws:sts::..."}, "expiresAt": 1830643200}
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import uuid4

from client_connect.blocks import PREFIX, Block, covers, device_key, folded, user_key
from client_connect.sources.items import (
    EXPIRES_AT,
    HOLDER,
    MalformedItem,
    block_attributes,
    block_of,
    blocks_of,
    kept_until,
)
from client_connect_tools.devices.dynamodb import DynamoDbFailed, get
from client_connect_tools.devices.replacing import replace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mypy_boto3_dynamodb import DynamoDBClient

    from client_connect.sources.items import Item

    # From the blocks of an item, as it holds them, to the wanted ones, and the ends of the others.
    Edit = Callable[[dict[str, Item]], tuple[dict[str, Item], list["Ended"]]]

ENDED_PREFIX = "unblocked:"
_ATTEMPTS = 5
_LONGEST_PAUSE_S = 0.2
_MOST_TRACES = 90  # a transaction has at most 100 items


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A block that ended, as it was in the item, and how it did."""

    attributes: Item
    how: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptBlock:
    """A block that the table holds, or the trace of one.

    Attributes:
        block: The user or device that is kept out, why and who did it.
        state: ``active``, ``expired``, ``unblocked`` or ``replaced``.
        problem: Why it cannot be read; it holds all the same.
        ended_at: When it was ended, as ISO 8601; empty if it was not ended.
        ended_by: The ARN of the principal that did.
    """

    block: Block
    state: str
    problem: str = ""
    ended_at: str = ""
    ended_by: str = ""


def is_of_blocks(item: Item) -> bool:
    """Tell whether an item of the table of waivers is one of blocks, or the trace of one."""
    key: str = item[HOLDER]["S"]
    return key.startswith((PREFIX, ENDED_PREFIX))


def key_of(holder: str) -> str:
    """Return the key of the item for a device or a user."""
    kind, _, name = holder.partition(":")
    return device_key(name) if kind == "device" else user_key(name)


def write_block(dynamodb: DynamoDBClient, table: str, block: Block, *, by: str | None = None) -> Block | None:
    """Block a user or device, in the place of a block of the same name; return that one.

    Args:
        dynamodb: A client.
        table: The name of the table.
        block: The block.
        by: The ARN of the principal that writes it now. Default: who is named in it.

    Raises:
        DynamoDbFailed: When the table cannot be read or written, or others are always faster.
    """
    name = _name(block.holder)
    attributes = block_attributes(block)
    former: list[Item] = []

    def edit(present: dict[str, Item]) -> tuple[dict[str, Item], list[Ended]]:
        former[:] = [present[name]] if name in present else []
        ended = [Ended(attributes=each, how="replaced") for each in former]
        return {**present, name: attributes}, ended

    _edit(dynamodb, table, block.holder, edit, by=by or block.granted_by)
    return _readable(former[0]) if former else None


def block_if_new(dynamodb: DynamoDBClient, table: str, block: Block, *, by: str) -> Block | None:
    """Block a user or device, unless a block of the same name still counts; return that one.

    Args:
        dynamodb: A client.
        table: The name of the table.
        block: The block.
        by: The ARN of the principal that writes it now.

    Raises:
        DynamoDbFailed: When the table cannot be read or written, or others are always faster.
    """
    name = _name(block.holder)
    still: list[Item] = []

    def edit(present: dict[str, Item]) -> tuple[dict[str, Item], list[Ended]]:
        former = [present[name]] if name in present else []
        still[:] = [each for each in former if _holds(each, datetime.now(UTC))]
        if still:
            return present, []
        ended = [Ended(attributes=each, how="expired") for each in former]
        return {**present, name: block_attributes(block)}, ended

    _edit(dynamodb, table, block.holder, edit, by=by)
    return (_readable(still[0]) or Block(block.holder)) if still else None


def remove_block(
    dynamodb: DynamoDBClient, table: str, holder: str, *, by: str
) -> tuple[Block | None, list[Block]]:
    """Remove a block.

    Args:
        dynamodb: A client.
        table: The name of the table.
        holder: The device or the user, in the spelling of the block but for case.
        by: The ARN of the principal that removes it.

    Returns:
        The block, if there was one; and others that still keep the same name out, by another spelling of it.

    Raises:
        DynamoDbFailed: When the table cannot be read or written, or others are always faster.
    """
    name = _name(holder)
    removed: list[Item] = []
    others: dict[str, Item] = {}

    def edit(present: dict[str, Item]) -> tuple[dict[str, Item], list[Ended]]:
        removed[:] = [present[name]] if name in present else []
        others.clear()
        others.update({key: each for key, each in present.items() if key != name})
        return dict(others), [Ended(attributes=each, how="unblocked") for each in removed]

    _edit(dynamodb, table, holder, edit, by=by)
    now = datetime.now(UTC)
    left, _ = blocks_of({HOLDER: {"S": key_of(holder)}, "blocks": {"M": {**_as_values(others)}}})
    still = [each for each in left.values() if each.holds(now) and covers(each, holder.partition(":")[2])]
    return (_readable(removed[0]) if removed else None), still


def kept_blocks(item: Item) -> Iterator[KeptBlock]:
    """Yield the blocks, or the trace of one, in an item of the table.

    Raises:
        MalformedItem: When a trace cannot be understood.
    """
    if not item[HOLDER]["S"].startswith(ENDED_PREFIX):
        now = datetime.now(UTC)
        found, problem = blocks_of(item)
        for block in found.values():
            state = "active" if block.holds(now) else "expired"
            yield KeptBlock(block=block, state=state, problem="" if block.reason else problem)
        return
    try:
        ended = item["ended"]["M"]
        how, at, by = (ended[name]["S"] for name in ("how", "endedAt", "endedBy"))
    except (KeyError, TypeError) as error:
        raise MalformedItem(f"the trace of a block has no {error}") from error
    yield KeptBlock(block=block_of(ended), state=how, ended_at=at, ended_by=by)


def _name(holder: str) -> str:
    return folded(holder.partition(":")[2]) or " "


def _as_values(blocks: dict[str, Item]) -> dict[str, dict[str, object]]:
    return {key: {"M": each} for key, each in blocks.items()}


def _edit(dynamodb: DynamoDBClient, table: str, holder: str, edit: Edit, *, by: str) -> None:
    key = key_of(holder)
    for attempt in range(_ATTEMPTS):
        if attempt:
            time.sleep(random.uniform(0, _LONGEST_PAUSE_S))  # noqa: S311 - no secret
        read = get(dynamodb, table, {HOLDER: {"S": key}})
        present = _present(read)
        now = datetime.now(UTC)
        blocks, ended = edit(present)
        over = [name for name, each in blocks.items() if not _holds(each, now)][:_MOST_TRACES]
        ended += [Ended(attributes=blocks[name], how="expired") for name in over]
        left = {name: each for name, each in blocks.items() if name not in over}
        if left == present:
            return
        traces = [_trace(each, now, by) for each in ended]
        if replace(dynamodb, table, key, "blocks", read=read, item=_item(read, key, left), traces=traces):
            return
    raise DynamoDbFailed(
        f'table "{table}": the blocks of "{holder}" were changed by someone else {_ATTEMPTS} times; try again'
    )


def _present(read: Item | None) -> dict[str, Item]:
    """Return the blocks of an item as it holds them, to the last attribute; what is no map is not kept."""
    blocks = ({} if read is None else read).get("blocks", {}).get("M", {})
    return {name: each["M"] for name, each in blocks.items() if isinstance(each.get("M"), dict)}


def _holds(attributes: Item, now: datetime) -> bool:
    block = _readable(attributes)
    return block is None or block.holds(now)


def _readable(attributes: Item) -> Block | None:
    try:
        return block_of(attributes)
    except MalformedItem:
        return None


def _item(read: Item | None, key: str, blocks: dict[str, Item]) -> Item | None:
    if not blocks:
        return None
    item: Item = {**(read or {}), HOLDER: {"S": key}, "blocks": {"M": _as_values(blocks)}}
    ends = [block.until if (block := _readable(each)) else None for each in blocks.values()]
    item.pop(EXPIRES_AT, None)
    known = [end for end in ends if end is not None]
    if len(known) == len(ends):
        item[EXPIRES_AT] = {"N": str(kept_until(max(known)))}
    return item


def _trace(ended: Ended, now: datetime, by: str) -> Item:
    at = now.isoformat(timespec="microseconds").replace("+00:00", "Z")
    attributes = {
        **ended.attributes,
        "how": {"S": ended.how},
        "endedAt": {"S": at},
        "endedBy": {"S": by},
    }
    return {
        HOLDER: {"S": f"{ENDED_PREFIX}{at}:{uuid4().hex}"},
        "ended": {"M": attributes},
        EXPIRES_AT: {"N": str(kept_until(now))},
    }
