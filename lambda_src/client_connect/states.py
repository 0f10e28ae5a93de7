"""What became of a source of facts, as policies see it."""

from typing import Literal

Inventory = Literal["disabled", "known", "unknown", "unavailable"]
CustomFactsState = Literal["disabled", "available", "unavailable"]
