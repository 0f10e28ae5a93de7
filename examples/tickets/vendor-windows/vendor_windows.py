"""Accounts of a vendor may connect in approved windows only; change management replaces windows.csv each week."""

from pathlib import Path

from client_connect_tools import Rules, Scope, periods_from_csv

windows = periods_from_csv(
    Path(__file__).with_name("windows.csv"), time_zone="Europe/Berlin", where={"status": "approved"}
)
rules = Rules(
    open_during=windows,
    messages={
        "open-during": "Vendors may connect in approved windows only. Ask your contact for the next one."
    },
    scope=Scope("acme", users=["acme-*"]),
)
