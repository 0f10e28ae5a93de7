"""Policy tests, run: what the policies say of each case, and which policies no case reached."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from client_connect.response import MAX_STATUSES
from client_connect_tools._policy_test_cases import read_policy_tests
from client_connect_tools._policy_test_text import failure_text
from client_connect_tools.errors import PolicyTestsFailed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from client_connect import Decision
    from client_connect_tools._policy_test_cases import PolicyTest
    from client_connect_tools.native.policy_tests import NativePolicyTest
    from client_connect_tools.policies import Policies


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not as a test expects it.

    Attributes:
        key: The key of the test, such as ``by``.
        expected: Its value in the test.
        actual: The value with which the test would pass.
    """

    key: str
    expected: bool | str | tuple[str, ...]
    actual: bool | str | tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PolicyTestResult:
    """What the policies said of one case. As text, it is the differences and the case itself.

    Attributes:
        test: The case.
        decision: The decision.
    """

    test: PolicyTest | NativePolicyTest
    decision: Decision

    def __str__(self) -> str:
        return failure_text(self)

    @property
    def passed(self) -> bool:
        """Whether everything is as expected."""
        return not self.differences

    @property
    def errors(self) -> tuple[str, ...]:
        """Why policies could not be evaluated, those in shadow mode too."""
        return (*self.decision.errors, *self.decision.shadow_errors)

    @property
    def differences(self) -> tuple[Difference, ...]:
        """What is not as expected, in the order in which tests are written."""
        return tuple(self._differences())

    def _differences(self) -> Iterator[Difference]:
        expected, decision = self.test.expected, self.decision
        # Statuses as the service takes them.
        compared: list[tuple[str, str | tuple[str, ...] | None, str | tuple[str, ...]]] = [
            ("expect", _verb(allowed=expected.allowed), _verb(allowed=decision.allowed)),
            ("by", expected.by, decision.determining),
            ("message", expected.message, decision.message),
            ("statuses", expected.statuses, tuple(sorted(decision.statuses[:MAX_STATUSES]))),
            ("shadow-denied", expected.shadow_denied, decision.shadow_denied),
            ("shadow-allowed", expected.shadow_allowed, decision.shadow_allowed),
        ]
        for key, wanted, actual in compared:
            if wanted is not None and wanted != actual:
                yield Difference(key, wanted, actual)
        if not self._errors_are_expected():
            yield Difference("errors", expected.errors or False, self.errors)

    def _errors_are_expected(self) -> bool:
        expected = self.test.expected.errors
        if expected is None:
            return not self.decision.errors  # an error of a policy in shadow mode changes no connection
        if isinstance(expected, bool):
            return expected is bool(self.errors)
        return all(any(part in error for error in self.errors) for part in expected)


@dataclass(frozen=True, slots=True)
class PolicyTestReport:
    """What came of a run.

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
    """Refuse policies of which a test beside them fails.

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


def _verb(*, allowed: bool) -> str:
    return "allow" if allowed else "deny"


def _reached(decision: Decision) -> tuple[str, ...]:
    return (*decision.determining, *decision.shadow_denied, *decision.shadow_allowed)
