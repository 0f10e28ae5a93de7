"""What becomes of policies while a source of facts is unavailable."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cedarpy import pst

from client_connect_tools._comparisons import comparison
from client_connect_tools._nodes import device_fact, path, walk
from client_connect_tools._polarity import conditions

if TYPE_CHECKING:
    from collections.abc import Sequence

_UNAVAILABLE = "unavailable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A source of facts that policies can see.

    Attributes:
        name: What it is.
        fact: The attribute of the context that is absent while it is unavailable.
        state: The attribute of the context that says so.
        usual: What that attribute is while it is not.
    """

    name: str
    fact: str
    state: str
    usual: str


CUSTOM_FACTS = Source(name="the module of extra facts", fact="custom", state="customFacts", usual="available")
INVENTORY = Source(name="the device inventory", fact="device", state="inventory", usual="known")


def weakened_without(policy: pst.Template, source: Source) -> bool:
    """Tell whether a policy keeps out fewer while a source is unavailable.

    So does a forbid with ``context has x`` among what makes it apply, and a permit with it among what keeps it
    from applying. Where both are in a policy, and in ``if context has x then ... else ...``, the policy says
    itself what is to be without it.
    """
    return _tests_deny(policy, source) == {True}


def closed_without(policies: Sequence[pst.Template], source: Source) -> bool:
    """Tell whether policies keep out whom they do not know: by a forbid without the facts, or no permit without."""
    permits = [each for each in policies if each.effect == "permit"]
    return all(_tests_deny(each, source) == {False} for each in permits) or any(
        _tests_deny(each, source) == {False} for each in policies if each.effect == "forbid"
    )


def heeds_outage(policy: pst.Template, source: Source) -> bool:
    """Tell whether a policy says what is to be while a source is unavailable.

    So does one that names that state, and one that keeps out more in it than it does usually. What is not
    understood is taken for that.
    """
    understood = 0
    for condition, denies in conditions(policy):
        compared = comparison(condition)
        if compared is None or path(compared.read) != (source.state,):
            continue
        if compared.op not in ("eq", "not_eq", "contains") or len(compared.literals) < len(compared.others):
            return True
        understood += 1
        named = [
            (state in compared.literals) is (compared.op != "not_eq")
            for state in (_UNAVAILABLE, source.usual)
        ]
        if _UNAVAILABLE in compared.literals or named == [denies, not denies]:
            return True
    reads = [node for node in walk(policy) if isinstance(node, pst.GetAttr) and path(node) == (source.state,)]
    return len(reads) > understood


def _tests_deny(policy: pst.Template, source: Source) -> set[bool]:
    """Return for the tests for the facts of a source whether the policy keeps out more where they are true."""
    return {denies for condition, denies in conditions(policy) if _tests(condition, source)}


def _tests(condition: pst.Expr, source: Source) -> bool:
    """Tell whether a condition is false without the facts of a source, by being a test for them."""
    match condition:
        case pst.HasAttr(pst.Var("context"), (name, *_)):
            return name == source.fact
        case pst.HasAttr() | pst.BinaryOp("has_tag"):
            return source.fact == "device" and device_fact(condition)
    return False
