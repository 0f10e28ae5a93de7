"""Policies taken apart and put together as JSON: the engine has everything it needs for that at a cold start.

The engine reads no JSON of expressions that are nested deeper than some fifty levels, such as a chain of 60 ``||``.
"""

from __future__ import annotations

import json
from functools import partial

from client_connect.engine import cedar
from client_connect.light_typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from client_connect.engine.statement import Shape, Statement


def split(text: str) -> tuple[list[Statement], bool]:
    """Return the static policies of a text, in its order, and whether there are templates in it.

    Raises:
        ValueError: When the engine cannot parse it.
        RecursionError: When it is nested too deep for anything.
    """
    parsed = json.loads(cedar.policies_to_json(text))
    return [_statement(content) for content in parsed["staticPolicies"].values()], bool(parsed["templates"])


def build(contents: Mapping[str, Any]) -> cedar.PolicySet:
    """Return a policy set of what statements say, by the ids that they shall have in it.

    Raises:
        ValueError: When one is nested too deep for the engine to read it as JSON.
    """
    whole = {"staticPolicies": contents, "templates": {}, "templateLinks": []}
    return cedar.PolicySet.from_json_str(json.dumps(whole))


def _statement(content: dict[str, Any]) -> Statement:
    # An annotation without a value is null.
    annotations = {name: value or "" for name, value in content.get("annotations", {}).items()}
    return content["effect"], annotations, content


def look(node: Any) -> Shape:  # noqa: ANN401 - a policy or an expression
    """Return what a policy or an expression is, and of what parts."""
    if "effect" in node:
        scopes = (_scope(variable, node[variable]) for variable in ("principal", "resource"))
        return "all", *filter(None, scopes), *(each["body"] for each in node["conditions"])
    ((kind, content),) = node.items()
    return _SHAPES.get(kind, _operation)(content)


def _scope(variable: str, scope: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the condition that a scope is."""
    left, entity = {"Var": variable}, {"Value": {"__entity": scope.get("entity")}}
    match scope["op"]:
        case "==" | "in" as operator:
            return {operator: {"left": left, "right": entity}}
        case "is" if "in" in scope:
            within = {"Value": {"__entity": scope["in"].get("entity")}}
            return {"is": {"left": left, "in": within}}
        case "is":
            return {"is": {"left": left}}
        case _:
            return None


def _value(content: object) -> Shape:
    match content:
        case {"__entity": {"type": kind, "id": id_}}:
            return "entity", kind, id_
        case list():
            return "set", *({"Value": each} for each in content)
        case dict():
            return "all", *({"Value": each} for each in content.values())
        case _:
            return ("all",)


def _kind(content: Mapping[str, Any]) -> Shape:
    left = content["left"]
    if "in" in content:
        return "all", {"is": {"left": left}}, {"in": {"left": left, "right": content["in"]}}
    return "kind", left


def _operation(content: Any) -> Shape:  # noqa: ANN401 - an operator has its operands by name, a function in their order
    parts = content.values() if isinstance(content, dict) else content
    return "all", *(part for part in parts if isinstance(part, dict))


def _both(shape: str, content: Mapping[str, Any]) -> Shape:
    return shape, content["left"], content["right"]


def _attribute(content: Mapping[str, Any]) -> Shape:
    return "attribute", content["left"], (content["attr"],)


_SHAPES: Mapping[str, Callable[[Any], Shape]] = {
    "Var": lambda name: ("variable", name),
    "Value": _value,
    "Set": lambda elements: ("set", *elements),
    "is": _kind,
    "in": partial(_both, "within"),
    **dict.fromkeys((".", "has"), _attribute),
    **dict.fromkeys(("getTag", "hasTag"), partial(_both, "tag")),
    **dict.fromkeys(("==", "!=", "contains", "containsAll", "containsAny"), partial(_both, "compared")),
}
