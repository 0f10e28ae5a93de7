"""A user may use the laptop only whose tag `owner` is the user's name."""

from client_connect_tools import Rules

rules = Rules(own_device="owner")
