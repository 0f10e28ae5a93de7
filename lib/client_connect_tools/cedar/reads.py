"""The facts that a condition reads, with the values that it finds there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, Any

from cedarpy import pst

from client_connect_tools.cedar.nodes import children
from client_connect_tools.cedar.text import expression_text, value_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from client_connect import Facts


@dataclass(frozen=True, slots=True)
class Read:
    """An attribute, a tag or an entity that a condition reads.

    Attributes:
        name: As the policy names it, such as ``context.os.build``.
        value: As Cedar text, such as ``22631``; ``None`` when it is absent.
    """

    name: str
    value: str | None

    def __str__(self) -> str:
        return f"{self.name} is {'absent' if self.value is None else self.value}"


_ABSENT: Any = object()


class Reader:
    """Looks up what expressions read. It only looks: what an expression means is the engine's to say."""

    def __init__(self, facts: Facts) -> None:
        self._request: dict[str, Any] = facts.cedar_request()
        self._entities: dict[tuple[str, str], dict[str, Any]] = {
            (entity["uid"]["type"], entity["uid"]["id"]): entity for entity in facts.cedar_entities()
        }

    def reads(self, expression: pst.Expr) -> tuple[Read, ...]:
        """Return what an expression reads, in its order, each once.

        An attribute of something absent is named by that alone, and a record or a device whose
        attributes are read by these alone.
        """
        found = {read.name: (node, read) for node, read in self._found(expression)}
        outer = {expression_text(base) for node, _ in found.values() for base in _bases(node)}
        return tuple(read for name, (_, read) in found.items() if name not in outer)

    def _found(self, node: object) -> Iterator[tuple[pst.Expr, Read]]:
        match node:
            case pst.HasAttr():
                yield from self._found(reduce(pst.GetAttr, node.attrs, node.base))
            case pst.BinaryOp(op="has_tag"):
                yield from self._found(pst.BinaryOp("get_tag", node.left, node.right))
            case pst.BinaryOp(op="in", left=pst.Var() as entity, right=right):
                yield entity, self._with_groups(entity)
                yield from self._found(right)
            case pst.Is(base=pst.Var() as entity, in_expr=right) if right is not None:
                yield entity, self._with_groups(entity)
                yield from self._found(right)
            case pst.Var() | pst.GetAttr() | pst.BinaryOp() if _is_path(node):
                yield self._read(node)
            case _:
                yield from (found for part in children(node) for found in self._found(part))

    def _read(self, path: pst.Expr) -> tuple[pst.Expr, Read]:
        node, value = self._resolved(path)
        return node, Read(expression_text(node), None if value is _ABSENT else value_text(value))

    def _with_groups(self, entity: pst.Var) -> Read:
        uid = self._request[entity.name]
        text = value_text({"__entity": uid})
        if entity.name == "principal":
            parents = self._entity({"__entity": uid}).get("parents", ())
            text += f" in {value_text([{'__entity': parent} for parent in parents])}"
        return Read(entity.name, text)

    def _resolved(self, path: pst.Expr) -> tuple[pst.Expr, Any]:
        """Return the value of a path, or the first step of it that is absent."""
        match path:
            case pst.Var(name="context"):
                return path, self._request["context"]
            case pst.Var():
                return path, {"__entity": self._request[path.name]}
            case pst.GetAttr():
                base, value = self._resolved(path.base)
                return (base, value) if value is _ABSENT else (path, self._attribute(value, path.attr))
            case pst.BinaryOp(right=pst.StringLit(value=tag)):
                base, value = self._resolved(path.left)
                tags = self._entity(value).get("tags", {})
                return (base, value) if value is _ABSENT else (path, tags.get(tag, _ABSENT))
            case _:
                raise TypeError(f"{expression_text(path)} is no path of attributes")

    def _attribute(self, value: object, name: str) -> object:
        attributes = self._entity(value).get("attrs", {}) if _is_entity(value) else value
        return attributes.get(name, _ABSENT) if isinstance(attributes, Mapping) else _ABSENT

    def _entity(self, value: object) -> dict[str, Any]:
        match value:
            case {"__entity": {"type": str(kind), "id": str(id_)}}:
                return self._entities.get((kind, id_), {})
            case _:
                return {}


def _is_entity(value: object) -> bool:
    return isinstance(value, Mapping) and "__entity" in value


def _is_path(node: object) -> bool:
    match node:
        case pst.Var():
            return True
        case pst.GetAttr():
            return _is_path(node.base)
        case pst.BinaryOp(op="get_tag", right=pst.StringLit()):
            return _is_path(node.left)
        case _:
            return False


def _bases(path: pst.Expr) -> Iterator[pst.Expr]:
    """Yield what a path goes through, without the variable at its beginning."""
    match path:
        case pst.GetAttr(base=base) | pst.BinaryOp(op="get_tag", left=base) if not isinstance(base, pst.Var):
            yield base
            yield from _bases(base)
