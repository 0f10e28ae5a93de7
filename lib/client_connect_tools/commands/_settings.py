"""The settings of the project, under what the command line says."""

from __future__ import annotations

import sys
from contextvars import ContextVar
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from client_connect_tools.commands._shared import WRONG_USE, read_policies, wrong_use

if TYPE_CHECKING:
    from collections.abc import Sequence

    from client_connect_tools.policies import Policies
    from client_connect_tools.project.settings import Settings

PathsArgument = Annotated[
    list[Path] | None,
    typer.Argument(
        help="*.cedar files, directories, or Rules in Python modules as module:name: one set. Default: of the settings."
    ),
]


@dataclass(slots=True)
class SettingsSource:
    """Where the settings come from, and what they are once they were read.

    Attributes:
        file: The file; ``None`` to look for one.
        ignored: Whether to ignore all settings files.
        verbose: Whether to say which file is used.
    """

    file: Path | None = None
    ignored: bool = False
    verbose: bool = False
    _read: Settings | None = None

    def settings(self) -> Settings:
        """Return the settings; end the command when they cannot be used."""
        if self._read is None:
            self._read = self._found()
            if self.verbose:
                print(f"settings: {self._read.name or 'none'}", file=sys.stderr)
        return self._read

    def _found(self) -> Settings:
        from client_connect_tools.project.settings import (
            InvalidSettings,
            Settings,
            find_settings,
            read_settings,
        )

        try:
            if self.file is not None:
                return read_settings(self.file)
            return Settings() if self.ignored else find_settings(Path())
        except InvalidSettings as error:
            print(error, file=sys.stderr)
            raise typer.Exit(WRONG_USE) from None


_source: ContextVar[SettingsSource | None] = ContextVar("source", default=None)


def settings() -> Settings:
    """Return the settings of the command that runs."""
    return (_source.get() or SettingsSource()).settings()


def use_settings(file: Path | None, *, ignored: bool, verbose: bool) -> None:
    """Say where the settings of the command come from that is about to run."""
    _source.set(SettingsSource(file, ignored=ignored, verbose=verbose))


def time_zone_or_settings(given: str | None) -> str:
    """Return the zone of the command line, else of the settings, else UTC."""
    return given or settings().time_zone or "UTC"


def paths_or_settings(given: list[Path] | None) -> list[Path]:
    """Return the policies of the command line, else of the settings; end when neither names some."""
    if found := given or list(settings().policies):
        return found
    from client_connect_tools.project.settings import FILE

    where = settings().name or f"{FILE}, which was looked for from this folder upwards"
    return wrong_use(
        f'no policies are given; name files or directories, or write policies = ["policies"] into {where}'
    )


def read_handler(
    given: list[Path] | None, guardrails: Path | None, *, standard_input: bool = False
) -> Policies:
    """Read the policies of a handler, within their guardrails.

    Tests of the settings are about the policies of the settings, and belong to no others.
    """
    paths = paths_or_settings(given)
    policies = read_policies(
        *paths, standard_input=standard_input, guardrails=guardrails_of(paths, guardrails)
    )
    if not _same(paths, settings().policies):
        return policies
    from client_connect_tools.files.policies_folder import files_of_tests

    return replace(
        policies, test_files=tuple(dict.fromkeys((*policies.test_files, *files_of_tests(settings().tests))))
    )


def guardrails_of(paths: Sequence[Path], given: Path | None) -> Path | None:
    """Return the guardrails of the command line, else of the settings, which are not within themselves."""
    found = given or settings().guardrails
    if given is None and found is not None and any(_is_within(path, found) for path in paths):
        return None
    return found


def _is_within(path: Path, folder: Path) -> bool:
    return path.resolve().is_relative_to(folder.resolve())


def _same(given: Sequence[Path], known: Sequence[Path]) -> bool:
    return {each.resolve() for each in given} == {each.resolve() for each in known}
