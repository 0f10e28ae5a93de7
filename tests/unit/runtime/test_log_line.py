"""A line of the log fits into it, whatever others wrote into what it records."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from client_connect import record_log
from client_connect.engine.authorizer import Authorizer
from client_connect.handler import ConnectHandler
from client_connect.log_line import LONGEST_LINE, encoded
from client_connect.record_log import DescriptorLog
from client_connect.settings import Settings
from client_connect.sources.deadlines import Deadlines
from client_connect.sources.device_inventory import DeviceTable
from client_connect.sources.fact_sources import FactSources
from client_connect.sources.items import HOLDER, Key
from client_connect_notifications.forwarder import notification
from tests.support.events import event

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from client_connect.sources.items import Item

POLICIES = """
@id("all") permit (principal, action, resource);
@id("no") forbid (principal, action, resource) unless { context.waivers.contains("no") };
"""
LATER = (datetime.now(UTC) + timedelta(days=1)).isoformat()
# As DynamoDB takes it: an item has 400 KB, and a control character there one byte.
LONG = 390_000


class Items:
    """Tables that hold these items."""

    def __init__(self, items: Mapping[Key, Item]) -> None:
        self._items = items

    def get(self, keys: Iterator[Key]) -> dict[Key, Item]:
        """Return those that are there."""
        return {key: self._items[key] for key in keys if key in self._items}


def waivers(**texts: str) -> dict[Key, Item]:
    """Return an item with a waiver of the policy for bob."""
    waiver = {"until": LATER, "reason": "r", "approvedBy": "carol"} | texts
    waivers = {"no": {"M": {name: {"S": text} for name, text in waiver.items()}}}
    return {Key("w", HOLDER, "user:bob"): {HOLDER: {"S": "user:bob"}, "waivers": {"M": waivers}}}


def tags(tags: Mapping[str, str]) -> dict[Key, Item]:
    """Return an item of the laptop."""
    texts = {name: {"S": text} for name, text in tags.items()}
    return {Key("d", "commonName", "laptop-17"): {"commonName": {"S": "laptop-17"}, "tags": {"M": texts}}}


def decided(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, items: Mapping[Key, Item], **request: Any
) -> tuple[bool, str]:
    """Return the answer of a handler with this inventory, and the line that it logs."""
    table = DeviceTable(Items(items), devices="d", waivers="w")  # type: ignore[arg-type] # what it needs of tables
    around = FactSources(inventory=table, deadlines=Deadlines())
    with (tmp_path / "log").open("wb") as file:
        monkeypatch.setattr(record_log, "log", DescriptorLog(file.fileno()))
        handle = ConnectHandler(Authorizer(POLICIES).decide, Settings(), sources=around)
        answer = handle(event(username="bob", common_name="laptop-17", **request))
    return answer["allow"], (tmp_path / "log").read_text()


@pytest.mark.parametrize(
    ("items", "allow", "cut"),
    [
        pytest.param(waivers(reason="\x01" * LONG), True, None, id="a waiver's reason"),
        pytest.param(waivers(approvedBy="\U0010ffff" * (LONG // 4)), True, None, id="who approved it"),
        pytest.param(tags({"owner": "\x01" * LONG}), False, ["factsJson", "facts"], id="a tag of a device"),
        pytest.param(tags({"\x01" * LONG: ""}), False, ["factsJson", "facts"], id="the name of a tag"),
        pytest.param(
            tags({f"{number}-é": "x" for number in range(30_000)}), False, ["facts"], id="many tags"
        ),
    ],
)
def test_nobody_who_writes_an_inventory_keeps_a_decision_out_of_the_log(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    items: dict[Key, Item],
    allow: bool,  # noqa: FBT001 - a parameter of the table
    cut: list[str] | None,
) -> None:
    """However long the input is: the answer, its policies and the metrics get through."""
    allowed, line = decided(tmp_path, monkeypatch, items)
    assert allowed is allow
    assert len(line.encode()) <= LONGEST_LINE
    record = json.loads(line)
    assert record["allow"] is allow
    assert record["request"]["username"] == "bob"
    assert record["decision"]["determining"] == (["all"] if allow else ["no"])
    assert record["_aws"]["CloudWatchMetrics"][0]["Metrics"][0]["Name"] in record
    assert record.get("cut") == cut
    detail = notification({"id": "1", "message": line})
    assert detail is not None
    assert json.loads(detail)["request"]["username"] == "bob"


def test_a_waiver_that_counts_is_recorded_however_long_its_texts_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The record names who approved it, and its reason as far as a reader needs it."""
    _, line = decided(tmp_path, monkeypatch, waivers(reason="new laptop " * 30_000))
    (used,) = json.loads(line)["waiversUsed"]
    assert used["approvedBy"] == "carol"
    assert used["reason"].startswith("new laptop new")
    assert len(used["reason"]) <= 1000


def test_many_long_groups_are_cut_in_the_record_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever may invoke the function can send more groups than Client VPN does."""
    groups = [f"{number:05}" * 200 for number in range(5000)]
    _, line = decided(tmp_path, monkeypatch, {}, groups=groups)
    record = json.loads(line)
    assert record["cut"] == ["request"]
    assert record["request"]["groups"] == [group[:255] for group in groups[:20]]
    assert record["request"]["connection-id"]


def test_a_record_with_the_groups_of_a_directory_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Client VPN names at most 200, so what it sends can be replayed."""
    groups = [f"{number:03}" + "部" * 253 for number in range(200)]
    _, line = decided(tmp_path, monkeypatch, {}, groups=groups)
    record = json.loads(line)
    assert "cut" not in record
    assert record["request"]["groups"] == groups


PARTS: dict[str, object] = {
    "text": "é" * 200_000,
    "texts": ["\U0010ffff" * 10_000] * 30,
    "names": {f"{number}" * 300: "x" for number in range(1000)},
    "deep": [[[[["x" * 300] * 20] * 20] * 20]],
    "wide": [["\U0010ffff" * 300] * 30] * 100,
    "number": 1,
}


def test_a_line_of_the_longest_length_is_whole() -> None:
    """One byte more, and its longest part is cut."""
    room = LONGEST_LINE - len(encoded({"short": "a", "long": ""}))
    whole = {"short": "a", "long": "x" * room}
    assert json.loads(encoded(whole)) == whole
    assert json.loads(encoded({"short": "a", "long": "x" * (room + 1)})) == {
        "short": "a",
        "long": "x" * 255,
        "cut": ["long"],
    }


def size(fields: Mapping[str, object]) -> int:
    """Return how long a line is that fits."""
    return len(encoded(fields))


@pytest.mark.parametrize(("excess", "cut"), [(0, ["first"]), (1, ["first", "second"])])
def test_no_more_parts_are_cut_than_must_be(excess: int, cut: list[str]) -> None:
    """The longest first; 1,000 bytes are left for their names."""
    room = LONGEST_LINE - 1000 - size({"first": "x" * 255, "second": ""})
    found = json.loads(encoded({"second": "y" * (room + excess), "first": "x" * LONGEST_LINE}))
    assert found["cut"] == cut


# Of which 32,000 bytes are left, with 127 characters in its last item; what is cut takes no more than that.
STAYS_LONG = [*[["x" * 255] * 20] * 6, "x" * LONGEST_LINE, "x" * 255, "x" * 255]


def test_a_part_is_left_out_when_it_stays_long() -> None:
    """The required parts need the space."""
    found = json.loads(encoded({"part": [*STAYS_LONG, "y" * 127]}))
    assert found == {"part": [*STAYS_LONG[:6], *["x" * 255] * 3, "y" * 127], "cut": ["part"]}
    assert size({"part": found["part"]}) - size({"part": ""}) + len('""') == 32_000
    assert json.loads(encoded({"part": [*STAYS_LONG, "y" * 128]})) == {"part": None, "cut": ["part"]}


@pytest.mark.parametrize(("excess", "cut"), [(0, ["part"]), (1, ["part", "text"])])
def test_a_part_that_is_left_out_takes_no_space(excess: int, cut: list[str]) -> None:
    """Others are cut only where it must be."""
    room = LONGEST_LINE - 1000 - (size({"part": "", "text": ""}) - len('""'))
    assert (
        json.loads(encoded({"part": [*STAYS_LONG, "y" * 200], "text": "z" * (room + excess)}))["cut"] == cut
    )


def test_what_is_cut_keeps_three_levels() -> None:
    """Of lists and objects alike; what is below is null."""
    part = {"a": {"b": {"c": {"d": 1}, "e": "f"}}, "g": [[[1], 2]], "long": "x" * LONGEST_LINE}
    assert json.loads(encoded({"part": part}))["part"] == {
        "a": {"b": {"c": None, "e": "f"}},
        "g": [[None, 2]],
        "long": "x" * 255,
    }


def test_a_text_that_is_not_valid_unicode_is_escaped() -> None:
    """A line that cannot be encoded would be none."""
    assert encoded({"text": "\ud800é"}) == '{"text": "\\ud800é"}'.encode()


@pytest.mark.parametrize("names", [*((name,) for name in PARTS), tuple(PARTS)])
def test_every_line_fits(names: tuple[str, ...]) -> None:
    """And what is cut is named."""
    fields = {name: PARTS[name] for name in names}
    line = encoded(fields)
    assert len(line) <= LONGEST_LINE
    found = json.loads(line)
    cut = found.pop("cut", [])
    assert [name for name in found if found[name] != fields[name]] == [name for name in found if name in cut]
