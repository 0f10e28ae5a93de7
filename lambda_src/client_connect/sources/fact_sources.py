"""The sources that the handler asks besides its client: the inventory, the registry, the custom module.

Everything is asked at once and within one limit of time. A source that is down, slow or wrong is itself a
fact: the policies decide what an outage means.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

from client_connect.facts import Facts
from client_connect.sources.collected_facts import CollectedFacts

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from client_connect.engine.authorizer import Authorizer
    from client_connect.networks import Networks
    from client_connect.request import ConnectionRequest
    from client_connect.settings import Settings
    from client_connect.sources.connection_registry import ConnectionTable, OtherConnection
    from client_connect.sources.custom_facts import CustomFacts
    from client_connect.sources.deadlines import Deadlines
    from client_connect.sources.device_inventory import DeviceTable, InventoryEntry
    from client_connect.sources.dynamodb import Tables
    from client_connect.sources.open_connections import OpenConnections
    from client_connect.sources.recorder import Recorder
    from client_connect.states import CustomFactsState

# How long a module of extra facts may take to be imported at cold start; Lambda gives that 10 s in all.
IMPORTING_S = 5.0

_INVENTORY, _WAIVERS, _REGISTRY, _CUSTOM = "inventory", "waivers", "registry", "customFacts"
_BLOCKS = "blocks"
_OPEN_CONNECTIONS = "openConnections"


class FactSources(NamedTuple):
    """The sources of a handler besides the request and the clock; by default none.

    Attributes:
        time_zone: The zone of the policies' clock.
        inventory: The device inventory.
        registry: The connection registry.
        counts_connections: Whether the registry is asked for the user's open connections.
        open_connections: Says which of the user's connections are open.
        custom: The module of extra facts.
        deadlines: Runs what may take long; needed where there is anything.
        networks: The named networks, found without asking anybody.
        endpoints: The endpoints that are answered, each with its name, if it has one.
    """

    time_zone: tzinfo = UTC
    inventory: DeviceTable | None = None
    registry: ConnectionTable | None = None
    counts_connections: bool = False
    open_connections: OpenConnections | None = None
    custom: CustomFacts | None = None
    deadlines: Deadlines | None = None
    networks: Networks | None = None
    endpoints: Mapping[str, str | None] | None = None

    def collect(self, request: ConnectionRequest, *, seconds: float) -> CollectedFacts:
        """Ask every source about a connection.

        Args:
            request: The connection.
            seconds: How long all of them together may take; what is not there then is unavailable.
        """
        if self.deadlines is None:
            return CollectedFacts(
                facts=Facts(
                    request,
                    time_zone=self.time_zone,
                    networks=self._networks(request),
                    endpoint_name=self._endpoint_name(request),
                )
            )
        answers, problems = self.deadlines.run(self._calls(request), seconds=seconds)
        return self.build(request, answers, problems)

    def verify_count(self, collected: CollectedFacts, *, seconds: float) -> CollectedFacts:
        """Count only those of the user's connections that EC2 knows to be open; if that is not known, none is counted.

        Args:
            collected: The facts, with the number of connections that the registry knows.
            seconds: How long EC2 may take.
        """
        source = self.open_connections
        if self.deadlines is None or source is None:
            return collected
        calls = {_OPEN_CONNECTIONS: lambda: source.count(collected.others)}
        answers, problems = self.deadlines.run(calls, seconds=seconds)
        number: int | None = answers.get(_OPEN_CONNECTIONS)
        found = dict(collected.problems)
        if problems:
            found[_OPEN_CONNECTIONS] = problems[_OPEN_CONNECTIONS]
        return collected._replace(facts=collected.facts._replace(active_connections=number), problems=found)

    def recorder(self) -> Recorder | None:
        """Return what reports connections to the registry, if there is one."""
        if self.deadlines is None or self.registry is None:
            return None
        from client_connect.sources.recorder import Recorder  # noqa: PLC0415 - who has no registry does not import it

        return Recorder(self.registry, self.deadlines)

    def build(
        self, request: ConnectionRequest, answers: Mapping[str, Any], problems: Mapping[str, str]
    ) -> CollectedFacts:
        """Make the facts of what the sources said, and of what they failed to say, by their names."""
        entry: InventoryEntry | None = answers.get(_INVENTORY)
        problems = dict(problems)
        if entry is not None and entry.problem:
            problems[_INVENTORY] = entry.problem
        if entry is not None and entry.waiver_problem:
            problems[_WAIVERS] = entry.waiver_problem
        if entry is not None and entry.block_problem:
            problems[_BLOCKS] = entry.block_problem
        now = datetime.now(UTC)
        others: tuple[OtherConnection, ...] | None = answers.get(_REGISTRY)
        waivers = tuple(waiver for waiver in entry.waivers if now < waiver.until) if entry else ()
        facts = Facts(
            request,
            now=now,
            time_zone=self.time_zone,
            inventory=entry.inventory if entry else "unavailable" if _INVENTORY in problems else "disabled",
            device=entry.device if entry else None,
            waivers=frozenset(waiver.policy_id for waiver in waivers),
            active_connections=None if others is None else len(others),
            custom_facts=_custom_state(answers, problems),
            custom=answers.get(_CUSTOM),
            networks=self._networks(request),
            block=next((block for block in entry.blocks if block.holds(now)), None) if entry else None,
            knows_blocks=entry is not None or _INVENTORY not in problems,
            endpoint_name=self._endpoint_name(request),
        )
        knows_waivers = entry.knows_waivers if entry else _INVENTORY not in problems
        return CollectedFacts(
            facts=facts,
            waivers=waivers,
            long_waivers=entry.long_waivers if entry else (),
            problems=problems,
            others=others or (),
            knows_waivers=knows_waivers,
        )

    def _networks(self, request: ConnectionRequest) -> frozenset[str] | None:
        return None if self.networks is None else self.networks.names_of(request.public_ip)

    def _endpoint_name(self, request: ConnectionRequest) -> str | None:
        return None if self.endpoints is None else self.endpoints.get(request.endpoint_id)

    def _calls(self, request: ConnectionRequest) -> dict[str, Callable[[], Any]]:
        calls: dict[str, Callable[[], Any]] = {}
        if (inventory := self.inventory) is not None:
            calls[_INVENTORY] = lambda: inventory.look_up([request])[0]
        if (registry := self.registry) is not None and self.counts_connections:
            calls[_REGISTRY] = lambda: registry.others(request)
        if (custom := self.custom) is not None:
            calls[_CUSTOM] = lambda: custom.of(request)
        return calls


def configured_sources(
    settings: Settings, authorizer: Authorizer, *, counts_connections: bool, tables: Tables | None = None
) -> FactSources:
    """Make what the settings configure; what they do not is not even imported, to keep a cold start short.

    Args:
        settings: What the construct configured.
        authorizer: Checks extra facts, and has the named networks.
        counts_connections: Whether the registry is asked for the user's open connections.
        tables: DynamoDB. Default: with little patience.
    """
    if not settings.has_sources:
        return FactSources(
            time_zone=settings.time_zone, networks=authorizer.networks, endpoints=settings.endpoints
        )
    from client_connect.sources.deadlines import Deadlines  # noqa: PLC0415

    inventory, registry = _tables(settings, tables) if settings.has_tables else (None, None)
    deadlines = Deadlines()
    return FactSources(
        time_zone=settings.time_zone,
        inventory=inventory,
        registry=registry,
        counts_connections=counts_connections,
        open_connections=_open_connections() if registry is not None and counts_connections else None,
        custom=_custom(settings.extra_facts, authorizer, deadlines),
        deadlines=deadlines,
        networks=authorizer.networks,
        endpoints=settings.endpoints,
    )


def _tables(settings: Settings, tables: Tables | None) -> tuple[DeviceTable | None, ConnectionTable | None]:
    from client_connect.sources.dynamodb import Tables  # noqa: PLC0415

    tables, inventory, registry = tables or Tables(), None, None
    if settings.devices_table and settings.waivers_table:
        from client_connect.sources.device_inventory import DeviceTable  # noqa: PLC0415

        longest = settings.longest_waiver
        inventory = DeviceTable(
            tables,
            devices=settings.devices_table,
            waivers=settings.waivers_table,
            longest_waiver=None if longest is None else timedelta(minutes=longest),
        )
    if settings.connections_table:
        from client_connect.sources.connection_registry import ConnectionTable  # noqa: PLC0415

        registry = ConnectionTable(
            tables, name=settings.connections_table, shared_certificates=settings.shared_certificates
        )
    return inventory, registry


def _open_connections() -> OpenConnections:
    from client_connect.sources.open_connections import OpenConnections  # noqa: PLC0415

    return OpenConnections()


def _custom(module: str | None, authorizer: Authorizer, deadlines: Deadlines) -> CustomFacts | None:
    if module is None:
        return None
    from client_connect.sources.custom_facts import CustomFacts  # noqa: PLC0415

    # Now, so no connection waits for it. When it fails or takes longer, each call tries or waits again.
    deadlines.run({_CUSTOM: lambda: import_module(module)}, seconds=IMPORTING_S)
    return CustomFacts.of_module(module, validation_error=authorizer.validation_error)


def _custom_state(answers: Mapping[str, Any], problems: Mapping[str, str]) -> CustomFactsState:
    if _CUSTOM in answers:
        return "available"
    return "unavailable" if _CUSTOM in problems else "disabled"
