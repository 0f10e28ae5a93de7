"""``client-connect fmt``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from client_connect_tools.commands._settings import paths_or_settings
from client_connect_tools.commands._shared import FINDINGS, errors_end_the_command, wrong_use

if TYPE_CHECKING:
    from collections.abc import Iterator

    from client_connect_tools.files.source import Source

_STANDARD_INPUT = "-"


def fmt(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(help="*.cedar files, directories, or - for standard input. Default: of the settings."),
    ] = None,
    *,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; status 1 when a file is not formatted.")
    ] = False,
    line_width: Annotated[int, typer.Option(min=40, max=400, help="The columns of a line.")] = 120,
) -> None:
    """Format policies in place, as Cedar's own formatter does; comments stay, and what they mean does too."""
    paths = paths_or_settings(paths)
    if _STANDARD_INPUT in map(str, paths):
        if len(paths) > 1 or check:
            wrong_use("- is standard input alone, which is printed; give files to write or to check")
        sys.stdout.write(_formatted("<stdin>", sys.stdin.read(), line_width))
        return
    changed = 0
    for source in _sources(paths):
        text = _formatted(source.name, source.text, line_width)
        if text == source.text:
            continue
        changed += 1
        print(f"{'not formatted' if check else 'formatted'}: {source.name}")
        if not check:
            _write(Path(source.name), text)
    if check and changed:
        raise typer.Exit(FINDINGS)


def _sources(paths: list[Path]) -> Iterator[Source]:
    from client_connect_tools.policies import Policies

    with errors_end_the_command():
        found = [source for path in paths for source in Policies.from_path(path).sources]
    yield from {source.name: source for source in found}.values()


def _formatted(name: str, text: str, line_width: int) -> str:
    """Return formatted text; end when it cannot be parsed, or would not mean the same."""
    import cedarpy

    from client_connect_tools.cedar.parsing import parse
    from client_connect_tools.checking.syntax_errors import unusable
    from client_connect_tools.files.source import Source

    parsed = parse([Source(name, text)])
    if errors := [each for each in parsed if each.template is None]:
        wrong_use(f"cannot format {unusable(errors[0])}")
    if not parsed:
        return text
    formatted = cedarpy.format_policies(text, line_width, 2)
    same = [each.template for each in parse([Source(name, formatted)])] == [each.template for each in parsed]
    if not same or _comments(formatted) != _comments(text):
        wrong_use(f'cannot format "{name}" without a change of what it says; it was left as it is')
    return formatted


def _comments(text: str) -> list[str]:
    """Return the comments of a text, whose place and indentation may change."""
    from client_connect_tools.cedar.places import comments

    return [" ".join(each.split()) for each in comments(text)]


def _write(file: Path, text: str) -> None:
    """Replace a file by another one, complete or not at all."""
    from client_connect_tools.output.whole_file import write_whole

    write_whole(file, text)
