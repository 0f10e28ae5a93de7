"""``client-connect costs``."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from client_connect_tools.commands._shared import JsonOption, wrong_use

if TYPE_CHECKING:
    from collections.abc import Sequence

    from client_connect_tools.costs.estimate import Usage
    from client_connect_tools.costs.prices import Prices

_STANDARD = (0, 100, 5_000, 50_000)
_MOST_USERS = 10_000_000
_WIDTH = 30


def costs(  # noqa: PLR0913, PLR0917 - each is an option
    users: Annotated[
        list[int] | None,
        typer.Option(
            min=0, max=_MOST_USERS, help="How many people connect on a working day; may be given again."
        ),
    ] = None,
    connections: Annotated[float, typer.Option(help="How often each of them does.")] = 2,
    days: Annotated[float, typer.Option(help="On how many days of a month.")] = 22,
    hours: Annotated[float, typer.Option(help="How long each is connected on such a day.")] = 8,
    endpoints: Annotated[int, typer.Option(min=1, max=1000, help="How many endpoints there are.")] = 1,
    without: Annotated[
        list[str] | None,
        typer.Option(
            help="A construct that is not used: inventory, registry, reauthorizer, monitoring or notifications."
        ),
    ] = None,
    ready: Annotated[
        Literal["provisioned", "snap-start", "none"],
        typer.Option(help="What shortens the wait for a new environment."),
    ] = "provisioned",
    environments: Annotated[
        int, typer.Option(min=1, max=10_000, help="How many environments are provisioned, if they are.")
    ] = 2,
    previous_versions: Annotated[
        int, typer.Option(min=0, max=100, help="How many versions stay, not counting the one that answers.")
    ] = 5,
    memory_size: Annotated[int, typer.Option(min=128, max=10_240, help="In MiB.")] = 512,
    architecture: Annotated[Literal["arm64", "x86_64"], typer.Option(help="That of the handler.")] = "arm64",
    prices: Annotated[
        Path | None,
        typer.Option(help="Prices of another Region or date, in the form of --show-prices."),
    ] = None,
    show_prices: Annotated[
        bool, typer.Option("--show-prices", help="Print the prices as TOML, with their source and date.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Estimate what a handler and the constructs around it cost in a month."""
    from client_connect_tools.costs.estimate import PARTS, Usage
    from client_connect_tools.costs.prices import prices_text

    if show_prices:
        print(prices_text(), end="")
        return
    if unknown := sorted(set(without or ()) - set(PARTS)):
        wrong_use(f'there is no construct "{unknown[0]}" to leave out; there are {", ".join(PARTS)}')
    parts = frozenset(PARTS) - set(without or ())
    if "reauthorizer" in parts and "registry" not in parts:
        wrong_use(
            "a re-authorizer needs a registry; leave it out too: --without registry --without reauthorizer"
        )
    usage = Usage(
        users=0,
        connections=_number("connections", connections, most=1000),
        days=_number("days", days, most=31),
        hours=_number("hours", hours, most=24),
        endpoints=endpoints,
        memory_gb=memory_size / 1024,
        architecture=architecture,
        ready=ready,
        environments=environments,
        previous_versions=previous_versions,
        parts=parts,
    )
    columns = [replace(usage, users=number) for number in (users or _STANDARD)]
    table = _table(columns, _prices(prices))
    if as_json:
        print(json.dumps(table))
        return
    for line in _lines(table):
        print(line)


def _number(name: str, value: float, *, most: float) -> float:
    if not (math.isfinite(value) and 0 <= value <= most):
        wrong_use(f"--{name} is {value}; give a number from 0 to {most:g}")
    return value


def _prices(file: Path | None) -> Prices:
    from client_connect_tools.costs.prices import InvalidPrices, read_prices, shipped_prices

    try:
        return shipped_prices() if file is None else read_prices(file)
    except InvalidPrices as error:
        wrong_use(str(error))


def _table(columns: Sequence[Usage], prices: Prices) -> dict[str, Any]:
    from client_connect_tools.costs.estimate import READY, lines, of_nat_gateways, of_readiness, of_vpn

    rows: dict[str, list[float]] = {}
    for usage in columns:
        for name, cost in lines(usage, prices):
            rows.setdefault(name, []).append(cost)
    chosen = columns[0].ready
    return {
        "prices": prices.title,
        "users": [usage.users for usage in columns],
        "costs": rows,
        "total": [sum(each) for each in zip(*rows.values(), strict=True)],
        "instead": {
            f"environments: {ready}": [of_readiness(replace(usage, ready=ready), prices) for usage in columns]
            for ready in READY
            if ready != chosen
        },
        "beside": {
            "Client VPN, two subnets": [of_vpn(usage, prices) for usage in columns],
            "two NAT gateways of a VPC": [of_nat_gateways(usage, prices) for usage in columns],
        },
    }


def _lines(table: dict[str, Any]) -> list[str]:
    head = ["idle" if number == 0 else f"{number:,} users" for number in table["users"]]
    return [
        f"US dollars a month, by the {table['prices']}",
        _line("", head),
        *(_line(name, map(_money, values)) for name, values in table["costs"].items()),
        _line("total", map(_money, table["total"])),
        "in place of the environments above, at most",
        *(_line(f"  {name}", map(_money, values)) for name, values in table["instead"].items()),
        "beside it",
        *(_line(f"  {name}", map(_money, values)) for name, values in table["beside"].items()),
    ]


def _money(value: float) -> str:
    return f"{value:,.2f}"


def _line(name: str, values: Any) -> str:  # noqa: ANN401 - texts, however they are made
    return f"{name:<{_WIDTH}}" + "".join(f"{value:>15}" for value in values)
