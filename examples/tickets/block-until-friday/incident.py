"""A user and a certificate are blocked until Friday 18:00, with the number of the ticket."""

from datetime import datetime
from zoneinfo import ZoneInfo

from client_connect_tools import Rules, Scope

END = datetime(2026, 12, 4, 18, tzinfo=ZoneInfo("Europe/Berlin"))

rules = Rules(
    blocked_users=["j.doe@example.com", "j.doe"],
    blocked_common_names=["LAPTOP-0042"],
    messages={
        "blocked-users": "Your account is suspended until Friday 18:00. Quote SEC-4711.",
        "blocked-common-names": "This device is blocked until Friday 18:00. Quote SEC-4711.",
    },
    scope=Scope("incident-4711", ends={"blocked-users": END, "blocked-common-names": END}),
)
