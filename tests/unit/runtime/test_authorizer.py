"""The decision: tables of policies and events, and what no table lists."""

from __future__ import annotations

import json
from typing import Any

import cedarpy
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from client_connect import Authorizer, ConnectionRequest, Decision, Facts
from client_connect.engine import cedar as engine
from client_connect.engine.schema import required_attributes, schema_text
from tests.support.events import PERMIT, decide, event

LINUX = 'when { context.platform == "linux" }'
ERRS = "when { context.activeConnections > 1 }"  # the attribute is absent without a registry
ERROR = "error while evaluating policy `{}`: record does not have the attribute `activeConnections`"
ALL = {"allowed": True, "determining": ("all",)}


def forbid(id_: str, annotations: str = "", condition: str = "") -> str:
    """Return a forbid."""
    return f'@id("{id_}") {annotations} forbid (principal, action, resource) {condition};'


def permit(id_: str, annotations: str = "", condition: str = "") -> str:
    """Return a permit."""
    return forbid(id_, annotations, condition).replace("forbid (", "permit (")


def unless(id_: str) -> str:
    """Return the clause that makes a policy honor its waivers."""
    return f'unless {{ context.waivers.contains("{id_}") }}'


@pytest.mark.parametrize(
    ("policies", "expected"),
    [
        pytest.param("", {}, id="no policy denies"),
        pytest.param(permit("linux", '@status("s")', LINUX), {}, id="no permit that applies denies"),
        pytest.param(PERMIT, ALL, id="a permit allows"),
        pytest.param(
            permit("b", '@status("B") @message("not sent")') + permit("a", '@status("A")'),
            {"allowed": True, "determining": ("a", "b"), "statuses": ("A", "B")},
            id="statuses of all permits in id order",
        ),
        pytest.param(
            PERMIT + forbid("no", '@message("No.") @status("bad")'),
            {"determining": ("no",), "message": "No.", "statuses": ("bad",)},
            id="a forbid beats a permit",
        ),
        pytest.param(PERMIT + forbid("no", '@message("No.")', LINUX), ALL, id="a forbid that does not apply"),
        pytest.param(forbid("no"), {"determining": ("no",)}, id="a forbid without a message"),
        pytest.param(
            forbid("c", '@message("C.") @status("z")')
            + forbid("a", '@message("A.") @status("x")')
            + forbid("d", '@message("A.") @status("x")')
            + forbid("b"),
            {"determining": ("a", "b", "c", "d"), "message": "A. C.", "statuses": ("x", "z")},
            id="messages and statuses of several forbids in id order, each once",
        ),
        pytest.param(
            PERMIT + forbid("s", '@shadow @message("No.") @status("bad")'),
            {**ALL, "shadow_denied": ("s",)},
            id="a shadow forbid denies nothing",
        ),
        pytest.param(
            permit("s", '@shadow @status("s")'),
            {"shadow_allowed": ("s",)},
            id="a shadow permit allows nothing",
        ),
        pytest.param(
            PERMIT
            + forbid("s2", "@shadow")
            + forbid("s1", "@shadow")
            + forbid("s0", "@shadow", LINUX)
            + permit("t", "@shadow"),
            {**ALL, "shadow_denied": ("s1", "s2"), "shadow_allowed": ("t",)},
            id="shadow forbids do not hide shadow permits",
        ),
        pytest.param(
            PERMIT + forbid("f", "@shadow", ERRS) + permit("p", "@shadow", ERRS) + forbid("s", "@shadow"),
            {**ALL, "shadow_denied": ("s",), "shadow_errors": (ERROR.format("f"), ERROR.format("p"))},
            id="shadow errors change nothing",
        ),
        pytest.param(
            PERMIT + forbid("broken", '@message("No.") @status("bad")', ERRS),
            {"errors": (ERROR.format("broken"),)},
            id="a forbid that errs next to a permit denies",
        ),
        pytest.param(
            PERMIT + permit("broken", "", ERRS),
            {"errors": (ERROR.format("broken"),)},
            id="a permit that errs next to a permit denies",
        ),
        pytest.param(
            forbid("no", '@message("No.") @status("bad")') + permit("broken", "", ERRS),
            {"errors": (ERROR.format("broken"),)},
            id="an error says nothing in the name of a forbid",
        ),
        pytest.param(
            permit("grp", "", 'when { principal in ClientVpn::Group::"admins" }'),
            {"allowed": True, "determining": ("grp",)},
            id="the user's groups",
        ),
        pytest.param(
            permit("net", "", 'when { context.publicIp.isInRange(ip("198.51.100.0/24")) }'),
            {"allowed": True, "determining": ("net",)},
            id="networks",
        ),
    ],
)
def test_policies_decide_as_the_table_says(policies: str, expected: dict[str, Any]) -> None:
    """The whole decision is as the table says; what it leaves out is empty or denied."""
    assert decide(policies) == Decision(**{"allowed": False, **expected})


def test_a_device_is_in_no_group() -> None:
    """Groups that come without a user permit no one."""
    policies = permit("grp", "", 'when { principal in ClientVpn::Group::"admins" }')
    assert decide(policies, username="") == Decision(allowed=False)
    assert decide(
        PERMIT + permit("grp", "", "when { principal is ClientVpn::Device }"), username=""
    ) == Decision(allowed=True, determining=("all", "grp"))


def test_cedar_itself_would_allow_what_an_error_denies_here() -> None:
    """A forbid that errs is skipped by Cedar: the reason why any error must deny."""
    facts = Facts(ConnectionRequest.from_event(event()))
    result = cedarpy.is_authorized(
        facts.cedar_request(),
        PERMIT + forbid("broken", "", ERRS),
        facts.cedar_entities(),
        schema_text(),
    )
    assert result.allowed


def test_a_request_that_the_engine_refuses_is_denied_with_its_reason() -> None:
    """NoDecision is no permission."""
    request = ConnectionRequest.from_event(event())._replace(public_ip="nonsense")  # type: ignore[arg-type]
    decision = Authorizer(PERMIT).decide(Facts(request))
    assert not decision.allowed
    assert "invalid IP address: nonsense" in decision.errors[0]


def test_no_decision_without_a_reason_is_denied_with_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Behaviour of the engine has changed in patch releases; silence must not pass for success."""
    silence = {"decision": "NoDecision", "diagnostics": {}}
    monkeypatch.setattr("client_connect.engine.cedar.is_authorized", lambda *_: silence)
    assert decide(PERMIT) == Decision(allowed=False, errors=("the engine made no decision",))


def cedar(text: str) -> str:
    """Return a Cedar string literal with every character escaped."""
    return '"' + "".join(f"\\u{{{ord(character):x}}}" for character in text) + '"'


ODD = [
    'x" || true || "',
    "`a`\\",
    "\r\n\t\0\x1b[31m",
    "\u2028\u202e\u200b",
    "🦊 é e\u0301",
    'User::"alice"',
    '{"__entity": {"type": "ClientVpn::User", "id": "alice"}}',
    '{"__extn": {"fn": "ip", "arg": "10.0.0.1"}}',
    '"; permit (principal, action, resource); //',
]


@given(st.text(min_size=1))
@example(ODD[0])
@example(ODD[1])
@example(ODD[2])
@example(ODD[3])
@example(ODD[4])
@example(ODD[5])
@example(ODD[6])
@example(ODD[7])
@example(ODD[8])
def test_names_are_data_whatever_they_spell(name: str) -> None:
    """Quotes, line breaks, Cedar and JSON in a user, group, common name or id mean themselves only."""
    literal = cedar(name)
    policies = f"""
        @id({literal}) @message("No.") forbid (principal, action, resource)
        when {{
            principal == ClientVpn::User::{literal} && principal in ClientVpn::Group::{literal}
            && context has commonName && context.commonName == {literal}
        }};
    """
    named = {"username": name, "groups": ["staff", name], "common_name": name}
    assert decide(PERMIT + policies, **named) == Decision(allowed=False, determining=(name,), message="No.")
    other = f"{name}'"
    for field, value in {"username": other, "groups": [other], "common_name": other}.items():
        assert decide(PERMIT + policies, **named | {field: value}) == Decision(**ALL)


@given(st.text(min_size=1), st.lists(st.text()), st.text(min_size=1))
def test_no_name_turns_a_default_deny_into_anything_else(
    username: str, groups: list[str], common_name: str
) -> None:
    """A permit for one user and one group holds for no one else."""
    policies = permit(
        "one", "", 'when { principal == ClientVpn::User::"alice" || principal in ClientVpn::Group::"g" }'
    )
    decision = decide(policies, username=username, groups=groups, common_name=common_name)
    assert decision.allowed == (username == "alice" or "g" in groups)
    assert decision.errors == ()


def test_a_waiver_that_its_policy_does_not_honor_is_not_used() -> None:
    """The policy applies as if there were none."""
    facts = Facts(ConnectionRequest.from_event(event()), waivers=frozenset({"no"}))
    decision = Authorizer(PERMIT + forbid("no")).decide(facts)
    assert (decision.allowed, decision.determining, decision.waived) == (False, ("no",), ())


def test_a_policy_that_honors_the_waiver_of_another_is_waived_too() -> None:
    """Whatever the waiver is called: the policy would have denied."""
    facts = Facts(ConnectionRequest.from_event(event()), waivers=frozenset({"f"}))
    decision = Authorizer(PERMIT + forbid("copied", "", unless("f"))).decide(facts)
    assert (decision.allowed, decision.waived) == (True, ("copied",))


@pytest.mark.parametrize(
    ("policies", "waived"),
    [
        (permit("p", "", unless("p")) + PERMIT, ()),
        (permit("p", "", unless("p")), ()),
        (permit("p", "", unless("p")) + PERMIT + forbid("f", "", unless("f")), ("f",)),
        (PERMIT + forbid("f", "", unless("f")) + forbid("g", "", unless("g")), ("f", "g")),
        (permit("p", "", unless("p")) + forbid("f", "", unless("f")) + forbid("no"), ("f",)),
    ],
)
def test_waived_are_forbids_only(policies: str, waived: tuple[str, ...]) -> None:
    """A permit that does not apply because of a waiver lets no one in, so it is none."""
    facts = Facts(ConnectionRequest.from_event(event()), waivers=frozenset({"p", "f", "g"}))
    assert Authorizer(policies).decide(facts).waived == waived


def test_an_authorizer_of_some_policies_has_no_other_and_none_in_shadow_mode() -> None:
    """These alone give the message."""
    shadow = forbid("try", "@shadow") + permit("open", "@shadow")
    authorizer = Authorizer(PERMIT + forbid("no") + shadow)
    facts = Facts(ConnectionRequest.from_event(event()))
    assert authorizer.subset({"all", "try"}).decide(facts) == Decision(allowed=True, determining=("all",))
    decision = authorizer.decide(facts)
    assert (decision.determining, decision.shadow_denied, decision.shadow_allowed) == (
        ("no",),
        ("try",),
        ("open",),
    )


REQUIRED = sorted(required_attributes())


@pytest.mark.parametrize("name", REQUIRED)
@pytest.mark.parametrize(
    "reading",
    ["context has {}", "context.{0} == context.{0}", "context.time == context.time", "context == context"],
)
def test_the_engine_gets_whatever_a_policy_reads(name: str, reading: str) -> None:
    """Whichever policy it is, in shadow mode too."""
    reader = permit("reader", "", f"when {{ {reading.format(name)} }}")
    assert decide(PERMIT + reader) == Decision(allowed=True, determining=("all", "reader"))
    shadow = decide(PERMIT + f"@shadow {reader.strip()}")
    assert (shadow.shadow_allowed, shadow.shadow_errors) == (("reader",), ())


@pytest.mark.parametrize("name", REQUIRED)
def test_the_engine_gets_nothing_that_no_policy_reads(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Reading it is most of what a decision takes; what is optional is sent, for a test of it must not fail."""
    sent: dict[str, Any] = {}
    real = engine.is_authorized

    def spy(request: dict[str, str], *rest: Any) -> dict[str, Any]:
        sent.update(json.loads(request["context"]))
        return real(request, *rest)

    monkeypatch.setattr(engine, "is_authorized", spy)
    assert decide(permit("reader", "", f"when {{ context.{name} == context.{name} }}")).allowed
    names = {*sent, *(f"time.{part}" for part in sent.get("time", ()))}
    of_name = {
        each for each in REQUIRED if f"{each}.".startswith(f"{name}.") or f"{name}.".startswith(f"{each}.")
    }
    assert names & set(REQUIRED) == of_name
    assert {"connectionId", "platform", "publicIp", "username", "os"} <= names


@pytest.mark.parametrize(
    ("condition", "sent"),
    [
        ('principal in ClientVpn::Group::"staff"', ["staff"]),
        ('principal in [ClientVpn::Group::"staff", ClientVpn::Group::"absent"]', ["staff"]),
        (r'principal in ClientVpn::Group::"a \"quoted\" \u{1f98a}"', ['a "quoted" \U0001f98a']),
        ("context.platform == context.platform", []),
        ("principal in principal", ["staff", "other", 'a "quoted" \U0001f98a']),
    ],
)
@pytest.mark.parametrize("shadow", ["", "@shadow"])
def test_the_engine_gets_only_groups_that_policies_ask_for(
    monkeypatch: pytest.MonkeyPatch, condition: str, sent: list[str], shadow: str
) -> None:
    """A user may be in 200; where any of them may matter, it gets all."""
    entities: list[Any] = []
    real = engine.is_authorized

    def spy(request: dict[str, Any], policies: Any, text: str, schema: Any) -> dict[str, Any]:
        entities.append(json.loads(text))
        return real(request, policies, text, schema)

    monkeypatch.setattr(engine, "is_authorized", spy)
    policies = PERMIT + permit("reader", shadow, f"when {{ {condition} }}")
    decision = decide(policies, groups=["staff", "other", 'a "quoted" \U0001f98a'])
    assert "reader" in (decision.shadow_allowed if shadow else decision.determining)
    for ((user,),) in zip(entities, strict=True):
        assert [parent["id"] for parent in user["parents"]] == sent
