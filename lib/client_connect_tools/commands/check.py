"""``client-connect check``."""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from client_connect_tools.commands._settings import (
    paths_or_settings,
    read_handler,
    settings,
    time_zone_or_settings,
)
from client_connect_tools.commands._shared import (
    FINDINGS,
    FormatOption,
    GuardrailsOption,
    JsonOption,
    NativeOption,
    TrustProviderOption,
    errors_end_the_command,
    read_policies,
    report_format,
    trust_providers,
    wrong_use,
)
from client_connect_tools.reports.report_format import ReportFormat

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from client_connect_tools.finding import Finding
    from client_connect_tools.policies import Policies
    from client_connect_tools.reports.junit import Case


def check(  # noqa: PLR0913 - each parameter is an option
    paths: Annotated[
        list[Path] | None,
        typer.Argument(
            help="*.cedar files, directories, Rules as module:name, - for standard input: one set. Default: of the "
            "settings."
        ),
    ] = None,
    *,
    ignore: Annotated[
        list[str] | None,
        typer.Option(help="The name of a lint to switch off, besides those of the settings; repeatable."),
    ] = None,
    groups: Annotated[
        Path | None,
        typer.Option(
            help="A file with all groups that there are, one a line; others are found. Default: of the settings."
        ),
    ] = None,
    guardrails: GuardrailsOption = None,
    exact: Annotated[
        bool,
        typer.Option(
            "--exact", help="Also prove which policies cannot apply or change nothing (extra: prove)."
        ),
    ] = False,
    output_format: FormatOption = None,
    as_json: JsonOption = False,
    native: NativeOption = False,
    trust_provider: TrustProviderOption = None,
) -> None:
    """Check policies: syntax, ids, lengths, types, and what is seldom meant. Status 1 when there is a finding."""
    from client_connect_tools import native as native_policies
    from client_connect_tools.checking import checks, lints

    form = report_format(output_format, as_json=as_json)
    providers = trust_providers(trust_provider, native=native)
    if native and groups is not None:
        wrong_use("--groups has no meaning with --native, whose groups are not looked for; leave it out")
    if native and guardrails is not None:
        wrong_use("--guardrails has no meaning with --native, whose policies have none; leave it out")
    if native and exact:
        wrong_use("--exact has no meaning with --native, whose policies are not proven; leave it out")
    ignore = _ignored(ignore or [], native_policies.LINTS if native else lints.LINTS)
    with errors_end_the_command():
        if native:
            policies = read_policies(*paths_or_settings(paths), standard_input=True)
        else:
            policies = read_handler(paths, guardrails, standard_input=True)
    if native:
        findings = native_policies.check(policies, providers) + native_policies.lint(policies, ignore=ignore)
    else:
        findings = checks.check(policies) + lints.lint(policies, ignore=ignore)
        findings += _of_today(policies, groups or settings().groups)
        if not any(each.severity == "error" for each in findings):
            findings += _of_tests(policies)
    if exact:
        findings += _exact(policies, ignore)
    findings = [each for each in findings if each.severity == "error" or each.rule not in ignore]
    findings = _in_order(policies, findings)
    _print(policies, findings, form)
    if findings:
        raise typer.Exit(FINDINGS)


def _ignored(given: list[str], known: Collection[str]) -> list[str]:
    """Return the lints that are switched off by the command line or by the settings, which are named."""
    from client_connect_tools import native
    from client_connect_tools.checking import lints
    from client_connect_tools.nearest import nearest

    of_settings = settings().ignore
    for names, those, where in (
        (given, known, ""),
        (of_settings, {**lints.LINTS, **native.LINTS}, f' that "{settings().name}" could ignore'),
    ):
        for name in names:
            if name not in those:
                near = nearest(name, those)
                advice = f'write "{near}"; ' if near else ""
                wrong_use(f'there is no lint "{name}"{where}; {advice}there are {", ".join(those)}')
    if ignored := [name for name in of_settings if name in known]:
        print(f"note: {settings().name} ignores {', '.join(ignored)}", file=sys.stderr)
    return [*given, *ignored]


def _in_order(policies: Policies, findings: list[Finding]) -> list[Finding]:
    """Sort findings by the files of the set, then by line."""
    files = {source.name: number for number, source in enumerate(policies.sources)}
    return sorted(
        findings, key=lambda each: (files.get(each.file, len(files)), each.file, each.line, each.column)
    )


def _print(policies: Policies, findings: list[Finding], form: ReportFormat) -> None:
    from client_connect_tools.cedar.parsing import parse
    from client_connect_tools.commands._reports import print_for_pipeline
    from client_connect_tools.reports.text import print_findings, summary

    if form is ReportFormat.JSON:
        print(json.dumps([asdict(finding) for finding in findings], indent=2))
    elif form is ReportFormat.TEXT:
        print_findings(findings, {source.name: source.text for source in policies.sources})
        count = len(parse(policies.sources))
        print(summary(findings, "1 policy" if count == 1 else f"{count:,} policies"))
    else:
        print_for_pipeline(form, findings, _cases(policies, findings), "client-connect check")


def _cases(policies: Policies, findings: list[Finding]) -> Iterator[Case]:
    """Yield a case for each policy without findings, and for each finding."""
    from client_connect_tools.cedar.parsing import parse
    from client_connect_tools.reports.junit import Case

    found = {(each.file, each.policy) for each in findings}
    for each in parse(policies.sources):
        if (each.file, each.id) not in found:
            yield Case(each.file, each.id)
    for finding in findings:
        name = f"{finding.policy or 'the policies'}: {finding.rule}"
        yield Case(finding.file, name, finding.message, str(finding))


def _of_today(policies: Policies, groups: Path | None) -> list[Finding]:
    """Return what is found only here, because it depends on the clock, or on a list of groups."""
    from client_connect_tools.checking import group_names
    from client_connect_tools.checking.expired import expired
    from client_connect_tools.files.folders import read_text

    findings = expired(policies, datetime.now(UTC))
    if groups is not None:
        try:
            known = group_names.read_groups(read_text(groups))
        except (OSError, ValueError) as error:
            wrong_use(f'cannot read the groups "{groups}": {error}')
        if not known:
            wrong_use(f'"{groups}" has no groups; give one a line')
        findings += group_names.unknown_groups(policies, known)
    return findings


def _of_tests(policies: Policies) -> list[Finding]:
    from client_connect_tools.checking.group_names import misspelt_in_tests
    from client_connect_tools.errors import InvalidPolicyTests
    from client_connect_tools.testing.cases import read_policy_tests

    with suppress(InvalidPolicyTests):  # `client-connect test` says what is wrong with them
        return misspelt_in_tests(policies, read_policy_tests(policies, time_zone=time_zone_or_settings(None)))
    return []


def _exact(policies: Policies, ignore: list[str]) -> list[Finding]:
    from client_connect_tools.proving.lints import lint_exactly
    from client_connect_tools.proving.solver import NoSolver

    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    try:
        return lint_exactly(policies, since=today, ignore=ignore)
    except NoSolver as error:
        wrong_use(error)
