"""The limit of one per construct: a registry one re-authorizer, a handler one monitoring."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from aws_cdk import Stack, Token

if TYPE_CHECKING:
    from constructs import Construct, IConstruct

# A handler by its monitoring.
MONITORING = "monitoring"

_claims: WeakKeyDictionary[IConstruct, dict[tuple[str, ...], Construct]] = WeakKeyDictionary()


def claim(claimant: Construct, kind: str, *key: str) -> None:
    """Remember who has claimed something, within the app."""
    _of_app(claimant)[(kind, *key)] = claimant


def claimant_of(scope: IConstruct, kind: str, *key: str) -> Construct | None:
    """Return who has claimed something, if anybody has."""
    return _of_app(scope).get((kind, *key))


def key_of(construct: IConstruct, arn: str) -> tuple[str, ...]:
    """Return the key of what may be imported several times: its ARN where it is known, or else its place.

    Args:
        construct: The construct.
        arn: Its ARN, or the name that stands for it, which may be a token.
    """
    stack = Stack.of(construct)
    if Token.is_unresolved(arn) and construct.node.default_child is not None:
        return ("defined", construct.node.path)
    # A token that is the same in two places of a stack stands for the same.
    where = stack.node.path if Token.is_unresolved(arn) else ""
    return ("imported", where, json.dumps(stack.resolve(arn), sort_keys=True))


def _of_app(scope: IConstruct) -> dict[tuple[str, ...], Construct]:
    return _claims.setdefault(scope.node.root, {})
