"""Values that are known only later: at deployment, or when the CLI has looked them up."""

from __future__ import annotations

from aws_cdk import Token

# The value that the CDK puts in place of a parameter until the CLI has looked it up and synthesizes again.
_DUMMY = "dummy-value-for-"


def is_unknown(text: str) -> bool:
    """Whether a string cannot be checked now: a token, or the CDK's placeholder for ``value_from_lookup``."""
    return Token.is_unresolved(text) or text.startswith(_DUMMY)


def is_placeholder(text: object) -> bool:
    """Whether a value stands for what the CLI has not looked up yet."""
    return isinstance(text, str) and text.startswith(_DUMMY)
