"""The errors of this library, all of them ``ClientConnectError``.

ClientConnectError (a ValueError)
├── InvalidPolicies      policies that cannot be read, parsed or trusted
├── InvalidPolicyTests   tests next to policies that cannot be read or understood
├── PolicyTestsFailed    policies decide otherwise than the tests next to them expect; in ``testing.results``
├── InvalidRules         fields of ``Rules`` that are empty, malformed or contradictory
├── InvalidExtraFacts    a module of extra facts that cannot be bundled, or has no schema
├── UnreadableLog        a log that cannot be replayed; in ``client_connect_tools.replay``
├── NoSolver             the extra ``prove`` is not installed; in ``proving.solver``
├── BundleError          the function's code could not be put together
└── InvalidConstructArgument       an argument of a construct; see ``cdk_client_connect.errors``
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from client_connect.printable import printable
from client_connect_tools.output.safe_output import safe_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from client_connect_tools.finding import Finding


class ClientConnectError(ValueError):
    """Something that this library was given is wrong; the message says what to do.

    As text, it has no control character and no command to a pipeline, whatever a file or a policy is called. It is
    raised ``from None``: Python would print a cause with it, as it is, and its text is in the message.
    """

    def __str__(self) -> str:
        return safe_text(super().__str__())


class InvalidPolicies(ClientConnectError):
    """Policies cannot be read, parsed or trusted.

    Args:
        message: What is wrong, in one line.
        findings: What is wrong with the policies.
        problems: What else is wrong, a line each.

    Attributes:
        findings: Everything that is wrong with them, in the order of the files.
    """

    def __init__(
        self, message: str, findings: Sequence[Finding] = (), *, problems: Sequence[str] = ()
    ) -> None:
        super().__init__(_lines(message, (*findings, *problems)))
        self.findings: tuple[Finding, ...] = tuple(findings)


class InvalidPolicyTests(ClientConnectError):
    """The tests next to policies cannot be read or understood.

    Attributes:
        problems: Everything that is wrong with them, in the order of the files.
    """

    def __init__(self, problems: Sequence[str]) -> None:
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        super().__init__(
            "\n".join([f"the policy tests have {count}:", *(f"  {printable(each)}" for each in problems)])
        )
        self.problems: tuple[str, ...] = tuple(problems)


class InvalidRules(ClientConnectError):
    """A field of ``Rules`` is empty, malformed or contradicts another."""


class InvalidExtraFacts(ClientConnectError):
    """A module of extra facts cannot be bundled, or nothing says what its facts are."""

    def __init__(self, message: str, *, problems: Sequence[str] = ()) -> None:
        super().__init__(_lines(message, problems))


class BundleError(ClientConnectError):
    """The function's code could not be put together."""


def _lines(message: str, problems: Iterable[object]) -> str:
    """Return a message and a line for each problem, whatever is in them."""
    return "\n".join([printable(message), *(f"  {printable(str(each))}" for each in problems)])
