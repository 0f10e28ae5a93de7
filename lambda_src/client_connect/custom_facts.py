"""Facts of a team's own: a Python module in the bundle, asked before each decision."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal

from client_connect import cedar_json

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from client_connect.request import ConnectionRequest

CustomFactsState = Literal["disabled", "available", "unavailable"]


class CustomFacts:
    """The function ``facts(request) -> dict`` of a module.

    Args:
        facts: The function.
    """

    def __init__(self, facts: Callable[[ConnectionRequest], Mapping[str, object]]) -> None:
        self._facts = facts

    @classmethod
    def of_module(cls, name: str) -> CustomFacts:
        """Import a module. When that fails, so does each call, with the error of the import."""
        try:
            return cls(import_module(name).facts)
        except Exception as error:  # noqa: BLE001 - whatever a module does when it is imported
            return cls(_raising(error))

    def of(self, request: ConnectionRequest) -> Mapping[str, Any]:
        """Return the facts in Cedar's JSON form.

        Raises:
            Exception: Whatever the module raises, or when what it returns is nothing that a policy can read.
        """
        facts = self._facts(request)
        if not hasattr(facts, "items"):
            raise TypeError(f"facts() returned {type(facts).__name__}, not a dict")
        record: Mapping[str, Any] = cedar_json.value(facts)
        return record


def _raising(error: Exception) -> Callable[[ConnectionRequest], Mapping[str, object]]:
    def facts(_request: ConnectionRequest) -> Mapping[str, object]:
        raise error.with_traceback(None)  # or each call would add to it

    return facts
