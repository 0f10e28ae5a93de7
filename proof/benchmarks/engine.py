"""The engine's own call, as the handler makes it, with everything ready."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import cedarpy

from proof.benchmarks.measuring import timed

if TYPE_CHECKING:
    from collections.abc import Callable

    from client_connect import Authorizer, Facts


def alone(authorizer: Authorizer, facts: Facts, *, policies: str | None = None) -> Callable[[], float]:
    """Return what makes the call and returns its milliseconds.

    Args:
        authorizer: Whose policies and schema it has.
        facts: What it is asked.
        policies: The policies as text, which the engine parses in each call. Default: the authorizer's, parsed once.
    """
    parsed, schema = authorizer.policies.enforced, authorizer._schema  # noqa: SLF001
    request = facts.cedar_request()
    entities = cedarpy.Entities.from_json_str(json.dumps(facts.cedar_entities()))
    return timed(lambda: cedarpy.is_authorized(request, policies or parsed, entities, schema))
