"""Something wrong with a policy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from client_connect.printable import printable
from client_connect_tools.output.safe_output import safe_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something wrong with a policy.

    Attributes:
        file: The file's name, or what the text was called.
        line: Where the mistake is, or else where the policy begins, counted from 1.
        column: The same, counted from 1.
        policy: Its ``@id``; empty when it has none, or when the finding is about the whole set.
        rule: The stable name of the check or lint that found it; see docs/errors.md.
        severity: An ``error`` is refused at synthesis. A ``warning`` comes from a lint, which can be
            switched off by its name.
        message: What is wrong, why, and what to do.
        length: How many characters of the line are meant; 0 for the policy as a whole.
    """

    file: str
    line: int
    column: int
    policy: str
    rule: str
    severity: Literal["error", "warning"] = "error"
    message: str
    length: int = 0

    def __str__(self) -> str:
        policy = f"[{self.policy}] " if self.policy else ""
        text = f"{self.file}:{self.line}:{self.column}: {policy}{self.message} ({self.rule})"
        return safe_text(printable(text))
