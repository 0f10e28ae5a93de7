"""The type of a team's own facts, ``custom.cedarschema``: one Cedar record type, which goes into the schema."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import cedarpy

from client_connect.schema import schema_text
from client_connect_tools.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from client_connect_tools.policies import Policies

# Entities are not among them: nothing would be known of those that a module made up.
_TYPES = (
    *("Bool", "Long", "String", "Set", "datetime", "duration", "decimal", "ipaddr"),
    *("OsVersion", "Version"),
)
# Space and comments are as in Cedar: what ends a comment is a line feed or a carriage return.
_TOKEN = re.compile(
    r'(?P<skip>[^\S\x1c-\x1f]+|//[^\r\n]*)|"(?:\\.|[^"\\])*"|(?P<name>[A-Za-z_]\w*)|[{}<>?,:]|(?P<wrong>.)',
    re.DOTALL | re.ASCII,
)
_EXAMPLE = "such as { riskScore: Long, vip?: Bool }"


def check_custom_schema(policies: Policies) -> list[Finding]:
    """Return what is wrong with the type of ``context.custom``: at most one finding."""
    source = policies.custom_schema
    if source is None or (problem := _problem(source.text)) is None:
        return []
    return [
        Finding(
            file=source.name,
            line=problem.line,
            column=problem.column,
            policy="",
            rule="custom-schema",
            message=problem.message,
        )
    ]


@dataclass(frozen=True, slots=True)
class _Problem:
    line: int
    column: int
    message: str


@cache
def _problem(text: str) -> _Problem | None:
    tokens = [token for token in _TOKEN.finditer(text) if not token["skip"]]
    for position, message in _wrong(tokens):
        line_start = text.rfind("\n", 0, position) + 1
        return _Problem(text.count("\n", 0, position) + 1, position - line_start + 1, message)
    try:
        cedarpy.Schema.from_str(schema_text(text))
    except ValueError as error:
        return _Problem(1, 1, f"Cedar cannot parse this record type: {error}; write one {_EXAMPLE}")
    return None


def _wrong(tokens: list[re.Match[str]]) -> Iterator[tuple[int, str]]:
    """Yield what is no part of one record type, with its position: whatever else could be pasted in."""
    if not tokens or tokens[0][0] != "{":
        yield (tokens[0].start() if tokens else 0), f"the file must hold one Cedar record type, {_EXAMPLE}"
    depth = 0
    for before, token in zip([None, *tokens], tokens, strict=False):
        if before is not None and depth == 0:
            yield token.start(), f"{token[0]} stands behind the record type, which must be alone in the file"
        if token["wrong"]:
            yield token.start(), f"{token[0]} does not belong in a record type; write one {_EXAMPLE}"
        if token["name"] and before is not None and before[0] in (":", "<") and token[0] not in _TYPES:
            yield (
                token.start(),
                f"{token[0]} is no type for a fact; there are {', '.join(_TYPES)} and records",
            )
        depth += {"{": 1, "}": -1}.get(token[0], 0)
