"""Why Cedar cannot use a policy, where, and what to write instead."""

from __future__ import annotations

from typing import TYPE_CHECKING

from client_connect_tools.cedar.parsing import SYNTAX
from client_connect_tools.checking.hints import syntax

if TYPE_CHECKING:
    from client_connect_tools.cedar.parsing import ParsedStatement
    from client_connect_tools.finding import Finding


def unusable(parsed: ParsedStatement) -> Finding:
    """Return the finding about a policy that has an error."""
    assert parsed.error is not None  # noqa: S101 - shows the type
    rule, message = parsed.error
    if rule != "syntax":
        return parsed.finding(rule, message)
    hint, place = syntax.explained(parsed.statement.text, message.removeprefix(SYNTAX))
    return parsed.finding(rule, f"{message}; {hint}" if hint else message, place=place)
