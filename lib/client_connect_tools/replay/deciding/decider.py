"""One connection decided with one set of policies, exactly, or not at all where a fact is missing.

The engine is asked once for each combination of values that the policies distinguish. So the conditions are
taken apart into atoms; atoms that read the same facts form a group; and what a group says of a value is kept.
"""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain
from typing import TYPE_CHECKING, Any, Protocol

from client_connect import Authorizer
from client_connect.cedar_json import address
from client_connect.engine import cedar, formula
from client_connect.engine.formula import ERROR, FALSE, TRUE
from client_connect_tools.cedar.parsing import schema
from client_connect_tools.replay.deciding import reads
from client_connect_tools.replay.deciding.memo import Memo
from client_connect_tools.replay.deciding.values import remembered, value_of_all

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Sequence

    from cedarpy import pst

    from client_connect import Facts
    from client_connect_tools.replay.deciding.values import Value

_DECISIONS_KEPT = 20_000
_VALUES_KEPT = 20_000
_SECONDS_OF_HOUR = 3600
_CUSTOM = frozenset({"custom", "customFacts"})
_NETWORKS = frozenset({"networks", reads.CONTEXT})
_ENTITIES = {reads.PRINCIPAL, reads.GROUPS, reads.CONTEXT, reads.DEVICE}
# The verdict of a group on a value: the outcome of each of its atoms.
_Outcomes = tuple[formula.Outcome, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The verdict of policies on a connection.

    Attributes:
        allowed: Whether it may be established; ``None`` where that depends on a fact that is missing.
        policies: The ids of the policies that determined it, sorted; where it is not known, of those to blame.
        missing: Where it is not known, the facts that were missed, sorted, by policy.
        erred: Whether it was denied because a policy could not be evaluated.
    """

    allowed: bool | None
    policies: tuple[str, ...]
    missing: tuple[tuple[str, ...], ...] = ()
    erred: bool = False


class Conditions(Protocol):
    """Conditions that read the same facts."""

    @property
    def names(self) -> tuple[str, ...]:
        """The facts, as ``reads`` names them."""

    def outcomes(self, facts: Facts) -> tuple[formula.Outcome, ...]:
        """Return the outcome of each."""


class Decider:
    """Decides many connections by one set of policies.

    Args:
        policies: Cedar policies that pass ``check``; what is not valid could err in ways not foreseen here.
        custom: What ``context.custom`` is, as ``Authorizer`` takes it. Logged custom facts that are something
            else count as missing.
        networks: The table of the named networks, as ``Authorizer`` takes it.

    Raises:
        InvalidPolicySet: When the text cannot be parsed.
    """

    def __init__(self, policies: str, *, custom: str | None = None, networks: bytes | None = None) -> None:
        self._authorizer = Authorizer(policies, custom=custom, networks=networks)
        enforced = self._authorizer.policies.enforced.to_pst().static_policies
        self._policies = [_Policy.of(policy) for policy in enforced.values()]
        self._groups = list(_groups(self._policies, schema(custom)))
        # At hand for connections with all facts known, the usual ones.
        self._usual = [(group.lately, group.value, group.outcomes) for group in self._groups]
        self._reads = frozenset(chain.from_iterable(group.names for group in self._groups))
        self._reads_networks = not _NETWORKS.isdisjoint(self._reads)
        self._memo: Memo[tuple[object, ...], Verdict] = Memo(_DECISIONS_KEPT)
        self._declared: Memo[Hashable, bool] = Memo(_VALUES_KEPT)

    @property
    def conditions(self) -> Sequence[Conditions]:
        """The conditions of the policies, together with those that read the same facts."""
        return self._groups

    def located(self, facts: Facts) -> Facts:
        """Return facts with the named networks of their address, where policies read them."""
        return self._authorizer.located(facts) if self._reads_networks else facts

    def decide(self, facts: Facts, missing: frozenset[str] = frozenset()) -> Verdict:
        """Decide a connection, as ``Authorizer.decide`` would if the missing facts were known."""
        if facts.block is not None or not facts.knows_blocks:
            return self._verdict(facts, frozenset(), [])
        facts = self.located(facts)
        if facts.custom is not None and not self._declares(facts):
            facts, missing = facts._replace(custom_facts="disabled", custom=None), missing | _CUSTOM
        missing = missing & self._reads
        known: list[_Outcomes | None]
        if missing:
            known = [
                group.lately(group.value(facts)) or group.outcomes(facts)
                if missing.isdisjoint(group.names)
                else None
                for group in self._groups
            ]
        else:
            known = [lately(value(facts)) or outcomes(facts) for lately, value, outcomes in self._usual]
        key = (missing, *known)
        return self._memo.lately(key) or self._memo.get(key, lambda: self._verdict(facts, missing, known))

    def _declares(self, facts: Facts) -> bool:
        return self._declared.get(
            remembered(facts.custom), lambda: not self._authorizer.validation_error(facts)
        )

    def _verdict(self, facts: Facts, missing: frozenset[str], known: list[_Outcomes | None]) -> Verdict:
        if missing:
            return self._partial(missing, known)
        decision = self._authorizer.decide(facts)
        return Verdict(allowed=decision.allowed, policies=decision.determining, erred=bool(decision.errors))

    def _partial(self, missing: frozenset[str], known: list[_Outcomes | None]) -> Verdict:
        outcomes: dict[pst.Expr, formula.Outcome] = {}
        for group, outcome in zip(self._groups, known, strict=True):
            outcomes |= zip(group.atoms, group.unknown if outcome is None else outcome, strict=True)
        applies = [
            (policy, formula.evaluate(policy.formula, outcomes.__getitem__)) for policy in self._policies
        ]
        return _combine(applies, missing)


@dataclass(frozen=True, slots=True)
class _Policy:
    id: str
    forbids: bool
    formula: formula.Formula
    reads: frozenset[str]

    @classmethod
    def of(cls, policy: pst.Template) -> _Policy:
        conditions = formula.of_policy(policy)
        names = frozenset[str]().union(*map(reads.reads, formula.atoms(conditions)))
        return cls(policy.id, policy.effect == "forbid", conditions, names)


def _combine(applies: list[tuple[_Policy, formula.Outcome]], missing: frozenset[str]) -> Verdict:
    """Combine policies as the authorizer does: an error denies, a forbid beats every permit."""
    if any(outcome == ERROR for _, outcome in applies):
        return Verdict(allowed=False, policies=(), erred=True)
    forbids = [(policy, outcome) for policy, outcome in applies if policy.forbids]
    permits = [(policy, outcome) for policy, outcome in applies if not policy.forbids]
    if forbidding := _certain(forbids):
        return Verdict(allowed=False, policies=forbidding)
    permitting = _certain(permits)
    if not permitting and not any(outcome & TRUE for _, outcome in permits):
        return Verdict(allowed=False, policies=())
    # A permit next to a certain one decides nothing any more, unless it may err.
    harmless = TRUE | FALSE if permitting else 0
    blamed = [policy for policy, outcome in forbids if outcome != FALSE]
    blamed += [
        policy
        for policy, outcome in permits
        if outcome not in (TRUE, FALSE) and outcome | harmless != harmless
    ]
    if not blamed:
        return Verdict(allowed=True, policies=permitting)
    blamed.sort(key=lambda policy: policy.id)
    return Verdict(
        allowed=None,
        policies=tuple(policy.id for policy in blamed),
        missing=tuple(tuple(sorted(policy.reads & missing)) for policy in blamed),
    )


def _certain(applies: Iterable[tuple[_Policy, formula.Outcome]]) -> tuple[str, ...]:
    return tuple(sorted(policy.id for policy, outcome in applies if outcome == TRUE))


class _Group:
    """Atoms that read the same facts.

    Attributes:
        value: Returns a value on which alone the outcomes depend.
        lately: Returns the outcomes that were found for such a value lately, or nothing.
    """

    def __init__(self, names: Iterable[str], atoms: Iterable[pst.Expr], types: cedar.Schema) -> None:
        self.names = tuple(sorted(names))
        self.atoms = tuple(atoms)
        self.unknown: _Outcomes = tuple(map(formula.possible, self.atoms))
        self._policies = formula.as_policies(self.atoms)
        self._attributes = {name.partition(".")[0] for name in self.names}
        self._reads_entities = not _ENTITIES.isdisjoint(self.names)
        # Of custom facts the schema says what their values are: a text may be a time. It takes whole requests.
        self._types = types if "custom" in self._attributes else None
        # Of each address there is one evaluation at least, so its request is made without all other facts.
        self._reads_address_only = self.names == ("publicIp",)
        self._whole_context = self._types is not None or reads.CONTEXT in self._attributes
        self._hourly = self.names == ("time.now",) and all(map(reads.rises_or_falls_with_time, self.atoms))
        self._memo: Memo[Hashable, _Outcomes] = Memo(_VALUES_KEPT)
        self._hours: Memo[Hashable, _Outcomes | None] = Memo(_VALUES_KEPT)
        self._value = value_of_all(self.names)
        self.value: Value = _hour if self._hourly else self._value
        self.lately = self._hours.lately if self._hourly else self._memo.lately

    def outcomes(self, facts: Facts) -> _Outcomes:
        """Return the outcome of each atom."""
        if self._hourly:
            hour = _hour(facts)
            known = self._hours.get(hour, lambda: self._outcomes_of_hour(hour))
            if known is not None:
                return known
        value = self._value(facts)
        return self._memo.get(value, lambda: self._evaluate(self._request(facts), self._entities(facts)))

    def _entities(self, facts: Facts) -> list[dict[str, Any]]:
        return facts.cedar_entities() if self._reads_entities else []

    def _request(self, facts: Facts) -> dict[str, Any]:
        if self._reads_address_only:
            return {**_ANYBODY, "context": {"publicIp": address(facts.request.public_ip)}}
        request = facts.cedar_request()
        if not self._whole_context:
            context = request["context"]
            request["context"] = {name: context[name] for name in self._attributes & context.keys()}
        return request

    def _outcomes_of_hour(self, hour: int) -> _Outcomes | None:
        """Return what is so from an hour's first to its last instant; nothing when it changes meanwhile."""
        first, last = (
            self._outcomes_at(hour * _SECONDS_OF_HOUR + second) for second in (0, _SECONDS_OF_HOUR)
        )
        return first if first == last else None

    def _outcomes_at(self, second: int) -> _Outcomes:
        text = datetime.fromtimestamp(second, UTC).replace(tzinfo=None).isoformat(timespec="milliseconds")
        now = {"__extn": {"fn": "datetime", "arg": f"{text}Z"}}
        return self._evaluate({**_ANYBODY, "context": {"time": {"now": now}}}, [])

    def _evaluate(self, request: dict[str, Any], entities: list[dict[str, Any]]) -> _Outcomes:
        asked = request | {"context": _as_text(request["context"])}
        answer = cedar.is_authorized(asked, self._policies, _as_text(entities), self._types)
        return formula.outcomes(answer["diagnostics"].get("reason", ()), len(self.atoms))


_as_text = json.JSONEncoder().encode
_ANYBODY = {
    "principal": {"type": "ClientVpn::User", "id": ""},
    "action": {"type": "ClientVpn::Action", "id": "connect"},
    "resource": {"type": "ClientVpn::Endpoint", "id": ""},
}


def _hour(facts: Facts) -> int:
    return int(facts.now.timestamp()) // _SECONDS_OF_HOUR


def _groups(policies: list[_Policy], types: cedar.Schema) -> Iterable[_Group]:
    by_names: dict[frozenset[str], dict[pst.Expr, None]] = defaultdict(dict)
    for policy in policies:
        for atom in formula.atoms(policy.formula):
            by_names[reads.reads(atom)][atom] = None
    return (_Group(names, atoms, types) for names, atoms in by_names.items())
