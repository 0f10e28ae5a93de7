"""The parts of policies, whatever their syntax; only for type checkers, so no cold start imports it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

Effect = Literal["permit", "forbid"]

Statement = tuple[Effect, Mapping[str, str], Any]
"""The effect of a policy, its annotations, and what its syntax has of it."""

Shape = tuple[Any, ...]
"""A node with its parts, whatever the syntax: the name of one of the cases of ``_Search`` comes first.

``("variable", name)``, ``("entity", type, id)``, ``("attribute", base, names)`` even where it is only tested for,
``("tag", base, key)``, ``("kind", base)`` where the type is asked for, ``("compared", *parts)``, ``("within", entity,
groups)``, ``("set", *elements)``, and ``("all", *parts)`` for anything else.
"""
