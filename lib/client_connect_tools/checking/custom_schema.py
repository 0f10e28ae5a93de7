"""The type of the custom facts, ``custom.cedarschema``: one Cedar record type, which goes into the schema."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import cedarpy

from client_connect.engine.schema import schema_text
from client_connect_tools.cedar.statements import STRING, UNENDED_STRING
from client_connect_tools.finding import Finding

if TYPE_CHECKING:
    from client_connect_tools.policies import Policies

# Entities are not among them: nothing would be known of those that a module made up.
_TYPES = (
    *("Bool", "Long", "String", "Set", "datetime", "duration", "decimal", "ipaddr"),
    *("OsVersion", "Version"),
)
# Space and comments are as in Cedar: what ends a comment is a line feed or a carriage return.
_TOKEN = re.compile(
    rf"(?P<skip>[^\S\x1c-\x1f]+|//[^\r\n]*)|{STRING}|(?P<name>[A-Za-z_]\w*)|[{{}}<>?,:]|(?P<wrong>{UNENDED_STRING}|.)",
    re.DOTALL | re.ASCII,
)
_MAX_DEPTH = 20

_EXAMPLE = "such as { riskScore: Long, vip?: Bool }"


def declared_types(text: str | None) -> dict[str, str]:
    """Return the types of a sound schema's facts, by name, such as ``Long`` or ``record``."""
    types: dict[str, str] = {}
    depth, name, before = 0, "", ""
    for match in _TOKEN.finditer(text or ""):
        if match["skip"] or match[0] == "?":
            continue
        if depth == 1 and before in ("{", ","):
            name = match[0].strip('"')
        elif depth == 1 and before == ":":
            types[name] = "record" if match[0] == "{" else match[0]
        before = match[0]
        depth += (before in ("{", "<")) - (before in ("}", ">"))
    return types


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
    if (wrong := _wrong(tokens)) is not None:
        position, message = wrong
        line_start = text.rfind("\n", 0, position) + 1
        return _Problem(text.count("\n", 0, position) + 1, position - line_start + 1, message)
    try:
        cedarpy.Schema.from_str(schema_text(text))
    except ValueError as error:
        return _Problem(1, 1, f"Cedar cannot parse this record type: {error}; write one {_EXAMPLE}")
    return None


def _wrong(tokens: list[re.Match[str]]) -> tuple[int, str] | None:
    """Return the first that is no part of one record type, for whatever else could be pasted in, with its place."""
    if not tokens or tokens[0][0] != "{":
        return (tokens[0].start() if tokens else 0), f"the file must hold one Cedar record type, {_EXAMPLE}"
    declared: list[set[str]] = []  # in each record and set that is open
    before = ""
    for token in tokens:
        text = token[0]
        if message := _misplaced(token, before, declared):
            return token.start(), message
        if before in ("{", ","):
            declared[-1].add(text.strip('"'))
        if text in ("{", "<"):
            declared.append(set())
        elif text in ("}", ">"):
            declared.pop()
        before = text
    return None


def _misplaced(token: re.Match[str], before: str, declared: list[set[str]]) -> str:
    text = token[0]
    if before and not declared:
        return f"{text:.100} stands behind the record type, which must be alone in the file"
    if token["wrong"]:
        return f"{text[0]} does not belong in a record type; write one {_EXAMPLE}"
    if before in (":", "<") and token["name"] and text not in _TYPES:
        return f"{text:.100} is no type for a fact; there are {', '.join(_TYPES)} and records"
    if before in ("{", ",") and text.strip('"') in declared[-1]:
        return f"{text:.100} is declared twice; keep one of them"
    if len(declared) > _MAX_DEPTH:
        return f"records and sets nest deeper than {_MAX_DEPTH} levels; make them flatter"
    return ""
