"""Policy tests as pytest collects, runs and reports them; ``client_connect_pytest`` holds the hooks."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from client_connect import Authorizer
from client_connect_tools._policy_test_cases import read_policy_tests
from client_connect_tools.checks import require_sound
from client_connect_tools.errors import ClientConnectError
from client_connect_tools.policies import TESTS_SUFFIX, Policies
from client_connect_tools.policy_tests import PolicyTestResult

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator
    from pathlib import Path

    from _pytest._code.code import TerminalRepr, TracebackStyle

    from client_connect_tools._policy_test_cases import PolicyTest

SEPARATE_FILES = "client_connect_separate_files"
TIME_ZONE = "client_connect_time_zone"


class PolicyTestFile(pytest.File):
    """A file of policy tests."""

    def collect(self) -> Iterator[PolicyTestItem]:
        """Yield its tests. Whatever is wrong with them or with the policies is an error of the collection."""
        try:
            policies = self._sound_policies()
            time_zone: str = self.config.getini(TIME_ZONE)
            tests = read_policy_tests(policies, time_zone=time_zone)
        except ClientConnectError as error:
            raise self.CollectError(str(error)) from None
        authorizer = Authorizer(policies.text, custom=policies.custom)
        for test in tests:
            item: PolicyTestItem = PolicyTestItem.from_parent(self, name=test.name)
            item.authorizer, item.test = authorizer, test
            yield item

    def _sound_policies(self) -> Policies:
        separate: list[Path] = self.config.getini(SEPARATE_FILES)
        if any(self.path.is_relative_to(folder) for folder in separate):
            name = self.path.name.removesuffix(TESTS_SUFFIX) + ".cedar"
            policies = Policies.from_file(self.path.with_name(name))
        else:
            policies = Policies.from_directory(self.path.parent)
        require_sound(policies)
        return replace(policies, test_files=(self.path,))


class PolicyTestItem(pytest.Item):
    """One policy test.

    Attributes:
        test: The case.
        authorizer: What decides it.
    """

    test: PolicyTest
    authorizer: Authorizer

    def runtest(self) -> None:
        """Fail when the decision is not as expected."""
        result = PolicyTestResult(self.test, self.authorizer.decide(self.test.facts))
        if not result.passed:
            raise PolicyTestFailure(str(result))

    def repr_failure(
        self, excinfo: pytest.ExceptionInfo[BaseException], style: TracebackStyle | None = None
    ) -> str | TerminalRepr:
        """Return what differs; a traceback would show nothing but this module."""
        if isinstance(excinfo.value, PolicyTestFailure):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[os.PathLike[str], int, str]:
        """Return where the test is written."""
        return self.path, self.test.line - 1, self.name


class PolicyTestFailure(Exception):
    """A policy test failed."""
