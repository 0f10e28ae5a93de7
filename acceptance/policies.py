"""The policies of a run: what each device of it shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

# The common names of the devices, by their fate.
ALLOWED = "acceptance-allowed"
CUT = "acceptance-cut"
NOBODY = "acceptance-nobody"  # who never connects; denying it makes another version
DENIED = "acceptance-denied"
LONG = "acceptance-long"
UMLAUTS = "acceptance-umlauts"

DENIAL = "This device is denied by the acceptance run ({connection-id})."
CLOSED = "This device is closed."
LONGEST = 255  # characters, as Client VPN documents it
LONG_MESSAGE = ("0123456789" * 26)[:LONGEST]
UMLAUT_MESSAGE = "ü" * LONGEST
STATUS_ALLOWED, STATUS_DENIED = "acceptance-permitted", "acceptance-denied"
_PERMIT = f"""@id("devices") @status("{STATUS_ALLOWED}")
permit (principal, action, resource) when {{ context has commonName && context.commonName like "acceptance-*" }};
"""


def policies(denied: Sequence[str] = ()) -> str:
    """Return them as Cedar.

    Args:
        denied: Devices that are denied, besides those that always are.
    """
    return "".join(
        (
            _PERMIT,
            _denied("denied", DENIED, DENIAL, status=STATUS_DENIED),
            _denied("long", LONG, LONG_MESSAGE),
            _denied("umlauts", UMLAUTS, UMLAUT_MESSAGE),
            *(_denied(f"closed-{number}", device, CLOSED) for number, device in enumerate(denied)),
        )
    )


def _denied(policy: str, device: str, message: str, *, status: str | None = None) -> str:
    annotations = f'@id("{policy}") @message("{message}")' + (f' @status("{status}")' if status else "")
    condition = f'context has commonName && context.commonName == "{device}"'
    return f"{annotations}\nforbid (principal, action, resource) when {{ {condition} }};\n"
