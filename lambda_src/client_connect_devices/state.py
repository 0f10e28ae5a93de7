"""The state of a source between runs, and the lock that allows one run at a time.

It is an item of the table of devices, which the handler and the commands treat as a removed device::

    {"commonName": "device-sync:intune", "removed": true, "runs": 17,
     "acted": [{"at": 1764489600, "gone": 0, "turned": 2}],
     "lockedBy": "2f6c...", "lockedUntil": 1764490500, "lastComplete": "2026-11-30T08:00:00Z"}
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from client_connect_devices.brake import Acted
from client_connect_devices.values import RESERVED

if TYPE_CHECKING:
    from client_connect_devices.items import Item

LOCKED_BY, LOCKED_UNTIL = "lockedBy", "lockedUntil"


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """The state of a source between runs.

    Attributes:
        runs: How many complete runs there were.
        acted: What runs did that counts against the brake.
        last_complete: When the last complete run ended; empty before the first.
    """

    runs: int = 0
    acted: tuple[Acted, ...] = ()
    last_complete: str = ""


def state_key(source: str) -> str:
    """Return the key of a source's state."""
    return f"{RESERVED}{source}"


def state_of(item: Item) -> State:
    """Read the state; what cannot be read is as at the beginning."""
    try:
        acted = tuple(
            Acted(**{name: int(each["M"][name]["N"]) for name in ("at", "gone", "turned")})
            for each in item.get("acted", {"L": []})["L"]
        )
        return State(
            runs=int(item.get("runs", {"N": "0"})["N"]),
            acted=acted,
            last_complete=item.get("lastComplete", {"S": ""})["S"],
        )
    except (KeyError, TypeError, ValueError):
        return State()


def acted_attribute(acted: list[Acted]) -> dict[str, Any]:
    """Return what the item has of what runs did."""
    return {
        "L": [
            {
                "M": {
                    "at": {"N": str(each.at)},
                    "gone": {"N": str(each.gone)},
                    "turned": {"N": str(each.turned)},
                }
            }
            for each in acted
        ]
    }
