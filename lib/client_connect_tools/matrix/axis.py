"""The axes of a matrix, and the values on them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Value:
    """One value on an axis.

    Attributes:
        name: What people call it.
        changes: What a connection with this value has, by the names in ``circumstances``.
        last: Where the value is a range, what it goes up to; ``name`` is then where it begins.
        order: The sort key: values next to each other with the same one are named as a range.
    """

    name: str
    changes: Mapping[str, Any] = field(default_factory=dict)
    last: str = ""
    order: str = ""


@dataclass(frozen=True, slots=True)
class Axis:
    """A property that connections differ in.

    Attributes:
        name: Such as ``group``.
        values: At least one; the first is what is assumed where the axis is left out.
    """

    name: str
    values: tuple[Value, ...]
