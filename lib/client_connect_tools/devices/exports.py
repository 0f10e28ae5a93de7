"""The exports of device managers: which columns or fields hold what, as the vendors name them.

Of columns, those of Intune, Jamf Pro and Fleet are documented or seen in public; of the others only the fields of the
API are, so their files are JSON.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """The content of a device manager's export.

    Attributes:
        title: What the manager is called.
        common_name: The columns that may hold the common name, the most usual first.
        compliant: Those of the verdict, if there is one.
        last_seen: Those of the last check-in.
        os: Those of the system's version.
        lower_case: Whether the common name is compared in lower case, as the ids of Entra are.
        counts_failures: Whether the verdict is a number of failures, where 0 is a pass.
        zone: The hint about times without a zone in its tables.
        zone_example: A zone that they may be in.
    """

    title: str
    common_name: tuple[str, ...]
    compliant: tuple[str, ...] = ()
    last_seen: tuple[str, ...]
    os: tuple[str, ...]
    lower_case: bool = False
    counts_failures: bool = False
    zone: str = ""
    zone_example: str = "UTC"
    known: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        """Note all of these names."""
        names = frozenset((*self.common_name, *self.compliant, *self.last_seen, *self.os))
        object.__setattr__(self, "known", names)


EXPORTS: dict[str, Export] = {
    "intune": Export(
        title="Microsoft Intune",
        common_name=(
            *("Microsoft Entra Device ID", "Microsoft Entra device ID", "Azure AD Device ID"),
            *("ReferenceId", "azureADDeviceId"),
        ),
        compliant=("Compliance", "CompliantState", "complianceState"),
        last_seen=("Last check-in", "LastContact", "lastSyncDateTime"),
        os=("OS version", "OSVersion", "osVersion"),
        lower_case=True,
        zone="its times have no zone; they are said to be in UTC",
    ),
    "jamf": Export(
        title="Jamf Pro",
        common_name=("Serial Number", "hardware.serialNumber", "serialNumber"),
        last_seen=("Last Check-in", "general.lastContactTime", "lastContactTime"),
        os=("Operating System Version", "OS Version", "operatingSystem.version"),
        zone="its times have no zone; they are said to be those of the server",
        zone_example="America/Chicago",
    ),
    "fleet": Export(
        title="Fleet",
        common_name=("hardware_serial",),
        compliant=("issues.failing_policies_count", "failing_policies_count", "issues"),
        last_seen=("seen_time",),
        os=("os_version",),
        counts_failures=True,
    ),
    "iru": Export(
        title="Iru (Kandji)",
        common_name=("serial_number",),
        last_seen=("last_check_in",),
        os=("os_version",),
    ),
    "jumpcloud": Export(
        title="JumpCloud",
        common_name=("serialNumber",),
        last_seen=("lastContact",),
        os=("version",),
    ),
    "crowdstrike": Export(
        title="CrowdStrike Falcon",
        common_name=("serial_number",),
        last_seen=("last_seen",),
        os=("os_version",),
    ),
}

_ENOUGH = 2


def recognized(columns: Iterable[str]) -> str | None:
    """Return the name of the export that columns are probably of: the one that knows most of them."""
    names = frozenset(columns)
    known = {name: len(export.known & names) for name, export in EXPORTS.items()}
    best = max(known, key=known.__getitem__)
    is_clear = known[best] >= _ENOUGH and list(known.values()).count(known[best]) == 1
    return best if is_clear else None
