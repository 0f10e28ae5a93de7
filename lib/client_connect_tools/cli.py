"""The command ``client-connect``."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - Typer reads it
from typing import TYPE_CHECKING, Annotated, Any

import typer

from client_connect_tools.commands._settings import use_settings
from client_connect_tools.commands._shared import wrong_use
from client_connect_tools.commands._summaries import WholeSummaries
from client_connect_tools.commands.audit import audit
from client_connect_tools.commands.blocking.blocking import block, unblock
from client_connect_tools.commands.blocking.cutting import cut
from client_connect_tools.commands.blocking.listing import blocks
from client_connect_tools.commands.bundle import bundle
from client_connect_tools.commands.certificates import certificates
from client_connect_tools.commands.check import check
from client_connect_tools.commands.costs import costs
from client_connect_tools.commands.decide import decide
from client_connect_tools.commands.devices import devices
from client_connect_tools.commands.diff import diff
from client_connect_tools.commands.digest import digest
from client_connect_tools.commands.explain import explain
from client_connect_tools.commands.fmt import fmt
from client_connect_tools.commands.init import init
from client_connect_tools.commands.matrix import matrix
from client_connect_tools.commands.names import names
from client_connect_tools.commands.prove import prove
from client_connect_tools.commands.replay import replay
from client_connect_tools.commands.rollback import rollback
from client_connect_tools.commands.rules import rules
from client_connect_tools.commands.schema import schema
from client_connect_tools.commands.test import test
from client_connect_tools.commands.versions import versions
from client_connect_tools.commands.why import why
from client_connect_tools.distribution import version
from client_connect_tools.output.safe_output import safe_streams

if TYPE_CHECKING:
    from collections.abc import Callable


class _Commands(WholeSummaries):
    """The commands, which end with the message alone where a file, a folder or a stream cannot be used.

    Whatever they print is escaped, including what Typer says of wrong options.
    """

    def main(self, *args: Any, **options: Any) -> Any:  # noqa: ANN401 - what Typer's own takes
        with safe_streams():
            return super().main(*args, **options)

    def invoke(self, ctx: Any) -> object:  # noqa: ANN401 - the class of its contexts is Typer's own
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            raise  # whoever read the output has enough; Typer ends the command
        except OSError as error:
            where = f'cannot read or write "{error.filename}": ' if error.filename else ""
            wrong_use(f"{where}{error.strerror or error}")


main: typer.Typer = typer.Typer(
    cls=_Commands,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 140},
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # or --help alone would take three times as long
)
command: Callable[..., None]
for command in (
    audit,
    block,
    bundle,
    check,
    costs,
    cut,
    decide,
    diff,
    digest,
    explain,
    fmt,
    init,
    matrix,
    names,
    prove,
    replay,
    rollback,
    rules,
    schema,
    test,
    unblock,
    versions,
    why,
):
    main.command()(command)
main.add_typer(blocks, name="blocks")
main.add_typer(devices, name="devices")
main.add_typer(certificates, name="certificates")


def _print_version(wanted: bool) -> None:  # noqa: FBT001 - as Typer calls it
    if wanted:
        print(f"client-connect {version()}")  # noqa: T201 - it is a command
        raise typer.Exit


@main.callback()
def _describe(
    *,
    _version: Annotated[
        bool,
        typer.Option("--version", help="Print the version and end.", callback=_print_version, is_eager=True),
    ] = False,
    settings: Annotated[
        Path | None,
        typer.Option(
            help="The settings: client-connect.toml or pyproject.toml. Default: found upwards from the current folder."
        ),
    ] = None,
    no_settings: Annotated[
        bool, typer.Option("--no-settings", help="Use no settings, whatever lies there.")
    ] = False,
    verbose: Annotated[bool, typer.Option("--verbose", help="Tell which settings are used.")] = False,
) -> None:
    """Work with the policies of an AWS Client VPN client connect handler."""
    if settings is not None and no_settings:
        wrong_use("--settings and --no-settings exclude each other; give one of them")
    use_settings(settings, ignored=no_settings, verbose=verbose)
