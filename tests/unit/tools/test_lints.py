"""What is allowed in a policy but seldom meant."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from client_connect_tools import LINTS, Policies, check, lint
from client_connect_tools.cli import main

if TYPE_CHECKING:
    from pathlib import Path

ALL = "(principal, action, resource)"
PERMIT = f'@id("all") permit {ALL};'
TOLD = '@message("Ask the help desk.")'

# For each lint: policies in which it finds the one called "x", and policies in which it finds nothing.
CASES: dict[str, tuple[list[str], list[str]]] = {
    "forbid-without-message": (
        [f'{PERMIT} @id("x") forbid {ALL};', f'{PERMIT} @id("x") @shadow forbid {ALL};'],
        [f'{PERMIT} @id("x") {TOLD} forbid {ALL};', f'@id("x") permit {ALL};'],
    ),
    "permit-without-conditions": (
        [
            f'@id("x") permit {ALL}; @id("y") permit {ALL} when {{ context.platform == "win" }};',
            f'@id("x") permit {ALL} when {{ true }}; @id("y") permit {ALL} when {{ context.platform == "win" }};',
        ],
        [
            f'@id("x") permit {ALL};',
            f'@id("x") permit {ALL}; @id("y") @shadow permit {ALL} when {{ context.platform == "win" }};',
            f'@id("x") @shadow permit {ALL}; @id("y") permit {ALL} when {{ context.platform == "win" }};',
            (
                '@id("x") permit (principal is ClientVpn::User, action, resource); '
                '@id("y") permit (principal in ClientVpn::Group::"g", action, resource);'
            ),
        ],
    ),
    "trusts-aws-client": (
        [
            f'@id("x") permit {ALL} when {{ context has awsClient }};',
            f'@id("x") permit {ALL} unless {{ !(context has awsClient && context.awsClient.major > 4) }};',
        ],
        [
            f'{PERMIT} @id("x") {TOLD} forbid {ALL} when {{ context has awsClient && context.awsClient.major < 5 }};',
            f'@id("x") permit {ALL} when {{ context has openvpn && context.openvpn.major > 1 }};',
        ],
    ),
    "never-applies": (
        [
            f'{PERMIT} @id("x") {TOLD} forbid {ALL} when {{ false }};',
            f'{PERMIT} @id("x") {TOLD} forbid {ALL} unless {{ true }};',
            (
                f'{PERMIT} @id("x") {TOLD} forbid (principal is ClientVpn::Device, action, resource) '
                'when { principal in ClientVpn::Group::"g" };'
            ),
            f'{PERMIT} @id("x") {TOLD} forbid {ALL} when {{ principal == resource }};',
        ],
        [
            f'{PERMIT} @id("x") {TOLD} forbid {ALL};',
            f'{PERMIT} @id("x") {TOLD} forbid {ALL} when {{ principal in ClientVpn::Group::"g" }};',
            f'{PERMIT} @id("x") {TOLD} forbid {ALL} when {{ false || context.platform == "win" }};',
        ],
    ),
    "exact-user-name": (
        [
            f'{PERMIT} @id("x") {TOLD} forbid (principal == ClientVpn::User::"Bob", action, resource);',
            f'{PERMIT} @id("x") {TOLD} forbid {ALL} when {{ principal in [ClientVpn::User::"bob"] }};',
        ],
        [
            '@id("x") permit (principal == ClientVpn::User::"Bob", action, resource);',
            f'{PERMIT} @id("x") {TOLD} forbid {ALL} unless {{ principal == ClientVpn::User::"Admin" }};',
            f'{PERMIT} @id("x") {TOLD} forbid {ALL} when {{ !(principal == ClientVpn::User::"Admin") }};',
            f'{PERMIT} @id("x") {TOLD} forbid (principal in ClientVpn::Group::"Bob", action, resource);',
            f'{PERMIT} @id("x") {TOLD} forbid {ALL} when {{ context has username && context.username == "bob" }};',
        ],
    ),
    "upper-case": (
        [
            f'@id("x") permit {ALL} when {{ context.platform == "Win" }};',
            f'@id("x") permit {ALL} when {{ "Win" == context.platform }};',
            f'@id("x") permit {ALL} when {{ context.platform != "Win" }};',
            f'@id("x") permit {ALL} when {{ context.platform like "Wi*" }};',
            f'@id("x") permit {ALL} when {{ ["Win"].containsAny([context.platform]) }};',
            f'@id("x") permit {ALL} when {{ context has username && ["bob", "Eve"].contains(context.username) }};',
        ],
        [
            f'@id("x") permit {ALL} when {{ context.platform == "win" || context.platform like "li*" }};',
            f'@id("x") permit {ALL} when {{ context has commonName && context.commonName == "Laptop" }};',
            f'@id("x") permit {ALL} when {{ context.platform == "win" && principal in ClientVpn::Group::"G" }};',
        ],
    ),
}

_RISKY = "context has custom && context.custom.riskScore > 70"
_BAD = "context has device && !(context.device has compliant && context.device.compliant)"


def outage_cases(risky: str, state: str) -> tuple[list[str], list[str]]:
    """Return cases of a fact that may be unavailable, with a condition that is never true without it."""
    told = f'{TOLD} forbid {ALL} when {{ context.{state} == "unavailable" }};'
    return (
        [
            f'{PERMIT} @id("x") {TOLD} forbid {ALL} when {{ {risky} }};',
            f'{PERMIT} @id("x") {TOLD} forbid {ALL} unless {{ !({risky}) }};',
            f'{PERMIT} @id("x") {TOLD} forbid {ALL} when {{ context.platform == "mac" || ({risky}) }};',
            f'@id("x") permit {ALL} unless {{ {risky} }};',
            f'@id("x") permit {ALL} when {{ context.platform == "win" && !({risky}) }};',
            f'{PERMIT} @id("x") {TOLD} forbid {ALL} when {{ {risky} }}; @id("y") @shadow {told}',
        ],
        [
            f'@id("x") permit {ALL} when {{ {risky} }};',
            f'{PERMIT} @id("x") {TOLD} forbid {ALL} unless {{ {risky} }};',
            f'{PERMIT} @id("x") {TOLD} forbid {ALL} when {{ !({risky}) }};',
            f'{PERMIT} @id("x") {TOLD} forbid {ALL} when {{ {risky} }}; @id("y") {told}',
            f'{PERMIT} @id("x") @shadow {TOLD} forbid {ALL} when {{ {risky} }};',
            f'{PERMIT} @id("x") {TOLD} forbid {ALL} when {{ if {risky} then true else context.platform == "mac" }};',
            f'{PERMIT} @id("x") {TOLD} forbid {ALL} when {{ ({risky}) || !({risky}) }};',
        ],
    )


CASES["custom-facts-outage"] = outage_cases(_RISKY, "customFacts")
CASES["inventory-outage"] = outage_cases(_BAD, "inventory")


def found(text: str, name: str) -> list[str]:
    """Return the policies in which a lint finds something."""
    policies = Policies.from_string(text, custom="{ riskScore: Long }")
    assert check(policies) == []
    return [finding.policy for finding in lint(policies) if finding.rule == name]


def test_every_lint_has_cases() -> None:
    """The names are stable: users switch lints off by them."""
    assert set(CASES) == set(LINTS)


@pytest.mark.parametrize(("name", "text"), [(name, text) for name in CASES for text in CASES[name][0]])
def test_finds(name: str, text: str) -> None:
    """A lint finds what it is named for."""
    assert found(text, name) == ["x"]


@pytest.mark.parametrize(("name", "text"), [(name, text) for name in CASES for text in CASES[name][1]])
def test_is_silent(name: str, text: str) -> None:
    """A lint is silent about what is meant."""
    assert found(text, name) == []


@pytest.mark.parametrize("name", CASES)
def test_can_be_switched_off(name: str) -> None:
    """Each lint can be switched off by its name, and no other with it."""
    policies = Policies.from_string(CASES[name][0][0], custom="{ riskScore: Long }")
    everything, without = lint(policies), lint(policies, ignore=[name])
    assert without == [finding for finding in everything if finding.rule != name]
    assert len(without) < len(everything)


def test_fails_with_an_unknown_name() -> None:
    """A misspelt name would switch nothing off, so it is refused."""
    with pytest.raises(ValueError, match='there is no lint "never"; there are forbid-without-message'):
        lint(Policies.from_string(PERMIT), ignore=["never"])


def test_warnings_are_not_errors() -> None:
    """A lint is a warning, at the place of the policy."""
    (finding,) = lint(Policies.from_string(f'{PERMIT}\n  @id("x") forbid {ALL};', name="p.cedar"))
    assert (finding.severity, finding.file, finding.line, finding.column) == ("warning", "p.cedar", 2, 3)


def test_unparsable_policies_hide_no_others() -> None:
    """What cannot be parsed is passed over; the rest is looked at."""
    findings = lint(Policies.from_string(f'@id("x") forbid {ALL}; permit ('))
    assert [finding.rule for finding in findings] == ["forbid-without-message"]


class TestCommand:
    """`client-connect check`."""

    @staticmethod
    def run(*arguments: object) -> tuple[int, str, str]:
        """Run the command; return its status, output and errors."""
        result = CliRunner().invoke(main, ["check", *map(str, arguments)])
        return result.exit_code, result.stdout, result.stderr

    @pytest.fixture
    def policies(self, tmp_path: Path) -> Path:
        """A file with an error and a doubtful policy."""
        path = tmp_path / "vpn.cedar"
        path.write_text(
            f'{PERMIT}\n@id("x") forbid {ALL};\n@id("y") {TOLD} forbid {ALL} when {{ context.a }};\n'
        )
        return path

    def test_sound(self, tmp_path: Path) -> None:
        """Nothing is said of sound policies."""
        (tmp_path / "vpn.cedar").write_text(PERMIT)
        assert self.run(tmp_path) == (0, "", "")

    def test_findings(self, policies: Path) -> None:
        """Errors and warnings are printed with their place, and the status is 1."""
        status, output, _ = self.run(policies)
        errors, warnings = output.splitlines()
        assert status == 1
        assert errors.startswith(f"error: {policies.as_posix()}:3:1: [y] attribute `a`")
        assert warnings.startswith(f"warning: {policies.as_posix()}:2:1: [x] the forbid has no @message")
        assert warnings.endswith("(forbid-without-message)")

    def test_json(self, policies: Path) -> None:
        """The same as JSON."""
        status, output, _ = self.run(policies, "--json")
        assert status == 1
        assert [(each["rule"], each["policy"], each["line"]) for each in json.loads(output)] == [
            ("type", "y", 3),
            ("forbid-without-message", "x", 2),
        ]

    def test_several_paths_are_one_set(self, policies: Path, tmp_path: Path) -> None:
        """An id that two files use is found."""
        other = tmp_path / "more.cedar"
        other.write_text(f'@id("x") {TOLD} forbid {ALL};')
        assert "[x] @id is already used at" in self.run(policies, other)[1]

    def test_ignore(self, policies: Path) -> None:
        """A lint can be switched off; an error cannot."""
        _, output, _ = self.run(policies, "--ignore", "forbid-without-message")
        assert len(output.splitlines()) == 1
        status, _, errors = self.run(policies, "--ignore", "type")
        assert (status, errors.splitlines()) == (
            2,
            [f'there is no lint "type"; there are {", ".join(LINTS)}'],
        )

    def test_unreadable(self, tmp_path: Path) -> None:
        """A path that is not there is named."""
        status, _, errors = self.run(tmp_path / "none.cedar")
        assert status == 2
        assert "none.cedar" in errors
