"""Fifty thousand events of every shape: whatever comes, the answer is valid and never too kind."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.unit.runtime.conftest import MISSING, VERSIONS, assert_valid, captured, connect_handler, event

EVENTS = 50_000
FIELDS = tuple(event())
MAX_EXAMPLES = EVENTS // (3 * len(FIELDS) + 5) + 1

# Permits nearly everything, so that a request that should not pass would.
POLICIES = """
    @id("all") @status("ok") permit (principal, action, resource);
    @id("mac") @message("{long}") @status("{long}") forbid (principal, action, resource)
    when {{ context.platform == "mac" }};
    @id("errs") forbid (principal, action, resource) when {{ context.platform == "ios" && context.os.major > 1 }};
    @id("shadow") @shadow forbid (principal, action, resource) when {{ context.os.major < 10 }};
    {many}
""".format(
    long="é" * 300,
    many="".join(f'@id("{n}") @status("{n}") permit (principal, action, resource);' for n in range(12)),
)

odd_text = st.text(st.characters(exclude_categories=()), max_size=8)
near_text = st.sampled_from(
    [
        "", "win", "MAC", "mac", "ios", "v1", "v2", "v3", "v0", "10.0 64bit", "6.1.7601,amd64", "1.2.3.4", "1.2.3.4/8",
        "::ffff:1.2.3.4", "fe80::1%eth0", "2.6.12", "9" * 400, "\ud800", "\x00", "\u2028\u202e", '"}', "\x1b[2J",
    ]
)  # fmt: skip
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | odd_text,
    lambda values: st.lists(values, max_size=4) | st.dictionaries(odd_text, values, max_size=4),
    max_leaves=6,
)
HANDLERS = [connect_handler(POLICIES, shadow_mode=shadow_mode) for shadow_mode in (False, True)]


def is_request(sent: object) -> bool:
    """Tell whether AWS could have sent this, written apart from the code that it tests."""
    if not isinstance(sent, dict):
        return False
    required = [
        sent.get(f"{name}") for name in ("connection-id", "endpoint-id", "public-ip", "schema-version")
    ]
    optional = [sent.get(name) or "" for name in FIELDS if name not in ("groups", "platform")]
    groups = sent.get("groups") or []
    texts = [*required, *optional, sent.get("platform"), *(groups if isinstance(groups, list) else [groups])]
    if not (all(required) and all(isinstance(text, str) for text in texts)):
        return False
    try:
        "".join(texts).encode()
        ip_address(sent["public-ip"])
    except ValueError:
        return False
    return "%" not in sent["public-ip"] and bool(sent.get("username") or sent.get("common-name"))


@settings(
    max_examples=MAX_EXAMPLES,
    deadline=None,
    database=None,
    phases=[Phase.generate, Phase.shrink],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(
    version=st.sampled_from(VERSIONS),
    odd=json_values,
    text=odd_text,
    near=near_text,
    near_field=st.sampled_from(FIELDS),
)
def test_every_event_gets_a_valid_answer_and_one_clean_record(
    version: str,
    odd: Any,
    text: str,
    near: str,
    near_field: str,
) -> None:
    """Never an exception, never a permission for what is no request, the limits kept, the log clean."""
    valid = event(version) | {near_field: near}
    events: list[Any] = [odd, [odd], {text: odd}, valid, valid | {text: odd}]
    for name in FIELDS:
        events += [
            valid | {name: odd},
            valid | {name: text},
            event(version, **{near_field: near, name: MISSING}),
        ]
    enforcing, shadowing = HANDLERS
    with captured() as log:
        for sent in events:
            answer = enforcing(sent)
            assert_valid(answer, sent)
            assert is_request(sent) or not answer["allow"]
            assert log.record()["allow"] == answer["allow"]
        assert shadowing(odd)["allow"]
        assert shadowing(valid)["allow"]
        assert len(log.records()) == 2
