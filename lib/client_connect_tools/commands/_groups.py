"""Commands that list something by themselves, and have further commands about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from client_connect_tools.commands._shared import wrong_use

if TYPE_CHECKING:
    import typer

_GIVEN = "COMMANDLINE"


def lists_only(context: typer.Context) -> bool:
    """Tell whether the list is wanted, and not one of the further commands.

    Ends the command if an option stands before a further command, which would ignore it.
    """
    if context.invoked_subcommand is None:
        return True
    for name in context.params:
        source = context.get_parameter_source(name)
        if source is not None and source.name == _GIVEN:
            wrong_use(
                f'give options after "{context.invoked_subcommand}": an option before it is for the list, which is not '
                "printed then"
            )
    return False
