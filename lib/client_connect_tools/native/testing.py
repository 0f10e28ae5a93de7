"""Tests of a native authorization policy: trust data, and what the policy is expected to say of it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cedarpy

from client_connect import Decision
from client_connect_tools.cedar import nodes
from client_connect_tools.cedar.nodes import path
from client_connect_tools.cedar.parsing import parse
from client_connect_tools.files.toml_tables import TomlTable, literal
from client_connect_tools.native.trust_data import CONTEXT, PROVIDERS, Attribute
from client_connect_tools.testing.expectations import ExpectedDecision
from client_connect_tools.testing.files import Case, CaseReader, expected_effect, expected_errors, read_files
from client_connect_tools.testing.results import PolicyTestResult, PolicyTestsFailed
from client_connect_tools.testing.run import PolicyTestReport

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping
    from typing import Any

    from client_connect_tools.native.trust_data import Data, TrustProviderType
    from client_connect_tools.policies import Policies

_REQUEST = {"principal": 'Principal::"any"', "action": 'Action::"connect"', "resource": 'Endpoint::"any"'}
_POLICY = re.compile(r"`policy(\d+)`")
_LONGS = range(-(2**63), 2**63)


@dataclass(frozen=True, slots=True, kw_only=True)
class NativePolicyTest(Case):
    """One case: what the trust providers and the service say, and what the policy is expected to say of it.

    Attributes:
        context: What the policy sees as ``context``.
        expected: The decision.
    """

    context: Mapping[str, object]
    expected: ExpectedDecision

    def circumstances(self) -> Iterator[str]:
        """Yield the policy's input, in lines."""
        return (f"{key}: {literal(value)}" for key, value in self.context.items())

    def circumstances_json(self) -> dict[str, Any]:
        """Return the policy's input, as JSON."""
        return {"context": self.context}


def read_policy_tests(
    policies: Policies, trust_providers: Collection[TrustProviderType] = tuple(PROVIDERS)
) -> tuple[NativePolicyTest, ...]:
    """Read the tests next to a native authorization policy, in the order of the files.

    Args:
        policies: Their ``test_files`` are read.
        trust_providers: Those that the endpoint has; no test may have data of another.

    Raises:
        InvalidPolicyTests: With everything that is wrong in any of the files.
    """
    return read_files(policies.test_files, _Reader(tuple(trust_providers), _read_paths(policies)))


def decide(policies: Policies, context: Mapping[str, object]) -> Decision:
    """Return what a native authorization policy says: a permit and no forbid allow, an error denies.

    The determining policies are named by their places, as they need no ``@id``.
    """
    return _Decider.of(policies).decide(context)


def run_policy_tests(policies: Policies, tests: Iterable[NativePolicyTest]) -> PolicyTestReport:
    """Decide each case by a native authorization policy."""
    decider = _Decider.of(policies)
    results = tuple(PolicyTestResult(test, decider.decide(test.context)) for test in tests)
    reached = {place for result in results for place in result.decision.determining}
    return PolicyTestReport(results, tuple(place for place in decider.places if place not in reached))


def require_passing(
    policies: Policies, trust_providers: Collection[TrustProviderType] = tuple(PROVIDERS)
) -> None:
    """Refuse a native authorization policy if a test next to it fails.

    Raises:
        InvalidPolicyTests: When the tests cannot be read, with everything that is wrong in them.
        PolicyTestsFailed: With every failure.
    """
    tests = read_policy_tests(policies, trust_providers)
    if failures := run_policy_tests(policies, tests).failures:
        raise PolicyTestsFailed(failures, len(tests))


def _read_paths(policies: Policies) -> frozenset[tuple[str, ...]]:
    """Return what the policies read or test for, below the context."""
    templates = (each.template for each in parse(policies.sources) if each.template)
    found = (path(node) for template in templates for node in nodes.walk(template))
    return frozenset(names for names in found if names)


@dataclass(frozen=True, slots=True)
class _Decider:
    policies: cedarpy.PolicySet
    places: tuple[str, ...]

    @staticmethod
    def of(policies: Policies) -> _Decider:
        places = tuple(f"{each.file}:{each.statement.line}" for each in parse(policies.sources))
        return _Decider(cedarpy.PolicySet.from_str(policies.text), places)

    def decide(self, context: Mapping[str, object]) -> Decision:
        result = cedarpy.is_authorized({**_REQUEST, "context": context}, self.policies, [])
        errors = tuple(
            _POLICY.sub(lambda match: self.places[int(match[1])], each) for each in result.diagnostics.errors
        )
        applied = sorted(int(name.removeprefix("policy")) for name in result.diagnostics.reasons)
        return Decision(
            allowed=result.allowed and not errors,
            determining=() if errors else tuple(self.places[number] for number in applied),
            errors=errors,
        )


@dataclass(frozen=True, slots=True)
class _Reader(CaseReader[NativePolicyTest]):
    trust_providers: tuple[TrustProviderType, ...]
    read_paths: frozenset[tuple[str, ...]]

    circumstances = tuple(CONTEXT)

    def merged(self, base: Mapping[str, object], variant: Mapping[str, object]) -> dict[str, object]:
        is_contrary = "expect" in variant and variant["expect"] != base.get("expect")
        return {key: value for key, value in base.items() if not (is_contrary and key == "errors")} | dict(
            variant
        )

    def read(self, table: TomlTable, case: Case) -> NativePolicyTest | None:
        data = self._undocumented_too(CONTEXT, table.values)
        keys = ("name", *data, "expect", "errors")
        table.require_known((*keys, "variants") if "variants" not in table.values else keys)
        self._note_wrong_data(table, data)
        for provider in PROVIDERS:
            if provider in table.values and provider not in self.trust_providers:
                table.note(
                    provider, "is given, but it is not among the trust providers; leave it out, or add it"
                )
        expected = ExpectedDecision(allowed=expected_effect(table) == "allow", errors=expected_errors(table))
        if table.problems:
            return None
        context = {key: value for key, value in table.values.items() if key in data}
        return NativePolicyTest(
            file=case.file, line=case.line, name=case.name, context=context, expected=expected
        )

    def _undocumented_too(
        self, data: Data, values: Mapping[str, object], above: tuple[str, ...] = ()
    ) -> dict[str, Attribute | Data]:
        """Return trust data with what AWS does not document, but the policy reads: it may be anything."""
        read = {path[len(above)] for path in self.read_paths if path[: len(above)] == above != path}
        return {**dict.fromkeys((key for key in values if key in read), Attribute()), **data}

    def _note_wrong_data(self, table: TomlTable, data: Data, above: tuple[str, ...] = ()) -> None:
        """Note what is not as AWS documents it."""
        for key in table.values.keys() & data.keys():
            match data[key]:
                case Attribute() as documented:
                    _note_wrong_value(table, key, documented)
                case below if (inner := table.table(key)) is not None:
                    extended = self._undocumented_too(below, inner.values, (*above, key))
                    inner.require_known(extended)
                    self._note_wrong_data(inner, extended, (*above, key))


def _note_wrong_value(table: TomlTable, key: str, documented: Attribute) -> None:
    values = documented.values
    match documented.type:
        case "Long":
            number = table.number(key)
            if number is not None and isinstance(values, range) and number not in values:
                table.note(key, f"is {number}; AWS documents {values[0]} to {values[-1]}")
        case "String" if values:
            table.one_of(key, map(str, values))
        case "String":
            table.text(key)
        case "Bool":
            table.flag(key)
        case "Set<String>":
            table.texts(key)
        case _:
            _note_not_cedar(table, key, table.values[key])


def _note_not_cedar(table: TomlTable, key: str, value: object) -> None:
    """Note what is in TOML, but not in Cedar."""
    if isinstance(value, list | dict):
        for each in value.values() if isinstance(value, dict) else value:
            _note_not_cedar(table, key, each)
    elif not (isinstance(value, bool | str) or (isinstance(value, int) and value in _LONGS)):
        table.note(
            key, f"has {literal(value)}; a policy sees texts, whole numbers, booleans, lists and tables"
        )
