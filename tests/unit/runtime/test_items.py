"""Devices and waivers as items of DynamoDB, and back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from client_connect import Device, OsVersion
from client_connect.sources.items import (
    Item,
    MalformedItem,
    device_item,
    device_of,
    is_removed,
    kept_until,
    readable_waivers_of,
    waivers_item,
    waivers_of,
)
from client_connect.waiver import Waiver, device_holder, user_holder

UNTIL = datetime(2026, 12, 1, tzinfo=UTC)
NUMBERS = st.integers(0, 999_999_999)
TIMES = st.datetimes(datetime(1990, 1, 1), datetime(2190, 1, 1)).map(  # noqa: DTZ001 - it gets its zone
    lambda time: time.replace(microsecond=0, tzinfo=UTC)
)
DEVICES = st.builds(
    Device,
    compliant=st.none() | st.booleans(),
    last_seen=st.none() | TIMES,
    os=st.none() | st.builds(OsVersion, NUMBERS, NUMBERS, st.none() | NUMBERS),
    tags=st.dictionaries(st.text(), st.text(), max_size=3),
)
WAIVERS = st.builds(
    Waiver,
    policy_id=st.text(),
    until=TIMES,
    reason=st.text(),
    approved_by=st.text(),
    holder=st.just("user:bob"),
    granted_by=st.text(),
    granted_at=st.none() | TIMES,
)


def waiver(**changes: Any) -> Waiver:
    """Return a waiver."""
    arguments = {
        "policy_id": "hours",
        "until": UNTIL,
        "reason": "r",
        "approved_by": "carol",
        "holder": "user:bob",
    }
    return Waiver(**{**arguments, **changes})


@given(DEVICES)
def test_a_device_comes_back(device: Device) -> None:
    """Items are read as they were written, to the second."""
    item = device_item("laptop", device)
    assert item["commonName"] == {"S": "laptop"}
    assert device_of(item) == device


@given(st.lists(WAIVERS, min_size=1, max_size=4, unique_by=lambda each: each.policy_id))
def test_waivers_come_back(waivers: list[Waiver]) -> None:
    """In the order of their policies, and the item lasts until the last of them ends."""
    item = waivers_item(waivers)
    by_policy = sorted(waivers, key=lambda each: each.policy_id)
    assert waivers_of(item) == tuple(by_policy)
    assert readable_waivers_of(item) == (by_policy, "")
    latest = max(each.until for each in waivers)
    if latest.year < 9990:
        assert int(item["expiresAt"]["N"]) == (latest + timedelta(days=400)).timestamp()


def test_times_are_written_and_read_in_utc() -> None:
    """Whatever zone they come in: records of decisions show them so, and people compare items by eye."""
    berlin = datetime(2026, 11, 22, 10, 0, tzinfo=timezone(timedelta(hours=1)))
    assert device_item("x", Device(last_seen=berlin))["lastSeen"] == {"S": "2026-11-22T09:00:00Z"}
    read = device_of({"lastSeen": {"S": "2026-11-22T10:00:00+01:00"}}).last_seen
    assert read is not None
    assert read.isoformat() == "2026-11-22T09:00:00+00:00"


def test_a_device_of_which_nothing_is_said() -> None:
    """The common name alone is a device; attributes that are not known are ignored."""
    item: Item = {"commonName": {"S": "x"}, "compliant": {"NULL": True}, "serial": {"N": "7"}}
    assert device_of(item) == Device()


MALFORMED_DEVICES = {
    '"compliant" is of type S, not BOOL': {"compliant": {"S": "true"}},
    '"lastSeen" is of type N, not S': {"lastSeen": {"N": "1796083200"}},
    "\"lastSeen\" is not a time: 'yesterday'": {"lastSeen": {"S": "yesterday"}},
    "\"lastSeen\" has no time zone: '2026-11-22T09:00:00'": {"lastSeen": {"S": "2026-11-22T09:00:00"}},
    "\"lastSeen\" is not a time: '0001-01-01T00:00:00+14:00'": {
        "lastSeen": {"S": "0001-01-01T00:00:00+14:00"}
    },
    '"os" is not a version such as "10.0.22631": \'Windows 11\'': {"os": {"S": "Windows 11"}},
    '"tags" is of type S, not M': {"tags": {"S": "a=b"}},
    '"a" is of type BOOL, not S': {"tags": {"M": {"a": {"BOOL": True}}}},
    '"a" is missing': {"tags": {"M": {"a": {"NULL": True}}}},
}


@pytest.mark.parametrize("message", MALFORMED_DEVICES)
def test_fails_for_a_malformed_device(message: str) -> None:
    """Nothing is guessed: the message names the attribute."""
    with pytest.raises(MalformedItem) as raised:
        device_of({"commonName": {"S": "x"}, **MALFORMED_DEVICES[message]})
    assert str(raised.value) == message


def granted(**attributes: Any) -> Item:
    """Return the content of an item whose one waiver has these attributes."""
    held = {"until": {"S": "2026-12-01T00:00:00Z"}, "reason": {"S": ""}, "approvedBy": {"S": ""}}
    return {"waivers": {"M": {"p": {"M": held | attributes}}}}


MALFORMED_WAIVERS = {
    '"holder" is missing': {"holder": {"NULL": True}},
    '"waivers" is of type L, not M': {"waivers": {"L": []}},
    '"p" is of type S, not M': {"waivers": {"M": {"p": {"S": "2026-12-01"}}}},
    '"until" is missing': {"waivers": {"M": {"p": {"M": {"reason": {"S": ""}, "approvedBy": {"S": ""}}}}}},
    "\"until\" has no time zone: '2026-12-01'": {
        "waivers": {"M": {"p": {"M": {"until": {"S": "2026-12-01"}}}}}
    },
    '"approvedBy" is missing': {
        "waivers": {"M": {"p": {"M": {"until": {"S": "2026-12-01T00:00:00Z"}, "reason": {"S": ""}}}}}
    },
    '"grantedBy" is of type N, not S': granted(grantedBy={"N": "7"}),
    '"grantedAt" is of type N, not S': granted(grantedAt={"N": "1796083200"}),
    "\"grantedAt\" is not a time: 'today'": granted(grantedAt={"S": "today"}),
}


@pytest.mark.parametrize("message", MALFORMED_WAIVERS)
def test_fails_for_malformed_waivers(message: str) -> None:
    """A waiver without its end, its reason or who approved it is none."""
    with pytest.raises(MalformedItem) as raised:
        waivers_of({**waivers_item([waiver()]), **MALFORMED_WAIVERS[message]})
    assert str(raised.value) == message


def test_holders_are_not_to_be_confused() -> None:
    """A user cannot have a name that would claim the waivers of a device; cases of a user's name are one."""
    assert user_holder("Bob") == user_holder("bOB") == "user:bob"
    assert device_holder("Bob") == "device:Bob"
    assert user_holder("device:x") == "user:device:x"


def test_a_part_of_a_second_is_not_lost_to_the_clean_up() -> None:
    """DynamoDB removes the item no sooner than the waiver ends."""
    item = waivers_item([waiver(until=UNTIL + timedelta(milliseconds=1))])
    assert int(item["expiresAt"]["N"]) > UNTIL.timestamp()


def test_the_trace_of_a_waiver_is_kept_for_four_hundred_days_where_there_are_so_many() -> None:
    """At the end of the calendar it is kept as long as it counts."""
    last, first = datetime(9989, 12, 31, tzinfo=UTC), datetime(9990, 1, 1, tzinfo=UTC)
    assert kept_until(last) == (last + timedelta(days=400)).timestamp()
    assert kept_until(first) == first.timestamp()


def test_a_removed_device_is_only_a_mark() -> None:
    """Only ``true`` removes it; another type is malformed, not ignored."""
    assert is_removed({"commonName": {"S": "pc"}, "removed": {"BOOL": True}})
    for item in ({"removed": {"BOOL": False}}, {"removed": {"NULL": True}}, {}):
        assert not is_removed(item)
    with pytest.raises(MalformedItem, match='"removed" is of type S, not BOOL'):
        is_removed({"removed": {"S": "true"}})
