"""The lines of a file of devices: objects that are not looked into yet, and what is none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


class UnreadableFile(ValueError):
    """Nothing in a file can be read; the message says why."""


@dataclass(frozen=True, slots=True)
class RejectedLine:
    """A line that is not imported.

    Attributes:
        line: Where the device begins, counted from 1.
        problem: What came, and what is allowed.
        entry: Of an array, which of its entries it is, counted from 1.
    """

    line: int
    problem: str
    entry: int | None = None


@dataclass(frozen=True, slots=True)
class ObjectLine:
    """A device as an object, not looked into yet.

    Attributes:
        line: Where it begins, counted from 1.
        value: The object.
        entry: Of an array, which of its entries it is, counted from 1.
    """

    line: int
    value: Mapping[str, object]
    entry: int | None = None


Line = ObjectLine | RejectedLine


@dataclass(frozen=True, slots=True)
class Table:
    """The content of a file.

    Attributes:
        columns: The header of a file that has one, as it is there; ``None`` for JSON.
        lines: The devices, one by one.
    """

    columns: tuple[str, ...] | None
    lines: Iterator[Line]
