"""The option for the groups and departments of users."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from client_connect.printable import printable
from client_connect_tools.commands._shared import wrong_use

if TYPE_CHECKING:
    from client_connect_tools.replay.people import Directory, People
    from client_connect_tools.replay.tally import Tally

GroupsFileOption = Annotated[
    Path | None,
    typer.Option(
        help="A CSV file of users with their groups, for connection logs, and departments, as directories export it."
    ),
]


def directory_given(file: Path | None) -> Directory | None:
    """Read the file, or end the command."""
    if file is None:
        return None
    from client_connect_tools.commands._directory_file import UnreadableDirectory, read_directory

    try:
        return read_directory(file)
    except UnreadableDirectory as error:
        wrong_use(str(error))


def warn_of_unlisted(tally: Tally, directory: Directory | None, *, names: bool = True) -> None:
    """Say how many users the file does not have, and, where users may be named, how it may spell one of them."""
    if directory is None:
        return
    if unlisted := directory.unlisted(tally.people):
        people: People = tally.people
        count = len(unlisted)
        name = people.name(unlisted[0])
        known = _same_account(name, directory)
        hint = f', but has "{known}"; names must be those of the logs' if known else ""
        users = "1 user of the logs is" if count == 1 else f"{count:,} users of the logs are"
        example = f'; it lacks "{name}"{hint}' if names else ""
        print(printable(f"{users} not in the file of groups{example}"), file=sys.stderr)


def _same_account(name: str, directory: Directory) -> str:
    """Return how the file may spell a user: with another domain, or without one."""
    account = _account(name)
    return next((spelled for spelled in directory.names.values() if _account(spelled) == account), "")


def _account(name: str) -> str:
    return name.rsplit("\\", 1)[-1].split("@", 1)[0].lower()
