"""Named networks in policies: the names that they ask for, and the lists that there are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cedarpy import pst

from client_connect_tools.cedar import nodes
from client_connect_tools.cedar.parsing import parse
from client_connect_tools.files.networks import unknown_network
from client_connect_tools.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from client_connect_tools.cedar.parsing import ParsedStatement
    from client_connect_tools.files.networks import NetworkList
    from client_connect_tools.policies import Policies

NETWORKS = "networks"


def check_networks(policies: Policies, parsed: Sequence[ParsedStatement]) -> list[Finding]:
    """Return what is wrong with lists of networks, and each name in policies that none has."""
    findings = [
        Finding(file=each.source.name, line=line, column=1, policy="", rule="network-list", message=problem)
        for each in policies.networks
        for line, problem in each.problems
    ]
    names = [each.name for each in policies.networks]
    known = frozenset(names)
    for policy in parsed:
        for name in dict.fromkeys(asked_for([policy.template] if policy.template else [])):
            if name not in known:
                message = f'context.networks never has "{name}": {unknown_network(name, names)}'
                findings.append(policy.finding("unknown-network", message))
    return findings


def asked_for(templates: Iterable[pst.Template]) -> Iterator[str]:
    """Yield the names that policies compare ``context.networks`` with."""
    for names in _comparisons(templates):
        yield from names


def _comparisons(templates: Iterable[pst.Template]) -> Iterator[list[str]]:
    """Yield the names in each comparison with ``context.networks``."""
    for node in (node for template in templates for node in nodes.walk(template)):
        if isinstance(node, pst.BinaryOp):
            for one, other in ((node.left, node.right), (node.right, node.left)):
                if any(map(_is_networks, _values(one))):
                    yield list(_names(other))


def _is_networks(node: pst.Expr) -> bool:
    return (
        isinstance(node, pst.GetAttr) and node.attr == NETWORKS and pst.Var("context") in _values(node.base)
    )


def _values(node: pst.Expr) -> Iterator[pst.Expr]:
    """Yield what the value of an expression may be, or may have in it."""
    yield node
    match node:
        case pst.IfThenElse(_, then, otherwise):
            parts = [then, otherwise]
        case pst.Set(elements):
            parts = list(elements)
        case pst.Record(fields):
            parts = list(fields.values())
        case pst.GetAttr(base) if nodes.path(node) is None:
            parts = [base]
        case _:
            parts = []
    for part in parts:
        yield from _values(part)


def _names(node: pst.Expr) -> Iterator[str]:
    """Yield the texts that an expression may have as its value, or in it."""
    match node:
        case pst.StringLit(text):
            yield text
        case pst.Set(elements):
            for element in elements:
                yield from _names(element)
        case pst.IfThenElse(_, then, otherwise):
            yield from _names(then)
            yield from _names(otherwise)


def unread(policies: Policies) -> list[NetworkList]:
    """Return the lists of networks that no policy asks for."""
    templates = [each.template for each in (parse(policies.sources) if policies.networks else ())]
    parsed = [template for template in templates if template is not None]
    named = [names for names in _comparisons(parsed) if names]
    reads = sum(nodes.path(node) == (NETWORKS,) for template in parsed for node in nodes.walk(template))
    if policies.left_out or len(parsed) < len(templates) or reads > len(named):
        return []  # another policy, or one by other means, may read any of them
    asked = {name for names in named for name in names}
    return [each for each in policies.networks if each.name not in asked]
