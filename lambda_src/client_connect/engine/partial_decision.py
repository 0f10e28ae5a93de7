"""A decision on a part of the facts: only what holds for every value of the others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from client_connect.engine import formula
from client_connect.engine.formula import ERROR, FALSE, TRUE
from client_connect.engine.policy_reads import ACTIVE_CONNECTIONS, CONTEXT, DEVICE, GROUPS, PRINCIPAL, reads

if TYPE_CHECKING:
    from client_connect.engine import cedar
    from client_connect.engine.authorizer import Authorizer, Decision
    from client_connect.engine.formula import Formula, Outcome
    from client_connect.facts import Facts

# Of a connection that is registered only this is not known: a rule on it denies a new connection besides others.
# The context as a whole has it, too.
NEW_CONNECTIONS_ONLY = frozenset({ACTIVE_CONNECTIONS, CONTEXT})

# The facts of each source that can fail.
OF_WAIVERS = frozenset({"waivers"})
OF_INVENTORY = frozenset({DEVICE, "inventory", "ownerTags"})
OF_THE_MODULE = frozenset({"custom", "customFacts"})

# Facts that the service does not report, so they are unknown without the registry.
_UNTOLD = (
    NEW_CONNECTIONS_ONLY
    | OF_THE_MODULE
    | {"platform", "platformVersion", "os", "publicIp", "networks", "openvpn", "awsClient", GROUPS}
)
_OF_THE_USER = OF_WAIVERS | {PRINCIPAL, "username", "ownCertificate", "ownerTags"}
_OF_THE_DEVICE = OF_WAIVERS | OF_INVENTORY | {"commonName", "ownCertificate"}


def unreported(*, username: bool, common_name: bool) -> frozenset[str]:
    """Return the facts that are missing when EC2 reports only these of a connection."""
    return (
        _UNTOLD
        | (frozenset() if username else _OF_THE_USER)
        | (frozenset() if common_name else _OF_THE_DEVICE)
    )


class PartialDecision(NamedTuple):
    """The certain part of a decision on a connection.

    Attributes:
        decision: What the policies say that are certain.
        denied: Whether it is denied for every value of what is not known.
        certain: Whether it is known what the policies say of it.
    """

    decision: Decision
    denied: bool
    certain: bool


class PartialAuthorizer:
    """Decides connections with some facts unknown.

    A policy that reads none of them is evaluated as always. Of the others the conditions are looked at one by one:
    what is missing may be anything, and so may what cannot be evaluated.

    Args:
        authorizer: Has the policies.
    """

    def __init__(self, authorizer: Authorizer) -> None:
        self._authorizer = authorizer
        self._policies = [
            _Policy(
                id=id_, forbids=node.effect == "forbid", reads=reads(node), condition=formula.of_policy(node)
            )
            for id_, node in authorizer.policies.enforced_policies().items()
        ]
        self._known: dict[frozenset[str], Authorizer] = {}
        self._evaluators: dict[tuple[str, frozenset[str]], _Evaluator] = {}

    def decide(
        self, facts: Facts, *, unknown: frozenset[str], passed_over: frozenset[str] = NEW_CONNECTIONS_ONLY
    ) -> PartialDecision:
        """Decide by what is known.

        It is a denial where a forbid applies for every value of the rest, or where no permit could apply. A policy
        that errs may do anything: it denies no one, and it keeps no other policy from denying.

        Args:
            facts: The facts, with anything in place of those that are unknown.
            unknown: The names of the facts that are not known.
            passed_over: Those of them that stay unknown: a forbid that reads one does not apply, and a permit that
                reads one applies where it could. So they leave nothing uncertain.
        """
        if facts.block is not None:
            return PartialDecision(self._authorizer.decide(facts), denied=True, certain=True)
        facts = facts._replace(knows_blocks=True)  # a block that cannot be read ends nothing
        unknown |= passed_over
        known = [each for each in self._policies if not each.reads & unknown]
        decision = self._decided_by(known, unknown).decide(facts)
        if decision.errors:
            outcomes = {each.id: self._outcome(each, facts, unknown) for each in known}
        else:
            permitting = decision.determining if decision.allowed else ()
            if decision.determining and not decision.allowed:
                return PartialDecision(decision, denied=True, certain=True)
            # Which other permits would have applied is the same to the answer.
            outcomes = {each.id: TRUE if each.id in permitting else FALSE for each in known}
        for each in self._policies:
            if each.id not in outcomes:
                outcomes[each.id] = self._outcome_of_partial(each, facts, unknown, passed_over)
        return self._combined(outcomes, decision, facts)

    def _decided_by(self, policies: list[_Policy], unknown: frozenset[str]) -> Authorizer:
        if unknown not in self._known:
            self._known[unknown] = self._authorizer.subset({each.id for each in policies})
        return self._known[unknown]

    def _outcome_of_partial(
        self, policy: _Policy, facts: Facts, unknown: frozenset[str], passed_over: frozenset[str]
    ) -> Outcome:
        is_passed_over = bool(policy.reads & passed_over)
        if is_passed_over and policy.forbids:
            return FALSE
        outcome = self._outcome(policy, facts, unknown)
        return TRUE if is_passed_over and outcome & TRUE else outcome

    def _outcome(self, policy: _Policy, facts: Facts, unknown: frozenset[str]) -> Outcome:
        key = policy.id, policy.reads & unknown
        if key not in self._evaluators:
            self._evaluators[key] = _Evaluator(policy.condition, unknown)
        return self._evaluators[key].outcome(self._authorizer, facts)

    def _combined(self, outcomes: dict[str, Outcome], decision: Decision, facts: Facts) -> PartialDecision:
        forbids = [each.id for each in self._policies if each.forbids]
        permits = [each.id for each in self._policies if not each.forbids]
        forbidding = [id_ for id_ in forbids if outcomes[id_] == TRUE]
        if forbidding or not any(outcomes[id_] & TRUE for id_ in permits):
            denial = self._authorizer.subset(forbidding).decide(facts)
            return PartialDecision(denial, denied=True, certain=True)
        certain = not any(outcomes[id_] & TRUE for id_ in forbids) and any(
            outcomes[id_] == TRUE for id_ in permits
        )
        return PartialDecision(decision, denied=False, certain=certain)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Policy:
    id: str
    forbids: bool
    reads: frozenset[str]
    condition: Formula


class _Evaluator:
    """Evaluates a condition with some facts unknown."""

    def __init__(self, condition: Formula, unknown: frozenset[str]) -> None:
        self._condition = condition
        atoms = dict.fromkeys(formula.atoms(condition))
        self._known = [each for each in atoms if not reads(each) & unknown]
        self._unknown = {each: formula.possible(each) for each in atoms}
        self._policies: cedar.PolicySet = formula.as_policies(self._known)

    def outcome(self, authorizer: Authorizer, facts: Facts) -> Outcome:
        """Return what the condition may be; what cannot be evaluated may be anything."""
        found = formula.outcomes(authorizer.applying(self._policies, facts), len(self._known))
        known = {
            each: TRUE | FALSE | ERROR if outcome == ERROR else outcome
            for each, outcome in zip(self._known, found, strict=True)
        }
        return formula.evaluate(self._condition, (self._unknown | known).__getitem__)
