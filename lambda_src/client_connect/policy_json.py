"""Policies taken apart and put together as JSON, for which the engine has everything ready at cold start.

The engine reads no JSON of expressions that are nested deeper than some fifty levels, such as a chain of 60 ``||``.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import cedarpy

if TYPE_CHECKING:
    from collections.abc import Mapping

    from client_connect.policy_set import Statement


def take_apart(text: str) -> tuple[list[Statement], bool]:
    """Return the static policies of a text, in its order, and whether there are templates in it.

    Raises:
        ValueError: When the engine cannot parse it.
        RecursionError: When it is nested too deep for anything.
    """
    parsed = json.loads(cedarpy.policies_to_json_str(text))
    return [_statement(content) for content in parsed["staticPolicies"].values()], bool(parsed["templates"])


def put_together(contents: Mapping[str, Any]) -> cedarpy.PolicySet:
    """Return a policy set of what statements say, by the ids that they shall have in it.

    Raises:
        ValueError: When one is nested too deep for the engine to read it as JSON.
    """
    whole = {"staticPolicies": contents, "templates": {}, "templateLinks": []}
    return cedarpy.PolicySet.from_json_str(json.dumps(whole))


def _statement(content: dict[str, Any]) -> Statement:
    # An annotation without a value is null.
    annotations = {name: value or "" for name, value in content.get("annotations", {}).items()}
    return content["effect"], annotations, content
