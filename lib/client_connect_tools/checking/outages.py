"""What becomes of policies while a source of facts is unavailable."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cedarpy import pst

from client_connect_tools.cedar.comparisons import comparison
from client_connect_tools.cedar.nodes import device_fact, path, walk
from client_connect_tools.cedar.polarity import conditions

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from client_connect_tools.cedar.comparisons import Comparison

_UNAVAILABLE = "unavailable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A source of facts that policies can see.

    Attributes:
        name: What it is.
        fact: The attribute of the context that is absent while it is unavailable.
        state: The attribute of the context that says so.
        usual: What that attribute is while it is not.
        missing: What that attribute is while the source answers, but knows nothing; ``None`` where it always does.
    """

    name: str
    fact: str
    state: str
    usual: str
    missing: str | None = None


CUSTOM_FACTS = Source(name="the module of extra facts", fact="custom", state="customFacts", usual="available")
INVENTORY = Source(
    name="the device inventory", fact="device", state="inventory", usual="known", missing="unknown"
)


def weakened_without(policy: pst.Template, source: Source) -> bool:
    """Tell whether a policy keeps out fewer while a source is unavailable.

    So does a forbid with ``context has x`` among what makes it apply, and a permit with it among what keeps it
    from applying. Where both are in a policy, and in ``if context has x then ... else ...``, the policy says
    itself what is to be without it. And so does one that keeps out what the source does not know, by its state.
    """
    return _tests_deny(policy, source) == {True} or any(
        _denies_in(source.missing, compared, denies=denies)
        and not _denies_in(_UNAVAILABLE, compared, denies=denies)
        for compared, denies in _state_comparisons(policy, source)
        if _is_understood(compared)
    )


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
    for compared, denies in _state_comparisons(policy, source):
        if not _is_understood(compared):
            return True
        understood += 1
        closes = _denies_in(_UNAVAILABLE, compared, denies=denies)
        if _UNAVAILABLE in compared.literals or (
            closes and not _denies_in(source.usual, compared, denies=denies)
        ):
            return True
    reads = [node for node in walk(policy) if isinstance(node, pst.GetAttr) and path(node) == (source.state,)]
    return len(reads) > understood


def _state_comparisons(policy: pst.Template, source: Source) -> Iterator[tuple[Comparison, bool]]:
    """Yield what a policy compares the state of a source with, each with whether it keeps out more where it is true."""
    for condition, denies in conditions(policy):
        compared = comparison(condition)
        if compared is not None and path(compared.read) == (source.state,):
            yield compared, denies


def _is_understood(compared: Comparison) -> bool:
    return compared.op in ("eq", "not_eq", "contains") and len(compared.literals) == len(compared.others)


def _denies_in(state: str | None, compared: Comparison, *, denies: bool) -> bool:
    """Tell whether a policy keeps out more in a state than it does where the comparison comes out otherwise."""
    return ((state in compared.literals) is (compared.op != "not_eq")) is denies


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
