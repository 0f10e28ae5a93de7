"""``client-connect digest``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from client_connect.printable import printable
from client_connect_tools.commands._settings import guardrails_of
from client_connect_tools.commands._shared import (
    GuardrailsOption,
    JsonOption,
    PoliciesArgument,
    errors_end_the_command,
    read_policies,
)


def digest(
    policies: Annotated[Path, typer.Argument(help=PoliciesArgument)],
    guardrails: GuardrailsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print the digest of policies, as decision records and `client-connect versions` have it, and of each policy."""
    from client_connect_tools.bundling.bundle import policies_file
    from client_connect_tools.deployed.description import policies_digest

    with errors_end_the_command():
        read = read_policies(policies, guardrails=guardrails_of([policies], guardrails))
        each = read.digests()
    whole = policies_digest(policies_file(read.text, read.network_table))
    if as_json:
        print(json.dumps({"policies": whole, "digests": each}))
        return
    print(whole)
    for name, text in each.items():
        print(printable(f"  {name}: {text}"))
