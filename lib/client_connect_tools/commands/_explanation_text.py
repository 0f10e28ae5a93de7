"""An explanation for people to read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from client_connect.blocks import BLOCKS_UNKNOWN
from client_connect.printable import printable

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from client_connect import Decision, Facts
    from client_connect_tools.explanation import Condition, Explanation, PolicyExplanation, Reason

_LONGEST_EXPRESSION = 400
OUTAGE = (
    "while the inventory is unavailable, no one knows who is blocked: no one is let in unless a policy reads "
    "context.inventory, and so says what that means"
)
# The text of conditions that read the value of an option.
_READ_BY = {
    "--groups": "ClientVpn::Group::",
    "--username": "context has username",
    "--common-name": "context has commonName",
    "--device": "context has device",
    "--custom": "context has custom",
}


def explanation_text(explanation: Explanation, facts: Facts, *, left_out: Collection[str] = ()) -> Text:
    """Return the answer, the policies that determined it, and the others with their reasons.

    Args:
        explanation: The explanation.
        facts: What is known of the connection.
        left_out: The options that were not given, of those that say what is known.
    """
    return Text("\n").join(_lines(explanation, facts, left_out))


def policies_text(explanation: Explanation) -> Text:
    """Return the policies that determined the decision, and the others with their reasons."""
    return Text("\n").join(_policies(explanation, ()))


def _lines(explanation: Explanation, facts: Facts, left_out: Collection[str]) -> Iterator[Text]:
    yield from _answer(explanation, facts, left_out)
    yield from _policies(explanation, left_out)


def _policies(explanation: Explanation, left_out: Collection[str]) -> Iterator[Text]:
    determining = [each for each in explanation.policies if each.determining]
    others = [each for each in explanation.policies if not each.determining]
    if determining:
        yield Text("\nDecided by", "bold")
        yield from (Text("  ") + _name(each) for each in determining)
        if not (explanation.decision.allowed or explanation.permitted):
            hint = _hint(explanation, left_out)
            yield Text(f"  without these it would still be denied: no permit applied{hint}", "yellow")
    if others:
        yield Text("\nOther policies" if determining else "\nPolicies", "bold")
        for each in others:
            yield from _other(each, explanation.decision)


def _answer(explanation: Explanation, facts: Facts, left_out: Collection[str]) -> Iterator[Text]:
    decision, answer = explanation.decision, explanation.response
    word = Text("allowed", "bold green") if answer["allow"] else Text("denied", "bold red")
    yield word + Text(f": {printable(_connection(facts))}")
    if answer["allow"] and not decision.allowed:
        yield Text("only because of shadow mode: the policies deny", "yellow")
    for key, value in answer.items():
        if key.startswith("error-msg-") and value:
            yield Text(f"message: {printable(value)}")
    if statuses := answer["posture-compliance-statuses"]:
        yield Text(f"statuses: {printable(', '.join(statuses))}")
    for error in decision.errors:
        yield Text(f"error: {printable(error)}", "red")
    if BLOCKS_UNKNOWN in decision.determining:
        yield Text(OUTAGE, "yellow")
    if not (decision.determining or decision.errors):
        hint = _hint(explanation, left_out)
        yield Text(f"no policy determined it: no permit applied, and without one everything is denied{hint}")


def _hint(explanation: Explanation, left_out: Collection[str]) -> str:
    """Return which options were left out, of those that a permit read which did not apply."""
    read = [
        each.reason.condition.expression
        for each in explanation.policies
        if each.policy.effect == "permit" and not each.policy.shadow and each.reason is not None
    ]
    missing = [
        option
        for option, text in _READ_BY.items()
        if option in left_out and any(text in expression for expression in read)
    ]
    return f"; you gave no {' and no '.join(missing)}" if missing else ""


def _connection(facts: Facts) -> str:
    request = facts.request
    groups = f" ({', '.join(request.groups)})" if request.groups else ""
    device = f" with {request.common_name}" if request.username and request.common_name else ""
    who = f"{request.username or request.common_name}{groups}{device}"
    networks = f" ({', '.join(sorted(facts.networks))})" if facts.networks else ""
    local = facts.local_time
    time = f"{local:%A} {local.isoformat(' ', 'seconds')}"
    return f"{who} on {request.platform or 'an unknown platform'} from {request.public_ip}{networks}, {time}"


def _name(explained: PolicyExplanation) -> Text:
    policy = explained.policy
    style = "green" if policy.effect == "permit" else "red"
    shadow = ", shadow" if policy.shadow else ""
    return Text(printable(policy.id), "bold") + Text(" (") + Text(policy.effect, style) + Text(f"{shadow})")


def _other(explained: PolicyExplanation, decision: Decision) -> Iterator[Text]:
    reason = explained.reason
    yield Text("  ") + _name(explained) + Text(f" {_summary(explained, decision)}")
    if reason is None or reason.waived:
        return
    for condition in reason.given:
        yield Text("    if: ", "dim") + condition_text(condition)
    place = reason.place if reason.place in ("when", "unless") else "scope"
    yield Text(f"    {place}: ", "dim") + condition_text(reason.condition)


def _summary(explained: PolicyExplanation, decision: Decision) -> str:
    reason, policy = explained.reason, explained.policy
    if reason is not None:
        return _failure(reason)
    if BLOCKS_UNKNOWN in decision.determining:
        return "applied, but no one is let in while it is not known who is blocked"
    if policy.shadow:
        return f"applied, but is in shadow mode: enforced, it would {_EFFECTS[policy.effect]}"
    if decision.errors:
        return "applied, but an error denies"
    return "applied, but a forbid overrides it"


def _failure(reason: Reason) -> str:
    if reason.waived:
        return "did not apply: it is waived for this user or device"
    return "could not be evaluated" if reason.condition.value is None else "did not apply"


_EFFECTS = {"permit": "permit", "forbid": "deny"}


def condition_text(condition: Condition) -> Text:
    """Return a condition, what it is, and what it read."""
    outcome = f"is {str(condition.value).lower()}"
    if condition.value is None:
        outcome = f"cannot be evaluated: {printable(condition.error)}"
    text = Text("`") + Text(_shortened(condition.expression), "cyan") + Text(f"` {outcome}")
    if condition.reads:
        text += Text(f" ({'; '.join(map(str, condition.reads))})", "dim")
    return text


def _shortened(expression: str) -> str:
    if len(expression) <= _LONGEST_EXPRESSION:
        return expression
    half = _LONGEST_EXPRESSION // 2
    return f"{expression[:half]} ... {expression[-half:]}"
