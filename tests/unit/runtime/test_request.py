"""Reading the event: what is accepted, what is refused, and how the message says so."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any

import pytest
from hypothesis import given

from client_connect import ConnectionRequest, InvalidRequest
from tests.support.events import MISSING, VERSIONS, connection_requests, event

REQUIRED = ("connection-id", "endpoint-id", "platform", "public-ip", "schema-version")
OPTIONAL = (
    "common-name",
    "username",
    "platform-version",
    "client-openvpn-version",
    "groups",
    "aws-client-version",
)
SECRET = "s3cr3t-value"  # noqa: S105 - stands for what a message must not repeat


def read(version: str = "v3", **changes: object) -> ConnectionRequest:
    """Read a valid event with changes."""
    return ConnectionRequest.from_event(event(version, **changes))


@pytest.mark.parametrize("version", VERSIONS)
def test_each_schema_version_is_read_with_the_fields_it_has(version: str) -> None:
    """A field that the version does not have is None or empty."""
    assert read(version) == ConnectionRequest(
        connection_id="cvpn-connection-0123456789abcdef0",
        endpoint_id="cvpn-endpoint-0123456789abcdef0",
        common_name="laptop-1",
        username="Bob",
        platform="win",
        platform_version="10.0.22631,amd64",
        public_ip=ip_address("198.51.100.7"),
        client_openvpn_version="2.6.12",
        groups=() if version == "v1" else ("staff", "admins"),
        aws_client_version=None if version in ("v1", "v2") else "5.2.1",
        schema_version=version,
    )


@pytest.mark.parametrize(
    ("groups", "expected"),
    [
        (["a", "b"], ("a", "b")),
        (["b", "a", "b", ""], ("b", "a")),
        ([], ()),
        ("a", ("a",)),
        ("VPN users (EU) & staff", ("VPN users (EU) & staff",)),
        ("(EU) staff", ("(EU) staff",)),
        ('["a", "b, c"]', ("a", "b, c")),
        (' ["a"]', ("a",)),
        ("[]", ()),
        ("", ()),
        (None, ()),
        (MISSING, ()),
    ],
)
def test_groups_come_as_list_string_null_or_not_at_all(groups: object, expected: tuple[str, ...]) -> None:
    """AWS does not document the type, so each form is read; repetitions and empty names go."""
    assert read(groups=groups).groups == expected


@pytest.mark.parametrize("value", ["", None, MISSING])
@pytest.mark.parametrize("field", OPTIONAL)
def test_an_optional_field_that_is_empty_null_or_missing_is_absent(field: str, value: object) -> None:
    """Nothing is made up for what the client did not send."""
    name = field.replace("-", "_")
    assert getattr(read(**{name: value}), name) == (() if field == "groups" else None)


def test_an_empty_platform_is_accepted_and_unknown_keys_are_ignored() -> None:
    """Attributes that a client leaves out or AWS adds later must not lock anyone out."""
    assert read(platform="", posture={"new": [1]}) == read(platform="")


@pytest.mark.parametrize(
    ("sent", "read_as"),
    [
        ("::ffff:198.51.100.7", "198.51.100.7"),
        ("::ffff:c633:6407", "198.51.100.7"),
        ("2001:DB8:0::1", "2001:db8::1"),
        ("::1.2.3.4", "::102:304"),
    ],
)
def test_an_address_is_read_as_the_one_that_rules_speak_of(sent: str, read_as: str) -> None:
    """IPv4 mapped into IPv6 is IPv4; otherwise a rule for an IPv4 network would not see it."""
    assert read(public_ip=sent).public_ip == ip_address(read_as)


@pytest.mark.parametrize(
    "address",
    [
        "1.2.3.4/24", "2001:db8::/32", "fe80::1%eth0", "::ffff:1.2.3.4%1", "fe80::1%", "1.2.3", "1.2.3.04",
        "1.2.3.4 ", "1.2.3.4\n", "1.2.3.4:443", "[::1]", "\uff11.2.3.4", "256.1.1.1", "localhost",
        "0x1.2.3.4", "16909060",
    ],
)  # fmt: skip
def test_fails_for_anything_but_one_public_address(address: str) -> None:
    """Networks, zones, ports, other scripts and other notations are refused, and not repeated."""
    with pytest.raises(InvalidRequest, match=r'^"public-ip" is not a') as error:
        read(public_ip=address)
    assert address not in str(error.value)


WRONG_TYPES = [
    (field, value, f'"{field}" is {type_name}, not a {"list" if field == "groups" else "string"}')
    for field in REQUIRED + OPTIONAL
    for value, type_name in [
        (None, "null"),
        (False, "a boolean"),
        (0, "a number"),
        (7.5, "a number"),
        ([SECRET], "a list"),
        ({SECRET: SECRET}, "an object"),
        ({}, "an object"),
        (b"bytes", "of an unknown type"),
    ]
    if not (value is None and field in OPTIONAL) and not (isinstance(value, list) and field == "groups")
]


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        *WRONG_TYPES,
        ("groups", ["a", 7], '"groups[]" is a number, not a string'),
        ("groups", [[SECRET]], '"groups[]" is a list, not a string'),
        ("groups", "[staff", '"groups" begins as a JSON list, but is none'),
        ("groups", '["a", 7]', '"groups[]" is a number, not a string'),
        ("groups", ["a", None], '"groups[]" is null, not a string'),
    ],
)
def test_fails_for_a_wrong_type_naming_the_field_and_the_type(
    field: str, value: object, message: str
) -> None:
    """The message says which field is what, and nothing of its content."""
    with pytest.raises(InvalidRequest) as error:
        read(**{field: value})
    assert str(error.value) == message


@pytest.mark.parametrize(
    "separator", [",", "; ", "|", "\n", "\r", "\t", "\0", "\x1f", "\x85", "\u2028", "\u2029", "\ufeff"]
)
def test_fails_for_a_text_that_may_be_several_groups(separator: str) -> None:
    """Taken for one group, they would escape a forbid of each."""
    with pytest.raises(InvalidRequest, match=r'^"groups" is a text with separators, '):
        read(groups=f"staff{separator}contractors")
    with pytest.raises(InvalidRequest, match=r'^"groups" is a text with separators, '):
        read(groups=f"contractors{separator.strip(' ')}")


@pytest.mark.parametrize(
    "groups",
    [
        '"staff"',
        "'staff'",
        "`staff`",
        "{staff}",
        "(staff)",
        "<staff>",
        '"a" "b"',
        " staff",
        "staff ",
        "\u3000staff",
    ],
)
def test_fails_for_a_text_of_a_group_in_something(groups: str) -> None:
    """It is a list or string of some other form, and the name is what is within."""
    with pytest.raises(InvalidRequest, match=r'^"groups" is a text in quotes, brackets or spaces, '):
        read(groups=groups)


@pytest.mark.parametrize("field", REQUIRED)
def test_fails_for_a_required_field_that_is_missing_or_empty(field: str) -> None:
    """Each required field is named; only the platform may be empty."""
    with pytest.raises(InvalidRequest, match=f'^"{field}" is missing$'):
        read(**{field: MISSING})
    if field != "platform":
        with pytest.raises(InvalidRequest, match=f'^"{field}" is (empty$|not )'):
            read(**{field: ""})


def test_fails_when_there_is_neither_a_user_nor_a_device() -> None:
    """There must be a user or device to authorize."""
    with pytest.raises(InvalidRequest, match='"username" and "common-name" are both empty'):
        read(username="", common_name=None)


@pytest.mark.parametrize(
    "version", ["v0", "v01", "3", "V3", "v3 ", "v3\n", "v-1", "v\uff13", "v99999", f"v3{SECRET}"]
)
def test_fails_for_a_schema_version_of_another_form(version: str) -> None:
    """A later version passes, but what is no version does not."""
    with pytest.raises(InvalidRequest, match=r'^"schema-version" is not of the form "v3"$'):
        read(schema_version=version)


@pytest.mark.parametrize("field", [*REQUIRED, *OPTIONAL, "groups[]"])
def test_fails_for_a_lone_surrogate(field: str) -> None:
    """Half a character can be neither logged nor compared, so it is refused at the border."""
    value: Any = ["ok", f"{SECRET}\ud800"] if field == "groups[]" else f"{SECRET}\ud800"
    with pytest.raises(InvalidRequest) as error:
        read(**{field.removesuffix("[]"): value})
    assert str(error.value) == f'"{field}" is not valid Unicode'


@pytest.mark.parametrize(
    ("value", "type_name"),
    [(None, "null"), ([], "a list"), ("{}", "a string"), (1, "a number"), (False, "a boolean")],
)
def test_fails_for_an_event_that_is_not_an_object(value: object, type_name: str) -> None:
    """The type is named."""
    with pytest.raises(InvalidRequest, match=f"^the event is {type_name}, not an object$"):
        ConnectionRequest.from_event(value)


@given(connection_requests())
def test_every_request_survives_being_written_and_read(request: ConnectionRequest) -> None:
    """The record has the request, so it can be replayed."""
    assert ConnectionRequest.from_event(request.to_event()) == request
