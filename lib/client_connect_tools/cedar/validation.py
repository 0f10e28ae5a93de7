"""The findings of Cedar's strict validation in one policy, and how often."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import cedarpy
from cedarpy import pst

from client_connect_tools.cedar import nodes

if TYPE_CHECKING:
    from collections.abc import Iterator

UNGUARDED = "unable to guarantee safety of access to optional attribute"


def type_problems(text: str, against: cedarpy.Schema) -> Counter[str]:
    """Return what has a wrong type, and what is read without a test, each with how often the engine says so."""
    errors = cedarpy.validate_policies(text, against).errors
    return Counter(error.error.removeprefix("for policy `policy0`, ") for error in errors)


def unknown_attributes(template: pst.Template, against: cedarpy.Schema) -> Iterator[pst.HasAttr]:
    """Yield each `has` with an attribute that the schema does not have, which is always false, as Cedar accepts."""
    tests = dict.fromkeys(node for node in nodes.walk(template) if isinstance(node, pst.HasAttr))
    yield from (test for test in tests if nodes.never_true(nodes.guarded(test), against))
