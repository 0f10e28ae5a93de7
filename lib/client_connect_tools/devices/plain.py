"""Items as JSON objects: without DynamoDB's types."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


def plain(item: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return an item's values by their names. Its types are those of ``client_connect.sources.items``."""
    return {name: _value(typed) for name, typed in item.items()}


def _value(typed: Mapping[str, Any]) -> Any:  # noqa: ANN401 - whatever an item holds
    ((kind, value),) = typed.items()
    if kind == "M":
        return plain(value)
    return int(value) if kind == "N" else value
