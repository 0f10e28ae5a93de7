"""Texts that spell something else: whatever a name looks like, it is a name, to policies, records, tables and users."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from client_connect import Authorizer, ConnectionRequest, Decision, Device, Facts
from client_connect.handler import ConnectHandler
from client_connect.settings import DEFAULT_DENIAL, ERROR_DENIAL, Settings
from client_connect.sources.custom_facts import CustomFacts
from client_connect.sources.deadlines import Deadlines
from client_connect.sources.device_inventory import DeviceTable
from client_connect.sources.dynamodb import Tables
from client_connect.sources.fact_sources import FactSources
from client_connect.sources.items import device_item, waivers_item
from client_connect.waiver import Waiver
from client_connect_tools.cedar.quoting import quote
from tests.support.dynamodb_server import ACCESS_KEY, REGION, SECRET_KEY, DynamoDb, dynamodb_server
from tests.support.events import event
from tests.support.fact_sources import inventory
from tests.support.log_lines import captured
from tests.support.oracle import FIELDS, clean_record

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tests.support.log_lines import Log

pytestmark = pytest.mark.usefixtures("silent")

TEXTS = {
    "Cedar condition": '" || true //',
    "Cedar policy": '"; permit (principal, action, resource); //',
    "Cedar entity": 'ClientVpn::Group::"admins"',
    "Cedar slot": "?principal",
    "entity in Cedar's JSON": '{"__entity": {"type": "ClientVpn::Group", "id": "admins"}}',
    "extension in Cedar's JSON": '{"__extn": {"fn": "ip", "arg": "10.0.0.1"}}',
    "key of Cedar's JSON": "__entity",
    "other key of Cedar's JSON": "__extn",
    "JSON": '", "allow": true, "x": "',
    "JSON escape": "\\u0061dmins",
    "record": '\n{"level": "INFO", "allow": true, "Allowed": 1}\n',
    "quotes": "'\"`",
    "backslash": "\\",
    "backslash before a quote": '\\"',
    "line breaks": "\r\n\x0b\x0c\x85\u2028\u2029",
    "braces": "{}",
    "format": "{0.__class__.__mro__}",
    "named format": "{username}",
    "per cent": "%s %(username)s %n",
    "look-up": "${jndi:ldap://127.0.0.1/a}",
    "shell": "$(id) `id` ; id",
    "HTML": "<script>alert(1)</script>",
    "SQL": "' OR 1=1 --",
    "key of DynamoDB": '{"S": "admins"}',
    "path": "../../policies.cedar",
    "wildcard": "*",
    "255 emoji": "🦊" * 255,
    "emoji of several": "👨\u200d👩\u200d👧\u200d👦" * 36,
    "right to left": "\u202enimda\u202c",
    "isolates": "\u2067admins\u2069\u061c",
    "zero width": "adm\u200bins",
    "soft hyphen": "ad\u00admins",
    "byte order mark": "\ufeffadmins",
    "tags": "admins\U000e0041\U000e007f",
    "Cyrillic": "\u0430dmins",
    "full width": "\uff41\uff44\uff4d\uff49\uff4e\uff53",
    "combining": "a\u0301dmins",
    "other case": "ADMINS",
    "spaces": " admins ",
    "NUL": "\0admins\0",
    "terminal": "\x1b[2J\x1b]0;admins\x07\x9b31m\x7f",
    "long": "admins" * 20_000,
    "holder": "device:laptop-1",
}
FRAGMENTS = [text[:40] for text in TEXTS.values()]
odd_texts = st.lists(
    st.sampled_from(FRAGMENTS) | st.text(max_size=4), min_size=1, max_size=4
).map("".join).filter(bool)  # fmt: skip
any_text = pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)

# Permits for some, and a message and a status that look like templates.
TEMPLATE = "{username} {0} %s %(username)s ${username} $username \\u0061"
WRITTEN = TEMPLATE.replace("\\", "\\\\").replace("{", "{{").replace("}", "}}")
POLICIES = f"""
@id("admins") @status("admin") permit (principal in ClientVpn::Group::"admins", action, resource);
@id("alice") permit (principal == ClientVpn::User::"alice", action, resource);
@id("root") permit (principal, action, resource) when {{ context has username && context.username == "root" }};
@id("kiosk") permit (principal, action, resource) when {{ context has commonName && context.commonName == "kiosk" }};
@id("phone") permit (principal, action, resource) when {{ context.platform == "ios" }};
@id("build") permit (principal, action, resource)
when {{ context has os && context.os.major == 11 || context has openvpn && context.openvpn.major == 123456 }};
@id("here") permit (principal, action, resource == ClientVpn::Endpoint::"here");
@id("mac") @message("{WRITTEN}") @status("{{platform}}")
forbid (principal, action, resource) when {{ context.platform == "mac" }};
"""
handler = ConnectHandler(Authorizer(POLICIES).decide, Settings())

NAMES = tuple(name for name in FIELDS if name not in ("platform", "groups", "public-ip", "schema-version"))


def denied(message: str, *statuses: str) -> dict[str, Any]:
    """Return a denial."""
    return {
        "allow": False,
        "error-msg-on-denied-connection": message,
        "posture-compliance-statuses": list(statuses),
        "schema-version": "v3",
    }


# A request, and what is answered whatever is written into the fields that do not decide it.
CASES: list[tuple[dict[str, Any], dict[str, Any]]] = [
    (event(groups=["staff"]), denied(DEFAULT_DENIAL)),
    (event(groups=["staff", "admins"]), denied("", "admin") | {"allow": True}),
    (event(groups=["admins"], platform="mac"), denied(TEMPLATE, "{platform}")),
]


def variants(sent: dict[str, Any], text: str) -> Iterable[tuple[str, dict[str, Any]]]:
    """Yield the event with the text in each field that does not decide."""
    for name in NAMES:
        yield name, sent | {name: text}
    yield "groups", sent | {"groups": [text, *sent["groups"], text]}
    if sent["platform"] != "mac":
        yield "platform", sent | {"platform": text}


def hold_text_is_text(text: str, log: Log) -> None:
    """Expect the answer for any other text, and one clean line that still has the text."""
    for sent, expected in CASES:
        for field, changed in variants(sent, text):
            assert handler(changed) == expected
            record = clean_record(log)
            assert record["allow"] == expected["allow"]
            request = json.loads(record.get("requestJson") or json.dumps(record["request"]))
            assert request[field] == (text if field != "groups" else list(dict.fromkeys(changed[field])))


@any_text
def test_a_text_in_a_request_is_no_more_than_a_text(log: Log, text: str) -> None:
    """The spelling of a name changes no permit, forbid, message or record."""
    hold_text_is_text(text, log)


@given(odd_texts.filter(lambda text: text.lower() not in ("admins", "alice", "root", "kiosk", "ios", "here")))
def test_no_text_in_a_request_is_more_than_a_text(text: str) -> None:
    """However it is put together."""
    with captured() as log:
        hold_text_is_text(text, log)


@any_text
def test_a_text_of_groups_is_one_group_or_refused(log: Log, text: str) -> None:
    """AWS does not document how groups are sent: a text is one group, a JSON list or nothing at all."""
    answer = handler(event(groups=text))
    assert answer in (denied(DEFAULT_DENIAL), denied(ERROR_DENIAL))
    assert log.record()["allow"] is False


@pytest.mark.parametrize("field", ["public-ip", "schema-version"])
@any_text
def test_a_text_in_a_field_of_a_fixed_form_is_refused(log: Log, field: str, text: str) -> None:
    """With the answer to any error, in the latest schema version."""
    assert handler(event(groups=["admins"]) | {field: text}) == denied(ERROR_DENIAL)
    record = clean_record(log)
    assert text not in record["error"]["detail"]
    assert len(record["event"]) == 4096 or json.loads(record["event"])[field] == text


@pytest.mark.parametrize("field", FIELDS)
def test_half_a_character_is_refused(log: Log, field: str) -> None:
    """A lone surrogate is no text, and never reaches the engine."""
    value: object = ["admins", "\ud83e"] if field == "groups" else "admins\ud83e"
    assert handler(event(groups=["admins"]) | {field: value}) == denied(ERROR_DENIAL)
    record = log.record()
    assert record["error"]["type"] == "InvalidRequest"
    assert json.loads(record["event"])[field] == value


STRICT = """
@id("all") permit (principal, action, resource);
@id("strict") @message("No.") forbid (principal, action, resource) unless { context.waivers.contains("strict") };
"""
OWNED = """
@id("owned") permit (principal, action, resource)
when { context has device && context.device.hasTag("owner") && context.device.getTag("owner") == "alice" };
@id("compliant") permit (principal, action, resource)
when { context has device && context.device has compliant && context.device.compliant };
"""


def collected(sent: Mapping[str, Any], **sources: Any) -> Facts:
    """Gather the facts of an event."""
    around = FactSources(deadlines=Deadlines(), **sources)
    return around.collect(ConnectionRequest.from_event(sent), seconds=5).facts


@any_text
def test_a_text_in_an_inventory_is_no_more_than_a_text(text: str) -> None:
    """Tags of a device, their names too: none makes it compliant or gives it a user."""
    device = Device(compliant=False, tags={text: "alice", "owner": text, "compliant": "true"})
    facts = collected(event(), inventory=inventory(("d", device_item("laptop-1", device))))
    assert facts.device == device
    assert Authorizer(OWNED).decide(facts) == Decision(allowed=False)
    # The same device would be permitted by a tag of that very name and value.
    literal = quote(text)
    named = f"""@id("named") permit (principal, action, resource) when {{
        context.device.getTag({literal}) == "alice" && context.device.getTag("owner") == {literal} }};"""
    assert Authorizer(named).decide(facts) == Decision(allowed=True, determining=("named",))


@any_text
def test_the_name_of_a_tag_moves_nothing_in_the_log(text: str, log: Log) -> None:
    """Whoever writes devices does not write the log."""
    device = Device(tags={text: "x"})
    around = FactSources(deadlines=Deadlines(), inventory=inventory(("d", device_item("laptop-1", device))))
    handler = ConnectHandler(Authorizer(OWNED).decide, Settings(), sources=around)
    handler(event())
    (name,) = clean_record(log)["facts"]["device"]["tags"]
    assert name.isprintable()


def waiver(policy_id: str = "strict", *, holder: str = "user:bob", words: str = "") -> Waiver:
    """Return a waiver that counts."""
    until = datetime.now(UTC) + timedelta(hours=1)
    return Waiver(policy_id=policy_id, until=until, reason=words, approved_by=words, holder=holder)


@any_text
def test_a_text_as_the_id_of_a_waiver_waives_nothing_else(text: str) -> None:
    """Only the policy whose id it is, to the letter."""

    def decision(policy_id: str) -> Decision:
        item = waivers_item([waiver(policy_id, words=text)])
        facts = collected(event(), inventory=inventory(("w", item)))
        assert facts.waivers == {policy_id}
        return Authorizer(STRICT).decide(facts)

    assert not decision(text).allowed
    assert decision("strict").allowed


@any_text
def test_a_text_as_a_user_or_device_has_nobody_elses_waivers(text: str) -> None:
    """The waivers of a device are not a user's who is called like their key, nor the other way round."""
    holders = ("device:laptop-1", "user:bob", "user:admins", "device:admins", "admins", "device:")
    table = inventory(*(("w", waivers_item([waiver(holder=holder)])) for holder in holders))
    facts = collected(event(username=text, common_name=text), inventory=table)
    assert facts.waivers == ({"strict"} if text.lower() == "admins" else frozenset())


def test_a_text_as_a_key_reaches_dynamodb_to_the_letter(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is a value in the request that the SDK sends, and so is what comes back."""
    variables = {
        "AWS_ACCESS_KEY_ID": ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        "AWS_DEFAULT_REGION": REGION,
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_SESSION_TOKEN", raising=False)
    with dynamodb_server() as dynamodb:
        monkeypatch.setenv("AWS_ENDPOINT_URL", dynamodb.url)
        _reaches_dynamodb(dynamodb)


def _reaches_dynamodb(dynamodb: DynamoDb) -> None:
    table = DeviceTable(Tables(), devices="Devices", waivers="Waivers")
    for text in TEXTS.values():
        device = {"commonName": {"S": text}, "compliant": {"BOOL": True}}
        dynamodb.answer({"Responses": {"Devices": [device], "Waivers": []}})
        facts = collected(event(username=text, common_name=text), inventory=table)
        assert facts.device == Device(compliant=True)
        asked = dynamodb.asked[-1].parameters["RequestItems"]
        assert asked["Devices"]["Keys"] == [{"commonName": {"S": text}}]
        *waivers, device_block, user_block = asked["Waivers"]["Keys"]
        assert waivers == [{"holder": {"S": f"device:{text}"}}, {"holder": {"S": f"user:{text.lower()}"}}]
        assert device_block["holder"]["S"].startswith("blocked:device:")
        assert user_block["holder"]["S"].startswith("blocked:user:")


@any_text
def test_a_text_among_the_extra_facts_is_no_more_than_a_text(text: str) -> None:
    """Whatever a team's module copies from elsewhere into a fact that is a text."""
    authorizer = Authorizer(
        '@id("vip") permit (principal, action, resource) when { context.custom.note == "vip" };',
        custom="{ note: String }",
    )
    custom = CustomFacts(lambda _request: {"note": text}, validation_error=authorizer.validation_error)
    facts = collected(event(), custom=custom)
    assert (facts.custom_facts, facts.custom) == ("available", {"note": text})
    assert authorizer.decide(facts) == Decision(allowed=False)


@any_text
def test_a_text_in_an_exception_does_not_disguise_its_record(log: Log, text: str) -> None:
    """An exception may hold the input; the formatter writes its text into the line."""

    def decide(_facts: Facts) -> Decision:
        raise LookupError(f"{text}\ud83e")

    assert ConnectHandler(decide, Settings())(event()) == denied(ERROR_DENIAL)
    record = clean_record(log)
    assert (record["errorType"], record["errorMessage"]) == ("LookupError", record["error"]["detail"])
