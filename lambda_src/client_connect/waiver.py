"""A waiver: one policy that does not count for one device or user, until a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from client_connect.names import lower_case
from client_connect.shortening import shortened

if TYPE_CHECKING:
    from datetime import datetime

_LONGEST_RECORDED = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiver:
    """One policy that does not count for one device or user, until a time.

    A policy honors it by ``unless { context.waivers.contains("...") }`` with its own id, as ``Rules`` render.

    Attributes:
        policy_id: The policy's ``@id``.
        until: The moment from which it counts again, with a time zone.
        reason: Why, for whoever reads the records.
        approved_by: Who answers for it.
        holder: The user or device: ``device:`` and a common name, or ``user:`` and a user name in lower case.
        granted_by: The ARN of the principal that granted it; empty where it is not known.
        granted_at: When; ``None`` where it is not known.
    """

    policy_id: str
    until: datetime
    reason: str
    approved_by: str
    holder: str
    granted_by: str = ""
    granted_at: datetime | None = None

    def to_record(self) -> dict[str, str]:
        """Return the waiver as decision records have it, each text with at most 1,000 characters."""
        record = {
            "policyId": self.policy_id,
            "until": self.until.isoformat(timespec="seconds"),
            "reason": self.reason,
            "approvedBy": self.approved_by,
            "holder": self.holder,
        }
        if self.granted_by:
            record["grantedBy"] = self.granted_by
        if self.granted_at is not None:
            record["grantedAt"] = self.granted_at.isoformat(timespec="seconds")
        return {name: shortened(text, _LONGEST_RECORDED) for name, text in record.items()}


def device_holder(common_name: str) -> str:
    """Return the key under which the waivers of a device are kept."""
    return f"device:{common_name}"


def user_holder(username: str) -> str:
    """Return the key under which the waivers of a user are kept, whatever the case of the letters."""
    return f"user:{lower_case(username)}"
