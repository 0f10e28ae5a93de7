"""The findings of Cedar's strict validation in the documented part of a native policy, by condition."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import cedarpy
from cedarpy import pst

from client_connect_tools.cedar import nodes
from client_connect_tools.cedar.nodes import path
from client_connect_tools.cedar.text import expression_text
from client_connect_tools.cedar.validation import UNGUARDED
from client_connect_tools.native._documented import documented_part, parts
from client_connect_tools.native.trust_data import Attribute, attribute, documented, schema

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


_ENGINES_RECORD = "__cedar::internal::AnyEntity, or __cedar::internal::OpenRecord{}"


def validation_errors(template: pst.Template) -> list[str]:
    """Return what the validator says of a policy that reads nothing undocumented.

    Raises:
        ValueError: When it nests deeper than the engine survives.
    """
    errors = cedarpy.validate_policies(nodes.cedar(template), schema()).errors
    # The engine gives them in another order each time, and one for each access.
    texts = {error.error.removeprefix("for policy `policy0`, ") for error in errors}
    return sorted(text.replace(_ENGINES_RECORD, "a record") for text in texts)


def type_errors(template: pst.Template, problems: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield each wrong type with the smallest condition that has it, and the types of what that reads.

    Args:
        template: The policy.
        problems: What the validator says of all of it.
    """
    left = {problem for problem in problems if UNGUARDED not in problem}
    conditions = (each for clause in template.clauses for each in _smallest_conditions(clause.expr))
    for condition in dict.fromkeys(conditions):
        alone = replace(template, clauses=(pst.When(condition),))
        found = [each for each in validation_errors(documented_part(alone)) if UNGUARDED not in each]
        for problem in found:
            yield (
                "type",
                "; ".join([f"{expression_text(condition)}: {problem}", *_documented_types(condition)]),
            )
        left.difference_update(found)
    yield from (("type", problem) for problem in sorted(left))


def _smallest_conditions(node: pst.Expr) -> Iterator[pst.Expr]:
    match node:
        case pst.BinaryOp("and" | "or", left, right):
            yield from _smallest_conditions(left)
            yield from _smallest_conditions(right)
        case pst.UnaryOp("not", argument):
            yield from _smallest_conditions(argument)
        case pst.IfThenElse(test, then, otherwise):
            for each in (test, then, otherwise):
                yield from _smallest_conditions(each)
        case _:
            yield node


def _documented_types(condition: pst.Expr) -> Iterator[str]:
    paths = dict.fromkeys(documented(path(node) or ()) for node in parts(condition))
    for names in paths:
        if isinstance(found := attribute(names), Attribute) and found.type != "Undocumented":
            yield f"AWS documents {expression_text(nodes.read_of(names))} as {found.description}"
