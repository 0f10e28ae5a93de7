"""The handler's decisions and the referee's, compared."""

from __future__ import annotations

import json
from collections import Counter
from random import Random
from typing import TYPE_CHECKING, Any

from client_connect import Authorizer
from client_connect.engine.schema import schema_text
from proof.differential.connections import CUSTOM, documented_request, random_connection
from proof.differential.policies import random_policies
from proof.differential.referee import Answer, Referee

if TYPE_CHECKING:
    from collections.abc import Mapping

    from client_connect import Decision

_REQUESTS_PER_SET = 20


class Disagreement(AssertionError):
    """The handler and the referee decide a connection differently; the message has the case."""


def compare(cases: int, *, seed: int) -> Counter[str]:
    """Decide random connections by random policies, by the handler's engine and by the referee.

    Returns:
        How many cases were allowed, denied and errors, and how many policies in shadow mode applied.

    Raises:
        Disagreement: At the first one.
    """
    random, counts = Random(seed), Counter[str]()
    schema = schema_text(CUSTOM)
    with Referee(schema) as referee:
        while counts["cases"] < cases:
            policies = random_policies(random)
            text = "\n".join(policy.text for policy in policies)
            authorizer = Authorizer(text, custom=CUSTOM)
            connections = [random_connection(random) for _ in range(_REQUESTS_PER_SET)]
            requests = [documented_request(connection, schema) for connection in connections]
            sets = [
                {policy.id: policy.text for policy in policies if not policy.shadow},
                {
                    policy.id: policy.text
                    for policy in policies
                    if policy.shadow and policy.effect == "forbid"
                },
                {
                    policy.id: policy.text
                    for policy in policies
                    if policy.shadow and policy.effect == "permit"
                },
            ]
            answers = zip(*referee.decide(sets, requests), strict=True)
            for connection, request, answer in zip(connections, requests, answers, strict=True):
                decision = authorizer.decide(connection.facts())
                _require_agreement(decision, answer, {"policies": text, "request": request, "seed": seed})
                counts.update(_outcome(decision))
    return counts


def _require_agreement(decision: Decision, answer: tuple[Answer, ...], case: Mapping[str, Any]) -> None:
    """Hold a decision against what docs/policies.md says: an error denies, and shadow mode decides nothing."""
    enforced, forbids, permits = answer
    expected = {
        "allowed": enforced.allowed and not enforced.errors,
        "determining": () if enforced.errors else enforced.reasons,
        "errors": len(enforced.errors),
        "shadow denied": forbids.reasons,
        "shadow allowed": permits.reasons,
        "shadow errors": len(forbids.errors) + len(permits.errors),
    }
    found = {
        "allowed": decision.allowed,
        "determining": decision.determining,
        "errors": len(decision.errors),
        "shadow denied": decision.shadow_denied,
        "shadow allowed": decision.shadow_allowed,
        "shadow errors": len(decision.shadow_errors),
    }
    if found != expected:
        raise Disagreement(
            f"the handler says {found}, the referee {expected}, of this case:\n{json.dumps(case, default=str)}"
        )


def _outcome(decision: Decision) -> dict[str, int]:
    return {
        "cases": 1,
        "allowed": decision.allowed,
        "denied": not decision.allowed,
        "errors": bool(decision.errors),
        "by a forbid": not decision.allowed and bool(decision.determining),
        "in shadow mode": bool(decision.shadow_denied or decision.shadow_allowed),
    }
