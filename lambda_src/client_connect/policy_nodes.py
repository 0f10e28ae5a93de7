"""Policies taken apart and put together as the engine's syntax nodes, which hold all that the engine accepts."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import cedarpy
from cedarpy import pst

if TYPE_CHECKING:
    from collections.abc import Mapping

    from client_connect.policy_set import Statement


def take_apart(text: str) -> tuple[list[Statement], bool]:
    """Return the static policies of a text, in its order, and whether there are templates in it.

    Raises:
        ValueError: When the engine cannot parse it.
    """
    parsed = cedarpy.PolicySet.from_str(text).to_pst()
    return [(node.effect, node.annotations, node) for node in parsed.static_policies.values()], bool(
        parsed.templates
    )


def put_together(contents: Mapping[str, Any]) -> cedarpy.PolicySet:
    """Return a policy set of what statements say, by the ids that they shall have in it."""
    nodes = {id_: replace(node, id=id_) for id_, node in contents.items()}
    return cedarpy.PolicySet.from_pst(pst.PolicySet({}, nodes, ()))
