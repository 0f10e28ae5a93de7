"""Laptops of the inventory only: compliant, and seen within 14 days. The common name is the serial number.

A new hire gets a waiver of `registered-device` for three days.
"""

from client_connect_tools import Rules

rules = Rules(
    compliant_devices=True,
    days_since_last_seen=14,
    messages={"registered-device": "This laptop is not in the inventory yet. Ask IT for a waiver."},
)
