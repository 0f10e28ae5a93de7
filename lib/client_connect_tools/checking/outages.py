"""What becomes of policies while a source of facts is unavailable.

Each condition of a policy is true, false or open: what the source says is open while it answers, and known to be absent
while it does not. A policy overlooks an outage where some values of what is open make it keep somebody out who is let
in during the outage.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

from cedarpy import pst

from client_connect_tools.cedar.comparisons import comparison, members
from client_connect_tools.cedar.nodes import device_fact, path, walk

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_UNAVAILABLE = "unavailable"
# Where more is needed, it is said that the policy overlooks an outage.
_MOST_STEPS, _MOST_POLICIES = 2000, 50
_SETS = ("contains", "contains_any", "contains_all", "eq", "not_eq")


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A source of facts that policies can see.

    Attributes:
        name: What it is.
        fact: The attribute of the context that is absent while it is unavailable.
        state: The attribute of the context that says so.
        usual: What that attribute is while it is not.
        missing: What that attribute is while the source answers, but knows nothing; ``None`` where it always does.
    """

    name: str
    fact: str
    state: str
    usual: str
    missing: str | None = None


CUSTOM_FACTS = Source(name="the module of extra facts", fact="custom", state="customFacts", usual="available")
INVENTORY = Source(
    name="the device inventory", fact="device", state="inventory", usual="known", missing="unknown"
)


def depends(policy: pst.Template, source: Source) -> bool:
    """Tell whether a policy reads what a source says, or whether it is available."""
    return any(_reads(node, source) for node in walk(policy))


def closes(policy: pst.Template, source: Source) -> bool:
    """Tell whether a policy is a forbid that applies while a source is unavailable, whatever else is so."""
    return (
        policy.effect == "forbid"
        and depends(policy, source)
        and _applies(policy, _Mode(source, _UNAVAILABLE), {}) is True
    )


def overlooks_outage(
    policy: pst.Template, permits: Sequence[pst.Template], forbids: Sequence[pst.Template], source: Source
) -> bool:
    """Tell whether a policy keeps out connections that are let in while a source is unavailable.

    Not where it names that state, or decides by ``if context has x then ... else ...``: it says itself what is to be.

    Args:
        policy: The policy, which depends on the source.
        permits: All permits.
        forbids: The other forbids that depend on the source and are for everybody whom the policy is for.
        source: The source.
    """
    if _says_itself(policy, source):
        return False
    if len(permits) + len(forbids) > _MOST_POLICIES:
        return True
    outage = _Mode(source, _UNAVAILABLE)
    answers = [_Mode(source, state) for state in (source.usual, source.missing) if state]
    return any(_Search(policy, permits, forbids, answer, outage).finds() for answer in answers)


def _reads(node: object, source: Source) -> bool:
    """Tell whether a node is what a source says, or says of itself."""
    names = path(node) or ()
    if names[:1] in ((source.fact,), (source.state,)):
        return True
    return source is INVENTORY and (names == ("ownerTags",) or device_fact(node))


def _says_itself(policy: pst.Template, source: Source) -> bool:
    for node in walk(policy):
        if isinstance(node, pst.IfThenElse) and any(
            isinstance(each, pst.HasAttr) and (path(each) or ("",))[0] == source.fact
            for each in walk(node.cond)
        ):
            return True
        compared = comparison(node)
        if (
            compared is not None
            and path(compared.read) == (source.state,)
            and _UNAVAILABLE in compared.literals
        ):
            return True
    return False


@dataclass(frozen=True, slots=True)
class _Mode:
    """What a source says of itself."""

    source: Source
    state: str

    @property
    def has_facts(self) -> bool:
        return self.state == self.source.usual


class _Search:
    """Looks for values of the open conditions with which a policy keeps out who is let in during an outage."""

    def __init__(
        self,
        policy: pst.Template,
        permits: Sequence[pst.Template],
        forbids: Sequence[pst.Template],
        answer: _Mode,
        outage: _Mode,
    ) -> None:
        self._policy, self._permits, self._forbids = policy, permits, forbids
        self._answer, self._outage = answer, outage
        both = chain(
            _leaves(policy, answer), *(_leaves(each, outage) for each in (policy, *permits, *forbids))
        )
        self._open = list(dict.fromkeys(leaf for leaf in both if isinstance(leaf, str)))
        self._steps = 0

    def finds(self) -> bool:
        return self._find({}, 0)

    def _find(self, values: dict[str, bool], position: int) -> bool:
        self._steps += 1
        found = self._is_let_in(values)
        if found is not None or self._steps > _MOST_STEPS:
            return found is not False
        name = self._open[position]
        return any(self._find(values | {name: value}, position + 1) for value in (True, False))

    def _is_let_in(self, values: Mapping[str, bool]) -> bool | None:
        """Tell whether the policy keeps somebody out, but not in the outage, and nothing else does then."""
        is_forbid = self._policy.effect == "forbid"
        before = _applies(self._policy, self._answer, values)
        after = _applies(self._policy, self._outage, values)
        return _all(
            [
                before if is_forbid else _not(before),
                _not(after) if is_forbid else after,
                _not(_all([_not(_applies(each, self._outage, values)) for each in self._permits])),
                *(_not(_applies(each, self._outage, values)) for each in self._forbids),
            ]
        )


def _applies(policy: pst.Template, mode: _Mode, values: Mapping[str, bool]) -> bool | None:
    """Tell whether the conditions of a policy hold; its scope is taken to match."""
    return _all(
        [
            outcome if isinstance(clause, pst.When) else _not(outcome)
            for clause in policy.clauses
            for outcome in [_outcome(clause.expr, mode, values)]
        ]
    )


def _outcome(node: pst.Expr, mode: _Mode, values: Mapping[str, bool]) -> bool | None:
    match node:
        case pst.UnaryOp("not", negated):
            return _not(_outcome(negated, mode, values))
        case pst.BinaryOp("and", left, right):
            return _all([_outcome(left, mode, values), _outcome(right, mode, values)])
        case pst.BinaryOp("or", left, right):
            return _not(_all([_not(_outcome(left, mode, values)), _not(_outcome(right, mode, values))]))
        case pst.IfThenElse(condition, then, otherwise):
            which = _outcome(condition, mode, values)
            outcomes = {
                _outcome(each, mode, values)
                for each, taken in ((then, True), (otherwise, False))
                if which in (None, taken)
            }
            return outcomes.pop() if len(outcomes) == 1 else None
    leaf = _leaf(node, mode)
    return values.get(leaf) if isinstance(leaf, str) else leaf


def _leaves(policy: pst.Template, mode: _Mode) -> Iterator[bool | str]:
    waiting = [clause.expr for clause in policy.clauses]
    while waiting:
        match node := waiting.pop(0):
            case pst.UnaryOp("not", negated):
                waiting.append(negated)
            case pst.BinaryOp("and" | "or", left, right):
                waiting += [left, right]
            case pst.IfThenElse(condition, then, otherwise):
                waiting += [condition, then, otherwise]
            case _:
                yield _leaf(node, mode)


def _leaf(node: pst.Expr, mode: _Mode) -> bool | str:
    """Return whether a condition is true; of one that is open, its name."""
    source = mode.source
    known: bool | None = None
    match node:
        case pst.BoolLit(value):
            known = value
        case pst.HasAttr(pst.Var("context"), (source.fact, *rest)):
            known = None if mode.has_facts and rest else mode.has_facts
        case pst.HasAttr() | pst.BinaryOp("has_tag") if source is INVENTORY and device_fact(node):
            known = None if mode.has_facts else False
        case pst.Like(base, pattern) if path(base) == (source.state,):
            parts = (re.escape(each.value) if isinstance(each, pst.Char) else ".*" for each in pattern)
            known = re.fullmatch("".join(parts), mode.state) is not None
        case _:
            known = _of_state(node, mode)
            if known is None:
                known = _of_empty_set(node, mode)
    if known is not None:
        return known
    said = f"{mode.state}: " if any(_reads(each, source) for each in walk(node)) else ""
    return f"{said}{node!r}"


def _of_state(node: pst.Expr, mode: _Mode) -> bool | None:
    compared = comparison(node)
    if compared is None or path(compared.read) != (mode.source.state,) or compared.op not in _SETS:
        return None
    is_of_all = compared.op in ("eq", "not_eq", "contains_all")
    if len(compared.literals) != len(compared.others) or (is_of_all and len(compared.others) != 1):
        return None
    return (mode.state in compared.literals) is (compared.op != "not_eq")


def _of_empty_set(node: pst.Expr, mode: _Mode) -> bool | None:
    """Return the outcome where nothing is waived, and there are no tags without the inventory."""
    empty = [("waivers",)]
    if mode.source is INVENTORY and not mode.has_facts:
        empty.append(("ownerTags",))
    match node:
        case pst.UnaryOp("is_empty", arg) if path(arg) in empty:
            return True
        case pst.BinaryOp(op, left, right) if op in _SETS and path(left) in empty:
            is_empty = members(right) == ()
            return is_empty is (op != "not_eq") if op in ("eq", "not_eq", "contains_all") else False
        case pst.BinaryOp("contains_all" | "contains_any" | "eq" | "not_eq" as op, left, right) if (
            path(right) in empty
        ):
            return op == "contains_all" or (op != "contains_any" and (members(left) == ()) is (op == "eq"))
    return None


def _not(outcome: bool | None) -> bool | None:  # noqa: FBT001 - an outcome
    return None if outcome is None else not outcome


def _all(outcomes: Sequence[bool | None]) -> bool | None:
    if False in outcomes:
        return False
    return None if None in outcomes else True
