"""``client-connect decide``."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from client_connect.printable import printable
from client_connect_tools.commands._settings import PathsArgument, read_handler, time_zone_or_settings
from client_connect_tools.commands._shared import (
    FINDINGS,
    GuardrailsOption,
    JsonOption,
    errors_end_the_command,
    wrong_use,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from client_connect import Facts
    from client_connect_tools.commands._given_facts import GivenFacts
    from client_connect_tools.commands._record import Recorded
    from client_connect_tools.commands._recorded_answer import RecordedAnswer
    from client_connect_tools.explanation import Explanation, PolicyExplanation
    from client_connect_tools.policies import Policies

_MAX_LONG = 2**63 - 1


def decide(  # noqa: PLR0913 - each parameter is an option
    policies: PathsArgument = None,
    *,
    event: Annotated[
        str | None,
        typer.Option(
            help="A file with the event of an invocation; - reads standard input. For a record, use --record."
        ),
    ] = None,
    record: Annotated[
        str | None,
        typer.Option(
            help="A log with a decision record, which is decided again as it was then; - reads standard input."
        ),
    ] = None,
    connection_id: Annotated[
        str | None, typer.Option(help="Of which connection, where the log of --record has several.")
    ] = None,
    recorded_at: Annotated[
        str | None,
        typer.Option(help="What the record's time begins with, where a connection has several records."),
    ] = None,
    username: Annotated[str | None, typer.Option(help="The user. This or --common-name is needed.")] = None,
    groups: Annotated[
        list[str] | None, typer.Option(help="The user's groups: separated by commas, or repeat the option.")
    ] = None,
    common_name: Annotated[str | None, typer.Option(help="The device's certificate.")] = None,
    platform: Annotated[str | None, typer.Option(help="Such as win, mac or linux. Default: win.")] = None,
    platform_version: Annotated[
        str | None, typer.Option(help="As the client spells it, such as 10.0.22631,amd64. Default: not sent.")
    ] = None,
    public_ip: Annotated[str | None, typer.Option(help="IPv4 or IPv6. Default: 192.0.2.1.")] = None,
    openvpn_version: Annotated[
        str | None, typer.Option(help="The client's OpenVPN version, such as 2.6.12. Default: not sent.")
    ] = None,
    aws_client_version: Annotated[
        str | None, typer.Option(help="The AWS provided client's version, such as 5.2.1. Default: not sent.")
    ] = None,
    endpoint_id: Annotated[str | None, typer.Option(help="Default: cvpn-endpoint-0123456789abcdef0.")] = None,
    at: Annotated[
        str | None,
        typer.Option(
            help="The time, ISO 8601; in --time-zone unless it has an offset. Default: the record's, else now."
        ),
    ] = None,
    time_zone: Annotated[
        str | None,
        typer.Option(
            help="The time zone of the policies' clock. Default: the record's, else that of the settings, else UTC."
        ),
    ] = None,
    device: Annotated[
        str | None,
        typer.Option(help="What the inventory knows: JSON or a file of it; compliant, lastSeen, os, tags."),
    ] = None,
    inventory: Annotated[
        Literal["disabled", "known", "unknown", "unavailable"] | None,
        typer.Option(help="What the inventory says. Default: known with --device, else disabled."),
    ] = None,
    waiver: Annotated[
        list[str] | None, typer.Option(help="The @id of a policy waived for this user or device; repeatable.")
    ] = None,
    endpoint_name: Annotated[
        str | None,
        typer.Option(help="The name that the handler's endpoints= give the endpoint. Default: none."),
    ] = None,
    active_connections: Annotated[
        int | None,
        typer.Option(min=0, max=_MAX_LONG, help="The user's open connections. Default: not known."),
    ] = None,
    custom: Annotated[
        str | None,
        typer.Option(
            help="What the module of extra facts says: JSON or a file of it, as custom.cedarschema has it."
        ),
    ] = None,
    custom_facts: Annotated[
        Literal["disabled", "available", "unavailable"] | None,
        typer.Option(help="What became of that module. Default: available with --custom, else disabled."),
    ] = None,
    guardrails: GuardrailsOption = None,
    shadow_mode: Annotated[
        bool, typer.Option("--shadow-mode", help="Answer as a handler that decides, but always allows.")
    ] = False,
    default_message: Annotated[
        str | None, typer.Option(help="The handler's default_message, when it is not the default.")
    ] = None,
    as_test: Annotated[
        bool, typer.Option("--as-test", help="Print the connection as a policy test that passes now.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Decide a connection by hand, and say why, policy by policy.

    Status 0 when a decision was made, whether it allows or denies: both are what policies are for. Status 1 when
    the policies have errors, or one could not be evaluated. Status 2 for wrong use.
    """
    from client_connect.settings import DEFAULT_DENIAL

    if as_test and as_json:
        wrong_use("--as-test prints a test, which is no JSON; leave --json out")
    from client_connect_tools.commands._given_facts import GivenFacts

    given = GivenFacts(
        event=event,
        recorded=_recorded(record, event, connection_id, recorded_at, time_zone),
        fields={
            "username": username,
            "groups": None if groups is None else _separated(groups),
            "common-name": common_name,
            "platform": platform,
            "platform-version": platform_version,
            "public-ip": public_ip,
            "client-openvpn-version": openvpn_version,
            "aws-client-version": aws_client_version,
            "endpoint-id": endpoint_id,
        },
        at=at,
        time_zone=time_zone,
        default_zone=time_zone_or_settings(None),
        device=device,
        inventory=inventory,
        waivers=tuple(waiver or ()),
        active_connections=active_connections,
        endpoint_name=endpoint_name,
        custom=custom,
        custom_facts=custom_facts,
    )
    explanation, facts, answer = _explained(
        policies,
        given,
        guardrails=guardrails,
        shadow_mode=shadow_mode,
        default_message=DEFAULT_DENIAL if default_message is None else default_message,
    )
    if as_test:
        _show_test(explanation, facts)
    else:
        _show(explanation, facts, given.left_out, answer, as_json=as_json)
    if explanation.decision.errors:
        raise typer.Exit(FINDINGS)


def _recorded(
    file: str | None, event: str | None, connection_id: str | None, recorded_at: str | None, zone: str | None
) -> Recorded | None:
    """Return the record that is given; end when there is not one."""
    if file is None:
        for option, value in {"--connection-id": connection_id, "--recorded-at": recorded_at}.items():
            if value is not None:
                wrong_use(f"{option} picks a record; name its log with --record, or leave {option} out")
        return None
    if event is not None:
        wrong_use("--record and --event are both given; leave one of them out")
    from client_connect_tools.commands._given_facts import WrongUse, zone_given
    from client_connect_tools.commands._record import NoRecord, find_record

    try:
        return find_record(file, connection_id=connection_id, recorded_at=recorded_at, zone=zone_given(zone))
    except (NoRecord, WrongUse) as error:
        wrong_use(str(error))


def _separated(groups: Sequence[str]) -> list[str]:
    return [name.strip() for names in groups for name in names.split(",")]


def _explained(
    paths: list[Path] | None,
    given: GivenFacts,
    *,
    guardrails: Path | None,
    shadow_mode: bool,
    default_message: str,
) -> tuple[Explanation, Facts, RecordedAnswer | None]:
    from client_connect_tools.checking.checks import require_sound
    from client_connect_tools.commands._given_facts import WrongUse
    from client_connect_tools.explanation import explain

    try:
        facts = given.facts()
    except WrongUse as error:
        wrong_use(str(error))
    with errors_end_the_command():
        policies = read_handler(paths, guardrails)
        require_sound(policies)
    facts = policies.authorizer().located(facts)
    _require_declared(policies, facts, "--custom" if given.custom else "the record's custom facts")
    _warn_of_misspellings(facts)
    explanation = explain(
        policies.text,
        facts,
        custom=policies.custom,
        networks=policies.network_table,
        shadow_mode=shadow_mode or given.was_let_in_by_shadow_mode,
        default_message=default_message,
    )
    _require_known(given.waivers, [each.policy.id for each in explanation.policies])
    return explanation, facts, _answer(given, facts, explanation, policies)


def _answer(
    given: GivenFacts, facts: Facts, explanation: Explanation, policies: Policies
) -> RecordedAnswer | None:
    if given.recorded is None:
        return None
    from client_connect_tools.bundling.bundle import policies_file
    from client_connect_tools.commands._recorded_answer import RecordedAnswer
    from client_connect_tools.deployed.description import policies_digest

    return RecordedAnswer(
        recorded=given.recorded,
        facts=facts,
        explanation=explanation,
        replaced=given.replaced,
        digest=policies_digest(policies_file(policies.text, policies.network_table)),
    )


def _require_declared(policies: Policies, facts: Facts, what: str) -> None:
    """End when the custom facts are not what the schema declares."""
    from client_connect.settings import CUSTOM_SCHEMA_FILE

    if facts.custom is None:
        return
    if reason := policies.authorizer().validation_error(facts):
        if policies.custom is None:
            given = "--custom is given" if what == "--custom" else "the record has custom facts"
            wrong_use(f"{given}, but there is no {CUSTOM_SCHEMA_FILE} next to the policies; write one")
        verb = "is" if what == "--custom" else "are"
        wrong_use(f"{what} {verb} not what {CUSTOM_SCHEMA_FILE} declares: {reason}")


def _warn_of_misspellings(facts: Facts) -> None:
    """Warn, and decide all the same: the answer to a strange client may be the question."""
    from client_connect_tools.inputs.misspellings import misspellings

    for key, problem in misspellings(facts.request):
        print(printable(f'warning: "{key}" {problem}'), file=sys.stderr)


def _require_known(waivers: Iterable[str], ids: Sequence[str]) -> None:
    if unknown := sorted(set(waivers) - set(ids)):
        wrong_use(f'--waiver is "{unknown[0]}", but no policy has this @id; there are {", ".join(ids)}')


def _show(
    explanation: Explanation,
    facts: Facts,
    left_out: Collection[str],
    answer: RecordedAnswer | None,
    *,
    as_json: bool,
) -> None:
    if as_json:
        recorded = {} if answer is None else {"record": answer.document()}
        print(json.dumps(_document(explanation, facts) | recorded, indent=2))
        return
    from client_connect_tools.commands._explanation_text import explanation_text
    from client_connect_tools.output.safe_output import console

    # Lines are left as they are, so piped output does not depend on the width of a terminal.
    terminal = console(soft_wrap=True)
    for line in () if answer is None else answer.lines():
        terminal.print(line)
    terminal.print(explanation_text(explanation, facts, left_out=left_out))


def _show_test(explanation: Explanation, facts: Facts) -> None:
    from client_connect_tools.testing.test_case import as_test

    decision, request = explanation.decision, facts.request
    if facts.block is not None or not facts.knows_blocks:
        wrong_use("--as-test: a block decided, or could not be read, and no policy test is about blocks")
    name = f"{request.username or request.common_name} on {request.platform or 'an unknown platform'}"
    text = as_test(facts, name=name, expected=decision.allowed, by=decision.determining)
    if text is None:
        wrong_use("--as-test: no client sends such a request, so no policy test may be about it")
    for line in text.splitlines():
        print(printable(line))


def _document(explanation: Explanation, facts: Facts) -> dict[str, Any]:
    from client_connect.record import Record

    allow = explanation.response["allow"]
    recorded = Record.of_decision(facts, explanation.decision, allow=allow, policies="").fields
    return {
        "allow": allow,
        "permitted": explanation.permitted,
        "at": facts.now.isoformat(),
        **{key: recorded[key] for key in ("request", "facts", "decision")},
        "response": explanation.response,
        "policies": [_policy(each) for each in explanation.policies],
    }


def _policy(explained: PolicyExplanation) -> dict[str, Any]:
    policy = explained.policy
    return {
        "id": policy.id,
        "effect": policy.effect,
        "shadow": policy.shadow,
        "applied": explained.applied,
        "determining": explained.determining,
        "reason": None if explained.reason is None else asdict(explained.reason),
    }
