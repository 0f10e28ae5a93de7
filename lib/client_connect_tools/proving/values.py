"""The values of a Cedar expression, as formulas."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from client_connect_tools.proving.terms import chosen, if_true

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from client_connect_tools.proving.terms import Number, Truth


class Unsupported(Exception):
    """Something that is not encoded; the message names it."""


@dataclass(frozen=True, slots=True, eq=False)
class Flag:
    """True or false."""

    truth: Truth


@dataclass(frozen=True, slots=True, eq=False)
class Long:
    """A number."""

    number: Number


@dataclass(frozen=True, slots=True, eq=False)
class Text:
    """One of the known texts, by its number."""

    number: Number


@dataclass(frozen=True, slots=True, eq=False)
class Date:
    """The text of a date of the handler's clock."""

    year: Number
    month: Number
    day: Number


@dataclass(frozen=True, slots=True, eq=False)
class Moment:
    """Milliseconds since 1970 in UTC."""

    number: Number


@dataclass(frozen=True, slots=True, eq=False)
class Span:
    """A duration in milliseconds."""

    number: Number


@dataclass(frozen=True, slots=True, eq=False)
class Address:
    """An IP address, or a network.

    Attributes:
        is_v4: Whether it is IPv4.
        v4: The address, if it is IPv4.
        v6: The address, if it is IPv6.
        prefix: The length of its prefix, which is shorter than the whole address only in literals.
    """

    is_v4: Truth
    v4: Number
    v6: Number
    prefix: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Entity:
    """An entity: its type without the namespace, and its id by the number of the text."""

    type: str
    id: Number


@dataclass(frozen=True, slots=True, eq=False)
class TextSet:
    """A set of texts, by whether it has each of the known ones."""

    has: Callable[[int], Truth]
    numbers: range


@dataclass(frozen=True, slots=True, eq=False)
class Elements:
    """A set that is written out."""

    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Fields:
    """A record: each attribute with whether it is there."""

    by_name: Mapping[str, tuple[Truth, Value]]


@dataclass(frozen=True, slots=True, eq=False)
class Either:
    """One of two values that no formula makes one of."""

    condition: Truth
    then: Value
    otherwise: Value


@dataclass(frozen=True, slots=True, eq=False)
class Unknown:
    """A value that is not encoded, and matters only where it is used."""

    what: str


Value: TypeAlias = (
    Flag
    | Long
    | Text
    | Date
    | Moment
    | Span
    | Address
    | Entity
    | TextSet
    | Elements
    | Fields
    | Either
    | Unknown
)


def either(condition: Truth, then: Value, otherwise: Value) -> Value:  # noqa: PLR0911 - one for each type
    """Return one of two values."""
    if isinstance(condition, bool):
        return then if condition else otherwise
    match then, otherwise:
        case Flag(one), Flag(other):
            return Flag(if_true(condition, one, other))
        case Long(one), Long(other):
            return Long(chosen(condition, one, other))
        case Moment(one), Moment(other):
            return Moment(chosen(condition, one, other))
        case Span(one), Span(other):
            return Span(chosen(condition, one, other))
        case Text(one), Text(other):
            return Text(chosen(condition, one, other))
    return then if then is otherwise else Either(condition, then, otherwise)
