"""The effect of a change of policies on the connections in logs."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from client_connect_tools.commands._directory import directory_given, warn_of_unlisted
from client_connect_tools.commands._logs import (
    end_for_what_was_not_understood,
    find_logs,
    unreadable_logs_end_the_command,
)
from client_connect_tools.commands._replaying import run_replay
from client_connect_tools.commands._shared import wrong_use

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import tzinfo
    from pathlib import Path

    from client_connect_tools.commands._logs import Understood
    from client_connect_tools.policies import Policies
    from client_connect_tools.replay import Tally
    from client_connect_tools.replay.people import Directory
    from client_connect_tools.replay.report.sections import Section

TITLE = "In the logs"
_MOST_ROWS = 20
_USER = "user"


@dataclass(frozen=True, slots=True, kw_only=True)
class DiffInLogs:
    """The changes in logs.

    Attributes:
        tally: What was found.
        directory: What a directory knows of users, where one was given.
        understood: Which files were understood.
        names: Whether users are named.
    """

    tally: Tally
    directory: Directory | None
    understood: Understood
    names: bool

    @property
    def somebody_is_denied(self) -> bool:
        """Whether a user is newly denied, or may be, according to the logs."""
        tally = self.tally
        return bool(tally.newly_denied.count or tally.perhaps_newly_denied or tally.unreadable)

    @property
    def verdict(self) -> str:
        """The changes, in a sentence or two."""
        from client_connect_tools.replay.report.verdict import verdict

        return verdict(self.tally)

    def sections(self) -> list[Section]:
        """Return the tables of what changes; those of users only where they are named."""
        from client_connect_tools.replay.report.sections import changes

        found = changes(self.tally, self.directory, most=_MOST_ROWS)
        return [each for each in found if self.names or each.columns[0] != _USER]

    def markdown(self) -> Iterator[str]:
        """Yield the lines of a comment."""
        from client_connect_tools.output.markdown import markdown_table, markdown_text
        from client_connect_tools.replay.report.sections import text_of

        yield f"### {TITLE}"
        yield ""
        yield markdown_text(self.verdict)
        for section in self.sections():
            yield f"\n<details><summary>{markdown_text(section.title)}</summary>\n"
            yield markdown_table(section.columns, ([*map(text_of, row)] for row in section.rows))
            yield "\n</details>"

    def html(self) -> str:
        """Return a part of a page."""
        from client_connect_tools.matrix.rendering import html_paragraph, html_section
        from client_connect_tools.replay.report.sections import text_of

        return html_paragraph(TITLE, self.verdict) + "".join(
            html_section(each.title, each.columns, ([*map(text_of, row)] for row in each.rows))
            for each in self.sections()
        )

    def document(self) -> dict[str, Any]:
        """Return the same for programs."""
        from client_connect_tools.replay.report.summary import summary

        content = summary(self.tally, directory=self.directory)
        if not self.names:
            for change in ("newlyDenied", "newlyAllowed"):
                del content[change]["byUser"]
        return content

    def end(self) -> None:
        """Say what the answer lacks, or end the command without any answer."""
        tally = self.tally
        warn_of_unlisted(tally, self.directory, names=self.names)
        if open_ := tally.perhaps_newly_denied + tally.unreadable.total():
            connections = "1 connection" if open_ == 1 else f"{open_:,} connections"
            print(
                f"{connections} of the logs may be newly denied: the new policies read what is not logged, or the "
                "record cannot be read",
                file=sys.stderr,
            )
        end_for_what_was_not_understood(self.understood)
        if tally.attempts == tally.unreadable.total():
            wrong_use(
                "the logs hold no decision to replay; give decision records or Client VPN's connection logs"
            )


def diff_in_logs(  # noqa: PLR0913 - each is an option
    old: Policies,
    new: Policies,
    logs: list[str],
    *,
    zone: tzinfo | None,
    groups: Path | None,
    names: bool,
) -> DiffInLogs:
    """Decide the connections of logs by both sets, or end the command."""
    from client_connect_tools.replay import Comparison

    directory = directory_given(groups)
    with unreadable_logs_end_the_command():
        found = find_logs(logs, log_group=None, since=None, until=None, region=None, profile=None)
        comparison = Comparison(
            new=new.text,
            old=old.text,
            new_custom=new.custom,
            old_custom=old.custom,
            new_networks=new.network_table,
            old_networks=old.network_table,
            default_zone=zone,
            directory=directory,
        )
    tally, understood = run_replay(comparison, found)
    return DiffInLogs(tally=tally, directory=directory, understood=understood, names=names)
