"""Checks of a construct's arguments; all errors are reported at once."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from aws_cdk import Duration, Token, Tokenization

from cdk_client_connect.errors import InvalidArgument

if TYPE_CHECKING:
    from types import UnionType


class Argument(NamedTuple):
    """An argument, and what is known of it.

    Attributes:
        name: Its name.
        value: Its value, of whatever type.
        is_right: Whether it can be used.
        wanted: What it must be.
    """

    name: str
    value: object
    is_right: bool
    wanted: str


def typed(
    name: str,
    value: object,
    kind: type | UnionType | tuple[type, ...],
    wanted: str,
    *,
    optional: bool = False,
) -> Argument:
    """Check a type, which Python does not; a wrong one could mean the contrary.

    Args:
        name: The argument's name.
        value: Its value.
        kind: What it must be an instance of; ``True`` is no ``int``.
        wanted: The same in words.
        optional: Whether it may be ``None``.
    """
    is_kind = isinstance(value, kind) and not (kind is int and isinstance(value, bool))
    return Argument(name, value, is_kind or (optional and value is None), wanted)


def flag(name: str, value: object) -> Argument:
    """Check that a value is true or false; a text of the context is neither."""
    return typed(
        name, value, bool, 'True or False; a value of the context is a text, so compare it: == "true"'
    )


def with_attribute(
    name: str, value: object, attribute: str, wanted: str, *, optional: bool = False
) -> Argument:
    """Check what the CDK may have imported, which is a proxy of an interface, by an attribute that it must have."""
    return Argument(name, value, hasattr(value, attribute) or (optional and value is None), wanted)


def key_argument(value: object, name: str = "encryption_key") -> Argument:
    """Check an optional key, without a look at its ARN, which an imported alias may not have."""
    return with_attribute(name, value, "add_alias", "a kms.Key or None", optional=True)


def is_number_token(value: object) -> bool:
    """Tell whether a value is a number that only the deployment knows, such as that of a parameter."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return False
    # No other float may be asked whether it is one: "nan" ends the CDK's process.
    return math.isfinite(value) and value < 0 and Token.is_unresolved(value)


def number_text(value: float) -> str:
    """Return a number as text; of a token, a text that becomes that of its value."""
    return Tokenization.stringify_number(value) if is_number_token(value) else str(value)


def is_whole(value: object, least: int, most: int | None = None) -> bool:
    """Tell whether a value is a whole number in a range, and no token."""
    return (
        isinstance(value, int)
        and not isinstance(value, bool)
        and not Token.is_unresolved(value)
        and least <= value
        and (most is None or value <= most)
    )


def require_all(*arguments: Argument) -> None:
    """Refuse a set of arguments if some cannot be used.

    Raises:
        InvalidArgument: With everything that is wrong.
    """
    problems = [_problem(each) for each in arguments if not each.is_right]
    if problems:
        raise InvalidArgument("\n".join(problems))


def _problem(argument: Argument) -> str:
    value = argument.value
    if is_number_token(value) or (isinstance(value, str) and Token.is_unresolved(value)):
        return (
            f"{argument.name} is a token, whose value only the deployment knows; it must be {argument.wanted}, known "
            "at synthesis"
        )
    shown = value.to_string() if isinstance(value, Duration) else repr(value)
    return f"{argument.name}={shown} must be {argument.wanted}"
