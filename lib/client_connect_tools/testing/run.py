"""Runs policy tests: what the policies say of each case, and which policies no case reached."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from client_connect_tools.testing.cases import read_policy_tests
from client_connect_tools.testing.results import PolicyTestResult, PolicyTestsFailed

if TYPE_CHECKING:
    from collections.abc import Iterable

    from client_connect import Decision
    from client_connect_tools.policies import Policies
    from client_connect_tools.testing.cases import PolicyTest


@dataclass(frozen=True, slots=True)
class PolicyTestReport:
    """The result of a run.

    Attributes:
        results: Of each case, in its order.
        uncovered: The ids of the policies that no case reached, in the order of the policies. A policy is
            reached when it made a decision, one in shadow mode when it applied.
    """

    results: tuple[PolicyTestResult, ...]
    uncovered: tuple[str, ...]

    @property
    def failures(self) -> tuple[PolicyTestResult, ...]:
        """The results that are not as expected."""
        return tuple(result for result in self.results if not result.passed)


def run_policy_tests(policies: Policies, tests: Iterable[PolicyTest]) -> PolicyTestReport:
    """Decide each case by the policies.

    Raises:
        InvalidPolicySet: When the policies cannot be parsed.
    """
    authorizer = policies.authorizer()
    results = tuple(PolicyTestResult(test, authorizer.decide(test.facts)) for test in tests)
    reached = {id_ for result in results for id_ in _reached(result.decision)}
    uncovered = tuple(id_ for id_ in authorizer.policies.by_id if id_ not in reached)
    return PolicyTestReport(results, uncovered)


def require_passing(policies: Policies, *, time_zone: str = "UTC") -> None:
    """Refuse policies if a test next to them fails.

    Args:
        policies: Without tests, nothing is done.
        time_zone: The zone of the tests that name none, as an IANA name.

    Raises:
        InvalidPolicyTests: When the tests cannot be read, with everything that is wrong in them.
        PolicyTestsFailed: With every failure.
    """
    tests = read_policy_tests(policies, time_zone=time_zone)
    if failures := run_policy_tests(policies, tests).failures:
        raise PolicyTestsFailed(failures, len(tests))


def _reached(decision: Decision) -> tuple[str, ...]:
    return (*decision.determining, *decision.shadow_denied, *decision.shadow_allowed)
