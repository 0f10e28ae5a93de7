"""The constants of policies: the values that they distinguish connections by."""

from __future__ import annotations

from operator import add, mul, sub
from typing import TYPE_CHECKING

from cedarpy import pst

from client_connect_tools.cedar.comparisons import comparison
from client_connect_tools.cedar.nodes import path, walk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator


class Constants:
    """The constants of some policies.

    Args:
        policies: Sound ones.
    """

    def __init__(self, policies: Iterable[pst.Template]) -> None:
        self.nodes: list[object] = [node for policy in policies for node in walk(policy)]
        self.paths: frozenset[tuple[str, ...]] = frozenset(filter(None, map(path, self.nodes)))

    def reads(self, *names: str) -> bool:
        """Tell whether something at a path below the context, or below that, is read or tested for."""
        return any(each[: len(names)] == names for each in self.paths)

    def texts(self, *names: str) -> list[str]:
        """Return the texts that an attribute is compared with, in the order of the policies."""
        return list(dict.fromkeys(each for each in self._literals(names) if isinstance(each, str)))

    def numbers(self, *names: str) -> list[int]:
        """Return the numbers that an attribute is compared with, sorted; those of sums and products too."""
        found = {each for each in self._literals(names) if isinstance(each, int)}
        for node in self.nodes:
            if (compared := comparison(node)) and path(compared.read) == names:
                found |= {each for each in map(_number, compared.others) if each is not None}
        return sorted(found)

    def patterns(self, *names: str) -> list[tuple[pst.PatternElem, ...]]:
        """Return the patterns that an attribute is compared with."""
        found = (node for node in self.nodes if isinstance(node, pst.Like) and path(node.base) == names)
        return list(dict.fromkeys(each.pattern for each in found))

    def entities(self, kind: str) -> list[str]:
        """Return the ids of the entities of a type."""
        found = (each for each in self.nodes if isinstance(each, pst.EntityUid) and str(each.type) == kind)
        return list(dict.fromkeys(each.id for each in found))

    def tests_for(self, kind: str) -> bool:
        """Tell whether a policy asks for the principal's type."""
        return any(
            isinstance(each, pst.Is | pst.ScopeIs | pst.ScopeIsIn) and str(each.entity_type) == kind
            for each in self.nodes
        )

    def calls(self, op: str) -> Iterator[str]:
        """Yield the texts in calls of a function such as ``datetime``."""
        for node in self.nodes:
            match node:
                case pst.UnaryOp(name, pst.StringLit(text)) if name == op:
                    yield text

    def _literals(self, names: tuple[str, ...]) -> Iterator[str | int]:
        for node in self.nodes:
            if (compared := comparison(node)) and path(compared.read) == names:
                yield from compared.literals


def _number(node: pst.Expr) -> int | None:
    match node:
        case pst.LongLit(value):
            return value
        case pst.UnaryOp("neg", inner):
            return _applied(sub, pst.LongLit(0), inner)
        case pst.BinaryOp("add" | "sub" | "mul" as op, left, right):
            return _applied({"add": add, "sub": sub, "mul": mul}[op], left, right)
    return None


def _applied(operation: Callable[[int, int], int], left: pst.Expr, right: pst.Expr) -> int | None:
    one, other = _number(left), _number(right)
    return None if one is None or other is None else operation(one, other)
