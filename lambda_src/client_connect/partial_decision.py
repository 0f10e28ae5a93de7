"""A decision on a part of the facts: a denial only where no value of the others could make it a permission."""

from __future__ import annotations

from typing import TYPE_CHECKING

from client_connect.policy_reads import CONTEXT, GROUPS, PRINCIPAL, reads

if TYPE_CHECKING:
    from client_connect.authorizer import Authorizer, Decision
    from client_connect.facts import Facts

# Of a connection that is registered only this is not known: a rule on it denies a new connection beside others.
# The context as a whole has it, too.
NEW_CONNECTIONS_ONLY = frozenset({"activeConnections", CONTEXT})

# What the service does not tell of a connection, so that it is not known without the registry.
_UNTOLD = NEW_CONNECTIONS_ONLY | {
    *("platform", "platformVersion", "os", "publicIp", "networks", "openvpn", "awsClient"),
    *("custom", "customFacts", GROUPS),
}
_OF_THE_USER = frozenset({PRINCIPAL, "username", "waivers"})
_OF_THE_DEVICE = frozenset({"commonName", "device", "inventory", "waivers"})


def untold(*, username: bool, common_name: bool) -> frozenset[str]:
    """Return what is not known of a connection of which the service tells only these."""
    return (
        _UNTOLD
        | (frozenset() if username else _OF_THE_USER)
        | (frozenset() if common_name else _OF_THE_DEVICE)
    )


class PartialAuthorizer:
    """Decides connections of which some facts are not known.

    A policy counts only if it reads nothing but what is known: then it says the same whatever the rest is.

    Args:
        authorizer: Has the policies.
    """

    def __init__(self, authorizer: Authorizer) -> None:
        self._authorizer = authorizer
        policies = authorizer.policies
        self._reads = {id_: reads(policy) for id_, policy in policies.enforced_policies().items()}
        self._permits = {id_ for id_ in self._reads if policies.by_id[id_].effect == "permit"}
        self._split: dict[frozenset[str], tuple[Authorizer, bool]] = {}

    def decide(self, facts: Facts, *, unknown: frozenset[str]) -> tuple[Decision, bool]:
        """Decide by the policies that count.

        Args:
            facts: The facts, with anything in place of those that are unknown.
            unknown: The names of the facts that are not known.

        Returns:
            What the policies that count say, and whether that is a denial for every value of the others: because
            a forbid among them applies, or because every permit is among them and none applies. A decision with
            errors is none.
        """
        if unknown not in self._split:
            counting = {id_ for id_, read in self._reads.items() if not read & unknown}
            self._split[unknown] = self._authorizer.only(counting), counting >= self._permits
        known, has_all_permits = self._split[unknown]
        decision = known.decide(facts)
        denied = not decision.errors and not decision.allowed
        return decision, denied and (bool(decision.determining) or has_all_permits)
