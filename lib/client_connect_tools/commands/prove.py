"""``client-connect prove``."""

from __future__ import annotations

import json
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from client_connect_tools.commands._settings import (
    PathsArgument,
    paths_or_settings,
    read_handler,
    time_zone_or_settings,
)
from client_connect_tools.commands._shared import (
    FINDINGS,
    GuardrailsOption,
    JsonOption,
    errors_end_the_command,
    wrong_use,
)

if TYPE_CHECKING:
    from client_connect_tools.policies import Policies
    from client_connect_tools.proving.facts import Assumptions
    from client_connect_tools.proving.questions import Answer, Counterexample

NOT_DECIDED = 3

_Conditions = list[str] | None


def prove(  # noqa: PLR0913 - each parameter is an option
    paths: PathsArgument = None,
    *,
    never: Annotated[
        _Conditions, typer.Option(help="A Cedar condition of which no connection is allowed; repeatable.")
    ] = None,
    always: Annotated[
        _Conditions, typer.Option(help="A Cedar condition of which every connection is allowed; repeatable.")
    ] = None,
    equivalent: Annotated[
        Path | None, typer.Option(help="Other policies, which allow the same connections.")
    ] = None,
    guardrails: GuardrailsOption = None,
    time_zone: Annotated[
        str | None,
        typer.Option(help="The handler's time zone, an IANA name. Default: of the settings, else UTC."),
    ] = None,
    since: Annotated[
        str | None, typer.Option("--from", help="The earliest time, ISO 8601. Default: at any time.")
    ] = None,
    without_waivers: Annotated[
        bool, typer.Option("--without-waivers", help="Nothing is waived. Default: anything may be.")
    ] = False,
    as_sent: Annotated[
        bool,
        typer.Option(
            "--as-sent", help="Endpoint ids, public addresses and names such as AWS sends. Default: any."
        ),
    ] = False,
    time_limit: Annotated[float, typer.Option(min=0.001, max=86_400, help="Seconds for each question.")] = 60,
    as_json: JsonOption = False,
) -> None:
    """Prove what policies never or always allow, or show a connection of which it is not so (extra: prove).

    Status 0 when everything is proven, 1 when there is a counterexample or the policies have errors, 2 for wrong use, 3
    when something is not decided.
    """
    from client_connect_tools.checking.conditions import InvalidCondition, require_meant
    from client_connect_tools.proving.questions import Prover
    from client_connect_tools.proving.solver import NoSolver

    if not (never or always or equivalent):
        wrong_use("there is no question; give --never, --always or --equivalent")
    assumptions = _assumptions(
        time_zone_or_settings(time_zone), since, waivers=not without_waivers, as_sent=as_sent
    )
    with errors_end_the_command():
        policies = read_handler(paths, guardrails)
        other = None if equivalent is None else read_handler([equivalent], guardrails)
        try:
            prover = Prover(policies, assumptions, seconds=time_limit)
            for each in (*(never or ()), *(always or ())):
                require_meant(each, prover.condition(each))
            answers = [prover.never(each) for each in never or ()]
            answers += [prover.always(each) for each in always or ()]
        except (NoSolver, InvalidCondition) as error:
            wrong_use(error)
        answers += [] if other is None else [prover.equivalent(other)]
    given = paths_or_settings(paths)
    shown = given[0].as_posix() if len(given) == 1 else "POLICIES"
    if as_json:
        print(json.dumps([_document(each, shown) for each in answers], indent=2))
    else:
        print("\n\n".join(_text(each, shown, policies) for each in answers))
    raise typer.Exit(_status({each.outcome for each in answers}))


def _assumptions(time_zone: str, since: str | None, *, waivers: bool, as_sent: bool) -> Assumptions:
    from client_connect_tools.errors import ClientConnectError
    from client_connect_tools.inputs.time_zones import time_zone_named
    from client_connect_tools.inputs.timestamps import NotATime, instant
    from client_connect_tools.proving.facts import Assumptions

    try:
        zone = time_zone_named(time_zone)
        moment = None if since is None else instant(since, zone).astimezone(UTC)
    except ClientConnectError as error:
        wrong_use(error)
    except (NotATime, OverflowError) as error:
        wrong_use(f"--from {error}")
    return Assumptions(zone=zone, since=moment, waivers=waivers, as_sent=as_sent)


def _status(outcomes: set[str]) -> int:
    if "counterexample" in outcomes:
        return FINDINGS
    return NOT_DECIDED if "not decided" in outcomes else 0


def _text(answer: Answer, path: str, policies: Policies) -> str:
    lines = [f"{_HEADINGS[answer.outcome]}: {answer.claim}"]
    if answer.reason:
        lines.append(f"  reason: {answer.reason}")
    lines += (f"  note: {each}" for each in answer.doubts)
    lines.append(f"  of {_count(policies)}, {', '.join(answer.assumptions)}")
    if answer.counterexample is not None:
        lines += _example(answer.counterexample, path)
    return "\n".join(lines)


_HEADINGS = {"proven": "proven", "counterexample": "not so", "not decided": "not decided"}


def _count(policies: Policies) -> str:
    from client_connect_tools.cedar.parsing import parse

    templates = [each.template for each in parse(policies.sources) if each.template is not None]
    enforced = sum("shadow" not in each.annotations for each in templates)
    shadow = len(templates) - enforced
    return f"{enforced} enforced {'policy' if enforced == 1 else 'policies'}" + (
        f" ({shadow} in shadow mode left out)" if shadow else ""
    )


def _example(example: Counterexample, path: str) -> list[str]:
    from client_connect_tools.testing.circumstances import facts_lines

    lines = [f"  {_decided(example)}", *(f"    {line}" for line in facts_lines(example.facts))]
    test, command = _copies(example, path)
    if test:
        passes = " and passes with the other policies" if example.other else ""
        lines += [
            "",
            f"  as a test, which fails now{passes}:",
            *(f"    {line}" for line in test.splitlines()),
        ]
    if command:
        lines += ["", "  by hand:", f"    {command}"]
    return lines


def _decided(example: Counterexample) -> str:
    decision = example.decision
    what = "allowed" if decision.allowed else "denied"
    if decision.errors:
        why = "because a policy cannot be evaluated"
    else:
        why = f"by {', '.join(decision.determining)}" if decision.determining else "as no permit applies"
    other = (
        ""
        if example.other is None
        else f", and {'allowed' if example.other.allowed else 'denied'} by the others"
    )
    return f"this connection is {what}, {why}{other}:"


def _copies(example: Counterexample, path: str) -> tuple[str | None, str | None]:
    from client_connect_tools.testing.test_case import as_command, as_test

    name = "a counterexample, found by a proof"
    return as_test(example.facts, name=name, expected=example.expected), as_command(example.facts, path)


def _document(answer: Answer, path: str) -> dict[str, Any]:
    document: dict[str, Any] = {
        "outcome": answer.outcome,
        "claim": answer.claim,
        "assumptions": answer.assumptions,
        "reason": answer.reason or None,
        "notes": answer.doubts,
        "counterexample": None,
    }
    if (example := answer.counterexample) is not None:
        from client_connect_tools.testing.circumstances import facts_json

        test, command = _copies(example, path)
        document["counterexample"] = {
            "facts": facts_json(example.facts),
            "decision": example.decision.to_record(),
            "otherDecision": None if example.other is None else example.other.to_record(),
            "expected": "allow" if example.expected else "deny",
            "test": test,
            "command": command,
        }
    return document
