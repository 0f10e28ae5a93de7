"""Why policies deny a logged connection, and what would have allowed it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from client_connect_tools.explanation import conditions_that_held, explain
from client_connect_tools.replay.reading.facts import Malformed, of_record

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import tzinfo

    from client_connect_tools.explanation import Condition, Explanation
    from client_connect_tools.policies import Policies
    from client_connect_tools.replay.event import Event


def reasons(policies: Policies, event: Event, zone: tzinfo | None) -> Iterator[str]:
    """Yield the conditions that held, and what would have allowed the connection, a line each."""
    if "decision" not in event.entry:
        return
    try:
        facts = policies.authorizer().located(of_record(event.entry, time_zone=zone).facts)
    except Malformed as error:
        yield f"the policies cannot be asked: {error}"
        return
    if facts.custom is not None and (problem := policies.authorizer().validation_error(facts)):
        yield f"the policies cannot be asked: {problem}"
        return
    told = explain(policies.text, facts, custom=policies.custom, networks=policies.network_table)
    if told.decision.allowed:
        yield "the policies given allow this connection: they are not those that decided it"
        return
    if set(told.decision.determining) != set(event.policies):
        names = ", ".join(told.decision.determining) or "no permit that applies"
        yield f"the policies given are not those that decided it; they deny by: {names}"
    held = conditions_that_held(policies.text, facts, told.decision.determining, custom=policies.custom)
    for id_, conditions in held.items():
        yield f"{id_} denies because:"
        yield from (f"  {_condition(each)}" for each in conditions)
    yield from _what_would_have_allowed(told)


def _what_would_have_allowed(told: Explanation) -> Iterator[str]:
    forbids = [name for name in told.decision.determining if not name.startswith("client-connect:")]
    if told.decision.errors or (told.decision.determining and not forbids):
        return
    if forbids:
        also = "" if told.permitted else ", and one of these permits had applied"
        each = "each " if len(forbids) > 1 else ""
        yield f"it would have been allowed if a condition {each}of {' and '.join(forbids)} had not held{also}"
    else:
        yield "no permit applied; it would have been allowed if one of these permits had applied:"
    if not told.permitted:
        for other in told.policies:
            reason = other.reason
            if other.policy.effect == "permit" and not other.policy.shadow and reason is not None:
                yield f"  permit {other.policy.id}: {_condition(reason.condition)}"


def _condition(condition: Condition) -> str:
    outcome = "cannot be evaluated" if condition.value is None else f"is {str(condition.value).lower()}"
    reads = f" ({'; '.join(map(str, condition.reads))})" if condition.reads else ""
    return f"`{condition.expression}` {outcome}{reads}"
