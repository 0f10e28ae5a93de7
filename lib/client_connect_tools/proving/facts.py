"""The possible connections: the variables of their facts, and what always holds.

These constraints repeat what ``facts``, ``request``, ``versions`` and ``names`` of the runtime do. One that left out a
connection that there can be would make a proof wrong, so a test holds them against facts of every kind.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from ipaddress import IPv4Network, IPv6Network, ip_network
from itertools import count
from typing import TYPE_CHECKING, TypeAlias, get_args

from client_connect.names import lower_case
from client_connect.record import ENDPOINT_ID
from client_connect.states import CustomFactsState, Inventory
from client_connect.versions import OsVersion
from client_connect_tools.inputs.default_event import DEFAULT_EVENT
from client_connect_tools.proving.clock import FIRST, LAST, Clock, milliseconds
from client_connect_tools.proving.custom_types import RecordType, SetType
from client_connect_tools.proving.known_texts import LOWER, PLATFORMS, USUAL_NAMES, Named, known_texts
from client_connect_tools.proving.terms import (
    Node,
    alike,
    all_of,
    any_of,
    chosen,
    equal,
    implied,
    negated,
    number_variable,
    one_of,
    truth_variable,
    variables_of,
    within,
)
from client_connect_tools.proving.texts import Kind, Texts, matches
from client_connect_tools.proving.values import (
    Address,
    Entity,
    Fields,
    Flag,
    Long,
    Moment,
    Span,
    Text,
    TextSet,
    Unknown,
    Unsupported,
    either,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime, tzinfo

    from client_connect_tools.proving.custom_types import CustomType
    from client_connect_tools.proving.terms import Number, Truth
    from client_connect_tools.proving.texts import Pattern
    from client_connect_tools.proving.values import Value

LEAST_LONG, GREATEST_LONG = -(2**63), 2**63 - 1
_NINE_DIGITS = 999_999_999
_V4, _V6 = 2**32 - 1, 2**128 - 1
_MAPPED = 0xFFFF << 32
_PARTS = ("major", "minor", "patch")
_OS_PARTS = ("major", "minor", "build")
# A cut name belongs to no one; see names.py.
_CUT_AT = 255
# So many tags of one device can be asked for by a name that is not written out.
_MOST_TAGS = 300
# Where no client comes from that reaches AWS over the internet.
_NOT_PUBLIC = tuple(
    map(
        ip_network,
        (
            "0.0.0.0/8",
            "10.0.0.0/8",
            "100.64.0.0/10",
            "127.0.0.0/8",
            "169.254.0.0/16",
            "172.16.0.0/12",
            "192.168.0.0/16",
            "224.0.0.0/3",
        ),
    )
)
_GLOBAL_V6 = IPv6Network("2000::/3")


@dataclass(frozen=True, slots=True, kw_only=True)
class Assumptions:
    """The assumptions about connections, which are a part of every answer.

    Attributes:
        zone: The handler's time zone; ``None`` for any.
        since: The earliest moment; ``None`` for any.
        waivers: Whether there can be any.
        as_sent: Whether ids and addresses are of the form that AWS sends: ids of endpoints as AWS makes them, public
            addresses, and names without an asterisk or white space at their ends.
    """

    zone: tzinfo | None
    since: datetime | None = None
    waivers: bool = True
    as_sent: bool = False


_Allowed: TypeAlias = Callable[[str], bool]


class Facts:
    """The variables of a connection.

    Args:
        nodes: Every policy and condition that there will be formulas of.
        custom: The type of ``context.custom``.
        assumptions: The assumptions.

    Attributes:
        texts: The texts that names, groups and all else are of.
        clock: The time.
        context: The context.
        principal: The principal.
        resource: The endpoint.
        names_fit: That the service has cut no name, which policies cannot see.
        groups: The groups that there are questions about, by the numbers of their texts.

    Raises:
        TooManyPatterns: When the policies match texts in too many different ways.
    """

    def __init__(self, nodes: Iterable[object], *, custom: RecordType, assumptions: Assumptions) -> None:
        self.assumptions = assumptions
        self.custom_type = custom
        self.clock: Clock = Clock(assumptions.zone, assumptions.since)
        self._constraints: list[Truth] = []
        self._named = Named.of(nodes)
        self.texts: Texts = known_texts(self._named, custom, as_sent=assumptions.as_sent)
        # A version's text that is none of these: one that can be read as a version of Windows, and one that cannot.
        self.readable: int = len(self.texts.texts)
        self.unreadable: int = self.readable + 1
        self._patterns: dict[Pattern, Node] = {}
        self._pairs = count()
        self._tags: dict[int, tuple[Node, Node]] = {}
        self._sets: dict[tuple[str, int], Node] = {}
        self.groups: dict[int, Node] = {
            self.number(name): truth_variable(f"group {self.number(name)}")
            for name in sorted(self._named.groups)
            if name and (not assumptions.as_sent or _AS_SENT.has(name))
        }
        self._make()

    # The facts that the encoding of expressions asks for.

    def number(self, text: str) -> int:
        """Return the number of a text that is written in a policy."""
        return self.texts.numbers[text]

    def member(self, group: int) -> Truth:
        """Return that the user is in a group."""
        return all_of(self.is_user, self.groups.get(group, False))

    def attribute(self, entity: Entity, name: str) -> tuple[Truth, Value]:
        """Return whether an entity has an attribute, and its value."""
        present, value = self._device[name]
        return all_of(self.is_device(entity), present), value

    def is_device(self, entity: Entity) -> Truth:
        """Return that an entity is the device that the inventory knows."""
        if entity.type != "Device":
            return False
        return all_of(self.has_device, equal(entity.id, self.common_name))

    def tag(self, name: Number) -> tuple[Truth, Value]:
        """Return whether the device has a tag, and its text."""
        if not isinstance(name, Node):
            has, text_of_it = self._tag(name)
            return has, Text(text_of_it)
        if (count := len(self.texts.texts)) > _MOST_TAGS:
            raise Unsupported(f"a tag whose name is not written out, beside {count} texts")
        present: Truth = False
        text: Number = 0
        for number in range(len(self.texts.texts)):
            has, its_text = self._tag(number)
            here = equal(name, number)
            present = any_of(present, all_of(here, has))
            text = chosen(here, its_text, text)
        return present, Text(text)

    def like(self, number: Number, wanted: Pattern) -> Truth:
        """Return that a text matches a pattern."""
        known = one_of(number, self.texts.those(partial(matches, wanted)))
        if not self.may_be_version(number):
            return known
        free = self._patterns.setdefault(wanted, truth_variable(f"platformVersion like {wanted}"))
        return any_of(known, all_of(one_of(number, (self.readable, self.unreadable)), free))

    def may_be_version(self, number: Number) -> bool:
        """Return whether a text can be a version; not all of them are known."""
        return "platformVersion" in variables_of(number)

    def same_version(self, one: Number, other: Number) -> Truth:
        """Return that two unknown texts, one possibly a version, may be equal."""
        return all_of(
            any_of(*(one_of(each, (self.readable, self.unreadable)) for each in (one, other))),
            truth_variable(f"same text {next(self._pairs)}"),
        )

    def constraints(self, terms: Iterable[Truth]) -> list[Truth]:
        """Return what is always true of a connection, as far as formulas ask for it.

        It is not true of a connection that is not among the assumptions.
        """
        return [*self._constraints, *self.clock.constraints(terms), self._matched_together()]

    # The variables.

    def _make(self) -> None:
        self._make_names()
        self._make_platform()
        self._make_address()
        self._make_device()
        self._make_custom()
        has_active = truth_variable("has activeConnections")
        active = Long(self._number("activeConnections", 0, GREATEST_LONG))
        has_name, name = truth_variable("has endpointName"), Text(self._text("endpointName", bool))
        versions = {name: self._version(name) for name in ("openvpn", "awsClient")}
        context: dict[str, tuple[Truth, Value]] = {
            "connectionId": (True, Text(self._text("connectionId", bool))),
            "endpointName": (has_name, name),
            "platform": (True, Text(self.platform)),
            "platformVersion": (self.has_version, Text(self.version)),
            "os": self._os,
            "publicIp": (True, self.address),
            **versions,
            "time": (True, self.clock.value),
            "username": (self.is_user, Text(self.username)),
            "commonName": (self.has_common_name, Text(self.common_name)),
            "ownCertificate": (True, Flag(all_of(self.has_common_name, self._is_users(self.common_name)))),
            "device": (self.has_device, Entity("Device", self.common_name)),
            "ownerTags": (True, self._text_set(self._owner_tag)),
            "inventory": (True, Text(self.inventory)),
            "waivers": (True, self._text_set(partial(self._in_set, "waivers"))),
            "activeConnections": (has_active, active),
            "custom": self._custom,
            "customFacts": (True, Text(self.custom_facts)),
        }
        if not self.assumptions.waivers:
            context["waivers"] = True, self._text_set(lambda _number: False)
        self.context: Fields = Fields(context)
        self.principal: Value = either(
            self.is_user, Entity("User", self.pid), Entity("Device", self.common_name)
        )
        self.resource: Entity = Entity("Endpoint", self._text("endpoint", self._is_endpoint))

    def _make_names(self) -> None:
        sent = _AS_SENT if self.assumptions.as_sent else Kind()
        self.is_user: Node = truth_variable("is user")
        self.has_common_name: Node = truth_variable("has commonName")
        self.pid: Node = self._text("pid", lambda text: bool(text) and sent.has(text))
        self.username: Node = self._text("username", lambda text: bool(text) and LOWER.has(text))
        self.common_name: Node = self._text("commonName", lambda text: bool(text) and sent.has(text))
        self._constraints += [
            any_of(self.is_user, self.has_common_name),
            self._lower(self.pid, self.username),
        ]
        self.names_fit: Node = truth_variable("names are not cut")

    def _make_platform(self) -> None:
        self.platform: Node = self._text("platform", LOWER.has)
        self.has_version: Node = truth_variable("has platformVersion")
        self.version: Node = number_variable("platformVersion")
        known = self.texts.those(bool)
        self._constraints.append(one_of(self.version, [*known, self.readable, self.unreadable]))
        windows = all_of(equal(self.platform, self.number("win")), self.has_version)
        read = {
            number: found for number in known if (found := OsVersion.of_windows(self.texts.texts[number]))
        }
        has_os = all_of(windows, one_of(self.version, [*read, self.readable]))
        major, minor, build = self._parts("os", _OS_PARTS)
        has_build = truth_variable("has os.build")
        self._constraints += [
            within(major, 1, _NINE_DIGITS),
            # Only on Windows does it matter whether a text can be read.
            implied(equal(self.version, self.readable), windows),
            *(
                implied(
                    all_of(windows, equal(self.version, number)),
                    all_of(
                        equal(major, found.major),
                        equal(minor, found.minor),
                        alike(has_build, found.build is not None),
                        found.build is None or equal(build, found.build),
                    ),
                )
                for number, found in read.items()
            ),
        ]
        numbers: dict[str, tuple[Truth, Value]] = {
            "major": (True, Long(major)),
            "minor": (True, Long(minor)),
            "build": (has_build, Long(build)),
        }
        self._os = has_os, Fields(numbers)

    def _make_address(self) -> None:
        self.address: Address = Address(
            truth_variable("is IPv4"), number_variable("IPv4 address"), number_variable("IPv6 address")
        )
        v4, v6 = self.address.v4, self.address.v6
        self._constraints += [
            within(v4, 0, _V4),
            within(v6, 0, _V6),
            negated(within(v6, _MAPPED, _MAPPED + _V4)),  # which is IPv4
        ]
        if self.assumptions.as_sent:
            self._constraints += [
                negated(in_network(self.address, network, is_v4=True)) for network in _NOT_PUBLIC
            ]
            self._constraints.append(in_network(self.address, _GLOBAL_V6, is_v4=False))

    def _make_device(self) -> None:
        states = get_args(Inventory)
        self.inventory: Node = self._text("inventory", lambda text: text in states)
        self.has_device: Truth = equal(self.inventory, self.number("known"))
        self._constraints.append(implied(self.has_device, self.has_common_name))
        major, minor, build = (Long(each) for each in self._parts("device.os", _OS_PARTS))
        seen = self._number("device.lastSeen", milliseconds(FIRST), milliseconds(LAST))
        numbers: dict[str, tuple[Truth, Value]] = {"major": (True, major), "minor": (True, minor)}
        self._device: dict[str, tuple[Truth, Value]] = {
            "compliant": (truth_variable("has device.compliant"), Flag(truth_variable("device.compliant"))),
            "lastSeen": (truth_variable("has device.lastSeen"), Moment(seen)),
            "os": (
                truth_variable("has device.os"),
                Fields({**numbers, "build": (truth_variable("has device.os.build"), build)}),
            ),
        }

    def _make_custom(self) -> None:
        states = get_args(CustomFactsState)
        self.custom_facts: Node = self._text("customFacts", lambda text: text in states)
        available = equal(self.custom_facts, self.number("available"))
        self._custom = available, self._custom_value("custom", self.custom_type)

    def _custom_value(self, path: str, of: CustomType) -> Value:  # noqa: PLR0911 - one for each type
        match of:
            case RecordType(attributes):
                return Fields(
                    {
                        name: (
                            required or truth_variable(f"has {path}.{name}"),
                            self._custom_value(f"{path}.{name}", inner),
                        )
                        for name, (inner, required) in attributes.items()
                    }
                )
            case SetType("String"):
                return self._text_set(partial(self._in_set, path))
            case "Bool":
                return Flag(truth_variable(path))
            case "Long":
                return Long(self._number(path, LEAST_LONG, GREATEST_LONG))
            case "String":
                return Text(self._text(path, lambda _text: True))
            case "datetime":
                return Moment(self._number(path, milliseconds(FIRST), milliseconds(LAST)))
            case "duration":
                return Span(self._number(path, LEAST_LONG, GREATEST_LONG))
        kind = of if isinstance(of, str) else "a set that is not of texts"
        return Unknown(f"context.{path}, which is {kind}")

    def _version(self, name: str) -> tuple[Truth, Value]:
        numbers = zip(_PARTS, self._parts(name, _PARTS), strict=True)
        return truth_variable(f"has {name}"), Fields({part: (True, Long(number)) for part, number in numbers})

    def _parts(self, path: str, names: Iterable[str]) -> list[Node]:
        numbers = [number_variable(f"{path}.{name}") for name in names]
        self._constraints += [within(number, 0, _NINE_DIGITS) for number in numbers]
        return numbers

    def _number(self, name: str, least: int, greatest: int) -> Node:
        number = number_variable(name)
        self._constraints.append(within(number, least, greatest))
        return number

    def _text(self, name: str, allowed: _Allowed) -> Node:
        variable = number_variable(name)
        self._constraints.append(one_of(variable, self.texts.those(allowed)))
        return variable

    def _is_endpoint(self, text: str) -> bool:
        return bool(ENDPOINT_ID.fullmatch(text)) if self.assumptions.as_sent else bool(text)

    # Sets and tags: a variable for each text that is asked for.

    def _text_set(self, has: Callable[[int], Truth]) -> TextSet:
        return TextSet(has, range(len(self.texts.texts)))

    def _in_set(self, name: str, number: int) -> Truth:
        key = name, number
        return self._sets.setdefault(key, truth_variable(f"{name} has {number}"))

    def _tag(self, number: int) -> tuple[Node, Node]:
        if number not in self._tags:
            self._tags[number] = (
                truth_variable(f"has tag {number}"),
                self._text(f"tag {number}", lambda _text: True),
            )
        return self._tags[number]

    def _owner_tag(self, number: int) -> Truth:
        present, text = self._tag(number)
        return all_of(self.has_device, present, self._is_users(text))

    # The parts that belong together.

    def _lower(self, text: Node, lower: Node) -> Truth:
        """Return that a text is another one in lower case."""
        by_lower: dict[int, list[int]] = {}
        same = []
        for number, each in enumerate(self.texts.texts):
            found = self.texts.numbers.get(lower_case(each))
            if found == number:
                same.append(number)
            elif found is not None:
                by_lower.setdefault(found, []).append(number)
        return any_of(
            all_of(equal(text, lower), one_of(text, same)),
            *(all_of(equal(lower, found), one_of(text, numbers)) for found, numbers in by_lower.items()),
        )

    def _is_users(self, text: Node) -> Truth:
        """Return that a text is the user's name, without regard to case."""
        named = self.texts.those(lambda each: bool(each) and not each.isspace() and len(each) < _CUT_AT)
        return all_of(self.is_user, self.names_fit, one_of(text, named), self._lower(text, self.username))

    def _matched_together(self) -> Truth:
        """Return that an unknown version matches patterns as some text does."""
        wanted = list(self._patterns)
        found = {tuple(matches(each, text) for each in wanted) for text in self.texts.texts if text}
        return any_of(
            *(
                all_of(*(alike(self._patterns[each], one) for each, one in zip(wanted, ways, strict=True)))
                for ways in sorted(found)
            )
        )

    # The variables to read a model with.

    @property
    def tags(self) -> dict[int, tuple[Node, Node]]:
        """The tags that formulas ask for: whether there is one, and its text, by the number of its name."""
        return self._tags

    @property
    def patterns(self) -> dict[Pattern, Node]:
        """The patterns that the text of an unknown version may match."""
        return self._patterns

    def members_of(self, name: str) -> dict[int, Node]:
        """Return which texts formulas look for in a set, such as ``waivers``."""
        return {number: variable for (of, number), variable in self._sets.items() if of == name}

    @property
    def numbers(self) -> Iterator[Node]:
        """The variables that should be least in a connection where no usual one is possible."""
        clock = self.clock
        yield from (clock.minute, clock.weekday, clock.month, clock.day, clock.year, clock.now)
        yield from map(number_variable, ("IPv4 address", "IPv6 address"))
        yield from map(
            number_variable,
            ("pid", "commonName", "platform", "platformVersion", "endpoint", "endpointName", "connectionId"),
        )
        yield from map(number_variable, ("activeConnections", "inventory", "customFacts"))
        for name in ("os", "openvpn", "awsClient", "device.os"):
            yield from (number_variable(f"{name}.{part}") for part in (*_PARTS, "build"))

    @property
    def usual(self) -> Iterator[Truth]:
        """The properties of a usual connection that shows what matters; the most important first."""
        yield self.names_fit
        yield from self.clock.preferences()
        has_os, _ = self._os
        is_windows = all_of(equal(self.platform, self.number("win")), self.has_version)
        yield implied(is_windows, has_os)  # as clients spell it
        yield equal(self.platform, self.number("win"))
        yield one_of(self.platform, [self.number(name) for name in PLATFORMS])
        yield self.is_user
        yield negated(self.has_common_name)
        yield equal(self.pid, self.username)
        yield negated(self.has_version)
        yield one_of(self.version, [self.readable, *self.texts.those(lambda text: text in self._named.texts)])
        yield negated(equal(self.version, self.unreadable))
        for name, usual in USUAL_NAMES.items():
            yield equal(number_variable(name), self.number(usual))
        for name, key in (("connectionId", "connection-id"), ("endpoint", "endpoint-id")):
            yield equal(number_variable(name), self.number(str(DEFAULT_EVENT[key])))
        yield self.address.is_v4
        yield equal(self.address.v4, int(ip_network(str(DEFAULT_EVENT["public-ip"]))[0]))
        for group in self.groups.values():
            yield negated(group)
        yield equal(self.inventory, self.number("disabled"))
        yield equal(self.custom_facts, self.number("disabled"))
        for name in ("openvpn", "awsClient", "activeConnections", "endpointName"):
            yield negated(truth_variable(f"has {name}"))
        for variable in self._sets.values():
            yield negated(variable)
        for has, _ in self._tags.values():
            yield negated(has)
        for present, _ in self._device.values():
            yield negated(present)
        for system in ("os", "device.os"):
            yield equal(number_variable(f"{system}.major"), 10)
            yield equal(number_variable(f"{system}.minor"), 0)
            yield negated(truth_variable(f"has {system}.build"))
        for name in ("openvpn.minor", "openvpn.patch", "awsClient.minor", "awsClient.patch"):
            yield equal(number_variable(name), 0)


_AS_SENT = Kind(tidy=True)


def in_network(address: Address, network: IPv4Network | IPv6Network, *, is_v4: bool) -> Truth:
    """Return that the number of an address of a kind is in a network, whichever kind it is of."""
    number = address.v4 if is_v4 else address.v6
    return within(number, int(network.network_address), int(network.broadcast_address))
