"""Sources of facts, held in memory, and handlers that ask them."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

from client_connect import Authorizer
from client_connect.handler import ConnectHandler
from client_connect.settings import Settings
from client_connect.sources.deadlines import Deadlines
from client_connect.sources.device_inventory import DeviceTable
from client_connect.sources.fact_sources import FactSources
from tests.support.events import PERMIT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import tzinfo

    from client_connect.sources.dynamodb import Key, Tables
    from client_connect.sources.items import Item

WAIVABLE = (
    PERMIT
    + """
@id("strict") @message("No.") forbid (principal, action, resource)
unless { context.waivers.contains("strict") };
@id("other") @shadow forbid (principal, action, resource)
unless { context.waivers.contains("other") };
"""
)


class Items:
    """Tables as they answer when nothing is wrong with them, held in memory: what is tested here is around them."""

    def __init__(self, *items: tuple[str, Item]) -> None:
        self._items = items
        self.reads = 0

    def get(self, keys: Iterable[Key]) -> dict[Key, Item]:
        """Return the items that are there; DynamoDB refuses a key that is no text."""
        wanted = list(keys)
        assert all(isinstance(key.value, str) for key in wanted)
        self.reads += 1
        return {key: item for key in wanted for table, item in self._items if _is(key, table, item)}


def _is(key: Key, table: str, item: Item) -> bool:
    return key.table == table and item.get(key.name) == {"S": key.value}


def inventory(*items: tuple[str, Item]) -> DeviceTable:
    """Return an inventory with these items."""
    return DeviceTable(cast("Tables", Items(*items)), devices="d", waivers="w")


class SteppingClock:
    """The class ``datetime``, but for the time that is now."""

    def __init__(self, time: datetime) -> None:
        self.time = time

    def now(self, time_zone: tzinfo | None = None) -> datetime:
        """Return the time."""
        return self.time.astimezone(time_zone)

    def __getattr__(self, name: str) -> Any:
        return getattr(datetime, name)


def handler_with(table: DeviceTable, policies: str = WAIVABLE) -> Callable[..., dict[str, Any]]:
    """Return a handler with an inventory."""
    sources = FactSources(inventory=table, deadlines=Deadlines())
    return ConnectHandler(Authorizer(policies).decide, Settings(), sources=sources)
