"""The verdict of the policies on a case, and how it differs from what the case expects."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Protocol

from client_connect.printable import printable
from client_connect.response import MAX_STATUSES
from client_connect_tools.errors import ClientConnectError
from client_connect_tools.files.toml_tables import literal

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from client_connect import Decision
    from client_connect_tools.testing.expectations import ExpectedDecision


class DecidedCase(Protocol):
    """A case of either kind: of the handler's policies, or of a native authorization policy."""

    @property
    def file(self) -> str:
        """The file that it was read from."""

    @property
    def line(self) -> int:
        """Where it begins, counted from 1."""

    @property
    def name(self) -> str:
        """Its name, unique in the file."""

    @property
    def expected(self) -> ExpectedDecision:
        """The decision."""

    def circumstances(self) -> Iterator[str]:
        """Yield the policies' input, in lines."""

    def circumstances_json(self) -> dict[str, Any]:
        """Return the policies' input, as JSON."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not as a test expects it.

    Attributes:
        key: The key of the test, such as ``by``.
        expected: Its value in the test.
        actual: The value that would pass.
    """

    key: str
    expected: bool | str | tuple[str, ...]
    actual: bool | str | tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PolicyTestResult:
    """The verdict of the policies on one case. As text, it is the differences and the case itself.

    Attributes:
        test: The case.
        decision: The decision.
    """

    test: DecidedCase
    decision: Decision

    def __str__(self) -> str:
        return "\n".join([place(self.test), *(f"  {line}" for line in self._lines())])

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
        """The differences from the expectations, in the order of tests."""
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

    def _lines(self) -> Iterator[str]:
        """Return what differs, the policies that decided, and the case."""
        for difference in self.differences:
            yield f"{difference.key}: expected {literal(difference.expected)}"
            yield f"{' ' * len(difference.key)}       got {literal(difference.actual)}"
        policies = ", ".join(map(literal, self.decision.determining)) or "no policy"
        yield f"decision: {_verb(allowed=self.decision.allowed)}, determined by {policies}"
        yield from self.test.circumstances()

    def to_json(self) -> dict[str, Any]:
        """Return the result as JSON, with the keys of a decision record where it has the same."""
        return {
            "file": self.test.file,
            "line": self.test.line,
            "name": self.test.name,
            "passed": self.passed,
            "differences": [asdict(difference) for difference in self.differences],
            **self.test.circumstances_json(),
            "decision": self.decision.to_record(),
        }


class PolicyTestsFailed(ClientConnectError):
    """Policies decide otherwise than the tests next to them expect.

    Attributes:
        failures: The tests that failed, in the order of the files.
    """

    def __init__(self, failures: Sequence[PolicyTestResult], total: int) -> None:
        count = f"{len(failures)} of {total} policy tests {'fails' if len(failures) == 1 else 'fail'}"
        super().__init__("\n\n".join([f"{count}:", *map(str, failures)]))
        self.failures: tuple[PolicyTestResult, ...] = tuple(failures)


def place(test: DecidedCase) -> str:
    """Return where a test is, and its name."""
    return printable(f"{test.file}:{test.line}: {test.name}")


def _verb(*, allowed: bool) -> str:
    return "allow" if allowed else "deny"
