"""The expressions of a policy as formulas."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cedarpy import pst

from client_connect_tools.proving import literals
from client_connect_tools.proving.dates import date_matches
from client_connect_tools.proving.operators import BINARY, UNARY, is_in, lifted, truth
from client_connect_tools.proving.terms import all_of, any_of, negated
from client_connect_tools.proving.texts import pattern
from client_connect_tools.proving.values import (
    Date,
    Elements,
    Entity,
    Fields,
    Flag,
    Long,
    Moment,
    Span,
    Text,
    TextSet,
    Unknown,
    Unsupported,
    either,
)

if TYPE_CHECKING:
    from client_connect_tools.proving.facts import Facts
    from client_connect_tools.proving.operators import Outcome
    from client_connect_tools.proving.terms import Truth
    from client_connect_tools.proving.values import Value


class Expressions:
    """Encodes expressions about the facts of a connection.

    Args:
        facts: The variables.
        networks: The set ``context.networks``, which is not the same for each set of policies.
    """

    def __init__(self, facts: Facts, networks: TextSet) -> None:
        self._facts = facts
        self._context = Fields({**facts.context.by_name, "networks": (True, networks)})

    def outcome(self, node: pst.Expr) -> Outcome:  # noqa: C901, PLR0911, PLR0912 - one for each kind of node
        """Return when an expression is an error, and otherwise its value.

        Raises:
            Unsupported: For what is not encoded.
        """
        match node:
            case pst.BoolLit(value):
                return False, Flag(value)
            case pst.LongLit(value):
                return False, Long(value)
            case pst.StringLit(value):
                return False, Text(self._facts.number(value))
            case pst.EntityLit(uid):
                return False, Entity(uid.type.basename, self._facts.number(uid.id))
            case pst.Var(name):
                return False, self._variable(name)
            case pst.UnaryOp("not", arg):
                error, negative = self._truth(arg)
                return error, Flag(negated(negative))
            case pst.UnaryOp("ip" | "datetime" | "duration" as function, pst.StringLit(text)):
                return False, _literal(function, text)
            case pst.BinaryOp("and", left, right):
                return self._and(left, right)
            case pst.BinaryOp("or", left, right):
                return self._or(left, right)
            case pst.IfThenElse(condition, then, otherwise):
                return self._if(condition, then, otherwise)
            case pst.HasAttr(base, attributes):
                return self._has(base, attributes)
            case pst.GetAttr(base, attribute):
                return self._get(base, attribute)
            case pst.Like(base):
                return self._like(node, base)
            case pst.Is(base, type_, inside):
                return self._is(base, type_, inside)
            case pst.Set(elements):
                found = [self.outcome(each) for each in elements]
                return any_of(*(error for error, _ in found)), Elements(tuple(value for _, value in found))
            case pst.Record(fields):
                by_name = {name: self.outcome(each) for name, each in fields.items()}
                values = {name: (True, value) for name, (_, value) in by_name.items()}
                return any_of(*(error for error, _ in by_name.values())), Fields(values)
            case pst.UnaryOp(op, arg):
                return self._unary(op, arg)
            case pst.BinaryOp(op, left, right):
                return self._binary(op, left, right)
        raise Unsupported(type(node).__name__)

    def _variable(self, name: str) -> Value:
        match name:
            case "context":
                return self._context
            case "principal":
                return self._facts.principal
            case "resource":
                return self._facts.resource
        return Unknown(name)

    def _and(self, left: pst.Expr, right: pst.Expr) -> Outcome:
        first_error, first = self._truth(left)
        if first is False:
            return first_error, Flag(truth=False)
        second_error, second = self._truth(right)
        return any_of(first_error, all_of(first, second_error)), Flag(all_of(first, second))

    def _or(self, left: pst.Expr, right: pst.Expr) -> Outcome:
        first_error, first = self._truth(left)
        if first is True:
            return first_error, Flag(truth=True)
        second_error, second = self._truth(right)
        return any_of(first_error, all_of(negated(first), second_error)), Flag(any_of(first, second))

    def _if(self, condition: pst.Expr, then: pst.Expr, otherwise: pst.Expr) -> Outcome:
        error, chooses = self._truth(condition)
        if isinstance(chooses, bool):
            chosen_error, value = self.outcome(then if chooses else otherwise)
            return any_of(error, chosen_error), value
        then_error, one = self.outcome(then)
        otherwise_error, other = self.outcome(otherwise)
        errors = all_of(chooses, then_error), all_of(negated(chooses), otherwise_error)
        return any_of(error, *errors), either(chooses, one, other)

    def _has(self, base: pst.Expr, attributes: tuple[str, ...]) -> Outcome:
        error, value = self.outcome(base)
        present: Truth = True
        for attribute in attributes:
            present = all_of(present, self._is_there(value, attribute))
            if present is False:
                break
            value = self._at(value, attribute)
        return error, Flag(present)

    def _get(self, base: pst.Expr, attribute: str) -> Outcome:
        error, value = self.outcome(base)
        return any_of(error, negated(self._is_there(value, attribute))), self._at(value, attribute)

    def _is_there(self, value: Value, attribute: str) -> Truth:
        return truth(lifted(value, lambda each: (False, Flag(self._attribute(each, attribute)[0])))[1])

    def _at(self, value: Value, attribute: str) -> Value:
        return lifted(value, lambda each: (False, self._attribute(each, attribute)[1]))[1]

    def _attribute(self, value: Value, name: str) -> tuple[Truth, Value]:
        nothing = False, Unknown(f"the attribute {name}")
        match value:
            case Fields(by_name):
                return by_name.get(name, nothing)
            case Entity("Device" | "User"):
                present, inner = self._facts.attribute(value, name)
                return present, inner
        return nothing

    def _like(self, node: pst.Like, base: pst.Expr) -> Outcome:
        wanted = pattern(node)

        def matched(value: Value) -> Outcome:
            if isinstance(value, Date):
                return False, Flag(date_matches(value, wanted))
            if not isinstance(value, Text):
                raise Unsupported("like")
            return False, Flag(self._facts.like(value.number, wanted))

        error, value = self.outcome(base)
        return error, Flag(truth(lifted(value, matched)[1]))

    def _is(self, base: pst.Expr, type_: pst.EntityType, inside: pst.Expr | None) -> Outcome:
        error, value = self.outcome(base)
        fits = truth(
            lifted(value, lambda each: (False, Flag(getattr(each, "type", None) == type_.basename)))[1]
        )
        if inside is None:
            return error, Flag(fits)
        inner_error, group = self.outcome(inside)
        return any_of(error, all_of(fits, inner_error)), Flag(all_of(fits, is_in(self._facts, value, group)))

    def _unary(self, op: str, arg: pst.Expr) -> Outcome:
        if op not in UNARY:
            raise Unsupported(op)
        error, value = self.outcome(arg)
        own_error, result = lifted(value, lambda each: UNARY[op](self._facts, each))
        return any_of(error, own_error), result

    def _binary(self, op: str, left: pst.Expr, right: pst.Expr) -> Outcome:
        if op not in BINARY:
            raise Unsupported(op)
        first_error, one = self.outcome(left)
        second_error, other = self.outcome(right)
        own_error, result = lifted(
            one, lambda first: lifted(other, lambda second: BINARY[op](self._facts, first, second))
        )
        return any_of(first_error, second_error, own_error), result

    def _truth(self, node: pst.Expr) -> tuple[Truth, Truth]:
        error, value = self.outcome(node)
        return error, truth(value)


def _literal(function: str, text: str) -> Value:
    match function:
        case "datetime":
            return Moment(literals.moment(text))
        case "duration":
            return Span(literals.duration(text))
    return literals.address(text)
