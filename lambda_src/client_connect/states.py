"""The states of the sources of facts, as policies see them."""

from typing import Literal

Inventory = Literal["disabled", "known", "unknown", "unavailable"]
CustomFactsState = Literal["disabled", "available", "unavailable"]
