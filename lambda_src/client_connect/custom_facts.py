"""Facts of a team's own: a Python module in the bundle, asked before each decision."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal

from client_connect import cedar_json
from client_connect.facts import Facts
from client_connect.settings import CUSTOM_SCHEMA_FILE

if TYPE_CHECKING:
    from collections.abc import Callable

    from client_connect.request import ConnectionRequest

CustomFactsState = Literal["disabled", "available", "unavailable"]


class CustomFacts:
    """A function ``facts(request) -> dict``.

    Args:
        facts: The function.
        why_invalid: Tells how facts differ from the schema: ``Authorizer.why_invalid``.
    """

    def __init__(
        self,
        facts: Callable[[ConnectionRequest], Mapping[str, object]],
        *,
        why_invalid: Callable[[Facts], str],
    ) -> None:
        self._facts = facts
        self._why_invalid = why_invalid

    @classmethod
    def of_module(cls, name: str, *, why_invalid: Callable[[Facts], str]) -> CustomFacts:
        """Return the facts of a module, which is imported with the first call: one that fails fails the call."""
        return cls(lambda request: import_module(name).facts(request), why_invalid=why_invalid)

    def of(self, request: ConnectionRequest) -> Mapping[str, Any]:
        """Return the facts in Cedar's JSON form.

        Raises:
            BaseException: Whatever the module raises.
            TypeError: When what it returns is no mapping.
            ValueError: When it is nothing that a policy can read, or not what the schema declares.
        """
        facts = self._facts(request)
        if not isinstance(facts, Mapping):
            raise TypeError(f"facts() returned {type(facts).__name__}, not a dict")
        custom: Mapping[str, Any] = cedar_json.value(facts)
        if reason := self._why_invalid(Facts(request, custom_facts="available", custom=custom)):
            raise ValueError(f"facts() returned what {CUSTOM_SCHEMA_FILE} does not declare: {reason}")
        return custom
