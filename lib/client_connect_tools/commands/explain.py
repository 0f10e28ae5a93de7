"""``client-connect explain``."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from client_connect_tools.commands._shared import JsonOption, wrong_use

if TYPE_CHECKING:
    from collections.abc import Sequence

    from client_connect_tools.advice import Advice


def explain(
    name: Annotated[
        str | None, typer.Argument(help="Of an error, a lint, a warning or an alarm. Default: list them all.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Explain an error, lint, warning or alarm: its cause, an example and how to fix it."""
    from client_connect_tools import advice

    found = advice.every() if name is None else advice.find(name)
    if not found:
        proposed = " or ".join(f'"{each}"' for each in advice.near(name or ""))
        instead = f"did you mean {proposed}?" if proposed else "client-connect explain lists every name"
        wrong_use(f'there is nothing to explain by the name "{name}"; {instead}')
    if as_json:
        print(json.dumps([asdict(each) for each in found], indent=2))
    elif name is None:
        _print_list(found)
    else:
        print("\n\n".join(map(_text, found)))


def _print_list(found: Sequence[Advice]) -> None:
    from client_connect_tools.advice import FILES, plain

    width = max(len(each.name) for each in found)
    for kind in FILES:
        print(f"{kind}s:")
        for each in found:
            if each.kind == kind:
                print(f"  {each.name:<{width}}  {plain(each.cause)}")


def _text(advice: Advice) -> str:
    from client_connect_tools.advice import plain

    fires = ["", "Fires:", f"  {plain(advice.fires)}"] if advice.fires else []
    first = ["", "First:", f"  {advice.first}"] if advice.first else []
    several = len(advice.fix) > 1
    steps = [f"{number}. {step}" if several else step for number, step in enumerate(advice.fix, start=1)]
    lines = [
        f"{advice.name} ({advice.kind})",
        "",
        "Cause:",
        f"  {plain(advice.cause)}",
        *first,
        *fires,
        "",
        "Example:",
        *(f"  {line}" for line in advice.example.splitlines()),
        "",
        "Fix:",
        *(f"  {plain(step)}" for step in steps),
    ]
    return "\n".join(lines)
