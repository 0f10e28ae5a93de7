"""The meaning of every error, lint, warning and alarm, and what to do.

The one source of the command ``client-connect explain``, of the descriptions of alarms, and of the documentation.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Kind: TypeAlias = Literal[
    "policy error",
    "policy lint",
    "native policy error",
    "native policy lint",
    "exception",
    "synthesis warning",
    "record error",
    "alarm",
]
"""The kinds of names. The same name may be of several kinds."""

FILES: dict[Kind, str] = {
    "policy error": "policy_errors.toml",
    "policy lint": "policy_lints.toml",
    "native policy error": "native_errors.toml",
    "native policy lint": "native_lints.toml",
    "exception": "exceptions.toml",
    "synthesis warning": "warnings.toml",
    "record error": "record_errors.toml",
    "alarm": "alarms.toml",
}
"""The file of each kind, with one table for each name."""

# Of an alarm's description: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
MAX_DESCRIPTION_LENGTH = 1024

# The names of resources.
_NAME = re.compile(r"\b[A-Z]+(?:_[A-Z]+)*\b")
_LINK = re.compile(r"\[([^]]+)]\([^)]+\)")
# The marks that findings and warnings put around a name; two colons where a check of the final template reports it.
_AROUND = re.compile(r"ack:\s|cdk-client-connect::?|[][()`\"\s]")
# Warnings of changed properties are named after them. The remaining properties share one explanation.
_CHANGED, _CHANGED_PROPERTY = "changed", "changedProperty"


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """The meaning of a name and what to do, in Markdown.

    Attributes:
        name: The name, as it is reported.
        kind: What it belongs to.
        cause: What happened, and what follows from it.
        example: What leads to it.
        fix: What to do, step by step.
        fires: When an alarm fires; empty for everything else.
        first: The command to run first when an alarm fires; empty for everything else. Words in capitals in it, and in
            the steps, stand for the names of resources.
    """

    name: str
    kind: Kind
    cause: str
    example: str
    fix: tuple[str, ...]
    fires: str = ""
    first: str = ""

    def description(self, names: Mapping[str, str], *, length_of: Callable[[str], int] = len) -> str:
        """Return the first command, the cause and as many of the numbered steps as there is room for.

        Args:
            names: What words in capitals stand for, such as ``FUNCTION``.
            length_of: Returns how long a name may be, which may be a token.
        """
        end = f"\n\nMore: client-connect explain {self.name}"
        text, most = f"First: {self.first}\n\n{self.cause}\n", MAX_DESCRIPTION_LENGTH - len(end)
        for number, step in enumerate(self.fix, start=1):
            longer = f"{text}\n{number}. {plain(step)}"
            if len(_NAME.sub(lambda found: "x" * length_of(names.get(found[0], found[0])), longer)) > most:
                break
            text = longer
        return _NAME.sub(lambda found: names.get(found[0], found[0]), text) + end


@cache
def every() -> tuple[Advice, ...]:
    """Return everything that there is, by kind and then in the order of its file."""
    return tuple(each for kind in FILES for each in of_kind(kind))


@cache
def of_kind(kind: Kind) -> tuple[Advice, ...]:
    """Return everything of a kind, in the order of its file."""
    tables = tomllib.loads((files(__package__) / FILES[kind]).read_text("utf-8"))
    return tuple(
        Advice(
            name=name,
            kind=kind,
            cause=table["cause"],
            example=table["example"].strip("\n"),
            fix=tuple(table["fix"]),
            fires=table.get("fires", ""),
            first=table.get("first", ""),
        )
        for name, table in tables.items()
    )


def find(name: str) -> tuple[Advice, ...]:
    """Return what a name may mean, one for each kind; nothing when there is no such name.

    Args:
        name: In any case of the letters. A warning may have the prefix ``cdk-client-connect:`` or
            ``cdk-client-connect::``, and an alarm what CloudFormation or the name of an endpoint adds to it.
    """
    wanted = _AROUND.sub("", name).lower()
    exact = tuple(each for each in every() if each.name.lower() == wanted)
    if not exact and wanted.startswith(_CHANGED):
        return (find_one(_CHANGED_PROPERTY, "synthesis warning"),)
    return exact or tuple(each for each in of_kind("alarm") if each.name.lower() in wanted)


def find_one(name: str, kind: Kind) -> Advice:
    """Return the advice for a name of a kind.

    Raises:
        KeyError: When no advice has the name. A test requires one for each name.
    """
    return {each.name: each for each in of_kind(kind)}[name]


def near(name: str) -> list[str]:
    """Return up to three names that were probably meant."""
    names = {each.name.lower(): each.name for each in every()}
    found = difflib.get_close_matches(_AROUND.sub("", name).lower(), names, n=3, cutoff=0.5)
    return [names[each] for each in found]


def plain(markdown: str) -> str:
    """Return a text without links, for terminals and mails."""
    return _LINK.sub(r"\1", markdown)
