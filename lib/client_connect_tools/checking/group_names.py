"""Names of groups without members: those of policies by a list of all groups, and those of tests by the policies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from client_connect_tools.cedar.parsing import in_order, parse
from client_connect_tools.cedar.places import find
from client_connect_tools.cedar.quoting import quote
from client_connect_tools.checking.all_policies import groups
from client_connect_tools.checking.annotations import ignored
from client_connect_tools.checking.similar_names import is_slip
from client_connect_tools.finding import Finding
from client_connect_tools.nearest import nearest

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from typing import Protocol

    from client_connect_tools.policies import Policies

    class _Test(Protocol):
        """A test, with the groups of its user."""

        @property
        def file(self) -> str: ...
        @property
        def line(self) -> int: ...
        @property
        def groups(self) -> Collection[str]: ...


UNKNOWN_GROUP, SIMILAR_NAME = "unknown-group", "similar-name"


def read_groups(text: str) -> frozenset[str]:
    """Return the groups of a list: one a line, with comments after ``#`` at the beginning of a line."""
    lines = (line.strip() for line in text.splitlines())
    return frozenset(line for line in lines if line and not line.startswith("#"))


def unknown_groups(policies: Policies, known: Collection[str]) -> list[Finding]:
    """Return the groups in policies that a list of all groups does not have.

    Args:
        policies: The policies; those that cannot be parsed are passed over.
        known: The groups that there are, spelt as the endpoint's directory or identity provider sends them.
    """
    findings = [
        each.finding(
            UNKNOWN_GROUP,
            f'there is no group "{name}"{_instead(name, known)}',
            "warning",
            place=find(each.statement.text, quote(name)),
        )
        for each in parse(policies.sources)
        if each.template is not None and UNKNOWN_GROUP not in ignored(each.template)
        for name in dict.fromkeys(groups(each.template))
        if name not in known
    ]
    return in_order(policies.sources, findings)


def groups_of(policies: Policies) -> list[str]:
    """Return the groups that policies name, in their order."""
    templates = (each.template for each in parse(policies.sources))
    return list(dict.fromkeys(name for each in templates if each is not None for name in groups(each)))


def misspelt_in_tests(policies: Policies, tests: Iterable[_Test]) -> list[Finding]:
    """Return the groups of tests that are probably one that the policies name, but written otherwise."""
    named = groups_of(policies)
    return [
        Finding(
            file=test.file,
            line=test.line,
            column=1,
            policy="",
            rule=SIMILAR_NAME,
            severity="warning",
            message=f'the test has the group "{name}", which is not "{near}" in the policies; is one of them misspelt?',
        )
        for test in tests
        for name in test.groups
        if name not in named and (near := next((each for each in named if is_slip(name, each)), None))
    ]


def _instead(name: str, known: Iterable[str]) -> str:
    near = nearest(name, known)
    return f'; write "{near}"' if near else ""
