"""Shared by the commands: how they read policies, and how they end."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from client_connect.printable import printable
from client_connect_tools.reports.report_format import ReportFormat

if TYPE_CHECKING:
    from collections.abc import Iterator

    from client_connect_tools.commands._python_policies import Named
    from client_connect_tools.errors import ClientConnectError
    from client_connect_tools.native import TrustProviderType
    from client_connect_tools.policies import Policies

FINDINGS = 1
WRONG_USE = 2

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
FormatOption = Annotated[
    ReportFormat | None,
    typer.Option(help="text, json, or what a pipeline reads: github, gitlab, sarif, junit. Default: text."),
]
NativeOption = Annotated[
    bool, typer.Option("--native", help="They are Client VPN's own authorization policy, not the handler's.")
]
TrustProviderOption = Annotated[
    list[str] | None,
    typer.Option(
        help="With --native, a trust provider of the endpoint: crowdstrike, jamf or jumpcloud. Default: all."
    ),
]
GuardrailsOption = Annotated[
    Path | None,
    typer.Option(
        help="Policies that must allow, too: the handler's guardrails. Default: of the settings, else none."
    ),
]
PoliciesArgument = "*.cedar files, directories, or Rules in Python modules as module:name: one set."


def read_policies(*paths: Path, standard_input: bool = False, guardrails: Path | None = None) -> Policies:
    """Read files, directories and names in Python modules, as one set.

    Args:
        *paths: Each a file or directory; or Rules or Policies in a Python module, as ``module:name``, whose code runs.
        standard_input: Whether ``-`` is standard input.
        guardrails: Where their guardrails are, in the same way. Default: none.
    """
    from client_connect_tools.commands._python_policies import is_named, named
    from client_connect_tools.policies import Policies

    found: list[Policies | Named] = []
    for path in paths:
        if standard_input and str(path) == "-":
            found.append(Policies.from_string(sys.stdin.read(), name="<stdin>"))
        else:
            found.append(named(str(path)) if is_named(path) else read_files(path))
    parts = [each if isinstance(each, Policies) else each.policies for each in found]
    # Together, because rules of several modules have one permit.
    if rules := [rule for each in found if not isinstance(each, Policies) for rule in each.rules]:
        parts.append(Policies.from_rules(*rules))
    policies = parts[0] if len(parts) == 1 else Policies.merge(*parts)
    return policies if guardrails is None else policies.guarded_by(_sound(read_policies(guardrails)))


def _sound(policies: Policies) -> Policies:
    from client_connect_tools.checking.checks import require_sound

    require_sound(policies)
    return policies


def read_files(path: Path) -> Policies:
    """Read a file or a directory; warn of policies next to a file, which are not read."""
    from client_connect_tools.policies import Policies

    policies = Policies.from_path(path)
    if policies.left_out:
        print(policies.left_out_note(), file=sys.stderr)
    return policies


def report_format(given: ReportFormat | None, *, as_json: bool) -> ReportFormat:
    """Return the form of a report; ``--json`` is short for one of them."""
    if as_json and given not in (None, ReportFormat.JSON):
        wrong_use(f"--json is short for --output-format json, and not for {given.value}; give one of them")
    return ReportFormat.JSON if as_json else given or ReportFormat.TEXT


def trust_providers(given: list[str] | None, *, native: bool) -> tuple[TrustProviderType, ...]:
    """Return the trust providers that a native policy may read; all when none is given."""
    from client_connect_tools.native import PROVIDERS

    if given and not native:
        wrong_use("--trust-provider is about native authorization policies; add --native, or leave it out")
    if unknown := sorted(set(given or ()) - PROVIDERS.keys()):
        wrong_use(f'there is no trust provider "{unknown[0]}"; there are {", ".join(PROVIDERS)}')
    return tuple(name for name in PROVIDERS if name in (given or PROVIDERS))


@contextmanager
def errors_end_the_command() -> Iterator[None]:
    """End with the message alone when the library refuses what it was given.

    The status is 2 for a file that cannot be read or understood, and 1 for what is found in one that can.
    """
    from client_connect_tools.errors import ClientConnectError, InvalidPolicies, InvalidPolicyTests

    try:
        yield
    except ClientConnectError as error:
        print(error, file=sys.stderr)
        unreadable = isinstance(error, InvalidPolicies) and not error.findings
        raise typer.Exit(
            WRONG_USE if unreadable or isinstance(error, InvalidPolicyTests) else FINDINGS
        ) from None


def wrong_use(message: str | ClientConnectError) -> NoReturn:
    """End with status 2 and a message of one line, or an error of the library, which may have several.

    Raises:
        typer.Exit: Always.
    """
    print(printable(message) if isinstance(message, str) else message, file=sys.stderr)
    raise typer.Exit(WRONG_USE)
