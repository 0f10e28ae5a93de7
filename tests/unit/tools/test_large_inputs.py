"""Checking a file of a pull request takes as long as it is large: where time grew with its square, this took hours.

Such a test has no limit but pytest's for every test.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from client_connect_tools import Policies, check, lint
from client_connect_tools.cedar.parsing import parse
from client_connect_tools.cedar.statements import statements
from client_connect_tools.checking import lints
from client_connect_tools.checking.all_policies import AllPolicies
from client_connect_tools.nearest import nearest
from client_connect_tools.output.safe_output import safe_text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cedarpy import pst

ALL = "(principal, action, resource)"
PERMIT = f'@id("all") permit {ALL};\n'
UNENDED = '"\\' * 400_000


@pytest.mark.parametrize("end", ["", "\\", '"'])
def test_a_string_that_nothing_ends_is_read_once(end: str) -> None:
    """Not again from each quotation mark in it."""
    text = PERMIT + UNENDED + end
    findings = check(Policies.from_string(text))
    assert [(each.line, each.rule) for each in findings] == [(2, "syntax")]
    assert "".join(each.text for each in statements(text)) == text.replace("\n", "")


def test_nor_is_it_in_the_schema_of_extra_facts(tmp_path: Path) -> None:
    """There it is refused before Cedar sees it, because something pasted around it might end it."""
    (tmp_path / "vpn.cedar").write_text(PERMIT, "utf-8")
    (tmp_path / "custom.cedarschema").write_text("{ " + UNENDED, "utf-8")
    (finding,) = check(Policies.from_directory(tmp_path))
    assert finding.rule == "custom-schema"
    assert "does not belong in a record type" in finding.message
    assert len(finding.message) < 300


def test_many_line_ends_are_printed_at_once() -> None:
    """Each might be the beginning of the space before a command."""
    text = "\n" * 1_000_000
    assert safe_text(f"{text}  ::error") == f"{text}  :\\u003aerror"


def test_a_place_is_counted_on_from_the_one_before() -> None:
    """Lines and columns, even where many policies are on one line."""
    one = 'a "\n;" // c\n;'
    found = [(each.line, each.column) for each in statements(f"{one} b; {one}\n\n {one}")]
    assert found == [(1, 1), (3, 3), (3, 6), (7, 2)]
    assert sum(1 for _ in statements("a;" * 300_000)) == 300_000


def test_what_is_asked_of_all_policies_is_asked_once_of_each() -> None:
    """However many policies it is asked for."""
    text = PERMIT + "".join(
        f'@id("{number}") forbid (principal in ClientVpn::Group::"g{number}", action, resource);'
        for number in range(300)
    )
    templates = AllPolicies(
        each.template for each in parse(Policies.from_string(text).sources) if each.template
    )
    asked: Counter[str] = Counter()

    def is_one(policy: pst.Template, wanted: str) -> bool:
        asked[policy.annotations["id"]] += 1
        return policy.annotations["id"] == wanted

    found = [each.annotations["id"] for each in templates if templates.has_one_for_all_of(each, is_one, "7")]
    assert found == ["7"]
    assert all(templates.has_one_for_all_of(each, is_one, "all") for each in templates)
    assert set(asked.values()) == {2}


def test_no_lint_looks_at_all_policies_for_each_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """It asks for them once."""
    looked: list[int] = []

    class Counting(AllPolicies):
        def __iter__(self) -> Iterator[pst.Template]:
            looked.append(len(self))
            return super().__iter__()

    monkeypatch.setattr(lints, "AllPolicies", Counting)
    forbids = "".join(
        f'@id("{number}") @message("m") forbid {ALL} when {{ context has device && context.device has lastSeen && '
        'context.time.now.durationSince(context.device.lastSeen) > duration("7d") } '
        f'unless {{ context.waivers.contains("{number + 1}") }};'
        for number in range(50)
    )
    rules = Counter(each.rule for each in lint(Policies.from_string(PERMIT + forbids)))
    assert rules["inventory-outage"] == rules["other-waiver"] + rules["unknown-waiver"] == 50
    assert len(looked) < 20


def test_each_of_many_policies_that_overlook_an_outage_is_found() -> None:
    """As of a few."""
    forbids = "".join(
        f'@id("{number}") @message("m") forbid (principal in ClientVpn::Group::"g{number}", action, resource) when '
        "{ context has device && context.device.compliant == false };"
        for number in range(300)
    )
    rules = Counter(each.rule for each in lint(Policies.from_string(PERMIT + forbids)))
    assert rules["inventory-outage"] == 300


def test_a_suggestion_is_sought_among_a_limited_number_of_names() -> None:
    """A file may have as many unknown names as there are known ones, each as long as the file."""
    assert nearest("Ofice", ["home", "office"]) == "office"
    assert nearest("office", [*map(str, range(1000)), "ofice"]) == ""
    assert nearest("x" * 100_000, ["x" * 100_001]) == ""


def test_a_message_does_not_name_every_list_of_networks() -> None:
    """Or the messages of many unknown names would not fit into memory."""
    text = f'{PERMIT} @id("b") @message("m") forbid {ALL} when {{ context.networks.contains("zzz") }};'
    networks = {f"n{number}": ["192.0.2.0/24"] for number in range(100)}
    (message,) = (
        each.message
        for each in check(Policies.from_string(text, networks=networks))
        if each.rule == "unknown-network"
    )
    assert message.endswith(" and 80 more")
