"""The facts about all policies that lints need for each, found once: a large set would take hours otherwise."""

from __future__ import annotations

from functools import cached_property
from itertools import product
from typing import TYPE_CHECKING, TypeVarTuple

from cedarpy import pst

from client_connect.engine.policy_reads import may_read, reads
from client_connect_tools.cedar.nodes import walk
from client_connect_tools.checking.outages import INVENTORY, Outages
from client_connect_tools.checking.similar_names import similar

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from client_connect_tools.checking.outages import Source

_Arguments = TypeVarTuple("_Arguments")
_ANY = pst.ScopeAny()


class AllPolicies(list[pst.Template]):
    """The policies of a set that can be parsed."""

    @cached_property
    def ids(self) -> frozenset[str]:
        """Their ids; the empty one for those without."""
        return frozenset(each.annotations.get("id", "") for each in self)

    @cached_property
    def enforced(self) -> list[pst.Template]:
        """Those that are not in shadow mode."""
        return [each for each in self if not is_shadow(each)]

    @cached_property
    def permits(self) -> list[pst.Template]:
        """The permits among the enforced ones."""
        return [each for each in self.enforced if each.effect == "permit"]

    @cached_property
    def permits_with_status(self) -> int:
        """How many of these permits change what is reported."""
        return sum("status" in each.annotations for each in self.permits)

    @cached_property
    def similar_groups(self) -> dict[str, str]:
        """The groups that are probably another one that is named before them, with that one."""
        return similar(name for each in self for name in groups(each))

    def only_adds_a_status(self, policy: pst.Template) -> bool:
        """Tell whether a permit changes only what is reported, because another one admits everybody."""
        return (
            policy.effect == "permit"
            and "status" in policy.annotations
            and any(each is not policy and is_unconditional(each) for each in self.permits)
        )

    @cached_property
    def unknown_devices(self) -> Outages:
        """The effect of the enforced policies on a device that the inventory does not know."""
        return Outages(self.enforced, INVENTORY, state="unknown")

    @cached_property
    def leaves_outages_open(self) -> bool:
        """Whether policies read devices, and none says what it means that the inventory is unavailable.

        Not where one of them overlooks it, which is another mistake with the same remedy.
        """
        read = frozenset[str]().union(*map(reads, self))
        if may_read(read, "inventory") or not any(may_read(read, each) for each in ("device", "ownerTags")):
            return False
        outages = self.outages(INVENTORY)
        return not any(outages.overlooked_by(each, covers=is_for_all_of) for each in self.enforced)

    def outages(self, source: Source) -> Outages:
        """Return what the enforced policies make of an outage of a source."""
        if source not in self._outages:
            self._outages[source] = Outages(self.enforced, source)
        return self._outages[source]

    def has_one_for_all_of(
        self,
        policy: pst.Template,
        has: Callable[[pst.Template, *_Arguments], bool],
        *arguments: *_Arguments,
    ) -> bool:
        """Tell whether one that has a property is, by its scope, for everybody and everything that a policy is for.

        Args:
            policy: The policy.
            has: Tells whether one has it; called once for each enforced policy, with these arguments.
            *arguments: Values that can be hashed.
        """
        found = self._scopes_of(has, *arguments)
        return any(scope in found for scope in product((_ANY, policy.principal), (_ANY, policy.resource)))

    def _scopes_of(
        self, has: Callable[[pst.Template, *_Arguments], bool], *arguments: *_Arguments
    ) -> set[Hashable]:
        key = (has, *arguments)
        if key not in self._scopes:
            found = (each for each in self.enforced if has(each, *arguments))
            self._scopes[key] = {(each.principal, each.resource) for each in found}
        return self._scopes[key]

    @cached_property
    def _outages(self) -> dict[Source, Outages]:
        return {}

    @cached_property
    def _scopes(self) -> dict[Hashable, set[Hashable]]:
        return {}


def groups(policy: pst.Template) -> list[str]:
    """Return the names of the groups in a policy, in their order."""
    return [
        node.id
        for node in walk(policy)
        if isinstance(node, pst.EntityUid) and str(node.type) == "ClientVpn::Group"
    ]


def is_unconditional(policy: pst.Template) -> bool:
    """Tell whether a policy applies to every connection."""
    always = (pst.When(pst.BoolLit(value=True)), pst.Unless(pst.BoolLit(value=False)))
    return all(clause in always for clause in policy.clauses) and all(
        isinstance(scope, pst.ScopeAny) for scope in (policy.principal, policy.resource)
    )


def is_shadow(policy: pst.Template) -> bool:
    """Tell whether a policy is in shadow mode."""
    return "shadow" in policy.annotations


def is_for_all_of(policy: pst.Template, other: pst.Template) -> bool:
    """Tell whether a policy is, by its scope, for everybody and everything that another one is for."""
    scopes = ((policy.principal, other.principal), (policy.resource, other.resource))
    return all(isinstance(mine, pst.ScopeAny) or mine == its for mine, its in scopes)
