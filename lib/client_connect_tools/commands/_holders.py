"""Options for the user or device, and the end: those of waivers and of blocks."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from client_connect.printable import printable
from client_connect.waiver import device_holder, user_holder
from client_connect_tools.commands._shared import wrong_use
from client_connect_tools.errors import ClientConnectError
from client_connect_tools.inputs.device_json import is_unicode
from client_connect_tools.inputs.time_zones import time_zone_named
from client_connect_tools.inputs.timestamps import NotATime, instant

DeviceOption = Annotated[str | None, typer.Option(help="The common name of the device.")]
UserOption = Annotated[str | None, typer.Option(help="The name of the user, in any case of letters.")]
UntilOption = Annotated[
    str | None, typer.Option(metavar="TIME", help='When it ends, such as "2026-12-01T09:00:00Z".')
]
DurationOption = Annotated[
    str | None, typer.Option("--for", metavar="DURATION", help="When it ends, from now: 30m, 8h or 7d.")
]
TimeZoneOption = Annotated[str, typer.Option(help="The zone of --until when it has none.")]

_DURATION = re.compile(r"([1-9][0-9]{0,5})([mhd])", re.ASCII)
_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}


def holder_option(device: str | None, user: str | None, what: str) -> str:
    """Return the key of a device or a user; exactly one must be given. ``what`` says what it is."""
    if (device is None) == (user is None):
        wrong_use(f"give either --device or --user: {what}")
    return (
        device_holder(text_option("--device", device))
        if device is not None
        else user_holder(text_option("--user", user))
    )


def text_option(option: str, text: str | None) -> str:
    """Return the text of an option, or end the command when it says nothing."""
    if not (text and text.strip()):
        wrong_use(f"{option} is empty; say it in a word or more")
    if not is_unicode(text):
        wrong_use(printable(f'{option} is "{text}", which is not valid Unicode; set the terminal to UTF-8'))
    return text


def end_option(until: str | None, duration: str | None, time_zone: str) -> datetime:
    """Return the end that --until or --for gives; exactly one must be given."""
    if (until is None) == (duration is None):
        wrong_use("give either --until or --for: when it ends")
    now = datetime.now(UTC)
    end = now + duration_option(duration, "--for") if until is None else _instant(until, time_zone)
    end = end.astimezone(UTC).replace(microsecond=0)  # as it is written
    if end <= now:
        wrong_use(f"--until is {end.isoformat()}, which is over; give a time to come")
    return end


def _instant(until: str, time_zone: str) -> datetime:
    try:
        return instant(until, time_zone_named(time_zone))
    except NotATime as error:
        wrong_use(printable(f"--until {error}"))
    except ClientConnectError as error:
        wrong_use(printable(f"--time-zone: {error}"))


def duration_option(text: str | None, option: str) -> timedelta:
    """Return a duration such as 8h, or end the command."""
    match = _DURATION.fullmatch(text or "")
    if match is None:
        wrong_use(printable(f'{option} is "{text}", which is not a duration; give one such as 30m, 8h or 7d'))
    return int(match[1]) * _UNITS[match[2]]
