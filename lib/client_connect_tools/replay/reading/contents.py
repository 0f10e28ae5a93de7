"""Entries of logs as they were written, for those who want more of them than policies see."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from client_connect_tools.replay.reading.logs import Reader, Skipped, entries

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Source = Literal["decision", "error", "re-authorizer", "run", "connection log"]


@dataclass(frozen=True, slots=True)
class Content(Skipped):
    """An entry as it was written.

    Attributes:
        content: What it holds.
    """

    content: dict[str, Any] = field(default_factory=dict)


class _Contents(Reader):
    """Keeps entries as they are."""

    def attempt(self, record: dict[str, Any]) -> Skipped:
        return _content("re-authorizer" if _is_of_reauthorizer(record) else "decision", record)

    def connection(self, log: dict[str, Any]) -> Skipped:
        return _content("connection log", log)

    def other(self, value: dict[str, Any]) -> Skipped | None:
        if "at" in value:
            if _is_of_reauthorizer(value):
                return _content("re-authorizer", value)
            if isinstance(value.get("run"), str):
                return _content("run", value)
            if "error" in value and "event" in value:
                return _content("error", value)
        return super().other(value)


def contents(lines: Iterable[str]) -> Iterator[Skipped]:
    """Read lines with at least one entry each; those of our logs and Client VPN's as ``Content``."""
    for entry in entries(lines, reader=_Contents()):
        if isinstance(entry, Skipped):
            yield entry


def _content(source: Source, value: dict[str, Any]) -> Content:
    return Content(source, content=value)


def _is_of_reauthorizer(value: dict[str, Any]) -> bool:
    return "connection" in value and "reason" in value
