"""The mutants that no test can distinguish from the original, each with the reason: `proof/mutation/explained.toml`."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

FILE = Path(__file__).with_name("explained.toml")


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """The change of a mutant.

    Attributes:
        where: The module and the function, such as ``versions: Version.of_client``.
        lines: The lines that it takes away and puts in their place, marked ``-`` and ``+``, without indentation.
    """

    where: str
    lines: tuple[str, ...]

    @classmethod
    def of(cls, where: str, diff: str) -> Change:
        """Read the change in a diff; the other lines of the diff do not count."""
        marked = (line.strip() for line in diff.splitlines())
        return cls(
            where=where,
            lines=tuple(
                f"{line[0]} {line[1:].strip()}"
                for line in marked
                if line.startswith(("-", "+")) and not line.startswith(("---", "+++"))
            ),
        )

    @property
    def module(self) -> str:
        """The module."""
        return self.where.partition(":")[0]

    def __str__(self) -> str:
        return "\n".join((self.where, *(f"    {line}" for line in self.lines)))


def explained(text: str) -> dict[Change, str]:
    """Read the changes that are explained, each with its reason.

    Raises:
        ValueError: When a change is explained twice, or without a reason.
    """
    reasons: dict[Change, str] = {}
    for entry in tomllib.loads(text)["mutants"]:
        for diff in entry["changes"]:
            change = Change.of(entry["where"], diff)
            if change in reasons or not entry["why"]:
                raise ValueError(f"this is explained twice, or without a reason: {change}")
            reasons[change] = entry["why"]
    return reasons
