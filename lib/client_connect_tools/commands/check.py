"""``client-connect check``."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from client_connect_tools.commands._shared import (
    FINDINGS,
    JsonOption,
    NativeOption,
    TrustProviderOption,
    errors_end_the_command,
    read_policies,
    trust_providers,
    wrong_use,
)

if TYPE_CHECKING:
    from client_connect_tools.finding import Finding
    from client_connect_tools.policies import Policies


def check(  # noqa: PLR0913 - each parameter is an option
    paths: Annotated[list[Path], typer.Argument(help="*.cedar files, or directories of them: one set.")],
    *,
    ignore: Annotated[list[str] | None, typer.Option(help="The name of a lint to switch off.")] = None,
    exact: Annotated[
        bool,
        typer.Option(
            "--exact", help="Also prove which policies cannot apply or change nothing (extra: prove)."
        ),
    ] = False,
    as_json: JsonOption = False,
    native: NativeOption = False,
    trust_provider: TrustProviderOption = None,
) -> None:
    """Check policies: syntax, ids, lengths, types, and what is seldom meant. Status 1 when there is a finding."""
    from client_connect_tools import native as native_policies
    from client_connect_tools.checking import checks, lints
    from client_connect_tools.policies import Policies

    with errors_end_the_command():
        policies = Policies.merge(*(read_policies(path) for path in paths))
    providers = trust_providers(trust_provider, native=native)
    if native and exact:
        wrong_use("--exact has no meaning with --native, whose policies are not proven; leave it out")
    known = native_policies.LINTS if native else lints.LINTS
    unknown = sorted(set(ignore or []) - known.keys())
    if unknown:
        wrong_use(f'there is no lint "{unknown[0]}"; there are {", ".join(known)}')
    if native:
        findings = native_policies.check(policies, providers) + native_policies.lint(
            policies, ignore=ignore or ()
        )
    else:
        findings = checks.check(policies) + lints.lint(policies, ignore=ignore or [])
    if exact:
        findings += _exact(policies, ignore or [])
    if as_json:
        print(json.dumps([asdict(finding) for finding in findings], indent=2))
    else:
        for finding in findings:
            print(f"{finding.severity}: {finding}")
    if findings:
        raise typer.Exit(FINDINGS)


def _exact(policies: Policies, ignore: list[str]) -> list[Finding]:
    from datetime import UTC, datetime

    from client_connect_tools.proving.lints import lint_exactly
    from client_connect_tools.proving.solver import NoSolver

    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    try:
        return lint_exactly(policies, since=today, ignore=ignore)
    except NoSolver as error:
        wrong_use(error)
