"""Policy tests as they are written next to the policies, in ``*.tests.toml``."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal, cast, get_args

from client_connect import ConnectionRequest, Device, Facts, InvalidRequest, OsVersion, custom_values
from client_connect.response import MAX_MESSAGE_LENGTH
from client_connect.settings import CUSTOM_SCHEMA_FILE
from client_connect.shortening import length
from client_connect.states import CustomFactsState, Inventory
from client_connect_tools.files.networks import address_in_just, unknown_network
from client_connect_tools.files.toml_tables import TomlTable, literal, suggestion
from client_connect_tools.inputs.misspellings import misspellings
from client_connect_tools.inputs.time_zones import time_zone_named, time_zone_names
from client_connect_tools.testing.circumstances import DEFAULT_REQUEST, facts_json, facts_lines
from client_connect_tools.testing.expectations import ExpectedDecision
from client_connect_tools.testing.files import Case, CaseReader, expected_effect, expected_errors, read_files

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import tzinfo

    from client_connect import Authorizer
    from client_connect_tools.files.networks import NetworkList
    from client_connect_tools.policies import Policies

# A Monday, so a test without a time is within what most people call working hours.
DEFAULT_AT = datetime(2026, 1, 5, 12, tzinfo=UTC)

DEFAULT_COMMON_NAME = "device"

_CIRCUMSTANCES = (
    *("at", "time-zone", "request", "endpoint-name", "networks", "device", "inventory", "waivers"),
    "active-connections",
    *("custom", "custom-facts"),
)
_OUTCOME = ("by", "message", "statuses", "errors")
_KEYS = ("name", *_CIRCUMSTANCES, "expect", *_OUTCOME, "shadow-denied", "shadow-allowed")
_DEVICE_KEYS = ("compliant", "last-seen", "os", "tags")
_INVENTORY = get_args(Inventory)
_CUSTOM_FACTS = get_args(CustomFactsState)
_MAX_LONG = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyTest(Case):
    """One case: a connection, and what the policies are expected to say of it.

    Attributes:
        facts: The connection.
        expected: The decision.
    """

    facts: Facts
    expected: ExpectedDecision

    @property
    def groups(self) -> tuple[str, ...]:
        """The groups of the user."""
        return self.facts.request.groups

    def circumstances(self) -> Iterator[str]:
        """Yield the policies' input, in lines."""
        return facts_lines(self.facts)

    def circumstances_json(self) -> dict[str, Any]:
        """Return the policies' input, as JSON."""
        return facts_json(self.facts)


def read_policy_tests(policies: Policies, *, time_zone: str = "UTC") -> tuple[PolicyTest, ...]:
    """Read the tests next to policies, in the order of the files.

    Args:
        policies: Their ``test_files`` are read; a test may name the policies that are in them only.
        time_zone: The zone of the tests that name none, as an IANA name.

    Raises:
        InvalidPolicyTests: With everything that is wrong in any of the files.
        InvalidPolicySet: When the policies themselves, or their ``custom.cedarschema``, cannot be parsed.
    """
    zone = time_zone_named(time_zone)
    tested = _Tested(policies.authorizer(), policies.networks, declares=policies.custom is not None)
    return read_files(policies.test_files, _Reader(tested, zone))


@dataclass(frozen=True, slots=True)
class _Tested:
    """The conditions for a test.

    Attributes:
        authorizer: The policies and their schema.
        networks: The named networks.
        declares: Whether they come with a ``custom.cedarschema``.
    """

    authorizer: Authorizer
    networks: tuple[NetworkList, ...]
    declares: bool

    @property
    def ids(self) -> Sequence[str]:
        return tuple(self.authorizer.policies.by_id)


@dataclass(frozen=True, slots=True)
class _Reader(CaseReader[PolicyTest]):
    tested: _Tested
    zone: tzinfo

    file_keys = ("time-zone", "test")
    circumstances = _CIRCUMSTANCES

    def of_file(self, document: TomlTable) -> _Reader:
        document.require_known(self.file_keys)
        return _Reader(self.tested, _zone(document, self.zone))

    def merged(self, base: Mapping[str, object], variant: Mapping[str, object]) -> dict[str, object]:
        replaced = {"inventory"} if "device" in variant else set()
        if variant.get("inventory", "known") != "known":
            replaced.add("device")
        if "custom" in variant:
            replaced.add("custom-facts")
        if variant.get("custom-facts", "available") != "available":
            replaced.add("custom")
        if "expect" in variant and variant["expect"] != base.get("expect"):
            replaced |= set(_OUTCOME)
        requests = base.get("request"), variant.get("request")
        if isinstance(requests[1], dict) and "public-ip" in requests[1]:
            replaced.add("networks")
        merged = {key: value for key, value in base.items() if key not in replaced} | dict(variant)
        if isinstance(requests[0], dict) and isinstance(requests[1], dict):
            merged["request"] = requests[0] | requests[1]
        if "networks" in variant and isinstance(requests[0], dict) and merged["request"] is requests[0]:
            merged["request"] = {key: value for key, value in requests[0].items() if key != "public-ip"}
        return merged

    def read(self, table: TomlTable, case: Case) -> PolicyTest | None:
        content = _Case(table, self.tested)
        facts, expected = content.facts(self.zone), content.expected()
        if facts is None or expected is None:
            return None
        return PolicyTest(file=case.file, line=case.line, name=case.name, facts=facts, expected=expected)


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
        endpoint_name = table.text("endpoint-name")
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
            endpoint_name=endpoint_name,
            knows_blocks=inventory != "unavailable",
        )
        return self._fitting(self.tested.authorizer.located(facts))

    def expected(self) -> ExpectedDecision | None:
        table = self.table
        expect = expected_effect(table)
        message, statuses = self._message(expect), table.texts("statuses")
        expected = ExpectedDecision(
            allowed=expect == "allow",
            by=self._ids("by"),
            message=message,
            statuses=None if statuses is None else tuple(sorted(statuses)),
            shadow_denied=self._ids("shadow-denied"),
            shadow_allowed=self._ids("shadow-allowed"),
            errors=expected_errors(table),
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
        if (address := self._address(table)) is not None:
            event["public-ip"] = address
        if inventory == "known" and not event["common-name"]:
            table.note("common-name", "is empty, but there is a device; leave it out, or name the device")
        try:
            request = ConnectionRequest.from_event(event)
        except InvalidRequest as error:
            self.table.problems.append(f'"request" is not one that Client VPN sends: {error}')
            return None
        for key, problem in misspellings(request):
            self.table.note(f"request.{key}", problem)
        return request

    def _address(self, request: TomlTable) -> str | None:
        """Return an address that is in just the networks that the case names, if it names any."""
        names, lists = self.table.texts("networks"), self.tested.networks
        if names is None:
            return None
        if "public-ip" in request.values:
            self.table.note("networks", "and public-ip are both given; leave one of them out")
            return None
        known = [each.name for each in lists]
        for name in names:
            if name not in known:
                self.table.note("networks", f"has {literal(name)}, but {unknown_network(name, known)}")
        if self.table.problems:
            return None
        address = address_in_just(lists, names, preferred=str(DEFAULT_REQUEST["public-ip"]))
        if address is None:
            self.table.note(
                "networks", f"is {literal(names)}, but no address is in just these; give a public-ip"
            )
        return address

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
            custom: dict[str, Any] = custom_values.value(table.values)
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
        if facts.custom is None or not (reason := self.tested.authorizer.validation_error(facts)):
            return facts
        where = f"what {CUSTOM_SCHEMA_FILE} next to the policies declares"
        if not self.tested.declares:
            where = f"declared: there is no {CUSTOM_SCHEMA_FILE} next to the policies"
        self.table.note("custom", f"is not {where}: {reason}")
        return None

    def _message(self, expect: str | None) -> str | None:
        message = self.table.text("message")
        if message and expect == "allow":
            self.table.note("message", "is given, but a client that is allowed is shown none; leave it out")
        if message and (size := length(message)) > MAX_MESSAGE_LENGTH:
            self.table.note(
                "message", f"has {size} characters; a client is shown at most {MAX_MESSAGE_LENGTH}"
            )
        return message

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
