"""Reports without data that identifies an account or a network, so they can be shown and kept as test data."""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address, ip_address

ACCOUNT = "111111111111"
IPV4, IPV6 = "198.51.100.7", "2001:db8::7"

_ID = re.compile(r"\b(cvpn-(?:endpoint|connection)-)([0-9a-f]{8,32})\b")
_ACCOUNT = re.compile(r"(?<![0-9A-Za-z])[0-9]{12}(?![0-9A-Za-z])")
_DIGITS = "0123456789abcdef"
# A possible address; ip_address says whether it is one.
_IPV4 = re.compile(r"(?<![\w.])[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?![\w.])")
_IPV6 = re.compile(r"(?<![\w:])[0-9a-fA-F]*:[0-9a-fA-F:.]+")


def anonymous(value: object) -> object:
    """Return a value of JSON with other ids, accounts and public addresses, each of the same form."""
    if isinstance(value, dict):
        return {str(anonymous(key)): anonymous(each) for key, each in value.items()}
    if isinstance(value, list):
        return [anonymous(each) for each in value]
    return _anonymous_text(value) if isinstance(value, str) else value


def _anonymous_text(text: str) -> str:
    text = _ID.sub(lambda match: match[1] + (_DIGITS * 2)[: len(match[2])], text)
    text = _ACCOUNT.sub(ACCOUNT, text)
    for addresses in (_IPV6, _IPV4):
        text = addresses.sub(lambda match: _anonymous_address(match[0]), text)
    return text


def _anonymous_address(text: str) -> str:
    try:
        address = ip_address(text)
    except ValueError:
        return text
    match address:
        case IPv4Address():
            return IPV4
        case IPv6Address():
            return IPV6
