"""Which facts policies read: whatever the others are, they decide the same.

This is the only analysis of that question: the handler, the re-authorizer, the constructs, the lints and the replay
ask it, each at its own granularity. It looks at the syntax tree, never at text, where a comment, a message or a
literal could name a fact. It takes policies in both parsed forms: Cedar's JSON, which a cold
start has anyway, and the engine's nodes.
"""

from __future__ import annotations

from client_connect.light_typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from client_connect.engine.statement import Shape

# Facts are named as the context's attributes are. Beside these there are the identity of the principal, its
# groups, the endpoint, and the context as a whole.
PRINCIPAL, GROUPS, DEVICE, RESOURCE, CONTEXT = "principal", "groups", "device", "resource", "context"
ACTIVE_CONNECTIONS = "activeConnections"
ENDPOINT_NAME = "endpointName"

_OF_VARIABLES = {
    "principal": (PRINCIPAL, GROUPS, DEVICE),  # a device has attributes
    "resource": (RESOURCE,),
    "context": (CONTEXT,),
    "action": (),  # there is one
}
_GROUP, _DEVICE = "ClientVpn::Group", "ClientVpn::Device"


def reads(node: object, *, split: Collection[str] = ()) -> frozenset[str]:
    """Return the names of the facts that a policy, or a part of one, reads; too many rather than too few.

    Args:
        node: A policy or an expression, as JSON or as a syntax node.
        split: The records of the context whose attributes are separate facts, such as ``time.now``, and
            ``groups``, whose groups a policy only asks for by name, such as ``groups.staff``. A
            policy that reads one of them as a whole reads it by its own name.
    """
    return _Search(node, split).found


def may_read(facts: Collection[str], name: str) -> bool:
    """Tell whether who reads these facts may read an attribute of the context: as a part of the whole, or a part of it.

    Args:
        facts: As ``reads`` returns them.
        name: The attribute's name, such as ``time``, or that of one in a record that is ``split``: ``time.now``.
    """
    outer, dot, _ = name.partition(".")
    if CONTEXT in facts or name in facts:
        return True
    return outer in facts if dot else any(fact.startswith(f"{name}.") for fact in facts)


def parts_of(name: str, facts: Collection[str]) -> frozenset[str]:
    """Return which parts of something that is ``split`` these facts name."""
    return frozenset(fact.removeprefix(f"{name}.") for fact in facts if fact.startswith(f"{name}."))


class _Search:
    """Looks at one node after the other; not by recursion, for a chain of many ``||`` is nested deep."""

    def __init__(self, node: object, split: Collection[str]) -> None:
        self._look = _syntax(node)
        self._split = split
        self._found: set[str] = set()
        self._left = [node]
        while self._left:
            self._take(self._left.pop())
        self.found = frozenset(self._found)

    def _take(self, node: object) -> None:
        match self._look(node):
            case "variable", name:
                self._found.update(_OF_VARIABLES[name])
            case "entity", kind, _:
                # It may be this connection's device, and its attributes are read.
                self._found.update((DEVICE,) if kind == _DEVICE else ())
            case "attribute", base, names:
                self._take_attribute(base, names)
            case "tag", base, key:
                self._take_attribute(base, ())
                self._left.append(key)
            case "kind", base:
                self._take_identities([base])
            case "compared", *parts:
                self._take_identities(parts)
            case "within", entity, groups:
                self._take_membership(entity, groups)
            case _, *parts:
                self._left.extend(parts)

    def _take_attribute(self, base: object, names: tuple[str, ...]) -> None:
        match self._look(base):
            case "variable", "context" if names:
                self._found.add(self._name(*names))
            case "variable", "principal":
                self._found.update((PRINCIPAL, DEVICE))
            case "attribute", outer, (name,) if name in self._split and self._is_context(outer) and names:
                self._found.add(self._name(name, *names))
            case _:
                self._left.append(base)

    def _take_identities(self, parts: Iterable[object]) -> None:
        """Take in what is only asked which it is: neither attributes nor groups are read then."""
        for part in parts:
            match self._look(part):
                case "variable", "principal":
                    self._found.add(PRINCIPAL)
                case "entity", _, _:
                    pass
                case "set", *elements:
                    self._take_identities(elements)
                case _:
                    self._left.append(part)

    def _take_membership(self, entity: object, groups: object) -> None:
        """Take in ``entity in groups``, where the entity may be the principal even if it is named."""
        match self._look(entity):
            case "variable", "principal":
                self._take_groups(groups)
            case "variable", "action" | "resource":  # which are in nothing
                self._take_identities((entity, groups))
            case _:
                self._found.update((PRINCIPAL, GROUPS))
                self._take_identities((entity, groups))

    def _take_groups(self, groups: object) -> None:
        """Take in ``principal in groups``: whether a user is in a group does not depend on who it is."""
        match self._look(groups):
            case "entity", kind, id_:
                self._found.add(self._name(GROUPS, id_) if kind == _GROUP else PRINCIPAL)
            case "set", *elements:
                for each in elements:
                    self._take_groups(each)
            case _:
                self._found.update((PRINCIPAL, GROUPS))
                self._left.append(groups)

    def _is_context(self, node: object) -> bool:
        return self._look(node) == ("variable", "context")

    def _name(self, name: str, *inner: str) -> str:
        return f"{name}.{inner[0]}" if inner and name in self._split else name


def _syntax(node: object) -> Callable[[object], Shape]:
    """Return what looks at nodes like this one; only one of them is needed."""
    if isinstance(node, dict):
        from client_connect.engine import policy_json  # noqa: PLC0415

        return policy_json.look
    from client_connect.engine import policy_nodes  # noqa: PLC0415

    return policy_nodes.look
