"""The event that Client VPN sends to a client connect handler.

Source: https://docs.aws.amazon.com/vpn/latest/clientvpn-admin/connection-authorization.html
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address

from client_connect.light_typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from typing import Any

LATEST_SCHEMA_VERSION = "v3"
# The only key of an event that is a probe and no connection request. Its value is the request to decide.
PROBE = "clientConnectProbe"
# Characters that separate names, or are in none: control characters, line separators and the byte order mark.
_NOT_IN_A_NAME = frozenset((*",;|\u2028\u2029\ufeff", *map(chr, range(0x20)), *map(chr, range(0x7F, 0xA0))))
_AROUND_NAMES = {'"': '"', "'": "'", "[": "]", "{": "}", "(": ")", "<": ">", "`": "`"}
_SCHEMA_VERSION = re.compile(r"v[1-9][0-9]{0,3}", re.ASCII)


def is_probe(event: object) -> bool:
    """Tell whether an event is a probe and no connection request."""
    return isinstance(event, dict) and event.keys() == {PROBE}


class InvalidRequest(ValueError):
    """The event is not a connection request: a field is missing, of a wrong type or malformed."""


class EndpointNotAnswered(InvalidRequest):
    """The request is of an endpoint that this handler is not for."""


class ConnectionRequest(NamedTuple):
    """A connection that asks to be established, as Client VPN describes it.

    One type for the schema versions v1, v2 and v3. What a version does not have, or what the client did
    not send, is ``None`` or empty.

    Attributes:
        connection_id: The ID of the connection.
        endpoint_id: The ID of the Client VPN endpoint.
        common_name: The common name of the client certificate: the device. ``None`` without mutual
            authentication.
        username: The Active Directory user name or the SAML ``NameID``, cut at 255 characters by the
            service. ``None`` under mutual authentication alone.
        platform: The operating system as the client names it, such as ``win``; may be empty.
        platform_version: Free text; promised only for Windows clients with ``push-peer-info``.
        public_ip: The device's public address. An IPv4 address that came mapped into IPv6 is IPv4 here,
            so that rules for IPv4 networks see it.
        client_openvpn_version: The OpenVPN version of the client.
        groups: The user's directory or SAML groups (since v2), without repetition.
        aws_client_version: The version of the AWS provided client (since v3). A user can forge it.
        schema_version: ``v1``, ``v2``, ``v3`` or later.
    """

    connection_id: str
    endpoint_id: str
    platform: str
    public_ip: IPv4Address | IPv6Address
    common_name: str | None = None
    username: str | None = None
    platform_version: str | None = None
    client_openvpn_version: str | None = None
    groups: tuple[str, ...] = ()
    aws_client_version: str | None = None
    schema_version: str = LATEST_SCHEMA_VERSION

    @classmethod
    def from_event(cls, event: object) -> ConnectionRequest:
        """Read the event of a handler's invocation.

        Keys that are not known are ignored, and so are later schema versions that still carry the known
        fields. AWS does not document the type of ``groups``: it may be a list, a JSON list in a string, the
        string of one group, null or missing.

        Raises:
            InvalidRequest: When the event is not an object, when ``connection-id``, ``endpoint-id``,
                ``platform``, ``public-ip`` or ``schema-version`` is missing, when there is neither a
                ``username`` nor a ``common-name``, or when a field has a wrong type. The message names
                the field.
        """
        if not isinstance(event, dict):
            raise InvalidRequest(f"the event is {_type_name(event)}, not an object")
        request = cls(
            schema_version=_schema_version(event),
            connection_id=_required(event, "connection-id"),
            endpoint_id=_required(event, "endpoint-id"),
            common_name=_optional(event, "common-name"),
            username=_optional(event, "username"),
            platform=_string(event, "platform"),
            platform_version=_optional(event, "platform-version"),
            public_ip=_address(event, "public-ip"),
            client_openvpn_version=_optional(event, "client-openvpn-version"),
            groups=_groups(event),
            aws_client_version=_optional(event, "aws-client-version"),
        )
        if request.username is None and request.common_name is None:
            raise InvalidRequest('"username" and "common-name" are both empty, so no one can be authorized')
        return request

    def to_event(self) -> dict[str, Any]:
        """Return the event again, with the known fields only; ``from_event`` reads it back."""
        return {
            "connection-id": self.connection_id,
            "endpoint-id": self.endpoint_id,
            "common-name": self.common_name or "",
            "username": self.username or "",
            "platform": self.platform,
            "platform-version": self.platform_version or "",
            "public-ip": str(self.public_ip),
            "client-openvpn-version": self.client_openvpn_version or "",
            "groups": list(self.groups),
            "aws-client-version": self.aws_client_version or "",
            "schema-version": self.schema_version,
        }


def schema_version_of(event: object) -> str:
    """Return the schema version to answer an event in, even when the event is not a valid request."""
    version = event.get("schema-version") if isinstance(event, dict) else None
    if isinstance(version, str) and _SCHEMA_VERSION.fullmatch(version):
        return version
    return LATEST_SCHEMA_VERSION


def endpoint_id_of(event: object) -> str | None:
    """Return the endpoint's id, even when the event is not a valid request; ``None`` when it has none."""
    endpoint_id = event.get("endpoint-id") if isinstance(event, dict) else None
    return endpoint_id if isinstance(endpoint_id, str) and endpoint_id else None


def _schema_version(event: dict[Any, Any]) -> str:
    version = _string(event, "schema-version")
    if not _SCHEMA_VERSION.fullmatch(version):
        raise InvalidRequest('"schema-version" is not of the form "v3"')
    return version


def _required(event: dict[Any, Any], field: str) -> str:
    value = _string(event, field)
    if not value:
        raise InvalidRequest(f'"{field}" is empty')
    return value


def _optional(event: dict[Any, Any], field: str) -> str | None:
    value = event.get(field)
    return None if value is None or value == "" else _text(value, field)


def _string(event: dict[Any, Any], field: str) -> str:
    if field not in event:
        raise InvalidRequest(f'"{field}" is missing')
    return _text(event[field], field)


def _text(value: object, field: str) -> str:
    if not isinstance(value, str):
        raise InvalidRequest(f'"{field}" is {_type_name(value)}, not a string')
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise InvalidRequest(f'"{field}" is not valid Unicode') from None
    return value


def _groups(event: dict[Any, Any]) -> tuple[str, ...]:
    value = event.get("groups")
    if isinstance(value, str):
        value = _groups_in_text(_text(value, "groups"))
    if value is None:
        return ()
    if not isinstance(value, list):
        raise InvalidRequest(f'"groups" is {_type_name(value)}, not a list')
    names = [_text(name, "groups[]") for name in value]
    return tuple(dict.fromkeys(name for name in names if name))


def _groups_in_text(text: str) -> list[object]:
    """Read the text of one group, or of a JSON list; read as one group, several would escape every forbid.

    Raises:
        InvalidRequest: When the text could be anything else than the bare name of one group.
    """
    if text.lstrip().startswith("["):
        try:
            names = json.loads(text)
        except ValueError:
            raise InvalidRequest('"groups" begins as a JSON list, but is none') from None
        return list(names)
    if not _NOT_IN_A_NAME.isdisjoint(text):
        raise InvalidRequest('"groups" is a text with separators, and AWS does not document how to read it')
    if text != text.strip() or _AROUND_NAMES.get(text[:1]) == text[-1:]:
        raise InvalidRequest(
            '"groups" is a text in quotes, brackets or spaces, and AWS does not document how to read it'
        )
    return [text]


def _address(event: dict[Any, Any], field: str) -> IPv4Address | IPv6Address:
    text = _required(event, field)
    try:
        address = ip_address(text) if "%" in text else _parsed_address(text)
    except ValueError:
        raise InvalidRequest(f'"{field}" is not an IP address') from None
    if isinstance(address, IPv6Address):
        if address.scope_id:
            raise InvalidRequest(f'"{field}" is not a public IP address, because it names a zone')
        return address.ipv4_mapped or address
    return address


@lru_cache(maxsize=4096)  # of users, who come again; not with a zone, which may be of any length
def _parsed_address(text: str) -> IPv4Address | IPv6Address:
    return ip_address(text)


def _type_name(value: object) -> str:
    names = {type(None): "null", bool: "a boolean", str: "a string", list: "a list", dict: "an object"}
    return names.get(type(value), "a number" if isinstance(value, int | float) else "of an unknown type")
