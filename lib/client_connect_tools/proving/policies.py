"""A set of policies as formulas: when each applies, when one is an error, and which connections are allowed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from cedarpy import pst

from client_connect.engine.policy_reads import may_read
from client_connect_tools.cedar.parsing import parse
from client_connect_tools.proving.expressions import Expressions
from client_connect_tools.proving.operators import truth
from client_connect_tools.proving.terms import all_of, any_of, equal, negated, within
from client_connect_tools.proving.values import TextSet, Unsupported

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import client_connect
    from client_connect import Decision
    from client_connect.networks import Networks
    from client_connect_tools.cedar.parsing import ParsedStatement
    from client_connect_tools.policies import Policies
    from client_connect_tools.proving.facts import Facts
    from client_connect_tools.proving.terms import Truth

# Whose policies read one of these has an inventory.
_OF_DEVICES = ("device", "ownerTags")


@dataclass(frozen=True, slots=True)
class EncodedPolicy:
    """A policy as formulas.

    Attributes:
        parsed: The policy.
        effect: ``permit`` or ``forbid``.
        shadow: Whether it is in shadow mode.
        applies: When it applies.
        errs: When it cannot be evaluated, which denies.
    """

    parsed: ParsedStatement
    effect: str
    shadow: bool
    applies: Truth
    errs: Truth

    @property
    def id(self) -> str:
        """Its ``@id``."""
        return self.parsed.id


class EncodedPolicies:
    """A set of policies without errors, as formulas.

    Args:
        policies: The policies.
        facts: The variables.

    Raises:
        Unsupported: For what is not encoded, with the name of the policy.
    """

    def __init__(self, policies: Policies, facts: Facts) -> None:
        self._authorizer = policies.authorizer()
        expressions = Expressions(facts, _networks(self._authorizer.networks, facts))
        self._unavailable: Truth = equal(facts.inventory, facts.number("unavailable"))
        self.policies: list[EncodedPolicy] = [_encoded(each, expressions) for each in parse(policies.sources)]

    @cached_property
    def enforced(self) -> list[EncodedPolicy]:
        """The policies that decide."""
        return [each for each in self.policies if not each.shadow]

    @cached_property
    def permitted(self) -> Truth:
        """That a permit applies."""
        return any_of(*(each.applies for each in self.enforced if each.effect == "permit"))

    @cached_property
    def forbidden(self) -> Truth:
        """That a forbid applies."""
        return any_of(*(each.applies for each in self.enforced if each.effect == "forbid"))

    @cached_property
    def errs(self) -> Truth:
        """That a policy cannot be evaluated."""
        return any_of(*(each.errs for each in self.enforced))

    @cached_property
    def allowed(self) -> Truth:
        """That a connection is allowed, as the authorizer decides: any error denies."""
        return all_of(self.permitted, negated(self.forbidden), negated(self.errs))

    @cached_property
    def let_in(self) -> Truth:
        """That a connection is allowed, also while the inventory cannot be read, and it is unknown who is blocked."""
        return all_of(self.allowed, negated(self._unavailable)) if self._denies_in_outages else self.allowed

    def decide(self, facts: client_connect.Facts) -> Decision:
        """Return what the engine decides."""
        return self._authorizer.decide(facts)

    def in_outage(self, facts: client_connect.Facts) -> client_connect.Facts:
        """Return facts without knowledge of blocks while the inventory is unavailable, as ``let_in`` takes it."""
        unknown = self._denies_in_outages and facts.inventory == "unavailable"
        return facts._replace(knows_blocks=not unknown)

    @property
    def _denies_in_outages(self) -> bool:
        """Whether policies with an inventory do not say what it means that it cannot be read."""
        reads = self._authorizer.policies.reads
        return not may_read(reads, "inventory") and any(may_read(reads, name) for name in _OF_DEVICES)


def nodes_of(policies: Iterable[Policies]) -> Iterator[pst.Template | pst.StringLit]:
    """Yield every policy of some sets, and the names of their networks."""
    for each in policies:
        yield from (pst.StringLit(network.name) for network in each.networks)
        for parsed in parse(each.sources):
            if parsed.template is not None:
                yield parsed.template


def _encoded(parsed: ParsedStatement, expressions: Expressions) -> EncodedPolicy:
    template = parsed.template
    assert template is not None  # noqa: S101 - policies with errors have been refused
    applies: Truth = True
    errs: Truth = False
    try:
        for condition in _conditions(template):
            error, value = expressions.outcome(condition)
            errs, applies = any_of(errs, all_of(applies, error)), all_of(applies, truth(value))
    except Unsupported as reason:
        raise Unsupported(f'the policy "{parsed.id}" has {reason}') from None
    shadow = "shadow" in template.annotations
    return EncodedPolicy(parsed, template.effect, shadow, all_of(applies, negated(errs)), errs)


def _conditions(template: pst.Template) -> Iterator[pst.Expr]:
    """Yield what must be true, in the order of the engine."""
    scopes: tuple[tuple[pst.Var, object], ...] = (
        (pst.Var("principal"), template.principal),
        (pst.Var("resource"), template.resource),
    )
    for variable, scope in scopes:
        match scope:
            case pst.ScopeEq(pst.EntityUid() as uid):
                yield pst.BinaryOp("eq", variable, pst.EntityLit(uid))
            case pst.ScopeIn(pst.EntityUid() as uid):
                yield pst.BinaryOp("in", variable, pst.EntityLit(uid))
            case pst.ScopeIs(type_):
                yield pst.Is(variable, type_, None)
            case pst.ScopeIsIn(type_, pst.EntityUid() as uid):
                yield pst.Is(variable, type_, pst.EntityLit(uid))
            case pst.ScopeAny():
                pass
            case _:
                raise Unsupported(f"the scope {scope}")
    for clause in template.clauses:
        yield clause.expr if isinstance(clause, pst.When) else pst.UnaryOp("not", clause.expr)


def _networks(networks: Networks | None, facts: Facts) -> TextSet:
    """Return ``context.networks``: which lists the public address is in."""
    numbers = range(len(facts.texts.texts))
    found: dict[int, Truth] = {}
    if networks is None:
        return TextSet(lambda _number: False, numbers)
    intervals = list(networks.intervals())
    address = facts.address

    def has(number: int) -> Truth:
        if number not in found:
            name = facts.texts.texts[number]
            parts = []
            for first, last, names in intervals:
                if name in names and first.version == 4:  # noqa: PLR2004 - the version
                    parts.append(all_of(address.is_v4, within(address.v4, int(first), int(last))))
                elif name in names:
                    parts.append(all_of(negated(address.is_v4), within(address.v6, int(first), int(last))))
            found[number] = any_of(*parts)
        return found[number]

    return TextSet(has, numbers)
