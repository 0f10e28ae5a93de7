"""Groups of commands, which list each with its whole summary."""

from __future__ import annotations

from typing import Any

from typer.core import TyperGroup


class WholeSummaries(TyperGroup):
    """A group whose help does not cut the summaries of its commands at the width of the terminal."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401 - the classes are Typer's own
        """Write the list of commands."""
        for name in self.list_commands(ctx):
            command = self.get_command(ctx, name)
            if command is not None and not command.short_help:
                command.short_help = first_sentence(command.help or "")
        super().format_commands(ctx, formatter)


def first_sentence(text: str) -> str:
    """Return the first sentence of a help text."""
    summary = " ".join(text.partition("\n\n")[0].split())
    return f"{summary.partition('. ')[0].removesuffix('.')}."
