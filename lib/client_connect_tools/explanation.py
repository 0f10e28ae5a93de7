"""Why a connection is decided as it is: for every policy, whether it applied and, if not, why not.

The policies are read as typed syntax nodes. Whether one of their conditions is true is always asked of the
engine, by a policy that has this condition alone; nothing here knows what an expression means, except where
the engine stops: at the first false part of ``&&`` and at the first true part of ``||``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import cedarpy
from cedarpy import pst

from client_connect import Authorizer, response
from client_connect.settings import DEFAULT_DENIAL
from client_connect_tools.cedar.parsing import schema
from client_connect_tools.cedar.reads import Read, Reader
from client_connect_tools.cedar.text import expression_text

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from client_connect import Decision, Facts, Policy

Place = Literal["principal", "action", "resource", "when", "unless"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """A part of a policy, with what the engine makes of it.

    Attributes:
        expression: As Cedar text, on one line.
        value: Whether it is true; ``None`` when it cannot be evaluated.
        error: Why it cannot be evaluated, in the engine's words.
        reads: What it reads, with the values.
    """

    expression: str
    value: bool | None
    error: str = ""
    reads: tuple[Read, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why a policy did not apply: the first of its conditions that was not as it must be.

    Attributes:
        place: Where the condition is: ``principal``, ``action`` or ``resource`` in the policy's scope, or a
            ``when`` or ``unless`` clause.
        condition: The smallest part of it that explains the result. Of ``a && b`` this is the first part that is false,
            of ``a || b`` the first that is true, of ``!a`` it is ``a``, of ``if`` the branch taken; where every
            part of ``a && b`` is true, or every part of ``a || b`` false, it is the whole.
        given: The conditions of the ``if`` that led to it, outermost first.
        waived: Whether it is the policy's own waiver: ``context.waivers`` has its ``@id``.
    """

    place: Place
    condition: Condition
    given: tuple[Condition, ...] = ()
    waived: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyExplanation:
    """The verdict of one policy on a connection.

    Attributes:
        policy: Its id, effect, message and status, and whether it is in shadow mode.
        determining: Whether the decision is its doing.
        reason: Why it did not apply, or could not be evaluated; ``None`` when it applied.
    """

    policy: Policy
    determining: bool
    reason: Reason | None

    @property
    def applied(self) -> bool:
        """Whether all its conditions were met. A permit that applied may still be beaten by a forbid."""
        return self.reason is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """A decision, the answer that the client would get, and what each policy had to do with it.

    Attributes:
        decision: What the policies say.
        response: What Client VPN would be answered.
        policies: Every policy, in the order of the text.
    """

    decision: Decision
    response: dict[str, Any]
    policies: tuple[PolicyExplanation, ...]

    @property
    def permitted(self) -> bool:
        """Whether a permit applied that is enforced: without one, a connection is denied even if no forbid applies."""
        return any(
            each.applied and each.policy.effect == "permit" and not each.policy.shadow
            for each in self.policies
        )


def explain(  # noqa: PLR0913 - one keyword per option
    policies: str,
    facts: Facts,
    *,
    custom: str | None = None,
    networks: bytes | None = None,
    shadow_mode: bool = False,
    default_message: str = DEFAULT_DENIAL,
) -> Explanation:
    """Decide a connection and say why.

    Args:
        policies: Cedar policies, as ``Authorizer`` takes them.
        facts: The connection.
        custom: What ``context.custom`` is, as ``Authorizer`` takes it.
        networks: The table of the named networks, as ``Authorizer`` takes it: ``Policies.network_table``.
        shadow_mode: Answer as a handler does that always allows. The decision stays what it is.
        default_message: What a denied client is shown when no policy has a message for it.

    Raises:
        InvalidPolicySet: When the policies cannot be parsed, or an ``@id`` is missing or used twice.
    """
    authorizer = Authorizer(policies, custom=custom, networks=networks)
    facts = authorizer.located(facts)
    decision = authorizer.decide(facts)
    judge = Evaluator(facts, schema(custom))
    nodes = cedarpy.PolicySet.from_str(policies).to_pst().static_policies.values()
    return Explanation(
        decision=decision,
        response=response(
            allow=decision.allowed or shadow_mode,
            message=decision.denial_message(default_message, facts),
            statuses=decision.statuses,
            schema_version=facts.request.schema_version,
        ),
        policies=tuple(
            PolicyExplanation(
                policy=authorizer.policies.by_id[node.annotations["id"]],
                determining=node.annotations["id"] in decision.determining,
                reason=judge.reason(node),
            )
            for node in nodes
        ),
    )


def conditions_that_held(
    policies: str, facts: Facts, ids: Collection[str], *, custom: str | None = None
) -> dict[str, tuple[Condition, ...]]:
    """Return, of policies that applied, what made them apply: the conditions that are not always so.

    Args:
        policies: Cedar policies.
        facts: The connection, with its named networks: ``Authorizer.located``.
        ids: The ids of those that are asked for.
        custom: What ``context.custom`` is.
    """
    judge = Evaluator(facts, schema(custom))
    nodes = cedarpy.PolicySet.from_str(policies).to_pst().static_policies.values()
    return {
        node.annotations["id"]: tuple(judge.held(node)) for node in nodes if node.annotations["id"] in ids
    }


@dataclass(frozen=True, slots=True)
class _Outcome:
    """The engine's result for one expression."""

    value: bool | None
    error: str = ""


class Evaluator:
    """Asks the engine about parts of policies, always for the same connection."""

    def __init__(self, facts: Facts, types: cedarpy.Schema) -> None:
        self._request = facts.cedar_request()
        self._types = types
        self._entities = cedarpy.Entities.from_json_str(json.dumps(facts.cedar_entities()), types)
        self._reader = Reader(facts)

    @classmethod
    def of(cls, facts: Facts, custom: str | None = None) -> Evaluator:
        """Return the evaluator of a connection.

        Args:
            facts: The connection, with its named networks: ``Authorizer.located``.
            custom: What ``context.custom`` is, as ``Authorizer`` takes it.
        """
        return cls(facts, schema(custom))

    def value(self, expression: pst.Expr) -> bool | None:
        """Return whether an expression is true; ``None`` when it cannot be evaluated."""
        return self._outcome(expression).value

    def reason(self, policy: pst.Template) -> Reason | None:
        """Return why a policy does not apply; ``None`` when it does."""
        for place, expression, wanted in conditions(policy):
            if self._outcome(expression).value is not wanted:
                given, part = self._narrowed(expression)
                condition = self._condition(part)
                waived = condition.value is True and part == honored_waiver(policy.annotations["id"])
                return Reason(place=place, condition=condition, given=given, waived=waived)
        return None

    def held(self, policy: pst.Template) -> Iterator[Condition]:
        """Yield the conditions of a policy that applies, but for those that hold for every connection."""
        for _, expression, _ in conditions(policy):
            for part in _parts(expression):
                condition = self._condition(part)
                if condition.reads:
                    yield condition

    def _narrowed(self, expression: pst.Expr) -> tuple[tuple[Condition, ...], pst.Expr]:
        """Follow the engine to the part of an expression that makes it true, false or an error."""
        match expression:
            case pst.BinaryOp(op="and" | "or"):
                undecided = expression.op == "and"
                for part in operands(expression):
                    if self._outcome(part).value is not undecided:
                        return self._narrowed(part)
            case pst.UnaryOp(op="not"):
                return self._narrowed(expression.arg)
            case pst.IfThenElse():
                return self._branch(expression)
        return (), expression

    def _branch(self, expression: pst.IfThenElse) -> tuple[tuple[Condition, ...], pst.Expr]:
        taken = self._outcome(expression.cond).value
        if taken is None:
            return self._narrowed(expression.cond)
        given, part = self._narrowed(expression.then_expr if taken else expression.else_expr)
        return (self._condition(expression.cond), *given), part

    def _condition(self, expression: pst.Expr) -> Condition:
        outcome = self._outcome(expression)
        return Condition(
            expression=expression_text(expression),
            value=outcome.value,
            error=outcome.error,
            reads=self._reader.reads(expression),
        )

    def _outcome(self, expression: pst.Expr) -> _Outcome:
        any_ = pst.ScopeAny()
        policy = pst.Template(_PART, "permit", any_, any_, any_, (pst.When(expression),), {})
        policies = cedarpy.PolicySet.from_pst(pst.PolicySet({}, {_PART: policy}, ()))
        result = cedarpy.is_authorized(self._request, policies, self._entities, self._types)
        if result.decision is cedarpy.Decision.NoDecision or result.diagnostics.errors:
            return _Outcome(
                None, " ".join(error.removeprefix(_PREFIX) for error in result.diagnostics.errors)
            )
        return _Outcome(result.allowed)


_PART = "part"
_PREFIX = f"error while evaluating policy `{_PART}`: "


def conditions(policy: pst.Template) -> Iterator[tuple[Place, pst.Expr, bool]]:
    """Yield what must be true or false for a policy to apply, in the order of the engine."""
    yield "principal", _scope("principal", policy.principal), True
    yield "action", _action(policy.action), True
    yield "resource", _scope("resource", policy.resource), True
    for clause in policy.clauses:
        if isinstance(clause, pst.When):
            yield "when", clause.expr, True
        else:
            yield "unless", clause.expr, False


def _scope(name: Literal["principal", "resource"], constraint: pst.PrincipalOrResourceConstraint) -> pst.Expr:
    """Return a constraint of the scope as the condition that Cedar defines it to be."""
    match constraint:
        case pst.ScopeAny():
            return pst.BoolLit(value=True)
        case pst.ScopeEq():
            return pst.BinaryOp("eq", pst.Var(name), _entity(constraint.entity))
        case pst.ScopeIn():
            return pst.BinaryOp("in", pst.Var(name), _entity(constraint.entity))
        case pst.ScopeIs():
            return pst.Is(pst.Var(name), constraint.entity_type, None)
        case pst.ScopeIsIn():
            return pst.Is(pst.Var(name), constraint.entity_type, _entity(constraint.entity))


def _action(constraint: pst.ActionConstraint) -> pst.Expr:
    match constraint:
        case pst.ScopeAny():
            return pst.BoolLit(value=True)
        case pst.ActionEq():
            return pst.BinaryOp("eq", pst.Var("action"), pst.EntityLit(constraint.entity))
        case pst.ActionIn():
            actions = pst.Set(tuple(map(pst.EntityLit, constraint.entities)))
            return pst.BinaryOp("in", pst.Var("action"), actions)


def _entity(entity: pst.EntityOrSlot) -> pst.Expr:
    return entity if isinstance(entity, pst.Slot) else pst.EntityLit(entity)


def honored_waiver(id_: str) -> pst.Expr:
    """Return the test that makes a policy honor its waivers."""
    return pst.BinaryOp("contains", pst.GetAttr(pst.Var("context"), "waivers"), pst.StringLit(id_))


def _parts(expression: pst.Expr) -> Iterator[pst.Expr]:
    """Yield the parts that must all be true."""
    match expression:
        case pst.BinaryOp(op="and"):
            yield from operands(expression)
        case _:
            yield expression


def operands(expression: pst.BinaryOp) -> Iterator[pst.Expr]:
    """Yield the parts that one operator joins, from left to right."""
    for side in (expression.left, expression.right):
        if isinstance(side, pst.BinaryOp) and side.op == expression.op:
            yield from operands(side)
        else:
            yield side
