"""What Cedar's strict validation finds in one policy, with the name of the check that it belongs to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cedarpy
from cedarpy import pst

from client_connect_tools.cedar import nodes

if TYPE_CHECKING:
    from collections.abc import Iterator

UNGUARDED = "unable to guarantee safety of access to optional attribute"


def type_problems(text: str, against: cedarpy.Schema, *, guard: str) -> Iterator[tuple[str, str]]:
    """Yield what has a wrong type, and what is read without a test; ``guard`` shows how to test."""
    errors = cedarpy.validate_policies(text, against).errors
    # The engine gives them in another order each time, and one for each access.
    for message in sorted({error.error.removeprefix("for policy `policy0`, ") for error in errors}):
        if message.startswith(UNGUARDED):
            yield "unguarded-attribute", f"{message}; it may be absent, so test it first, as in `{guard}`"
        else:
            yield "type", message


def unknown_attributes(template: pst.Template, against: cedarpy.Schema) -> Iterator[tuple[str, str]]:
    """A `has` with an attribute that the schema does not have is always false, which Cedar accepts."""
    tests = dict.fromkeys(node for node in nodes.walk(template) if isinstance(node, pst.HasAttr))
    for test in tests:
        if nodes.never_true(nodes.guarded(test), against):
            path = ".".join(test.attrs)
            yield (
                "unknown-attribute",
                f"`has {path}` is always false, because the schema has no such attribute there",
            )
