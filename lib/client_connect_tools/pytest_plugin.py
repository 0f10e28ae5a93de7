"""Policy tests as pytest collects, runs and reports them; ``client_connect_pytest`` holds the hooks."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import pytest

from client_connect.printable import printable
from client_connect_tools import native
from client_connect_tools.checking.checks import require_sound
from client_connect_tools.errors import ClientConnectError, InvalidPolicies
from client_connect_tools.output.safe_output import safe_text
from client_connect_tools.policies import TESTS_SUFFIX, Policies
from client_connect_tools.project.settings import find_settings
from client_connect_tools.testing.cases import read_policy_tests
from client_connect_tools.testing.results import PolicyTestResult

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from _pytest._code.code import TerminalRepr, TracebackStyle

    from client_connect import Decision
    from client_connect_tools.testing.cases import PolicyTest

POLICIES = "client_connect_policies"
NATIVE_FILES = "client_connect_native_files"
SEPARATE_FILES = "client_connect_separate_files"
TIME_ZONE = "client_connect_time_zone"


class PolicyTestFile(pytest.File):
    """A file of policy tests.

    Attributes:
        folder: The folder of the policies that it tests.
    """

    folder: Path

    @classmethod
    def of(cls, path: Path, parent: pytest.Collector) -> PolicyTestFile:
        """Return the collector of a file, under a name that pytest can print whatever the file is called."""
        collector: PolicyTestFile = cls.from_parent(parent, path=path)
        if _shown(collector.nodeid) == collector.nodeid:
            return collector
        # These have a meaning in the ids of pytest.
        shown = printable(collector.nodeid).replace(":", "\\u003a").replace("[", "\\u005b")
        renamed: PolicyTestFile = cls.from_parent(parent, path=path, nodeid=shown, name=shown)
        return renamed

    def collect(self) -> Iterator[PolicyTestItem]:
        """Yield its tests. Whatever is wrong with them or with the policies is an error of the collection."""
        try:
            policies = self._policies()
            cases = self._native(policies) if self._is_in(NATIVE_FILES) else self._of_the_handler(policies)
            for test, decide in cases:
                item: PolicyTestItem = PolicyTestItem.from_parent(self, name=_shown(test.name))
                item.test, item.decide = test, decide
                yield item
        except ClientConnectError as error:
            raise self.CollectError(safe_text(f"{error}{self._advice()}")) from None

    def _of_the_handler(self, policies: Policies) -> Iterator[tuple[PolicyTest, Callable[[], Decision]]]:
        require_sound(policies)
        time_zone: str = (
            self.config.getini(TIME_ZONE) or find_settings(self.config.rootpath).time_zone or "UTC"
        )
        authorizer = policies.authorizer()
        for test in read_policy_tests(policies, time_zone=time_zone):
            yield test, partial(authorizer.decide, test.facts)

    def _native(self, policies: Policies) -> Iterator[tuple[native.NativePolicyTest, Callable[[], Decision]]]:
        native.require_sound(policies)
        for test in native.read_policy_tests(policies):
            yield test, partial(native.decide, policies, test.context)

    def _policies(self) -> Policies:
        if self._is_in(SEPARATE_FILES):
            name = self.path.name.removesuffix(TESTS_SUFFIX) + ".cedar"
            policies = Policies.from_file(self.path.with_name(name))
        else:
            self._require_one_set()
            policies = Policies.from_directory(self.folder)
        return replace(policies, test_files=(self.path,))

    def _require_one_set(self) -> None:
        """Refuse to guess which folder is deployed.

        Raises:
            InvalidPolicies: When folders of policies lie side by side, which may be one set or several.
        """
        if self.config.getini(POLICIES) or self._is_in(NATIVE_FILES):
            return
        root, above = self.config.rootpath, self.folder.parent
        others = {path.parent for path in above.glob("*/*.cedar")} - {self.folder}
        if others and above != root and above.is_relative_to(root):
            whole, this, other = (
                each.relative_to(root).as_posix() for each in (above, self.folder, min(others))
            )
            raise InvalidPolicies(
                f"{this} and {other} may be one set of policies or two; say which in pytest's configuration: "
                f"{POLICIES} = {whole}, or {POLICIES} = {this} {other}"
            )

    def _advice(self) -> str:
        """Return how to exclude what may be another project's."""
        if self.config.getini(POLICIES):
            return ""
        return (
            f"\nif {self.folder} holds no policies of a client connect handler, list the folders that do in pytest's "
            f"configuration: {POLICIES} = policies"
        )

    def _is_in(self, option: str) -> bool:
        folders: list[Path] = self.config.getini(option)
        return any(self.path.is_relative_to(folder) for folder in folders)


class PolicyTestItem(pytest.Item):
    """One policy test, under a name that pytest can print whatever the test is called.

    Attributes:
        test: The case.
        decide: What decides it.
    """

    test: PolicyTest | native.NativePolicyTest
    decide: Callable[[], Decision]

    def runtest(self) -> None:
        """Fail when the decision is not as expected."""
        result = PolicyTestResult(self.test, self.decide())
        if not result.passed:
            raise PolicyTestFailure(str(result))

    def repr_failure(
        self, excinfo: pytest.ExceptionInfo[BaseException], style: TracebackStyle | None = None
    ) -> str | TerminalRepr:
        """Return what differs; a traceback would show nothing but this module."""
        if isinstance(excinfo.value, PolicyTestFailure):
            return safe_text(str(excinfo.value))
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[os.PathLike[str] | str, int, str]:
        """Return where the test is written."""
        return _shown(str(self.path)), self.test.line - 1, self.name


def _shown(name: str) -> str:
    return safe_text(printable(name))


class PolicyTestFailure(Exception):
    """A policy test failed."""
