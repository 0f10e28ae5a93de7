"""How a re-authorizer treats connections that the registry does not know."""

from __future__ import annotations

from enum import Enum


class UnknownConnections(Enum):
    """How a re-authorizer treats connections that the registry does not know.

    Those are connections from before there was a registry, or those the handler could not write.
    """

    LEAVE = "leave"
    """Leave them alone, and count them. They are gone a day later, when the longest session has ended."""

    DECIDE = "decide"
    """Decide them on what EC2 reports: the ids, the common name and, under Active Directory authentication, the user.

    One is terminated only if no value of what EC2 does not report, such as the platform, the address and the groups,
    could permit it. All others are left alone.
    """
