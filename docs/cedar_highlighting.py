"""Highlights Cedar and its schemas in the site, because Pygments has no lexer for them. A hook of mkdocs.yml."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, ClassVar

from pygments.lexer import RegexLexer, words
from pygments.lexers import LEXERS
from pygments.token import Comment, Keyword, Name, Number, Operator, Punctuation, String, Whitespace

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["CedarLexer", "CedarSchemaLexer"]  # where Pygments looks

_COMMON: list[Any] = [
    (r"\s+", Whitespace),
    (r"//.*?$", Comment.Single),
    (r'"(?:\\.|[^"\\])*"', String),
    (r"\d+", Number.Integer),
    (r"[A-Za-z_]\w*(?=::)", Name.Namespace),
    (r"::", Punctuation),
]
_ENDS: list[Any] = [
    (r"[A-Za-z_]\w*(?=\s*\()", Name.Function),
    (r"[A-Za-z_]\w*", Name),
    (r"&&|\|\||[!=<>]=|[-+*<>!?=]", Operator),
    (r"[(){}\[\];:,.]", Punctuation),
]


class CedarLexer(RegexLexer):
    """Policies."""

    name = "Cedar"
    aliases: ClassVar = ["cedar"]
    filenames: ClassVar = ["*.cedar"]
    tokens: ClassVar[Mapping[str, Any]] = {
        "root": [
            *_COMMON,
            (r"@[A-Za-z_]\w*", Name.Decorator),
            (words(("permit", "forbid"), suffix=r"\b"), Keyword),
            (
                words(("when", "unless", "if", "then", "else", "has", "like", "in", "is"), suffix=r"\b"),
                Keyword,
            ),
            (words(("principal", "action", "resource", "context"), suffix=r"\b"), Name.Builtin),
            (words(("true", "false"), suffix=r"\b"), Keyword.Constant),
            *_ENDS,
        ]
    }


class CedarSchemaLexer(RegexLexer):
    """Schemas."""

    name = "Cedar schema"
    aliases: ClassVar = ["cedarschema"]
    filenames: ClassVar = ["*.cedarschema"]
    tokens: ClassVar[Mapping[str, Any]] = {
        "root": [
            *_COMMON,
            (
                words(("namespace", "entity", "action", "type", "appliesTo", "in", "tags"), suffix=r"\b"),
                Keyword,
            ),
            (words(("Bool", "Boolean", "Long", "String", "Set"), suffix=r"\b"), Keyword.Type),
            *_ENDS,
        ]
    }


def _register(*lexers: type[RegexLexer]) -> None:
    """Let Pygments find the lexers by their names, in this module."""
    name = "cedar_highlighting"
    sys.modules[name] = sys.modules[__name__]
    for lexer in lexers:
        LEXERS[lexer.__name__] = (name, lexer.name, tuple(lexer.aliases), tuple(lexer.filenames), ())


_register(CedarLexer, CedarSchemaLexer)
