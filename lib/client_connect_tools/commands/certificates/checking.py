"""``client-connect certificates check``."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from client_connect.printable import printable
from client_connect_tools.commands._deployed import refusals_end_the_command
from client_connect_tools.commands._shared import FINDINGS, WRONG_USE, JsonOption, wrong_use
from client_connect_tools.commands.certificates._shared import require_cryptography

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from client_connect_tools.certificates.expiry import Expiry


def check(
    files: Annotated[
        list[str] | None,
        typer.Argument(
            help="PEM or DER files, OpenVPN profiles, SAML metadata; - is standard input.", show_default=False
        ),
    ] = None,
    endpoint_id: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ID",
            help="What this endpoint uses: certificates in ACM, revocation list, identity provider; repeatable.",
        ),
    ] = None,
    days: Annotated[int, typer.Option(help="What expires within so many days is a finding.", min=0)] = 30,
    as_json: JsonOption = False,
) -> None:
    """Tell when certificates and revocation lists expire, the soonest first.

    Status 1 when one expires within --days, has expired or is not valid yet; 2 when a file cannot be read.
    """
    require_cryptography()
    if not files and not endpoint_id:
        wrong_use("nothing is named; give files, - for standard input, or --endpoint-id")
    found, problems = _read(files or [], endpoint_id or [])
    now = datetime.now(UTC)
    found.sort(key=lambda expiry: (expiry.ends is None, expiry.ends or now))
    rows = [_row(expiry, now, days) for expiry in found]
    if as_json:
        print(json.dumps({"certificates": rows, "problems": [printable(each) for each in problems]}))
    else:
        for line in _table(rows, found):
            print(printable(line))
        if not rows and not problems:
            print("the endpoint has nothing that expires")
    for problem in problems:
        print(printable(problem), file=sys.stderr)
    if problems:
        raise typer.Exit(WRONG_USE)
    if any(row["due"] for row in rows):
        raise typer.Exit(FINDINGS)


def _read(files: Sequence[str], endpoint_ids: Sequence[str]) -> tuple[list[Expiry], list[str]]:
    from client_connect_tools.certificates.expiry import once
    from client_connect_tools.certificates.files import read_files

    found, problems = read_files(files)
    if endpoint_ids:
        from client_connect_tools.certificates.endpoints import read_endpoints

        with refusals_end_the_command():
            more, others = read_endpoints(endpoint_ids)
        found, problems = [*found, *more], [*problems, *others]
    return list(once(found)), problems


def _row(expiry: Expiry, now: datetime, days: int) -> dict[str, Any]:
    return {
        "kind": expiry.kind,
        "name": printable(expiry.name),
        "from": printable(expiry.origin),
        "begins": None if expiry.begins is None else expiry.begins.isoformat(),
        "ends": None if expiry.ends is None else expiry.ends.isoformat(),
        "daysLeft": expiry.days_left(now),
        "due": expiry.is_due(now, days),
    }


def _table(rows: Sequence[dict[str, Any]], found: Sequence[Expiry]) -> Iterator[str]:
    widths = [max(len(str(row[key])) for row in rows) for key in ("kind", "name")] if rows else [0, 0]
    for row, expiry in zip(rows, found, strict=True):
        mark = "!" if row["due"] else " "
        kind, name = (row[key].ljust(width) for key, width in zip(("kind", "name"), widths, strict=True))
        yield f"{mark} {kind}  {name}  {_left(row, expiry)}  {row['from']}"


def _left(row: dict[str, Any], expiry: Expiry) -> str:
    from client_connect_tools.output.local_times import local_time

    left = row["daysLeft"]
    if expiry.begins is not None and expiry.begins > datetime.now(UTC):
        return f"not valid until {local_time(expiry.begins)}"
    if expiry.ends is None:
        return "never expires"
    if left < 0:
        return f"EXPIRED {local_time(expiry.ends)}"
    return f"{left:>5} {'day ' if left == 1 else 'days'} left, until {local_time(expiry.ends)}"
