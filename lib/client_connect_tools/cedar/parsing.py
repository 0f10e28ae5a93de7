"""Policies as Cedar reads them, each by itself, and the schema."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Literal

import cedarpy

from client_connect.engine.schema import schema_text
from client_connect_tools.cedar.statements import STRING, UNENDED_STRING, statements
from client_connect_tools.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from cedarpy import pst

    from client_connect_tools.cedar.places import Place
    from client_connect_tools.cedar.statements import Statement
    from client_connect_tools.files.source import Source

_MAX_DEPTH = 100
_TOO_DEEP = (
    f"the policy nests deeper than {_MAX_DEPTH} levels, which the engine does not survive, and each || or && "
    "beside another is a level too, as is each member of a member (a.b.c); put parentheses around groups of 20, use "
    "a set, or Rules"
)
TOO_DEEP = ("too-deep", _TOO_DEEP)
# The engine joins all clauses of a policy into one expression, and each is a level. Where they do not fit into the
# stack, the policy errs at every connection: from about 1,700 clauses with 8 MiB, from 190 with 1 MiB.
SYNTAX = "Cedar cannot parse this policy: "
_MAX_CLAUSES = 100
# Strings and comments first, because nothing nests in them.
_NESTING = re.compile(
    rf"{STRING}|{UNENDED_STRING}|//[^\r\n]*|[(\[{{)\]}}.]|\|\||&&|[-+*=<>!,;]|\b(?:if|then|else|in|has|like|is)\b",
    re.DOTALL,
)
_OPERATORS = frozenset(("||", "&&", "-", "+", "*", "if"))
_ID = re.compile(r'@id\s*\(\s*"((?:\\.|[^"\\])*)"')


@cache
def schema(custom: str | None = None) -> cedarpy.Schema:
    """Return the schema that policies are validated against, parsed.

    Args:
        custom: The sound type of ``context.custom``. Default: an empty record.
    """
    return cedarpy.Schema.from_str(schema_text(custom))


@dataclass(frozen=True, slots=True)
class ParsedStatement:
    """A statement with what Cedar makes of it: a policy, or an error.

    Attributes:
        file: The name of its source.
        statement: The text and where it begins.
        template: The policy; ``None`` when there is an error.
        error: Why Cedar cannot use it, with the rule's name before.
    """

    file: str
    statement: Statement
    template: pst.Template | None
    error: tuple[str, str] | None = None

    @property
    def id(self) -> str:
        """The policy's ``@id``, even where the rest cannot be parsed."""
        if self.template is not None:
            return self.template.annotations.get("id", "")
        match = _ID.search(self.statement.text)
        return match[1] if match else ""

    def finding(
        self,
        rule: str,
        message: str,
        severity: Literal["error", "warning"] = "error",
        *,
        place: Place | None = None,
    ) -> Finding:
        """Return a finding about this policy, or about a part of it where a place is given."""
        line, column, length = self._position(place)
        return Finding(
            file=self.file,
            line=line,
            column=column,
            length=length,
            policy=self.id,
            rule=rule,
            severity=severity,
            message=message,
        )

    def _position(self, place: Place | None) -> tuple[int, int, int]:
        line, column, text = self.statement.line, self.statement.column, self.statement.text
        if place is None:
            return line, column, 0
        before = text[: place.start]
        length = len(text[place.start : place.end].partition("\n")[0])
        if "\n" not in before:
            return line, column + place.start, length
        return line + before.count("\n"), place.start - before.rfind("\n"), length


def parse(sources: Iterable[Source]) -> list[ParsedStatement]:
    """Parse every policy by itself, so one mistake hides no other."""
    return [each for source in sources for each in _statements(source)]


def in_order(sources: Iterable[Source], findings: Sequence[Finding]) -> list[Finding]:
    """Sort findings by where they are."""
    files = {source.name: number for number, source in enumerate(sources)}
    return sorted(findings, key=lambda each: (files[each.file], each.line, each.column))


# The checks, the lints and the tests of a set each ask for the same sources.
@lru_cache(maxsize=256)
def _statements(source: Source) -> tuple[ParsedStatement, ...]:
    return tuple(_parsed(source.name, statement) for statement in statements(source.text))


def _parsed(file: str, statement: Statement) -> ParsedStatement:
    if _depth(statement.text) > _MAX_DEPTH:
        return ParsedStatement(file, statement, None, TOO_DEEP)
    try:
        policy_set = cedarpy.PolicySet.from_str(statement.text).to_pst()
    except ValueError as error:
        return ParsedStatement(file, statement, None, ("syntax", f"{SYNTAX}{error}"))
    if policy_set.templates:
        message = "a template never applies; name an entity in place of ?principal or ?resource"
        return ParsedStatement(file, statement, None, ("template", message))
    (template,) = policy_set.static_policies.values()
    if (count := len(template.clauses)) > _MAX_CLAUSES:
        message = (
            f"the policy has {count} clauses (when, unless), each of which is a level for the engine, and at most "
            f"{_MAX_CLAUSES} are allowed; join them by && or ||, use a set, or split the policy"
        )
        return ParsedStatement(file, statement, None, ("too-deep", message))
    return ParsedStatement(file, statement, template)


@dataclass(slots=True)
class _Level:
    """The content of one pair of brackets.

    Attributes:
        operators: How many there are.
        chain: How many members, such as ``.major``, have followed each other since the last operator.
        longest: The longest such chain.
        below: How deep the brackets within these nest.
    """

    operators: int = 0
    chain: int = 0
    longest: int = 0
    below: int = 0

    @property
    def depth(self) -> int:
        return 1 + self.operators + self.longest + self.below


def _depth(text: str) -> int:
    """Return about how deep a policy nests: brackets, and what stands one after the other within the same ones.

    Text written for readers does not come near the limit.
    """
    levels = [_Level()]
    for token in _NESTING.findall(text):
        level = levels[-1]
        if token in (".", "["):
            level.chain += 1
            level.longest = max(level.longest, level.chain)
        if token in ("(", "[", "{"):
            levels.append(_Level())
        elif token in (")", "]", "}"):
            _close(levels)
        elif token[0] not in '."/':
            level.operators += token in _OPERATORS
            level.chain = 0
    while len(levels) > 1:
        _close(levels)
    return levels[0].depth


def _close(levels: list[_Level]) -> None:
    """Leave the innermost brackets."""
    if len(levels) > 1:
        depth = levels.pop().depth
        levels[-1].below = max(levels[-1].below, depth)
