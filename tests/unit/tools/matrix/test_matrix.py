"""The matrix of policies: what it says of every case is what the engine decides."""

from __future__ import annotations

import random
from itertools import product
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from client_connect_tools import Policies
from client_connect_tools.cedar.constants import Constants
from client_connect_tools.cedar.parsing import parse
from client_connect_tools.matrix.cells import TooManyCells, axes_of, matrix
from client_connect_tools.matrix.circumstances import facts
from client_connect_tools.matrix.regions import regions
from client_connect_tools.matrix.rows import table

ROOT = Path(__file__).parents[4]
RECIPES = sorted((ROOT / "examples" / "policies").glob("*.cedar"))
SCOPE = "(principal, action, resource)"
PERMIT = f'@id("all") permit {SCOPE};\n'
PLATFORMS = ("Windows", "macOS", "Linux", "iOS", "Android")
BERLIN = ZoneInfo("Europe/Berlin")
_MOST_CHECKED = 1500

# Sets that ask of everything at once, with the kinds of mistakes that a matrix is to show.
WIDE = """
@id("staff") permit (principal in ClientVpn::Group::"staff", action, resource);
@id("admins") permit (principal in ClientVpn::Group::"admins", action, resource)
  when { context.networks.contains("office") || context.publicIp.isInRange(ip("203.0.113.0/24")) };
@id("devices") permit (principal is ClientVpn::Device, action, resource) when { context has commonName };
@id("bob") @message("No.") forbid (principal == ClientVpn::User::"bob", action, resource);
@id("old") @message("Update.") forbid (principal, action, resource)
  when { context.platform == "win" && (!(context has os) || context.os.major < 10
         || (context.os.major == 10 && context.os has build && context.os.build < 19045)) };
@id("night") @message("At night, nobody.") forbid (principal, action, resource)
  when { context.time.weekday > 5 || context.time.minuteOfDay < 7 * 60 }
  unless { context.time.now >= datetime("2027-03-01T00:00:00Z") };
@id("stale") @message("Unknown device.") forbid (principal in ClientVpn::Group::"staff", action, resource)
  unless { context has device && context.device has lastSeen
           && context.time.now.durationSince(context.device.lastSeen) <= duration("14d") };
"""


def wide() -> Policies:
    """Return policies that ask of everything."""
    return Policies.from_string(WIDE, networks={"office": ["198.51.100.0/24"], "lab": ["192.0.2.0/25"]})


SETS = {path.stem: Policies.from_file(path) for path in RECIPES} | {"wide": wide()}


@pytest.mark.parametrize("name", SETS)
def test_every_case_is_decided_as_the_engine_decides_it(name: str) -> None:
    """Whichever values were put together: the case has the outcome of its class."""
    policies = SETS[name]
    authorizer = policies.authorizer()
    found = matrix([policies], axes_of([policies]), BERLIN)
    class_of = [
        {value: number for number, values in enumerate(classes) for value in values}
        for classes in found.classes
    ]
    every = list(product(*(range(len(axis.values)) for axis in found.axes)))
    random.Random(1).shuffle(every)  # noqa: S311 - the same cases each time
    for numbers in every[:_MOST_CHECKED]:
        connection = facts(
            (axis.values[each] for axis, each in zip(found.axes, numbers, strict=True)), BERLIN
        )
        key = tuple(classes[each] for classes, each in zip(class_of, numbers, strict=True))
        if connection is None:
            continue
        decision = authorizer.decide(authorizer.located(connection))
        (outcome,) = found.outcomes[key]
        assert (outcome.allowed, outcome.policies) == (decision.allowed, decision.determining), numbers


@pytest.mark.parametrize("name", SETS)
def test_the_rows_have_every_case_once(name: str) -> None:
    """None is lost by putting rows together, and none is in two of them."""
    policies = SETS[name]
    found = matrix([policies], axes_of([policies]), BERLIN)
    rows = regions(found.axes, found.classes, found.outcomes)
    count = 1
    for axis in found.axes:
        count *= len(axis.values)
    impossible = (
        sum(
            facts((axis.values[each] for axis, each in zip(found.axes, numbers, strict=True)), BERLIN) is None
            for numbers in product(*(range(len(axis.values)) for axis in found.axes))
        )
        if count <= _MOST_CHECKED
        else None
    )
    cells = sum(row.cells for row in rows)
    if impossible == 0:
        assert cells == count
    assert cells <= count
    assert len({row.values for row in rows}) == len(rows)


def test_rows_read_as_people_speak() -> None:
    """Days and hours are ranges, and what makes no difference is `any`."""
    policies = Policies.from_file(ROOT / "examples" / "policies" / "working-hours.cedar")
    found = table(matrix([policies], axes_of([policies]), BERLIN), [policies])
    assert found.columns == ("day", "time of day")
    assert [(*row.values, row.decided[0].word, row.decided[0].policies) for row in found.rows] == [
        ("Monday to Friday", "00:00 to 06:59, 19:00 to 23:59", "deny", "working-hours"),
        ("Monday to Friday", "07:00 to 18:59", "allow", "everybody"),
        ("Saturday, Sunday", "any", "deny", "working-hours"),
    ]
    assert list(found.messages) == ["working-hours"]


def test_decisions_alone_are_fewer_rows() -> None:
    """Denials by other policies are one row then."""
    policies = Policies.from_file(ROOT / "examples" / "policies" / "registered-devices.cedar")
    found = matrix([policies], axes_of([policies]), BERLIN)
    by_policy, alone = table(found, [policies]), table(found, [policies], by_policy=False)
    assert [row.decided[0].word for row in alone.rows] == ["allow", "deny"]
    assert len(by_policy.rows) == 4
    assert sum(row.cells for row in alone.rows) == sum(row.cells for row in by_policy.rows)


@pytest.mark.parametrize(
    ("condition", "axis", "names"),
    [
        ('principal in ClientVpn::Group::"staff"', "group", ["staff", "no named group"]),
        ('principal == ClientVpn::User::"bob"', "user", ["any other user", "bob"]),
        ('context has username && context.username like "acme-*"', "user", ["any other user", "like acme-*"]),
        ("principal is ClientVpn::Device", "user", ["any other user", "no user, a certificate alone"]),
        (
            'context has commonName && context.commonName == "x"',
            "certificate",
            ["any other", "x", "no certificate"],
        ),
        ("context.ownCertificate", "certificate", ["any other", "the user's own"]),
        (
            'context.platform == "tvos"',
            "platform",
            ["Windows", "macOS", "Linux", "iOS", "Android", "tvOS", "any other platform"],
        ),
        ("context has awsClient && context.awsClient.major >= 5", "AWS client", None),
        ('context.publicIp.isInRange(ip("203.0.113.0/24"))', "network", ["anywhere else", "203.0.113.0/24"]),
        ('context.time.date == "2026-12-25"', "day", ["any other day", "2026-12-25"]),
        ("context.time.month == 12", "day", None),
        ('context.time.now < datetime("2027-01-01")', "period", ["before 2027-01-01", "from 2027-01-01"]),
        ('context.inventory == "unavailable"', "device", None),
        ("context has activeConnections && context.activeConnections >= 2", "open connections", None),
        ('context.customFacts == "unavailable"', "extra facts", ["disabled", "unavailable"]),
        (
            'resource == ClientVpn::Endpoint::"cvpn-endpoint-0a"',
            "endpoint",
            ["any other endpoint", "cvpn-endpoint-0a"],
        ),
    ],
)
def test_each_kind_of_condition_has_an_axis(condition: str, axis: str, names: list[str] | None) -> None:
    """With both sides of it; the decision changes at one."""
    policies = Policies.from_string(
        f'{PERMIT}@id("x") @message("No.") forbid {SCOPE} when {{ {condition} }};'
    )
    found = axes_of([policies])
    assert [each.name for each in found] == [axis]
    if names is not None:
        assert [each.name for each in found[0].values] == names
    decided = {every[0].allowed for every in matrix([policies], found, BERLIN).outcomes.values()}
    assert decided == {True, False}


def test_policies_that_ask_nothing_are_one_row() -> None:
    """Everybody is allowed."""
    policies = Policies.from_string(PERMIT)
    found = table(matrix([policies], axes_of([policies]), BERLIN), [policies])
    assert (found.columns, [row.decided[0].word for row in found.rows]) == ((), ["allow"])


def test_an_axis_that_is_left_out_has_its_first_value() -> None:
    """The table says which."""
    policies = wide()
    axes = axes_of([policies])
    found = table(matrix([policies], axes, BERLIN, shown=["group", "device"]), [policies])
    assert set(found.columns) <= {"group", "device"}
    assert found.fixed["day"] == "Monday"
    assert found.fixed["network"] == "anywhere else"


def test_too_many_cases_are_refused() -> None:
    """With the axes and how many values they have."""
    groups = "".join(
        f'@id("g{n}") permit (principal in ClientVpn::Group::"g{n}", action, resource) '
        f'when {{ context.platform == "p{n}" && context.time.minuteOfDay > {n} && context.time.day == {n} }};'
        for n in range(1, 27)
    )
    policies = Policies.from_string(groups)
    with pytest.raises(
        TooManyCells, match=r"at most 200,000 are decided; name some axes by --axis: group \(27\)"
    ):
        matrix([policies], axes_of([policies]), BERLIN)


def test_sums_of_numbers_are_boundaries() -> None:
    """As people write times of the day."""
    half_past_seven = "context.time.minuteOfDay < 7 * 60 + 30"
    policies = Policies.from_string(f'{PERMIT}@id("x") forbid {SCOPE} when {{ {half_past_seven} }};')
    constants = Constants(each.template for each in parse(policies.sources) if each.template)
    assert constants.numbers("time", "minuteOfDay") == [450]
