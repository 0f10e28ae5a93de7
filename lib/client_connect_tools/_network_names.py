"""Named networks in policies: the names that they ask for, and the lists that there are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cedarpy import pst

from client_connect_tools import _nodes
from client_connect_tools.finding import Finding
from client_connect_tools.networks import unknown_network

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from client_connect_tools.finding import ParsedStatement
    from client_connect_tools.policies import Policies

NETWORKS = "networks"


def check_networks(policies: Policies, parsed: Sequence[ParsedStatement]) -> list[Finding]:
    """Return what is wrong with lists of networks, and each name in policies that none has."""
    findings = [
        Finding(file=each.source.name, line=line, column=1, policy="", rule="networks", message=problem)
        for each in policies.networks
        for line, problem in each.problems
    ]
    known = [each.name for each in policies.networks]
    for policy in parsed:
        for name in dict.fromkeys(asked_for([policy.template] if policy.template else [])):
            if name not in known:
                message = f'context.networks never has "{name}": {unknown_network(name, known)}'
                findings.append(policy.finding("unknown-network", message))
    return findings


def asked_for(templates: Iterable[pst.Template]) -> Iterator[str]:
    """Yield the names with which policies compare ``context.networks``."""
    for template in templates:
        for node in _nodes.walk(template):
            if isinstance(node, pst.BinaryOp):
                for one, other in ((node.left, node.right), (node.right, node.left)):
                    if _nodes.path(one) == (NETWORKS,):
                        yield from (each.value for each in _nodes.walk(other) if isinstance(each, pst.StringLit))
