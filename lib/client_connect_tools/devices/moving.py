"""Waivers and blocks moved into another table, such as that of another Region: nothing of them is lost.

An import takes nothing away. What the table says otherwise stays, and is reported: another waiver or block in the same
place, and one that was ended there. So importing a file twice, or twice at the same time, is the same as once.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from client_connect.blocks import Block, folded
from client_connect.sources.items import (
    HOLDER,
    MalformedItem,
    block_attributes,
    block_of,
    waiver_attributes,
    waivers_of,
)
from client_connect.waiver import Waiver
from client_connect_tools.devices.blocks import (
    KeptBlock,
    block_if_new,
    is_of_blocks,
    kept_blocks,
    key_of,
    write_block,
)
from client_connect_tools.devices.dynamodb import scan
from client_connect_tools.devices.encodings import NOT_UTF_8
from client_connect_tools.devices.export_file import entries
from client_connect_tools.devices.plain import plain
from client_connect_tools.devices.waivers import KeptWaiver, kept, waive, waive_if_new
from client_connect_tools.inputs.device_json import is_unicode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from mypy_boto3_dynamodb import DynamoDBClient

    from client_connect.sources.items import Item

_Entry = TypeVar("_Entry", Waiver, Block)
_HOLDERS = ("device:", "user:")
# Ends on purpose; a waiver that expired says nothing of the same one elsewhere.
_REVOKED = frozenset(("revoked", "unblocked", "replaced"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept(Generic[_Entry]):
    """A waiver or a block that a table holds, or the trace of one.

    Attributes:
        entry: What it is.
        state: ``active``, ``expired``, or how it was ended.
        ended: When and who did it.
        problem: Why a block cannot be read, which holds all the same.
    """

    entry: _Entry
    state: str
    ended: str = ""
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflict(Generic[_Entry]):
    """An entry of a file that was not written, because the table says otherwise.

    Attributes:
        entry: That of the file.
        present: What is in its place in the table; ``None`` where it was ended there.
        why: Why it was not written.
    """

    entry: _Entry
    present: _Entry | None
    why: str


@dataclass(slots=True)
class Outcome(Generic[_Entry]):
    """The result of an import.

    Attributes:
        written: Those that were written, or would be.
        same: Those that were there already.
        over: Those that have ended since the export.
        conflicts: Those that the table says otherwise about.
        others: Those that count in the table, and are not in the file.
    """

    written: list[_Entry] = field(default_factory=list)
    same: list[_Entry] = field(default_factory=list)
    over: list[_Entry] = field(default_factory=list)
    conflicts: list[Conflict[_Entry]] = field(default_factory=list)
    others: list[_Entry] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind(Generic[_Entry]):
    """Waivers or blocks.

    Attributes:
        name: Its name in the plural.
        singular: Its name.
        is_of: Tells whether an item of the table is one of these.
        kept: Reads an item.
        attributes: All of an entry but its place, as an item holds it.
        place: What there can be only one of: the policy and holder of a waiver, the name of a block.
        of: Reads an entry.
        to_line: Writes an entry, unshortened.
        add: Writes an entry, unless another one in its place still counts; returns that.
        put: Writes an entry, whatever is in its place.
    """

    name: str
    singular: str
    is_of: Callable[[Item], bool]
    kept: Callable[[Item], Iterator[Kept[_Entry]]]
    attributes: Callable[[_Entry], Item]
    place: Callable[[_Entry], tuple[str, str]]
    of: Callable[[str, dict[str, Any]], _Entry]
    to_line: Callable[[_Entry], dict[str, Any]]
    add: Callable[[DynamoDBClient, str, _Entry, str], _Entry | None]
    put: Callable[[DynamoDBClient, str, _Entry, str], object]

    def of_table(self, dynamodb: DynamoDBClient, table: str, problems: list[str]) -> Iterator[Kept[_Entry]]:
        """Yield what a table holds; add what cannot be read to the problems.

        Raises:
            DynamoDbFailed: When it cannot be read.
        """
        for item in scan(dynamodb, table):
            if not self.is_of(item):
                continue
            try:
                found = list(self.kept(item))
            except MalformedItem as error:
                problems.append(f'{self.name} of "{item[HOLDER]["S"]}": {error}')
            else:
                yield from found

    def read(self, lines: Iterable[str]) -> Iterator[tuple[int, _Entry | str]]:
        """Yield the entries of an export with the numbers of their lines, or what is wrong with one.

        Raises:
            UnreadableFile: When it is no complete export of these.
        """
        for number, line in entries(lines, self.name):
            if not is_unicode(line):
                yield number, NOT_UTF_8
                continue
            try:
                yield number, self._entry(json.loads(line, object_pairs_hook=_unique))
            except (ValueError, RecursionError) as error:
                yield number, str(error) or type(error).__name__

    def _entry(self, listed: object) -> _Entry:
        if not isinstance(listed, dict):
            raise MalformedItem("it is not a JSON object")
        if wrong := [name for name, value in listed.items() if not isinstance(value, str)]:
            raise MalformedItem(f'"{wrong[0]}" is not a text')
        holder = listed.get("holder", "")
        if not holder.startswith(_HOLDERS) or holder in _HOLDERS:
            raise MalformedItem('"holder" must be "device:" or "user:" and a name')
        entry = self.of(holder, {name: {"S": value} for name, value in listed.items()})
        if unknown := sorted(listed.keys() - self.to_line(entry).keys()):
            raise MalformedItem(f'"{unknown[0]}" is nothing that a {self.singular} has')
        return entry


@dataclass(frozen=True, slots=True, kw_only=True)
class Import(Generic[_Entry]):
    """An import into a table.

    Attributes:
        kind: Waivers or blocks.
        dynamodb: A client.
        table: The name of the table.
        by: The ARN of the principal that writes; ``None`` for who only looks what would be written.
        replaces: Whether entries of the file replace others, and come back after they were revoked.
        outcome: The result so far.
    """

    kind: Kind[_Entry]
    dynamodb: DynamoDBClient
    table: str
    by: str | None
    replaces: bool = False
    outcome: Outcome[_Entry] = field(default_factory=Outcome)

    def run(self, given: Iterable[_Entry]) -> None:
        """Write what the table does not have.

        Raises:
            DynamoDbFailed: When it cannot be read or written.
        """
        kind, places = self.kind, set()
        held = list(kind.of_table(self.dynamodb, self.table, []))
        present = {kind.place(each.entry): each.entry for each in held if each.state == "active"}
        ended = {_key(kind, each.entry): each for each in held if each.state in _REVOKED}
        for entry in given:
            place = kind.place(entry)
            places.add(place)
            self._take(entry, present.get(place), ended.get(_key(kind, entry)))
            if self.outcome.written[-1:] == [entry]:  # what the table holds then, even if it is only said
                present[place] = entry
        self.outcome.others += [entry for place, entry in present.items() if place not in places]

    def _take(self, entry: _Entry, there: _Entry | None, ended: Kept[_Entry] | None) -> None:
        if entry.until is not None and entry.until <= datetime.now(UTC):
            self.outcome.over.append(entry)
        elif there is not None and (not self.replaces or _same(self.kind, entry, there)):
            self._leave(entry, there)
        elif ended is not None and not self.replaces:
            self._conflict(entry, f"it was {ended.state} there at {ended.ended}")
        else:
            self._write(entry)

    def _write(self, entry: _Entry) -> None:
        there: _Entry | None = None
        try:
            if self.by is not None and self.replaces:
                self.kind.put(self.dynamodb, self.table, entry, self.by)
            elif self.by is not None:
                there = self.kind.add(self.dynamodb, self.table, entry, self.by)
        except MalformedItem as error:
            self._conflict(entry, f"the item there is malformed: {error}")
            return
        if there is None:
            self.outcome.written.append(entry)
        else:
            self._leave(entry, there)  # another writer was faster

    def _leave(self, entry: _Entry, there: _Entry) -> None:
        if _same(self.kind, entry, there):
            self.outcome.same.append(entry)
        else:
            self._conflict(entry, "another one is there", there)

    def _conflict(self, entry: _Entry, why: str, present: _Entry | None = None) -> None:
        self.outcome.conflicts.append(Conflict(entry=entry, present=present, why=why))


def _same(kind: Kind[_Entry], one: _Entry, other: _Entry) -> bool:
    return kind.attributes(one) == kind.attributes(other)


def _key(kind: Kind[_Entry], entry: _Entry) -> tuple[tuple[str, str], str]:
    return kind.place(entry), json.dumps(kind.attributes(entry), sort_keys=True)


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Return an object; a key that is there twice is ambiguous."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise MalformedItem("it has a key twice")
    return found


def _kept_waivers(item: Item) -> Iterator[Kept[Waiver]]:
    for each in kept(item):
        yield Kept(entry=each.waiver, state=each.state, ended=_ended(each))


def _kept_blocks(item: Item) -> Iterator[Kept[Block]]:
    for each in kept_blocks(item):
        yield Kept(entry=each.block, state=each.state, ended=_ended(each), problem=each.problem)


def _ended(each: KeptWaiver | KeptBlock) -> str:
    return f"{each.ended_at} by {each.ended_by}"


def _waiver(holder: str, attributes: dict[str, Any]) -> Waiver:
    if "policyId" not in attributes:
        raise MalformedItem('"policyId" is missing')
    policy_id = attributes["policyId"]["S"]
    item: Any = {HOLDER: {"S": holder}, "waivers": {"M": {policy_id: {"M": attributes}}}}
    (waiver,) = waivers_of(item)
    return waiver


def _block(holder: str, attributes: dict[str, Any]) -> Block:
    return block_of({**attributes, "name": {"S": holder}})


def _waiver_line(waiver: Waiver) -> dict[str, Any]:
    return {"holder": waiver.holder, "policyId": waiver.policy_id, **plain(waiver_attributes(waiver))}


def _block_line(block: Block) -> dict[str, Any]:
    attributes = block_attributes(block)
    return {"holder": plain(attributes).pop("name"), **plain({**attributes, "name": {"S": ""}})}


def _block_place(block: Block) -> tuple[str, str]:
    return key_of(block.holder), folded(block.holder.partition(":")[2])


WAIVERS: Kind[Waiver] = Kind(
    name="waivers",
    singular="waiver",
    is_of=lambda item: not is_of_blocks(item),
    kept=_kept_waivers,
    attributes=waiver_attributes,
    place=lambda waiver: (waiver.holder, waiver.policy_id),
    of=_waiver,
    to_line=_waiver_line,
    add=lambda dynamodb, table, waiver, by: waive_if_new(dynamodb, table, waiver, by=by),
    put=lambda dynamodb, table, waiver, by: waive(dynamodb, table, waiver, by=by),
)
BLOCKS: Kind[Block] = Kind(
    name="blocks",
    singular="block",
    is_of=is_of_blocks,
    kept=_kept_blocks,
    attributes=block_attributes,
    place=_block_place,
    of=_block,
    to_line=_block_line,
    add=lambda dynamodb, table, block, by: block_if_new(dynamodb, table, block, by=by),
    put=lambda dynamodb, table, block, by: write_block(dynamodb, table, block, by=by),
)
