"""Policy tests as they are written beside the policies, in ``*.tests.toml``."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal, cast

from client_connect import Authorizer, ConnectionRequest, Device, Facts, InvalidRequest, OsVersion, cedar_json
from client_connect.response import MAX_MESSAGE_LENGTH
from client_connect.settings import CUSTOM_SCHEMA_FILE
from client_connect_tools._toml_tables import TomlTable, entries, literal, suggestion
from client_connect_tools.default_event import DEFAULT_EVENT
from client_connect_tools.errors import InvalidPolicyTests
from client_connect_tools.time_zones import time_zone_named, time_zone_names

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import tzinfo
    from pathlib import Path

    from client_connect.custom_facts import CustomFactsState
    from client_connect_tools.policies import Policies

# A Monday, so that a test without a time of its own is within what most people call working hours.
DEFAULT_AT = datetime(2026, 1, 5, 12, tzinfo=UTC)

DEFAULT_REQUEST: dict[str, str | list[str]] = {**DEFAULT_EVENT, "username": "user"}
DEFAULT_COMMON_NAME = "device"

_CIRCUMSTANCES = (
    *("at", "time-zone", "request", "device", "inventory", "waivers", "active-connections"),
    *("custom", "custom-facts"),
)
_OUTCOME = ("by", "message", "statuses", "errors")
_KEYS = ("name", *_CIRCUMSTANCES, "expect", *_OUTCOME, "shadow-denied", "shadow-allowed")
_DEVICE_KEYS = ("compliant", "last-seen", "os", "tags")
_INVENTORY = ("disabled", "known", "unknown", "unavailable")
_CUSTOM_FACTS = ("disabled", "available", "unavailable")
_HEADER = re.compile(r"""^[ \t]*\[\[[ \t]*(?:test|"test"|'test')[ \t]*\]\]""")
_MAX_LONG = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedDecision:
    """What a policy test expects; what is ``None`` may be anything.

    Attributes:
        allowed: Whether the connection is allowed.
        by: Exactly the ids of the policies that make the decision, sorted.
        message: What the policies tell a denied client.
        statuses: Exactly the posture compliance statuses, sorted.
        shadow_denied: Exactly the ids of the forbids in shadow mode that apply, sorted.
        shadow_allowed: Exactly the ids of the permits in shadow mode that apply, sorted.
        errors: Whether a policy cannot be evaluated; or texts, each of them part of an error.
    """

    allowed: bool
    by: tuple[str, ...] | None = None
    message: str | None = None
    statuses: tuple[str, ...] | None = None
    shadow_denied: tuple[str, ...] | None = None
    shadow_allowed: tuple[str, ...] | None = None
    errors: bool | tuple[str, ...] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyTest:
    """One case: a connection, and what the policies are expected to say of it.

    Attributes:
        file: The file that it was read from.
        line: Where its ``[[test]]`` begins, counted from 1.
        name: Its name, unique in the file; of a variant, with its number and what it changes.
        facts: The connection.
        expected: The decision.
    """

    file: str
    line: int
    name: str
    facts: Facts
    expected: ExpectedDecision


def read_policy_tests(policies: Policies, *, time_zone: str = "UTC") -> tuple[PolicyTest, ...]:
    """Read the tests beside policies, in the order of the files.

    Args:
        policies: Their ``test_files`` are read; a test may name the policies that are in them only.
        time_zone: The zone of the tests that name none, as an IANA name.

    Raises:
        InvalidPolicyTests: With everything that is wrong in any of the files.
        InvalidPolicySet: When the policies themselves, or their ``custom.cedarschema``, cannot be parsed.
    """
    zone = time_zone_named(time_zone)
    tested = _Tested(Authorizer(policies.text, custom=policies.custom), declares=policies.custom is not None)
    files = [_File.read(path, tested) for path in policies.test_files]
    tests = tuple(test for file in files for test in file.tests(zone))
    problems = [problem for file in files for problem in file.problems]
    if problems:
        raise InvalidPolicyTests(problems)
    return tests


@dataclass(frozen=True, slots=True)
class _Tested:
    """What a test must fit to.

    Attributes:
        authorizer: The policies and their schema.
        declares: Whether they come with a ``custom.cedarschema``.
    """

    authorizer: Authorizer
    declares: bool

    @property
    def ids(self) -> Sequence[str]:
        return tuple(self.authorizer.policies.by_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class _File:
    name: str
    document: dict[str, Any]
    lines: list[int]
    tested: _Tested
    problems: list[str]

    @classmethod
    def read(cls, path: Path, tested: _Tested) -> _File:
        name = path.as_posix()
        text, document, problems = "", {}, []
        try:
            text = path.read_text("utf-8-sig")
            document = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            problems.append(f"{name}: this is not TOML: {error}; correct it there")
        except (OSError, UnicodeDecodeError) as error:
            problems.append(f"{name}: cannot be read: {error}")
        lines = [number for number, line in enumerate(text.splitlines(), 1) if _HEADER.match(line)]
        return cls(name=name, document=document, lines=lines, tested=tested, problems=problems)

    def tests(self, zone: tzinfo) -> Iterator[PolicyTest]:
        if self.problems:
            return
        found: list[str] = []
        table = TomlTable(self.document, found)
        table.require_known(("time-zone", "test"))
        zone = _zone(table, zone)
        cases = table.tables("test", "write a [[test]] with a name and what to expect")
        self.problems.extend(f"{self.name}: {problem}" for problem in found)
        names: set[str] = set()
        for number, values in enumerate(cases):
            line = self.lines[number] if len(self.lines) == len(cases) else 1
            yield from self._case(values, line, zone, names)

    def _case(
        self, values: dict[str, object], line: int, zone: tzinfo, names: set[str]
    ) -> Iterator[PolicyTest]:
        found: list[str] = []
        name = _name(TomlTable(values, found), names)
        variants = _variants(TomlTable(values, found), name)
        self._note(line, name, found)
        outcomes: dict[str, list[str]] = {}
        for variant, merged in variants:
            table = TomlTable(merged, [])
            case = _Case(table, self.tested)
            facts, expected = case.facts(zone), case.expected()
            outcomes[variant] = table.problems
            if facts is not None and expected is not None and not table.problems:
                yield PolicyTest(file=self.name, line=line, name=variant, facts=facts, expected=expected)
        self._note_once(line, name, outcomes)

    def _note_once(self, line: int, name: str, outcomes: dict[str, list[str]]) -> None:
        """Note what is wrong in every variant as wrong in the case that they share."""
        common = [
            problem
            for problem in next(iter(outcomes.values()), [])
            if all(problem in problems for problems in outcomes.values())
        ]
        self._note(line, name, common)
        for variant, problems in outcomes.items():
            self._note(line, variant, [problem for problem in problems if problem not in common])

    def _note(self, line: int, name: str, problems: list[str]) -> None:
        where = f"{self.name}:{line}: " + (f"test {literal(name)}: " if name else "")
        self.problems.extend(where + problem for problem in problems)


def _name(table: TomlTable, names: set[str]) -> str:
    name = table.text("name")
    if name is None:
        if "name" not in table.values:
            table.problems.append('the test has no "name"; say in it what is expected')
        return ""
    if not name.strip() or not name.isprintable():
        table.note("name", f"is {literal(name)}; give one line that says what is expected")
        return ""
    if name in names:
        table.note("name", "is that of an earlier test; give each test its own")
    names.add(name)
    return name


def _variants(table: TomlTable, name: str) -> list[tuple[str, dict[str, object]]]:
    base = {key: value for key, value in table.values.items() if key != "variants"}
    if "variants" not in table.values:
        return [(name, base)]
    variants = table.tables("variants", 'give tables, such as [{ request = { platform = "mac" } }]')
    return [
        (f"{name} [{number}: {_label(variant)}]", _merged(base, variant))
        for number, variant in enumerate(variants, 1)
    ]


def _label(variant: Mapping[str, object]) -> str:
    if isinstance(name := variant.get("name"), str):
        return name if name.isprintable() else literal(name)
    shown = {key: value for key, value in variant.items() if key in _CIRCUMSTANCES} or dict(variant)
    request = shown.pop("request", None)
    if isinstance(request, dict):
        shown = request | shown
    return entries(shown)


def _merged(base: Mapping[str, object], variant: Mapping[str, object]) -> dict[str, object]:
    """Let a variant override a case, without what would contradict it."""
    replaced = {"inventory"} if "device" in variant else set()
    if variant.get("inventory", "known") != "known":
        replaced.add("device")
    if "custom" in variant:
        replaced.add("custom-facts")
    if variant.get("custom-facts", "available") != "available":
        replaced.add("custom")
    if "expect" in variant and variant["expect"] != base.get("expect"):
        replaced |= set(_OUTCOME)
    merged = {key: value for key, value in base.items() if key not in replaced} | dict(variant)
    requests = base.get("request"), variant.get("request")
    if isinstance(requests[0], dict) and isinstance(requests[1], dict):
        merged["request"] = requests[0] | requests[1]
    return merged


@dataclass(frozen=True, slots=True)
class _Case:
    """One case, its variant already merged into it."""

    table: TomlTable
    tested: _Tested

    def facts(self, zone: tzinfo) -> Facts | None:
        table = self.table
        table.require_known((*_KEYS, "variants") if "variants" not in table.values else _KEYS)
        at = table.instant("at")
        zone = _zone(table, zone)
        device, inventory = self._device(), self._inventory()
        request = self._request(inventory)
        waivers, active = self._ids("waivers"), self._active_connections()
        custom, custom_facts = self._custom(), self._custom_facts()
        if request is None or table.problems:
            return None
        facts = Facts(
            request,
            now=at or DEFAULT_AT,
            time_zone=zone,
            inventory=inventory,
            device=device,
            waivers=frozenset(waivers or ()),
            active_connections=active,
            custom_facts=custom_facts,
            custom=custom,
        )
        return self._fitting(facts)

    def expected(self) -> ExpectedDecision | None:
        table = self.table
        expect = table.one_of("expect", ("allow", "deny"))
        if "expect" not in table.values:
            table.problems.append('there is no "expect"; give "allow" or "deny"')
        message, statuses = self._message(expect), table.texts("statuses")
        expected = ExpectedDecision(
            allowed=expect == "allow",
            by=self._ids("by"),
            message=message,
            statuses=None if statuses is None else tuple(sorted(statuses)),
            shadow_denied=self._ids("shadow-denied"),
            shadow_allowed=self._ids("shadow-allowed"),
            errors=self._errors(),
        )
        return None if table.problems else expected

    def _request(self, inventory: str) -> ConnectionRequest | None:
        table = self.table.table("request") or TomlTable({}, self.table.problems)
        table.require_known(DEFAULT_REQUEST)
        event: dict[str, object] = dict(DEFAULT_REQUEST)
        if inventory != "disabled":
            event["common-name"] = DEFAULT_COMMON_NAME
        for key in DEFAULT_REQUEST:
            value = table.texts(key) if key == "groups" else table.text(key)
            if value is not None:
                event[key] = list(value) if isinstance(value, tuple) else value
        if inventory == "known" and not event["common-name"]:
            table.note("common-name", "is empty, but there is a device; leave it out, or name the device")
        try:
            return ConnectionRequest.from_event(event)
        except InvalidRequest as error:
            self.table.problems.append(f'"request" is not one that Client VPN sends: {error}')
            return None

    def _device(self) -> Device | None:
        table = self.table.table("device")
        if table is None:
            return None
        table.require_known(_DEVICE_KEYS)
        tags = table.table("tags") or TomlTable({}, table.problems)
        texts = {key: tags.text(key) for key in tags.values}
        return Device(
            compliant=table.flag("compliant"),
            last_seen=table.instant("last-seen"),
            os=_os(table),
            tags={key: text for key, text in texts.items() if text is not None},
        )

    def _inventory(self) -> Literal["disabled", "known", "unknown", "unavailable"]:
        has_device = "device" in self.table.values
        default = "known" if has_device else "disabled"
        inventory = self.table.one_of("inventory", _INVENTORY) or default
        if (inventory == "known") != has_device:
            advice = "leave one of them out" if has_device else "give a device"
            what = "but there is a device" if has_device else "but there is no device"
            self.table.note("inventory", f'is "{inventory}", {what}; {advice}')
        return cast("Literal['disabled', 'known', 'unknown', 'unavailable']", inventory)

    def _active_connections(self) -> int | None:
        number = self.table.number("active-connections")
        if number is not None and not 0 <= number <= _MAX_LONG:
            self.table.note("active-connections", f"is {number}; give 0 or more")
        return number

    def _custom(self) -> dict[str, Any] | None:
        table = self.table.table("custom")
        if table is None:
            return None
        try:
            custom: dict[str, Any] = cedar_json.value(table.values)
        except (ValueError, OverflowError) as error:
            self.table.note("custom", f"has a value that policies do not know: {error}")
            return None
        return custom

    def _custom_facts(self) -> CustomFactsState:
        has_custom = "custom" in self.table.values
        default = "available" if has_custom else "disabled"
        state = self.table.one_of("custom-facts", _CUSTOM_FACTS) or default
        if (state == "available") != has_custom:
            advice = "leave one of them out" if has_custom else "give custom"
            what = "but there is custom" if has_custom else "but there is no custom"
            self.table.note("custom-facts", f'is "{state}", {what}; {advice}')
        return cast("CustomFactsState", state)

    def _fitting(self, facts: Facts) -> Facts | None:
        """Return facts that are what the schema declares; what else they could be wrong in is checked before."""
        if facts.custom is None or not (reason := self.tested.authorizer.why_invalid(facts)):
            return facts
        where = f"what {CUSTOM_SCHEMA_FILE} beside the policies declares"
        if not self.tested.declares:
            where = f"declared: there is no {CUSTOM_SCHEMA_FILE} beside the policies"
        self.table.note("custom", f"is not {where}: {reason}")
        return None

    def _message(self, expect: str | None) -> str | None:
        message = self.table.text("message")
        if message and expect == "allow":
            self.table.note("message", "is given, but a client that is allowed is shown none; leave it out")
        if message and len(message) > MAX_MESSAGE_LENGTH:
            self.table.note(
                "message", f"has {len(message)} characters; a client is shown at most {MAX_MESSAGE_LENGTH}"
            )
        return message

    def _errors(self) -> bool | tuple[str, ...]:
        if isinstance(self.table.values.get("errors"), list):
            return self.table.texts("errors") or False
        return self.table.flag("errors") or False

    def _ids(self, key: str) -> tuple[str, ...] | None:
        ids = self.table.texts(key)
        for id_ in ids or ():
            if id_ not in self.tested.ids:
                near = suggestion(id_, self.tested.ids)
                advice = f'write "{near}"' if near else f"there are {', '.join(self.tested.ids)}"
                self.table.note(key, f"has {literal(id_)}, but no policy has this @id; {advice}")
        return None if ids is None else tuple(sorted(set(ids)))


def _zone(table: TomlTable, default: tzinfo) -> tzinfo:
    name = table.text("time-zone")
    if name is None:
        return default
    if name not in time_zone_names():
        near = suggestion(name.title(), time_zone_names()) or "Europe/Berlin"
        table.note(
            "time-zone", f'is {literal(name)}, which is no time zone; use an IANA name such as "{near}"'
        )
        return default
    return time_zone_named(name)


def _os(table: TomlTable) -> OsVersion | None:
    text = table.text("os")
    if text is None:
        return None
    version = OsVersion.from_numbers(text)
    if version is None:
        table.note("os", f'is {literal(text)}; give numbers such as "10.0.19045"')
    return version
