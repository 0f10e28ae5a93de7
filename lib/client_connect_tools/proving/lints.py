"""Certain findings about a set of policies: those without an effect, those that admit everyone, contradictions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from client_connect_tools.cedar.parsing import in_order, parse
from client_connect_tools.checking.all_policies import AllPolicies, is_unconditional
from client_connect_tools.checking.annotations import ignored
from client_connect_tools.checking.checks import check
from client_connect_tools.proving.counterexample import connection
from client_connect_tools.proving.custom_types import custom_type
from client_connect_tools.proving.facts import Assumptions, Facts
from client_connect_tools.proving.policies import EncodedPolicies, nodes_of
from client_connect_tools.proving.solver import OutOfTime, Solver
from client_connect_tools.proving.terms import alike, all_of, any_of, equal, negated, variables_of
from client_connect_tools.proving.texts import TooManyPatterns
from client_connect_tools.proving.values import Unsupported

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from datetime import datetime

    from client_connect_tools.cedar.parsing import ParsedStatement
    from client_connect_tools.finding import Finding
    from client_connect_tools.policies import Policies
    from client_connect_tools.proving.policies import EncodedPolicy
    from client_connect_tools.proving.solver import Model
    from client_connect_tools.proving.terms import Truth

# How long one question may take. Real sets need milliseconds.
_SECONDS = 5
_NAMED = 3


def lint_exactly(policies: Policies, *, since: datetime, ignore: Collection[str] = ()) -> list[Finding]:
    """Return what is certain of policies, as warnings; nothing of policies with errors.

    Args:
        policies: The policies.
        since: From when on connections matter.
        ignore: Names of lints that are switched off.

    Raises:
        NoSolver: When the extra ``prove`` is not installed.
    """
    Solver(_SECONDS)  # without one, no question is worth the work
    if check(policies):
        return []
    try:
        found = list(_Lints(policies, since).findings())
    except TooManyPatterns:
        found = [_of_the_set(policies, "they match texts (like) in too many different ways")]
    except Unsupported as problem:
        found = [_of_the_set(policies, f"{problem}, which is not covered")]
    except RecursionError:
        found = [_of_the_set(policies, "one nests too deep")]
    findings = [
        each.parsed.finding(each.rule, each.message, "warning")
        for each in found
        if each.rule not in ignore
        and (each.parsed.template is None or each.rule not in ignored(each.parsed.template))
    ]
    return in_order(policies.sources, findings)


@dataclass(frozen=True, slots=True)
class _Found:
    parsed: ParsedStatement
    rule: str
    message: str


def _of_the_set(policies: Policies, reason: str) -> _Found:
    first, *_ = parse(policies.sources)
    return _Found(first, "not-decided", f"nothing of this set is proven: {reason}")


@dataclass(frozen=True, slots=True)
class _World:
    """The connections that there can be under some assumptions."""

    facts: Facts
    encoded: EncodedPolicies
    solver: Solver

    @classmethod
    def of(cls, policies: Policies, assumptions: Assumptions) -> _World:
        facts = Facts(nodes_of([policies]), custom=custom_type(policies.custom), assumptions=assumptions)
        encoded = EncodedPolicies(policies, facts)
        terms = [term for each in encoded.policies for term in (each.applies, each.errs)]
        solver = Solver(_SECONDS)
        solver.require(facts.constraints(terms))
        return cls(facts, encoded, solver)


class _Lints:
    def __init__(self, policies: Policies, since: datetime) -> None:
        self._policies = policies
        self._sent = _World.of(policies, Assumptions(zone=None, since=since, as_sent=True))
        self._since = since
        self._undecided: dict[str, EncodedPolicy] = {}
        # To which of the connections that were found a policy applies, a bit for each. Most questions about two are
        # answered by these.
        self._applies = {each.id: 0 for each in self._sent.encoded.policies}
        self._found = 0
        self._templates = AllPolicies(
            each.parsed.template for each in self._sent.encoded.policies if each.parsed.template is not None
        )

    def findings(self) -> Iterator[_Found]:
        enforced = self._sent.encoded.enforced
        idle = {each.id for each in self._sent.encoded.policies if self._never(each.applies, each)}
        yield from self._idle(idle)
        able = [each for each in enforced if each.id not in idle]
        yield from self._errors(able)
        broad = {}
        for each in able:
            if (whom := self._admits(each)) is not None:
                broad[each.id] = whom
                message = f"the permit admits {whom}, so no other permit matters to them; give it conditions"
                yield _Found(each.parsed, "admits-everybody", message)
        yield from self._denied([each for each in able if each.effect == "permit"])
        everybody = {id_ for id_, whom in broad.items() if whom == _EVERYBODY}
        yield from self._covered([each for each in able if each.id not in everybody])
        yield from self._contradictory([each for each in self._sent.encoded.policies if each.id not in idle])
        for each in self._undecided.values():
            message = f"whether the policy has an effect is not decided within {_SECONDS} seconds"
            yield _Found(each.parsed, "not-decided", message)

    def _idle(self, ids: Collection[str]) -> Iterator[_Found]:
        if not ids:
            return
        any_event = _World.of(self._policies, Assumptions(zone=None))
        for each, in_any in zip(self._sent.encoded.policies, any_event.encoded.policies, strict=True):
            if each.id not in ids:
                continue
            if self._is_possible(any_event, in_any):
                where = (
                    f"to a connection that AWS sends from {self._since:%Y-%m-%d} on; look for a time that is over, or "
                    "for an address, an endpoint or a name that there is not"
                )
            else:
                where = "to any connection; look for conditions that exclude each other"
            yield _Found(each.parsed, "cannot-apply", f"the policy cannot apply {where}")

    def _errors(self, policies: list[EncodedPolicy]) -> Iterator[_Found]:
        authorizer = self._policies.authorizer()
        for each in policies:
            model = self._model(each, each.errs)
            if model is None:
                continue
            facts = connection(self._sent.facts, model, self._used)
            if authorizer.decide(facts).errors:
                message = (
                    "the policy has a calculation whose result can be too large, which denies the connection; compare "
                    "without calculating"
                )
                yield _Found(each.parsed, "can-err", message)

    def _admits(self, policy: EncodedPolicy) -> str | None:
        """Return the users that a permit admits without exception, though there are other permits."""
        template, templates = policy.parsed.template, self._templates
        if policy.effect != "permit" or template is None or is_unconditional(template):
            return None
        others_report = templates.permits_with_status > ("status" in template.annotations)
        if len(templates.permits) == 1 or others_report:
            return None
        for whom, are_they in self._classes():
            if self._never(all_of(are_they, negated(policy.applies)), policy):
                return whom
        return None

    def _classes(self) -> Iterator[tuple[str, Truth]]:
        facts = self._sent.facts
        yield _EVERYBODY, True
        yield "every user", facts.is_user
        yield "every connection from an IPv4 address", facts.address.is_v4
        unavailable = equal(facts.inventory, facts.number("unavailable"))
        yield "everybody while the device inventory is unavailable", unavailable

    def _denied(self, permits: list[EncodedPolicy]) -> Iterator[_Found]:
        encoded = self._sent.encoded
        free = negated(any_of(encoded.forbidden, encoded.errs))
        for each in permits:
            others = any_of(*(other.applies for other in permits if other is not each))
            alone = all_of(each.applies, negated(others))
            if not self._never(all_of(alone, free), each):
                continue
            if self._model(each, alone) is not None:
                where = "where no other permit applies, a forbid always does"
            elif (
                self._never(all_of(each.applies, free), each) and self._model(each, each.applies) is not None
            ):
                where = "wherever the permit applies, a forbid does too"
            else:
                continue  # others admit the same connections, which ``covered`` is about
            forbids = [
                other.id
                for other in encoded.enforced
                if other.effect == "forbid" and self._applies[other.id] >> (self._found - 1) & 1
            ]
            by = f", such as {_list(forbids)}" if forbids else ""
            message = (
                f"{where}{by}, so the permit admits no one; except from the forbid whom the permit is for"
            )
            yield _Found(each.parsed, "always-denied", message)

    def _covered(self, policies: list[EncodedPolicy]) -> Iterator[_Found]:
        for number, each in enumerate(policies):
            if not _adds_nothing(each):
                continue
            by = []
            for other_number, other in enumerate(policies):
                if other is each or other.effect != each.effect or not self._covers(other, each):
                    continue
                if other_number < number or not self._covers(each, other):
                    by.append(other.id)
            if by:
                message = f"the policy changes nothing, because it is covered by {_list(by)}; remove it"
                yield _Found(each.parsed, "covered", message)

    def _covers(self, policy: EncodedPolicy, other: EncodedPolicy) -> bool:
        if self._applies[other.id] & ~self._applies[policy.id]:
            return False
        return self._never(any_of(all_of(other.applies, negated(policy.applies)), other.errs), other)

    def _contradictory(self, policies: list[EncodedPolicy]) -> Iterator[_Found]:
        for each in (policy for policy in policies if policy.shadow):
            for other in policies:
                if other.effect == each.effect or (other.shadow and other.id < each.id):
                    continue
                if self._applies[each.id] != self._applies[other.id]:
                    continue
                if self._never(negated(alike(each.applies, other.applies)), each):
                    message = (
                        f'the policy in shadow mode applies to just the connections of "{other.id}", with the opposite '
                        "effect; decide which of them is meant"
                    )
                    yield _Found(each.parsed, "contradictory-shadow", message)

    def _never(self, term: Truth, policy: EncodedPolicy) -> bool:
        """Tell whether a formula about a policy can never be true; not, where that is not decided."""
        return self._model(policy, term) is None and policy.id not in self._undecided

    def _is_possible(self, world: _World, policy: EncodedPolicy) -> bool:
        try:
            return world.solver.model(policy.applies) is not None
        except OutOfTime:
            return True

    def _model(self, policy: EncodedPolicy, term: Truth) -> Model | None:
        try:
            model = self._sent.solver.model(term)
        except OutOfTime:
            self._undecided[policy.id] = policy
            return None
        if model is not None:
            value = model.valuation()
            for each in self._sent.encoded.policies:
                self._applies[each.id] |= bool(value.of(each.applies)) << self._found
            self._found += 1
        return model

    @property
    def _used(self) -> frozenset[str]:
        return variables_of(
            *(term for each in self._sent.encoded.policies for term in (each.applies, each.errs))
        )


_EVERYBODY = "every connection"


def _adds_nothing(policy: EncodedPolicy) -> bool:
    """Tell whether a policy that another one covers can be left out: it has no message and no status."""
    template = policy.parsed.template
    return template is not None and not any(template.annotations.get(name) for name in ("message", "status"))


def _list(ids: list[str]) -> str:
    more = f" and {len(ids) - _NAMED} more" if len(ids) > _NAMED else ""
    return " and ".join(f'"{each}"' for each in ids[:_NAMED]) + more
