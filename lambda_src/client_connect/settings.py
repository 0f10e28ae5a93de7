"""The settings of a deployed handler, from environment variables."""

from __future__ import annotations

import os
from datetime import UTC, tzinfo

from client_connect.light_typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

# All next to the package in the bundle.
POLICIES_FILE = "policies.cedar"
CUSTOM_SCHEMA_FILE = "custom.cedarschema"
NETWORKS_FILE = "networks.bin"
# How the policies of a bundle with named networks begin, so it cannot lack these or have others.
NETWORKS_DIGEST = "// networks.bin sha256:"

SHADOW_MODE = "CLIENT_CONNECT_SHADOW_MODE"
DEFAULT_MESSAGE = "CLIENT_CONNECT_DEFAULT_MESSAGE"
TIME_ZONE = "CLIENT_CONNECT_TIME_ZONE"
DEVICES_TABLE = "CLIENT_CONNECT_DEVICES_TABLE"
WAIVERS_TABLE = "CLIENT_CONNECT_WAIVERS_TABLE"
LONGEST_WAIVER = "CLIENT_CONNECT_LONGEST_WAIVER"
CONNECTIONS_TABLE = "CLIENT_CONNECT_CONNECTIONS_TABLE"
EXTRA_FACTS = "CLIENT_CONNECT_EXTRA_FACTS"
SHARED_CERTIFICATES = "CLIENT_CONNECT_SHARED_CERTIFICATES"
ANSWERED_ENDPOINTS = "CLIENT_CONNECT_ANSWERED_ENDPOINTS"

DEFAULT_DENIAL = (
    "Your connection is not permitted by the rules of this VPN. Please contact your administrator."
)

ERROR_DENIAL = (
    "Your connection could not be checked. Please try again; if it fails again, contact your administrator."
)


class Settings(NamedTuple):
    """The settings of a handler.

    Attributes:
        shadow_mode: Decide and record, but always allow.
        default_message: What a denied client is shown when no policy has a message for it.
        time_zone: The zone of the policies' clock.
        devices_table: The name of the inventory's table of devices.
        waivers_table: The name of its table of waivers; together with ``devices_table``.
        longest_waiver: How long a waiver may have to go to count, in minutes; together with ``waivers_table``.
        connections_table: The name of the registry's table.
        extra_facts: The name of the module of extra facts.
        shared_certificates: Whether several devices use the same client certificate.
        endpoints: The ids of the endpoints that are answered, each with its name, if it has one; ``None`` for all.
    """

    shadow_mode: bool = False
    default_message: str = DEFAULT_DENIAL
    time_zone: tzinfo = UTC
    devices_table: str | None = None
    waivers_table: str | None = None
    connections_table: str | None = None
    extra_facts: str | None = None
    shared_certificates: bool = False
    endpoints: Mapping[str, str | None] | None = None
    longest_waiver: int | None = None

    @property
    def has_tables(self) -> bool:
        """Whether there is an inventory or a registry."""
        return bool(self.devices_table or self.connections_table)

    @property
    def has_sources(self) -> bool:
        """Whether the handler asks anything other than the request: a table or a module."""
        return self.has_tables or bool(self.extra_facts)

    @classmethod
    def from_environment(cls) -> Settings:
        """Read the settings of this process.

        Raises:
            ValueError: When a variable has a value that is not allowed.
        """
        return cls(
            shadow_mode=read_shadow_mode(),
            default_message=os.environ.get(DEFAULT_MESSAGE, DEFAULT_DENIAL),
            time_zone=_zone(os.environ.get(TIME_ZONE, "UTC")),
            devices_table=os.environ.get(DEVICES_TABLE),
            waivers_table=os.environ.get(WAIVERS_TABLE),
            connections_table=os.environ.get(CONNECTIONS_TABLE),
            extra_facts=os.environ.get(EXTRA_FACTS),
            shared_certificates=_flag(SHARED_CERTIFICATES),
            endpoints=_endpoints(os.environ.get(ANSWERED_ENDPOINTS)),
            longest_waiver=_minutes(os.environ.get(LONGEST_WAIVER)),
        )


def takes_snapshot() -> bool:
    """Tell whether Lambda takes a snapshot of this process, to resume it later, elsewhere and often."""
    return os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") == "snap-start"


def read_shadow_mode() -> bool:
    """Read alone whether this process is in shadow mode.

    Raises:
        ValueError: When the variable has a value that is not allowed.
    """
    return _flag(SHADOW_MODE)


def _flag(name: str) -> bool:
    value = os.environ.get(name, "false")
    if value not in ("true", "false"):
        raise ValueError(f'{name} is "{value}"; allowed are "true" and "false"')
    return value == "true"


def _minutes(value: str | None) -> int | None:
    if value is None:
        return None
    if not (value.endswith("m") and value[:-1].isdecimal()):
        raise ValueError(f'{LONGEST_WAIVER} is "{value}"; give minutes, such as "480m"')
    return int(value[:-1])


def _endpoints(text: str | None) -> dict[str, str | None] | None:
    """Read ids, each with ``=`` and its name where it has one."""
    # An empty list answers no endpoint at all: it was meant to restrict.
    if text is None:
        return None
    pairs = (each.partition("=") for each in text.split(",") if each)
    return {id_: name or None for id_, _, name in pairs}


def _zone(name: str) -> tzinfo:
    if name == "UTC":
        return UTC
    from zoneinfo import ZoneInfo  # noqa: PLC0415 - costs a cold start milliseconds that UTC does not need

    try:
        return ZoneInfo(name)
    except (ValueError, LookupError, OSError) as error:
        raise ValueError(
            f'{TIME_ZONE} is "{name}", which is not a time zone; use an IANA name such as "Europe/Berlin"'
        ) from error
