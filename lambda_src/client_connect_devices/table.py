"""The table of devices: read as a whole, written item by item, each on the condition that it is what was read."""

from __future__ import annotations

import itertools
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from client_connect_devices.errors import RunInProgress
from client_connect_devices.items import COMMON_NAME, REMOVED, SOURCES, TOP
from client_connect_devices.state import LOCKED_BY, LOCKED_UNTIL, State, acted_attribute, state_key, state_of
from client_connect_devices.values import RESERVED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from client_connect_devices.brake import Acted
    from client_connect_devices.differences import Change, Kind, Planned
    from client_connect_devices.items import Item

    ChangeOf = Callable[[str, Item | None], Change | None]

_THREADS = 8
# How often a change is worked out again because another writer changed the item meanwhile.
_ATTEMPTS = 5


class Table:
    """The table of devices of an inventory.

    Args:
        client: A client of DynamoDB, as boto3 makes it.
        name: The table's name.
    """

    def __init__(self, client: Any, name: str) -> None:  # noqa: ANN401 - boto3 has no types at run time
        self._client = client
        self._name = name

    def scan(self) -> Iterator[Item]:
        """Yield every device, as it is now."""
        for page in self._client.get_paginator("scan").paginate(TableName=self._name, ConsistentRead=True):
            for item in page["Items"]:
                if not item[COMMON_NAME]["S"].startswith(RESERVED):
                    yield item

    def get(self, common_name: str) -> Item | None:
        """Return an item as it is now; ``None`` if it does not exist."""
        found: Item | None = self._client.get_item(
            TableName=self._name, Key=_key(common_name), ConsistentRead=True
        ).get("Item")
        return found

    def state(self, source: str) -> State:
        """Return the state of a source."""
        return state_of(self.get(state_key(source)) or {})

    def lock(self, source: str, *, run: str, seconds: float) -> State:
        """Take the lock of a source, which ends by itself, and return the source's state.

        Raises:
            RunInProgress: When another run holds it.
        """
        now = int(time.time())
        try:
            answer = self._client.update_item(
                TableName=self._name,
                Key=_key(state_key(source)),
                UpdateExpression=f"SET {LOCKED_BY} = :run, {LOCKED_UNTIL} = :until, {REMOVED} = :true",
                ConditionExpression=f"attribute_not_exists({LOCKED_UNTIL}) OR {LOCKED_UNTIL} < :now",
                ExpressionAttributeValues={
                    ":run": {"S": run},
                    ":until": {"N": str(now + int(seconds) + 1)},
                    ":now": {"N": str(now)},
                    ":true": {"BOOL": True},
                },
                ReturnValues="ALL_NEW",
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            raise RunInProgress(f'another run of "{source}" is in progress; this one does nothing') from None
        return state_of(answer["Attributes"])

    def announce(self, source: str, *, run: str, acted: Sequence[Acted]) -> None:
        """Keep what this run is about to do, before it does it: if it is killed, that still counts."""
        self._update_state(source, run, "SET acted = :acted", {":acted": acted_attribute(list(acted))})

    def unlock(self, source: str, *, run: str, state: State | None = None) -> None:
        """Give the lock back, with the state after a complete run.

        Raises:
            RunInProgress: When the lock had ended, and another run has it.
        """
        expression, values = f"REMOVE {LOCKED_BY}, {LOCKED_UNTIL}", {}
        if state is not None:
            expression = f"SET runs = :runs, lastComplete = :at {expression}"
            values = {":runs": {"N": str(state.runs)}, ":at": {"S": state.last_complete}}
        self._update_state(source, run, expression, values)

    def _update_state(self, source: str, run: str, expression: str, values: dict[str, Any]) -> None:
        try:
            self._client.update_item(
                TableName=self._name,
                Key=_key(state_key(source)),
                UpdateExpression=expression,
                ConditionExpression=f"{LOCKED_BY} = :run",
                ExpressionAttributeValues={":run": {"S": run}, **values},
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            raise RunInProgress(f'the lock of "{source}" has ended, and another run has taken it') from None

    def write(
        self, planned: Iterable[Planned], change_of: ChangeOf, go_on: Callable[[], bool]
    ) -> Iterator[Kind]:
        """Write changes, several at a time in their order, and yield the kind of each that was written.

        Args:
            planned: The changes.
            change_of: Works a change out from the item as it is now; ``None`` where nothing is left to change.
            go_on: Whether there is time; without, the rest is left to the next run.
        """
        remaining = iter(planned)
        with ThreadPoolExecutor(_THREADS, thread_name_prefix="write") as executor:
            while batch := list(itertools.islice(remaining, _THREADS * 8)):
                if not go_on():
                    return
                for kind in executor.map(lambda each: self._write(each, change_of), batch):
                    if kind is not None:
                        yield kind

    def _write(self, planned: Planned, change_of: ChangeOf) -> Kind | None:
        name = planned.common_name
        item = None if planned.is_new else self.get(name)
        for _ in range(_ATTEMPTS):
            change = change_of(name, item)
            if change is None:
                return None
            if self._try(change):
                return change.kind
            item = self.get(name)
        raise RunInProgress(
            f'the item "{name}" was changed by another writer {_ATTEMPTS} times; the next run tries again'
        )

    def _try(self, change: Change) -> bool:
        """Write a change; return whether the item still had the sources that were read."""
        condition: dict[str, Any] = {"ConditionExpression": f"attribute_not_exists({COMMON_NAME})"}
        values: dict[str, Any] = {}
        if not change.is_new:
            condition = {
                "ConditionExpression": f"attribute_exists({COMMON_NAME}) AND attribute_not_exists({SOURCES})"
            }
            if change.before is not None:
                condition = {"ConditionExpression": f"{SOURCES} = :before"}
                values[":before"] = change.before
        target = {"TableName": self._name, "Key": _key(change.common_name)}
        try:
            if change.sources is None:
                self._client.delete_item(**target, **condition, ExpressionAttributeValues=values)
                return True
            names, expression = _expression(change, values)
            self._client.update_item(
                **target,
                **condition,
                UpdateExpression=expression,
                ExpressionAttributeNames=names,
                ExpressionAttributeValues=values,
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return False
        return True


def _expression(change: Change, values: dict[str, Any]) -> tuple[dict[str, str], str]:
    names = {f"#{name}": name for name in (*TOP, REMOVED)}
    values[":sources"] = change.sources
    sets = [f"{SOURCES} = :sources"]
    for name, value in change.top.items():
        values[f":{name}"] = value
        sets.append(f"#{name} = :{name}")
    removed = [f"#{name}" for name in (*TOP, REMOVED) if name not in change.top]
    return names, f"SET {', '.join(sets)} REMOVE {', '.join(removed)}"


def _key(common_name: str) -> dict[str, Any]:
    return {COMMON_NAME: {"S": common_name}}
