"""The facts that policies see of a connection: the request, the clock, the device and the waivers."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo

from client_connect.cedar_json import address, instant
from client_connect.light_typing import TYPE_CHECKING, NamedTuple
from client_connect.names import is_name_of, lower_case
from client_connect.versions import OsVersion, Version

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from typing import Any, Self

    from client_connect.blocks import Block
    from client_connect.device import Device
    from client_connect.request import ConnectionRequest
    from client_connect.states import CustomFactsState, Inventory

_ACTION = {"type": "ClientVpn::Action", "id": "connect"}


class _Fields(NamedTuple):
    request: ConnectionRequest
    now: datetime
    time_zone: tzinfo
    inventory: Inventory
    device: Device | None
    waivers: frozenset[str]
    active_connections: int | None
    custom_facts: CustomFactsState
    custom: Mapping[str, Any] | None
    networks: frozenset[str] | None
    block: Block | None
    knows_blocks: bool
    endpoint_name: str | None


class Facts(_Fields):
    """Everything that a decision depends on, in the terms of ``schema.cedarschema``.

    Attributes:
        request: The connection that asks to be established.
        now: The time of the decision, with its time zone. Default: now.
        time_zone: The zone of the date, the weekday and the minute of the day. Default: UTC.
        inventory: What the device inventory said of the request's common name. Default: ``disabled``.
        device: The device, when ``inventory`` is ``known``.
        waivers: The ids of the policies that are waived now for this user or device.
        active_connections: The user's open connections, when they are known.
        custom_facts: The state of the handler's module of extra facts. Default: ``disabled``.
        custom: What it says, in Cedar's JSON form, when ``custom_facts`` is ``available``.
        networks: The names of the networks that have the public address. Default: what the authorizer finds.
        block: The block of this user or device that holds now. No policy sees it: it denies before they are asked.
        knows_blocks: Whether it is known that there is no other block; not while the inventory cannot be read.
        endpoint_name: The name that the handler's ``endpoints`` give the endpoint, when they name it.

    Raises:
        ValueError: For what would mean another thing than it says: when ``now`` has no time zone, or when there
            is a device that is not ``known``, or a ``known`` one without the device or its common name; the same
            of ``custom``.
    """

    __slots__ = ()

    def __new__(  # noqa: D102, PLR0913, PLR0917 - the class says it; one keyword per fact
        cls,
        request: ConnectionRequest,
        now: datetime | None = None,
        time_zone: tzinfo = UTC,
        inventory: Inventory = "disabled",
        device: Device | None = None,
        waivers: frozenset[str] = frozenset(),
        active_connections: int | None = None,
        custom_facts: CustomFactsState = "disabled",
        custom: Mapping[str, Any] | None = None,
        networks: frozenset[str] | None = None,
        block: Block | None = None,
        knows_blocks: bool = True,  # noqa: FBT001, FBT002 - by its keyword
        endpoint_name: str | None = None,
    ) -> Self:
        now = now or datetime.now(UTC)
        facts = super().__new__(
            cls,
            request,
            now,
            time_zone,
            inventory,
            device,
            waivers,
            active_connections,
            custom_facts,
            custom,
            networks,
            block,
            knows_blocks,
            endpoint_name,
        )
        facts._require_consistency()
        return facts

    def _require_consistency(self) -> None:
        if self.now.tzinfo is None:
            raise ValueError(f"now ({self.now.isoformat()}) has no time zone; add one, such as tzinfo=UTC")
        if (self.inventory == "known") != (self.device is not None and self.request.common_name is not None):
            raise ValueError(
                f'inventory is "{self.inventory}"; it is "known" with a device and a common name, and only then'
            )
        if (self.custom_facts == "available") != (self.custom is not None):
            raise ValueError(
                f'custom_facts is "{self.custom_facts}"; it is "available" with custom, and only then'
            )

    def cedar_request(self) -> dict[str, Any]:
        """Return principal, action, resource and context for the Cedar engine."""
        return {
            "principal": self._principal(),
            "action": _ACTION,
            "resource": {"type": "ClientVpn::Endpoint", "id": self.request.endpoint_id},
            "context": self._context(),
        }

    def cedar_entities(self, *, groups: Collection[str] | None = None) -> list[dict[str, Any]]:
        """Return the entities of the request, for the Cedar engine.

        Args:
            groups: The only groups of the user that are named. Default: all are.
        """
        entities = []
        if self.request.username:
            parents = [
                {"type": "ClientVpn::Group", "id": name}
                for name in self.request.groups
                if groups is None or name in groups
            ]
            entities.append({"uid": self._principal(), "attrs": {}, "parents": parents})
        if self.device is not None:
            entities.append(_device_entity(self._device_uid(), self.device))
        return entities

    def to_record(self) -> dict[str, Any]:
        """Return what the policies saw besides the request, as decision records have it."""
        record: dict[str, Any] = {"timeZone": str(self.time_zone)}
        if self.inventory != "disabled":
            record["inventory"] = self.inventory
        if self.device is not None:
            record["device"] = self.device.to_record()
        if self.waivers:
            record["waivers"] = sorted(self.waivers)
        if self.active_connections is not None:
            record["activeConnections"] = self.active_connections
        if self.custom_facts != "disabled":
            record["customFacts"] = self.custom_facts
        if self.custom is not None:
            record["custom"] = self.custom
        if self.endpoint_name is not None:
            record["endpointName"] = self.endpoint_name
        if self.networks:
            record["networks"] = sorted(self.networks)
        if self.block is not None or not self.knows_blocks:
            record["blocked"] = "unavailable" if self.block is None else "yes"
        return record

    @property
    def local_time(self) -> datetime:
        """The time of the decision on the clock of ``time_zone``."""
        # By way of UTC: a time that is in the zone already would stay as it is, even one that its clocks skip.
        return self.now.astimezone(UTC).astimezone(self.time_zone)

    def _principal(self) -> dict[str, str]:
        if self.request.username:
            return {"type": "ClientVpn::User", "id": self.request.username}
        return self._device_uid()

    def _device_uid(self) -> dict[str, str]:
        return {"type": "ClientVpn::Device", "id": self.request.common_name or ""}

    def _context(self) -> dict[str, Any]:
        request = self.request
        platform = lower_case(request.platform)
        windows = OsVersion.of_windows(request.platform_version) if platform == "win" else None
        openvpn = Version.of_client(request.client_openvpn_version)
        aws_client = Version.of_client(request.aws_client_version)
        context: dict[str, Any] = {
            "connectionId": request.connection_id,
            "endpointName": self.endpoint_name,
            "platform": platform,
            "platformVersion": request.platform_version,
            "os": windows and windows.to_record(),
            "publicIp": address(request.public_ip),
            "networks": sorted(self.networks or ()),
            "openvpn": openvpn and openvpn.to_record(),
            "awsClient": aws_client and aws_client.to_record(),
            "time": self._time(),
            "username": request.username and lower_case(request.username),
            "commonName": request.common_name,
            "ownCertificate": is_name_of(request.username, request.common_name),
            "device": self.device and {"__entity": self._device_uid()},
            "ownerTags": self._owner_tags(),
            "inventory": self.inventory,
            "waivers": sorted(self.waivers),
            "activeConnections": self.active_connections,
            "custom": self.custom,
            "customFacts": self.custom_facts,
        }
        return {name: value for name, value in context.items() if value is not None}

    def _owner_tags(self) -> list[str]:
        tags = self.device.tags if self.device else {}
        return sorted(name for name, value in tags.items() if is_name_of(self.request.username, value))

    def _time(self) -> dict[str, Any]:
        local = self.local_time
        return {
            "now": instant(self.now),
            "date": local.date().isoformat(),
            "month": local.month,
            "day": local.day,
            "weekday": local.isoweekday(),
            "minuteOfDay": local.hour * 60 + local.minute,
        }


def _device_entity(uid: dict[str, str], device: Device) -> dict[str, Any]:
    attributes: dict[str, Any] = {
        "compliant": device.compliant,
        "lastSeen": device.last_seen and instant(device.last_seen),
        "os": device.os and device.os.to_record(),
    }
    known = {name: value for name, value in attributes.items() if value is not None}
    return {"uid": uid, "attrs": known, "tags": dict(device.tags), "parents": []}
