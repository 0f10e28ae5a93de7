"""A policy's conditions as a formula over atoms, and what it can be while some atoms are not known.

An outcome is the set of what an expression may evaluate to, as bits: ``TRUE``, ``FALSE`` and ``ERROR``.
Operators work on such sets as Cedar works on values, in its order of evaluation, so the outcome of a formula
always contains the value that it would have if everything were known.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from cedarpy import pst

from client_connect.engine import cedar
from client_connect.engine.policy_nodes import children

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator

TRUE, FALSE, ERROR = 1, 2, 4
_CAN_OVERFLOW = frozenset({"add", "sub", "mul", "neg", "offset", "duration_since"})
_DECIDED = {True: TRUE, False: FALSE}

Outcome: TypeAlias = int


@dataclass(frozen=True, slots=True)
class Atom:
    """A boolean expression without boolean operators, which the engine evaluates."""

    expression: pst.Expr


@dataclass(frozen=True, slots=True)
class Constant:
    """A literal."""

    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Not:
    """A negation."""

    operand: Formula


@dataclass(frozen=True, slots=True)
class Choice:
    """``if ... then ... else``; conjunction and disjunction too, which stop as early."""

    condition: Formula
    then: Formula
    otherwise: Formula


Formula: TypeAlias = Atom | Constant | Not | Choice


def of_policy(policy: pst.Template) -> Formula:
    """Return the formula that is true when a policy applies."""
    formula: Formula = Constant(TRUE)
    for condition in reversed(list(_conditions(policy))):
        formula = _and(condition, formula)
    return formula


def atoms(formula: Formula) -> Iterator[pst.Expr]:
    """Yield the expressions that the engine has to evaluate, in their order, with repetitions."""
    match formula:
        case Atom(expression):
            yield expression
        case Not(operand):
            yield from atoms(operand)
        case Choice(condition, then, otherwise):
            for part in (condition, then, otherwise):
                yield from atoms(part)


def evaluate(formula: Formula, outcome_of: Callable[[pst.Expr], Outcome]) -> Outcome:
    """Return everything that a formula may evaluate to."""
    match formula:
        case Atom(expression):
            return outcome_of(expression)
        case Constant(outcome):
            return outcome
        case Not(operand):
            outcome = evaluate(operand, outcome_of)
            swapped = (outcome & TRUE and FALSE) | (outcome & FALSE and TRUE)
            return swapped | (outcome & ERROR)
        case Choice(condition, then, otherwise):
            outcome = evaluate(condition, outcome_of)
            result = outcome & ERROR
            if outcome & TRUE:
                result |= evaluate(then, outcome_of)
            if outcome & FALSE:
                result |= evaluate(otherwise, outcome_of)
            return result


def possible(expression: pst.Expr) -> Outcome:
    """Return what an expression may evaluate to when nothing is known of it, if the validator accepts it."""
    outcome = TRUE | FALSE
    return outcome | ERROR if _can_overflow(expression) else outcome


def _can_overflow(node: object) -> bool:
    if isinstance(node, pst.BinaryOp | pst.UnaryOp) and node.op in _CAN_OVERFLOW:
        return True
    return any(map(_can_overflow, children(node)))


def as_policies(expressions: Iterable[pst.Expr]) -> cedar.PolicySet:
    """Return two permits for each expression: one applies when it is true, one when it is false; neither if it errs."""
    static = {}
    for number, expression in enumerate(expressions):
        static[f"{number}"] = _permit(f"{number}", pst.When(expression))
        static[f"not {number}"] = _permit(f"not {number}", pst.Unless(expression))
    return cedar.PolicySet.from_pst(pst.PolicySet({}, static, ()))


def outcomes(applying: Collection[str], number: int) -> tuple[Outcome, ...]:
    """Return the outcomes of so many expressions, of the ids of their permits that apply."""
    true = frozenset(applying)
    return tuple(
        TRUE if f"{each}" in true else FALSE if f"not {each}" in true else ERROR for each in range(number)
    )


def _permit(id_: str, clause: pst.Clause) -> pst.Template:
    anything = pst.ScopeAny()
    return pst.Template(id_, "permit", anything, anything, anything, (clause,), {})


def _conditions(policy: pst.Template) -> Iterator[Formula]:
    """Yield the parts that must all be true, in the engine's order."""
    yield from _scope("principal", policy.principal)
    yield from _action(policy.action)
    yield from _scope("resource", policy.resource)
    for clause in policy.clauses:
        condition = _formula(clause.expr)
        yield condition if isinstance(clause, pst.When) else Not(condition)


def _scope(
    name: Literal["principal", "resource"], scope: pst.PrincipalOrResourceConstraint
) -> Iterator[Atom]:
    variable = pst.Var(name)
    match scope:
        case pst.ScopeEq(pst.EntityUid() as entity):
            yield Atom(pst.BinaryOp("eq", variable, pst.EntityLit(entity)))
        case pst.ScopeIn(pst.EntityUid() as entity):
            yield Atom(pst.BinaryOp("in", variable, pst.EntityLit(entity)))
        case pst.ScopeIs(entity_type):
            yield Atom(pst.Is(variable, entity_type, None))
        case pst.ScopeIsIn(entity_type, pst.EntityUid() as entity):
            yield Atom(pst.Is(variable, entity_type, pst.EntityLit(entity)))


def _action(scope: pst.ActionConstraint) -> Iterator[Atom]:
    variable = pst.Var("action")
    match scope:
        case pst.ActionEq(entity):
            yield Atom(pst.BinaryOp("eq", variable, pst.EntityLit(entity)))
        case pst.ActionIn(entities):
            yield Atom(pst.BinaryOp("in", variable, pst.Set(tuple(map(pst.EntityLit, entities)))))


def _formula(expression: pst.Expr) -> Formula:
    match expression:
        case pst.BoolLit(value):
            return Constant(_DECIDED[value])
        case pst.UnaryOp("not", operand):
            return Not(_formula(operand))
        case pst.BinaryOp("and", left, right):
            return _and(_formula(left), _formula(right))
        case pst.BinaryOp("or", left, right):
            return Choice(_formula(left), Constant(TRUE), _formula(right))
        case pst.IfThenElse(condition, then, otherwise):
            return Choice(_formula(condition), _formula(then), _formula(otherwise))
        case _:
            return Atom(expression)


def _and(left: Formula, right: Formula) -> Formula:
    return Choice(left, right, Constant(FALSE))
