"""The history of a user or device, as shown on a terminal and on a page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from importlib.resources import files
from string import Template
from typing import TYPE_CHECKING

from client_connect.printable import printable
from client_connect_tools.commands._why_text import time_text, what_text
from client_connect_tools.replay.event import CUTS, DENIALS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import tzinfo

    from client_connect_tools.replay.event import Event

_LET_IN = ("allowed", "kept by a waiver", "session ended")


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """An event as it is shown.

    Attributes:
        event: The event.
        zone: The zone of its time.
        lines: What is known of it, and why it was denied.
    """

    event: Event
    zone: tzinfo
    lines: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """The event.

    Attributes:
        who: The user or device.
        verdict: All of it in a sentence.
        events: Each event, oldest first.
        notes: What else there is to know of the logs.
    """

    who: str
    verdict: str
    events: Sequence[Told]
    notes: Sequence[str]

    def text(self) -> Iterator[str]:
        """Yield the lines for a terminal."""
        yield printable(self.verdict)
        if self.events:
            yield ""
        for told in self.events:
            yield printable(f"{time_text(told.event, told.zone)}  {what_text(told.event)}")
            yield from (printable(f"    {line}") for line in told.lines)
        if self.events and self.notes:
            yield ""
        yield from map(printable, self.notes)

    def page(self) -> str:
        """Return a complete page, where no text of a log acts."""
        template = Template(files(__package__).joinpath("why.html").read_text("utf-8"))
        return template.substitute(
            who=_html(self.who),
            verdict=_html(self.verdict),
            written=f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
            events="\n".join(map(_event, self.events)),
            notes="\n".join(f"<p>{_html(note)}</p>" for note in self.notes),
        )


def _event(told: Told) -> str:
    event = told.event
    kind = "good" if event.what in _LET_IN else "bad" if event.what in DENIALS | CUTS else "open"
    lines = "".join(f"<li{_indent(line)}>{_html(line.strip())}</li>" for line in told.lines)
    return (
        f'<li class="{kind}"><time datetime="{event.at.isoformat()}">{_html(time_text(event, told.zone))}</time>'
        f"<b>{_html(what_text(event))}</b><ul>{lines}</ul></li>"
    )


def _indent(line: str) -> str:
    return ' class="part"' if line.startswith(" ") else ""


def _html(text: str) -> str:
    return escape(printable(text))
