"""Messages with placeholders: what is filled in is a user's."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from client_connect import Authorizer, ConnectionRequest, Facts
from client_connect.engine.partial_decision import PartialAuthorizer
from client_connect.messages import command_in, composed
from tests.support.events import connect_handler, event, lambda_context, message_of


def facts(custom: dict[str, Any] | None = None, **changes: object) -> Facts:
    """Return the facts of a valid event with changes."""
    request = ConnectionRequest.from_event(event(**changes))
    return Facts(request, custom_facts="disabled" if custom is None else "available", custom=custom)


def forbid(*messages: str) -> str:
    """Return policies that forbid everything, with these messages."""
    return "".join(
        f'@id("{number:02}") @message("{message}") forbid (principal, action, resource);'
        for number, message in enumerate(messages)
    )


def units(text: str) -> int:
    """Return the number of UTF-16 code units."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("Quote {connection-id}.", "Quote cvpn-connection-0123456789abcdef0."),
        ("{username} on {common-name}", "Bob on laptop-1"),
        ("{custom.ticket}/{custom.score}", "T-1/-7"),
        ("{custom.flag} {custom.list} {custom.none}", "- - -"),
        ("{{username}} }}{{", "{username} }{"),
        ("{{{username}}}", "{Bob}"),
        ("{user} { } {} {Username}", "{user} { } {} {Username}"),
    ],
)
def test_placeholders_are_filled(message: str, shown: str) -> None:
    """A missing value is a dash; doubled braces are braces; unchecked policies show what they have."""
    custom = {"ticket": "T-1", "score": -7, "flag": True, "list": ["a"]}
    assert composed([message], facts(custom)) == shown


@pytest.mark.parametrize(
    ("changes", "shown"),
    [
        ({"username": "a\nb\x00c\u202ed\u200be\u00a0f"}, "a?b?c?d?e?f"),
        ({"username": "  bob  "}, "bob"),
        ({"username": "\n\n"}, "-"),
        ({"username": ""}, "-"),
        ({"username": "{connection-id} {{"}, "{connection-id} {{"),
        ({"username": "Zoë 🦊"}, "Zoë 🦊"),
        ({"username": "x CRV1:R"}, "x CRV1 :R"),
    ],
)
def test_values_are_printable_and_nothing_but_text(changes: dict[str, object], shown: str) -> None:
    """A value moves no cursor, turns no text around, and is not a template itself."""
    assert composed(["I am {username}"], facts(**changes)) == f"I am {shown}"


@pytest.mark.parametrize(
    ("message", "username"),
    [
        ("{username} may not connect", "TEMP[backoff 0]:try"),
        (" {username} may not connect", "TEMP"),
        ("{username} may not connect", "\n TEMP[advance no]"),
        ("TE{username}", "MP[backoff 9]"),
        ("\0{username} may not connect", "TEMP[backoff 0]:try"),
        (" \x1f\x85{username} may not connect", "TEMP"),
        ("{common-name}{username}", "EMP"),
        ("You are {username}", "x CRV1:R,E:id:Ym9i:Password?"),
        ("You are {username}", "CRCRV1:V1:CRV1:"),
        ("CRV{username}", "1:R:id:Ym9i:Password?"),
        ("{username}1:R", "CRV"),
        ("{username}:R", "CRV1"),
    ],
)
def test_a_value_makes_no_command(message: str, username: str) -> None:
    """Clients obey TEMP at the beginning and CRV1: anywhere; a user must not choose that for anybody."""
    policies, changes = forbid(message), {"username": username, "common_name": "T"}
    assert command_in(composed([message], facts(**changes))) == ""
    assert command_in(message_of(connect_handler(policies)(event(**changes), lambda_context()))) == ""
    assert (
        command_in(
            message_of(connect_handler("", default_message=message)(event(**changes), lambda_context()))
        )
        == ""
    )


def test_a_command_of_the_author_stays() -> None:
    """The lint can be switched off: a client may be asked to wait before it tries again."""
    assert composed(["TEMP[backoff 60]:Wait, {username}"], facts()) == "TEMP[backoff 60]:Wait, Bob"


@pytest.mark.parametrize("character", ["x", "🦊", "{", " x"])
def test_a_long_value_pushes_nothing_out(character: str) -> None:
    """The text around it, other values and other messages stay whole."""
    name = (character * 254)[:254]
    messages = ["Hello {username}, quote {connection-id}.", "Ask {common-name}.", "Then call 555."]
    text = composed(messages, facts(username=name, common_name=name))
    assert units(text) <= 255
    assert "…, quote cvpn-connection-0123456789abcdef0. Ask " in text
    assert text.endswith("…. Then call 555.")


def test_values_share_what_is_left() -> None:
    """A short one leaves its space to a long one."""
    url = "https://vpn.example.com/" + "x" * 190
    assert composed(["{username}: {custom.url} now"], facts({"url": url})) == f"Bob: {url} now"


@pytest.mark.parametrize("message", ["{text}{custom.url}", "{custom.url}{text}"])
def test_a_long_value_gets_all_that_others_leave(message: str) -> None:
    """Wherever it is in the message, and however long the text around it is."""
    text, url = "a" * 170, "https://vpn.example.com/" + "x" * 270
    shown = composed([message.replace("{text}", text)], facts({"url": url}))
    assert shown == message.replace("{text}", text).replace("{custom.url}", f"{url[:84]}…")


@pytest.mark.parametrize(
    ("messages", "shown"),
    [
        (["a" * 100, "b" * 100, "c" * 100], f"{'a' * 100} {'b' * 100} …"),
        (["a" * 200, "b" * 100, "c" * 20], f"{'a' * 200} {'c' * 20} …"),
        (["a" * 255, "b"], "a" * 255),
        (["a" * 254, "b"], "a" * 254),
        (["a" * 253, "b"], "a" * 253 + " b"),
        (["🦊" * 127, "b"], "🦊" * 127),
        (["🦊" * 100, "ä" * 54, "no"], f"{'🦊' * 100} {'ä' * 54}"),
        (["word " * 60], "word " * 50 + "word…"),
    ],
)
def test_whole_messages_are_preferred(messages: list[str], shown: str) -> None:
    """Rather fewer than half of one; the ellipsis shows that there are more, where there is space for it."""
    decision = Authorizer(forbid(*messages)).decide(facts())
    assert decision.message == shown
    assert message_of(connect_handler(forbid(*messages))(event(), lambda_context())) == shown


def test_which_messages_are_shown_does_not_depend_on_values() -> None:
    """Or a user could choose which of them is left out."""
    messages = ["a" * 150, "{username} is not in the group.", "c" * 50]
    short, long = (composed(messages, facts(username=name)) for name in ("x" * 25, "x" * 250))
    assert "…" in long
    assert ("is not in the group" in short, "c" * 50 in short) == (
        "is not in the group" in long,
        "c" * 50 in long,
    )


@given(
    st.lists(
        st.text(alphabet="{}connectiusrame-d TEMPCRV1:🦊", max_size=60)
        | st.sampled_from(["{username}", "{custom.x} y"]),
        max_size=5,
    ),
    st.text(min_size=1, max_size=300),
    st.text(max_size=300),
)
def test_every_message_fits(messages: list[str], username: str, custom: str) -> None:
    """Whatever authors and users write."""
    seen = Facts(
        ConnectionRequest.from_event(event())._replace(username=username),
        custom_facts="available",
        custom={"x": custom},
    )
    text = composed(messages, seen)
    assert units(text) <= 255
    if not any(map(command_in, messages)):
        assert not command_in(text)


def test_the_record_has_the_message_as_it_was_shown() -> None:
    """And so have a decision by part of the facts, and the default message."""
    authorizer = Authorizer(forbid("Hello {username}"))
    assert authorizer.decide(facts()).to_record()["message"] == "Hello Bob"
    decision, denied, *_ = PartialAuthorizer(authorizer).decide(facts(), unknown=frozenset({"platform"}))
    assert (decision.message, denied) == ("Hello Bob", True)
    handler = connect_handler("", default_message="Quote {connection-id}.")
    assert message_of(handler(event(), lambda_context())) == "Quote cvpn-connection-0123456789abcdef0."
