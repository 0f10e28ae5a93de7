"""``client-connect devices``."""

from __future__ import annotations

import typer

from client_connect_tools.commands._summaries import WholeSummaries
from client_connect_tools.commands.devices.exporting import export
from client_connect_tools.commands.devices.importing import import_devices
from client_connect_tools.commands.devices.showing import list_devices, show
from client_connect_tools.commands.devices.syncing import sync
from client_connect_tools.commands.devices.template import template
from client_connect_tools.commands.devices.waivers import waivers
from client_connect_tools.commands.devices.waiving import unwaive, waive

devices: typer.Typer = typer.Typer(cls=WholeSummaries, no_args_is_help=True, rich_markup_mode=None)
devices.command("import")(import_devices)
devices.command()(template)
devices.command()(sync)
devices.command("list")(list_devices)
devices.command()(show)
devices.command()(export)
devices.command()(waive)
devices.command()(unwaive)
devices.add_typer(waivers, name="waivers")


@devices.callback()
def _describe() -> None:
    """Read and write the tables of a device inventory. Needs boto3: install "cdk-client-connect[devices]"."""
