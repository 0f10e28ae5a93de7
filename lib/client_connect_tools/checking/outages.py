"""The effect of policies while a source of facts is unavailable.

Each condition of a policy is true, false or open: what the source says is open while it answers, and known to be absent
while it does not. A policy overlooks an outage where some values of the open facts make it keep a user out who is let
in during the outage.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from cedarpy import pst

from client_connect_tools.cedar.comparisons import comparison, members
from client_connect_tools.cedar.nodes import device_fact, path, walk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

# True, false, the name of an open condition, ("not", formula), ("all", formula, ...) or ("if", formula, then, else).
Formula: TypeAlias = "bool | str | tuple[Any, ...]"

_UNAVAILABLE = "unavailable"
# Where more is needed, it is said that the policy overlooks an outage.
_MOST_STEPS = 2000
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


class Outages:
    """The effect of an outage of one source on the enforced policies of a set.

    Args:
        policies: Those that are enforced.
        source: The source.
        state: What is asked about in the place of an outage: that the source knows nothing.
    """

    def __init__(
        self, policies: Sequence[pst.Template], source: Source, *, state: str = _UNAVAILABLE
    ) -> None:
        self._source = source
        self._outage = outage = _Mode(source, state)
        self._lets_in = any(
            _applies(each, outage) is not False for each in policies if each.effect == "permit"
        )
        forbids = [each for each in policies if each.effect == "forbid" and _depends(each, source)]
        closing = [(each, _applies(each, outage)) for each in forbids]
        self._closing = [(each, formula) for each, formula in closing if formula is not False]

    def overlooked_by(
        self, policy: pst.Template, *, covers: Callable[[pst.Template, pst.Template], bool]
    ) -> bool:
        """Tell whether a policy keeps out connections that are let in while the source is unavailable.

        Not where it names that state, or decides with ``if context has x then ... else ...``: it says itself what must
        be.

        Args:
            policy: One of the policies.
            covers: Whether the first policy is for everybody and everything that the second is for.
        """
        if not self._lets_in or not _depends(policy, self._source) or self._is_told_by(policy):
            return False
        states = (self._source.usual, self._source.missing)
        answers = [state for state in states if state and state != self._outage.state]
        unmet = [formula for state in answers if _is_possible(formula := self._unmet(policy, state))]
        if not unmet:
            return False
        open_ = [
            _not(formula) for each, formula in self._closing if each is not policy and covers(each, policy)
        ]
        return any(_is_possible(_all([formula, *open_])) for formula in unmet)

    def admits(self, permit: pst.Template, *, covers: Callable[[pst.Template, pst.Template], bool]) -> bool:
        """Return whether a permit lets in a user while the source is unavailable.

        Args:
            permit: One of the policies.
            covers: As for ``overlooked_by``.
        """
        applies = _applies(permit, self._outage)
        open_ = [_not(formula) for each, formula in self._closing if covers(each, permit)]
        return _is_possible(_all([applies, *open_]))

    def _is_told_by(self, policy: pst.Template) -> bool:
        """Return whether a policy says itself what must happen."""
        source = self._source
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
                and self._outage.state in compared.literals
            ):
                return True
        return False

    def _unmet(self, policy: pst.Template, state: str) -> Formula:
        """Return that a policy keeps a user out while the source answers so, and not in an outage."""
        before = _applies(policy, _Mode(self._source, state))
        after = _applies(policy, self._outage)
        return _all([before, _not(after)] if policy.effect == "forbid" else [_not(before), after])


def _depends(policy: pst.Template, source: Source) -> bool:
    return any(_reads(node, source) for node in walk(policy))


def _reads(node: object, source: Source) -> bool:
    """Tell whether a node is what a source says, or says of itself."""
    names = path(node) or ()
    if names[:1] in ((source.fact,), (source.state,)):
        return True
    return source is INVENTORY and (names == ("ownerTags",) or device_fact(node))


@dataclass(frozen=True, slots=True)
class _Mode:
    """A source's own state."""

    source: Source
    state: str

    @property
    def has_facts(self) -> bool:
        return self.state == self.source.usual


def _applies(policy: pst.Template, mode: _Mode) -> Formula:
    """Return when the conditions of a policy hold; its scope is taken to match."""
    return _all(
        [
            formula if isinstance(clause, pst.When) else _not(formula)
            for clause in policy.clauses
            for formula in [_formula(clause.expr, mode)]
        ]
    )


def _formula(node: pst.Expr, mode: _Mode) -> Formula:
    match node:
        case pst.UnaryOp("not", negated):
            return _not(_formula(negated, mode))
        case pst.BinaryOp("and", left, right):
            return _all([_formula(left, mode), _formula(right, mode)])
        case pst.BinaryOp("or", left, right):
            return _any([_formula(left, mode), _formula(right, mode)])
        case pst.IfThenElse(condition, then, otherwise):
            which, *both = (_formula(each, mode) for each in (condition, then, otherwise))
            if isinstance(which, bool):
                return both[0] if which else both[1]
            return ("if", which, *both)
    return _leaf(node, mode)


def _not(formula: Formula) -> Formula:
    if isinstance(formula, bool):
        return not formula
    return formula[1] if isinstance(formula, tuple) and formula[0] == "not" else ("not", formula)


def _all(formulas: Sequence[Formula]) -> Formula:
    open_ = [each for each in formulas if each is not True]
    if False in open_:
        return False
    return ("all", *open_) if open_ else True


def _any(formulas: Sequence[Formula]) -> Formula:
    return _not(_all([_not(each) for each in formulas]))


def _is_possible(formula: Formula) -> bool:
    """Tell whether some values of the open conditions make a formula true."""
    names = list(dict.fromkeys(_names(formula)))
    waiting: list[tuple[dict[str, bool], int]] = [({}, 0)]
    for _ in range(_MOST_STEPS):
        if not waiting:
            return False
        values, position = waiting.pop()
        outcome = _outcome(formula, values)
        if outcome is True:
            return True
        if outcome is None:
            waiting += [(values | {names[position]: value}, position + 1) for value in (False, True)]
    return True


def _names(formula: Formula) -> Iterator[str]:
    if isinstance(formula, str):
        yield formula
    elif isinstance(formula, tuple):
        for part in formula[1:]:
            yield from _names(part)


def _outcome(formula: Formula, values: Mapping[str, bool]) -> bool | None:
    match formula:
        case bool():
            return formula
        case str():
            return values.get(formula)
        case ("not", negated):
            outcome = _outcome(negated, values)
            return None if outcome is None else not outcome
        case ("if", condition, then, otherwise):
            outcome = _outcome(condition, values)
            either = {_outcome(each, values) for each in ([then] if outcome else [otherwise])}
            if outcome is None:
                either.add(_outcome(then, values))
            return either.pop() if len(either) == 1 else None
    outcomes = {_outcome(part, values) for part in formula[1:]}
    return False if False in outcomes else None if None in outcomes else True


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
