"""Questions about policies, each with one of three answers: proven, a counterexample, or not decided."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from client_connect_tools.checking.checks import require_sound
from client_connect_tools.checking.conditions import condition_policies, doubts
from client_connect_tools.checking.group_names import groups_of
from client_connect_tools.errors import InvalidPolicies
from client_connect_tools.proving.counterexample import connection
from client_connect_tools.proving.custom_types import custom_type
from client_connect_tools.proving.facts import Facts
from client_connect_tools.proving.policies import EncodedPolicies, nodes_of
from client_connect_tools.proving.solver import OutOfTime, Solver
from client_connect_tools.proving.terms import alike, all_of, negated, variables_of
from client_connect_tools.proving.texts import TooManyPatterns
from client_connect_tools.proving.values import Unsupported

if TYPE_CHECKING:
    from collections.abc import Iterator

    import client_connect
    from client_connect import Decision
    from client_connect_tools.policies import Policies
    from client_connect_tools.proving.facts import Assumptions
    from client_connect_tools.proving.terms import Truth

Outcome = Literal["proven", "counterexample", "not decided"]
_TOO_MANY_PATTERNS = (
    "the policies match texts (like) in too many different ways to try them all; use fewer patterns"
)

_OF_NO_CONNECTION = (
    "the condition holds for no connection, so a proof would say nothing; look for parts of it that exclude each "
    "other: a time over midnight is the one || the other"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Counterexample:
    """A connection that is decided otherwise than was asked for, as the engine says too.

    Attributes:
        facts: The connection.
        decision: What the policies decide.
        expected: Whether it should be allowed.
        other: What the other policies decide, when they were compared with some.
    """

    facts: client_connect.Facts
    decision: Decision
    expected: bool
    other: Decision | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The answer to a question.

    Attributes:
        outcome: Whether it is proven.
        claim: What is proven, or not.
        assumptions: What holds of all connections that the answer is about.
        counterexample: A connection that breaks the claim.
        reason: Why it is not decided.
        doubts: What is seldom meant in the condition.
    """

    outcome: Outcome
    claim: str
    assumptions: tuple[str, ...]
    counterexample: Counterexample | None = None
    reason: str = ""
    doubts: tuple[str, ...] = ()


class Prover:
    """Answers questions about policies.

    Args:
        policies: The policies.
        assumptions: The assumptions about connections.
        seconds: How long one question may take.

    Raises:
        InvalidPolicies: When the policies have errors.
        NoSolver: When the extra ``prove`` is not installed.
    """

    def __init__(self, policies: Policies, assumptions: Assumptions, *, seconds: float = 60) -> None:
        require_sound(policies)
        Solver(seconds)  # without one, no question is worth the work
        self._policies = policies
        self._assumptions = assumptions
        self._seconds = seconds

    def never(self, condition: str) -> Answer:
        """Answer whether no connection that meets a condition is allowed.

        Raises:
            InvalidCondition: When it is wrong.
        """
        claim = f"no connection is allowed while {condition}"
        return self._about(condition, claim, expected=False)

    def always(self, condition: str) -> Answer:
        """Answer whether every connection that meets a condition is allowed.

        Raises:
            InvalidCondition: When it is wrong.
        """
        claim = f"every connection is allowed while {condition}"
        return self._about(condition, claim, expected=True)

    def equivalent(self, other: Policies) -> Answer:
        """Answer whether other policies allow the same connections; messages and statuses may differ.

        Raises:
            InvalidPolicies: When the others have errors, or declare other custom facts.
        """
        require_sound(other)
        if custom_type(other.custom) != custom_type(self._policies.custom):
            raise InvalidPolicies("the policies declare different custom facts, so they cannot be compared")
        claim = "both sets of policies allow the same connections, whatever they tell and report"
        return _Question(self._policies, other, self._assumptions, self._seconds, claim).of_difference()

    def condition(self, text: str) -> Policies:
        """Return a condition as a policy that applies where it holds.

        Raises:
            InvalidCondition: When it is wrong.
        """
        return condition_policies(
            text, custom_schema=self._policies.custom_schema, networks=self._policies.networks
        )

    def _about(self, condition: str, claim: str, *, expected: bool) -> Answer:
        asked = self.condition(condition)
        question = _Question(self._policies, asked, self._assumptions, self._seconds, claim)
        found = doubts(asked, groups_of(self._policies), "the policies name the group")
        return replace(question.of_condition(expected=expected), doubts=tuple(found))


class _Question:
    """One question about policies and others, which are a condition or what they are compared with."""

    def __init__(
        self, policies: Policies, other: Policies, assumptions: Assumptions, seconds: float, claim: str
    ) -> None:
        self._sets = policies, other
        self._assumptions = assumptions
        self._seconds = seconds
        self._claim = claim

    def of_condition(self, *, expected: bool) -> Answer:
        def refuted(policies: EncodedPolicies, condition: EncodedPolicies) -> Truth:
            # In each direction what is claimed too seldom: a handler may or may not know who is blocked in an outage.
            allowed = negated(policies.let_in) if expected else policies.allowed
            return all_of(condition.allowed, allowed)

        def example(
            facts: client_connect.Facts, policies: EncodedPolicies, condition: EncodedPolicies
        ) -> Counterexample | None:
            if not condition.decide(facts).allowed:
                return None
            facts = policies.in_outage(facts) if expected else facts
            decision = policies.decide(facts)
            if decision.allowed is expected:
                return None
            return Counterexample(facts=facts, decision=decision, expected=expected)

        answer = self._answer(refuted, example)
        return self._unless_empty(answer) if answer.outcome == "proven" else answer

    def _unless_empty(self, proven: Answer) -> Answer:
        """Return an answer, unless there is no connection at all that it is about."""

        def held(_policies: EncodedPolicies, condition: EncodedPolicies) -> Truth:
            return condition.allowed

        def example(
            facts: client_connect.Facts, policies: EncodedPolicies, condition: EncodedPolicies
        ) -> Counterexample | None:
            if not condition.decide(facts).allowed:
                return None
            return Counterexample(facts=facts, decision=policies.decide(facts), expected=True)

        if self._answer(held, example).outcome != "proven":
            return proven
        return self._undecided(proven.assumptions, _OF_NO_CONNECTION)

    def of_difference(self) -> Answer:
        def refuted(policies: EncodedPolicies, other: EncodedPolicies) -> Truth:
            return negated(alike(policies.let_in, other.let_in))

        def example(
            facts: client_connect.Facts, policies: EncodedPolicies, other: EncodedPolicies
        ) -> Counterexample | None:
            decision, others = (each.decide(each.in_outage(facts)) for each in (policies, other))
            if decision.allowed is others.allowed:
                return None
            return Counterexample(facts=facts, decision=decision, expected=others.allowed, other=others)

        return self._answer(refuted, example)

    def _answer(self, refuted: _Refuted, example: _Example) -> Answer:
        assumed = tuple(_given(self._assumptions))
        try:
            facts = Facts(
                nodes_of(self._sets),
                custom=custom_type(self._sets[0].custom),
                assumptions=self._assumptions,
            )
            policies, other = (EncodedPolicies(each, facts) for each in self._sets)
            term = refuted(policies, other)
            assumed = tuple(assumptions_text(self._assumptions, facts, term))
            found = self._found(facts, term)
        except TooManyPatterns:
            return self._undecided(assumed, _TOO_MANY_PATTERNS)
        except (Unsupported, RecursionError) as reason:
            why = str(reason) if isinstance(reason, Unsupported) else "the policies nest too deep"
            return self._undecided(assumed, f"{why}, which is not covered; see docs/proving.md")
        except OutOfTime:
            why = f"the solver has not come to an end within {self._seconds:g} seconds; give it more"
            return self._undecided(assumed, why)
        if found is None:
            return Answer(outcome="proven", claim=self._claim, assumptions=assumed)
        counterexample = example(found, policies, other)
        if counterexample is None:
            return self._undecided(assumed, "the solver found a connection that the engine decides otherwise")
        return Answer(
            outcome="counterexample", claim=self._claim, assumptions=assumed, counterexample=counterexample
        )

    def _found(self, facts: Facts, term: Truth) -> client_connect.Facts | None:
        solver = Solver(self._seconds)
        solver.require(facts.constraints([term]))
        model = solver.model(term, prefer=facts.usual, least=facts.numbers)
        return None if model is None else connection(facts, model, variables_of(term))

    def _undecided(self, assumptions: tuple[str, ...], reason: str) -> Answer:
        return Answer(outcome="not decided", claim=self._claim, assumptions=assumptions, reason=reason)


if TYPE_CHECKING:
    from collections.abc import Callable

    _Refuted = Callable[[EncodedPolicies, EncodedPolicies], Truth]
    _Example = Callable[[client_connect.Facts, EncodedPolicies, EncodedPolicies], Counterexample | None]


def assumptions_text(assumptions: Assumptions, facts: Facts, term: Truth) -> Iterator[str]:
    """Yield the assumptions, in words."""
    yield from _given(assumptions)
    if facts.clock.depends_on_zone([term]):
        yield f"the handler's time zone is {assumptions.zone or 'any'}"
    else:
        yield "in any time zone"


def _given(assumptions: Assumptions) -> Iterator[str]:
    since = assumptions.since
    yield "at any time" if since is None else f"from {since.isoformat()} on"
    yield (
        "ids and addresses of AWS's form, and names without an asterisk or spaces at their ends"
        if assumptions.as_sent
        else "whatever the event says"
    )
    yield "whatever is waived" if assumptions.waivers else "nothing is waived"
