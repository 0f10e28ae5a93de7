"""The operators of Cedar on values: when one is an error, and its result.

Strict validation has made sure of the types, so nothing is said here of values of a wrong one.
"""

from __future__ import annotations

from functools import partial
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import TYPE_CHECKING, TypeAlias

from client_connect_tools.proving.clock import DAY, MINUTE
from client_connect_tools.proving.dates import is_date
from client_connect_tools.proving.facts import GREATEST_LONG, LEAST_LONG, Facts, in_network
from client_connect_tools.proving.terms import (
    Node,
    added,
    alike,
    all_of,
    any_of,
    at_most,
    equal,
    implied,
    less,
    multiplied,
    negated,
    opposite,
    remainder,
    truncated,
    within,
)
from client_connect_tools.proving.values import (
    Address,
    Date,
    Either,
    Elements,
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
    from collections.abc import Callable

    from client_connect_tools.proving.terms import Number, Truth
    from client_connect_tools.proving.values import Value

Outcome: TypeAlias = "tuple[Truth, Value]"
"""When it is an error, and otherwise the value."""
Unary: TypeAlias = "Callable[[Facts, Value], Outcome]"
Binary: TypeAlias = "Callable[[Facts, Value, Value], Outcome]"

_V4_BITS, _V6_BITS = 32, 128
# So many texts a set is compared with as a whole.
_MOST_MEMBERS = 2000
_LOOPBACK = ip_network("127.0.0.0/8"), ip_network("::1/128")
_MULTICAST = ip_network("224.0.0.0/4"), ip_network("ff00::/8")


def lifted(value: Value, function: Callable[[Value], Outcome]) -> Outcome:
    """Apply a function to each of the values that one can be."""
    match value:
        case Either(condition, then, otherwise):
            first, second = lifted(then, function), lifted(otherwise, function)
            error = any_of(all_of(condition, first[0]), all_of(negated(condition), second[0]))
            return error, either(condition, first[1], second[1])
        case Unknown(what):
            raise Unsupported(what)
    return function(value)


def truth(value: Value) -> Truth:
    """Return whether a value is true."""
    if isinstance(value, Flag):
        return value.truth
    if isinstance(value, Either):
        return any_of(
            all_of(value.condition, truth(value.then)),
            all_of(negated(value.condition), truth(value.otherwise)),
        )
    raise Unsupported(_named(value))


def same(facts: Facts, one: Value, other: Value) -> Truth:  # noqa: C901, PLR0911 - one for each type
    """Return that two values are equal."""
    match one, other:
        case (Either(), _) | (_, Either()):
            return _for_each(facts, one, other, same)
        case (Unknown(what), _) | (_, Unknown(what)):
            raise Unsupported(what)
        case (Elements() | TextSet(), Elements() | TextSet()):
            return all_of(_has_all(facts, one, other), _has_all(facts, other, one))
        case Flag(left), Flag(right):
            return alike(left, right)
        case (Long(left), Long(right)) | (Moment(left), Moment(right)) | (Span(left), Span(right)):
            return equal(left, right)
        case Text(left), Text(right):
            return _same_text(facts, left, right)
        case (Date(), Text(number)):
            return _same_date(facts, one, number)
        case (Text(number), Date()):
            return _same_date(facts, other, number)
        case Date(), Date():
            return all_of(
                equal(one.year, other.year), equal(one.month, other.month), equal(one.day, other.day)
            )
        case Address(), Address():
            return _same_address(one, other)
        case Entity(), Entity():
            return all_of(one.type == other.type, equal(one.id, other.id))
        case Fields(left_fields), Fields(right_fields):
            absent = False, Flag(truth=False)
            return all_of(
                *(
                    _same_field(facts, left_fields.get(name, absent), right_fields.get(name, absent))
                    for name in {**left_fields, **right_fields}
                )
            )
    return False


def _same_field(facts: Facts, one: tuple[Truth, Value], other: tuple[Truth, Value]) -> Truth:
    if one[0] is False or other[0] is False:
        return negated(any_of(one[0], other[0]))
    return all_of(alike(one[0], other[0]), implied(one[0], same(facts, one[1], other[1])))


def _same_text(facts: Facts, one: Number, other: Number) -> Truth:
    if isinstance(one, Node) and isinstance(other, Node):
        versions = [each for each in (one, other) if facts.may_be_version(each)]
        if versions and one is not other:
            return any_of(equal(one, other), facts.same_version(one, other))
    return equal(one, other)


def _same_date(facts: Facts, one: Value, number: Number) -> Truth:
    if isinstance(number, Node) or not isinstance(one, Date):
        raise Unsupported("context.time.date compared with a text that is not written out")
    return is_date(one, facts.texts.texts[number])


def _same_address(one: Address, other: Address) -> Truth:
    if one.prefix != other.prefix:
        return False
    return all_of(
        alike(one.is_v4, other.is_v4),
        implied(one.is_v4, equal(one.v4, other.v4)),
        any_of(one.is_v4, equal(one.v6, other.v6)),
    )


def _for_each(
    facts: Facts, one: Value, other: Value, relation: Callable[[Facts, Value, Value], Truth]
) -> Truth:
    """Return that a relation holds between the values that two can be."""
    if isinstance(one, Either):
        then, otherwise = (_for_each(facts, each, other, relation) for each in (one.then, one.otherwise))
        return any_of(all_of(one.condition, then), all_of(negated(one.condition), otherwise))
    if isinstance(other, Either):
        then, otherwise = (_for_each(facts, one, each, relation) for each in (other.then, other.otherwise))
        return any_of(all_of(other.condition, then), all_of(negated(other.condition), otherwise))
    return relation(facts, one, other)


def _members(value: Value) -> list[tuple[Truth, Value]]:
    """Return what can be in a set, each with whether it is."""
    match value:
        case TextSet(has, numbers):
            if len(numbers) > _MOST_MEMBERS:
                raise Unsupported(f"a comparison of a set as a whole, beside {len(numbers)} texts")
            return [(has(number), Text(number)) for number in numbers]
        case Elements(values):
            return [(True, each) for each in values]
    raise Unsupported(_named(value))


def _has(facts: Facts, values: Value, member: Value) -> Truth:
    match values, member:
        case (Either(), _) | (_, Either()):
            return _for_each(facts, values, member, _has)
        case TextSet(has), Text(int() as number):
            return has(number)
        case TextSet(has, numbers), Text(number):
            known = any_of(*(all_of(equal(number, each), has(each)) for each in numbers))
            return any_of(known, facts.same_version(number, 0)) if facts.may_be_version(number) else known
        case TextSet(), _:
            raise Unsupported(f"{_named(member)} looked for in a set that is not written out")
    return any_of(*(same(facts, each, member) for _, each in _members(values)))


def _has_all(facts: Facts, values: Value, wanted: Value) -> Truth:
    if isinstance(values, Either) or isinstance(wanted, Either):
        return _for_each(facts, values, wanted, _has_all)
    return all_of(*(implied(there, _has(facts, values, each)) for there, each in _members(wanted)))


def _has_any(facts: Facts, values: Value, wanted: Value) -> Truth:
    if isinstance(values, Either) or isinstance(wanted, Either):
        return _for_each(facts, values, wanted, _has_any)
    one, other = (wanted, values) if isinstance(values, Elements) else (values, wanted)
    if isinstance(other, Elements):
        return any_of(*(_has(facts, one, each) for each in other.values))
    return any_of(*(all_of(there, _has(facts, other, each)) for there, each in _members(one)))


def is_in(facts: Facts, one: Value, other: Value) -> Truth:
    """Return that an entity is another one, is a member of it, or of one of a set."""
    match one, other:
        case (Either(), _) | (_, Either()):
            return _for_each(facts, one, other, is_in)
        case _, Elements(values):
            return any_of(*(is_in(facts, one, each) for each in values))
        case Entity("User", id_), Entity("Group", int() as group):
            is_principal = any_of(id_ is facts.pid, equal(id_, facts.pid))
            return all_of(is_principal, facts.member(group))
    return same(facts, one, other)


def _compared(relation: Callable[[Number, Number], Truth]) -> Binary:
    def outcome(_facts: Facts, one: Value, other: Value) -> Outcome:
        return False, Flag(relation(_number(one), _number(other)))

    return outcome


def _related(relation: Callable[[Facts, Value, Value], Truth]) -> Binary:
    def outcome(facts: Facts, one: Value, other: Value) -> Outcome:
        return False, Flag(relation(facts, one, other))

    return outcome


def _calculated(kind: type[Long | Moment | Span], calculation: Callable[[Number, Number], Number]) -> Binary:
    def outcome(_facts: Facts, one: Value, other: Value) -> Outcome:
        return _fitting(kind, calculation(_number(one), _number(other)))

    return outcome


def _converted(kind: type[Long | Moment | Span], conversion: Callable[[Number], Number]) -> Unary:
    def outcome(_facts: Facts, value: Value) -> Outcome:
        return False, kind(conversion(_number(value)))

    return outcome


def _fitting(kind: type[Long | Moment | Span], number: Number) -> Outcome:
    """Return a number, which is an error outside of 64 bits."""
    return negated(within(number, LEAST_LONG, GREATEST_LONG)), kind(number)


def _number(value: Value) -> Number:
    if isinstance(value, Long | Moment | Span):
        return value.number
    raise Unsupported(_named(value))


def _minus(one: Number, other: Number) -> Number:
    return added(one, opposite(other))


def _neg(_facts: Facts, value: Value) -> Outcome:
    return _fitting(Long, opposite(_number(value)))


def _is_empty(_facts: Facts, value: Value) -> Outcome:
    return False, Flag(negated(any_of(*(there for there, _ in _members(value)))))


def _is_v4(_facts: Facts, value: Value) -> Outcome:
    return False, Flag(_address(value).is_v4)


def _is_v6(_facts: Facts, value: Value) -> Outcome:
    return False, Flag(negated(_address(value).is_v4))


def _in_one_of(networks: tuple[IPv4Network | IPv6Network, ...], _facts: Facts, value: Value) -> Outcome:
    return False, Flag(any_of(*(_in_range(_address(value), each) for each in networks)))


def _in_given_range(_facts: Facts, value: Value, given: Value) -> Outcome:
    network = _network(_address(given))
    if network is None:
        raise Unsupported("isInRange with a network that is not written out")
    return False, Flag(_in_range(_address(value), network))


def _in_range(address: Address, network: IPv4Network | IPv6Network) -> Truth:
    if (own := _network(address)) is not None:
        return own.version == network.version and own.subnet_of(network)  # type: ignore[arg-type]
    if isinstance(network, IPv4Network):
        return all_of(address.is_v4, in_network(address, network, is_v4=True))
    return all_of(negated(address.is_v4), in_network(address, network, is_v4=False))


def _network(address: Address) -> IPv4Network | IPv6Network | None:
    """Return the network of an address that is written out."""
    if not isinstance(address.is_v4, bool) or isinstance(address.v4, Node) or isinstance(address.v6, Node):
        return None
    if address.is_v4:
        prefix = _V4_BITS if address.prefix is None else address.prefix
        return IPv4Network((address.v4, prefix), strict=False)
    prefix = _V6_BITS if address.prefix is None else address.prefix
    return IPv6Network((address.v6, prefix), strict=False)


def _address(value: Value) -> Address:
    if isinstance(value, Address):
        return value
    raise Unsupported(_named(value))


def _has_tag(facts: Facts, device: Value, name: Value) -> Outcome:
    return False, Flag(_tag(facts, device, name)[0])


def _get_tag(facts: Facts, device: Value, name: Value) -> Outcome:
    present, value = _tag(facts, device, name)
    return negated(present), value


def _tag(facts: Facts, device: Value, name: Value) -> tuple[Truth, Value]:
    if not isinstance(device, Entity) or not isinstance(name, Text) or facts.may_be_version(name.number):
        raise Unsupported(f"a tag of the name of {_named(name)}")
    if device.type != "Device":
        return False, Text(0)
    present, value = facts.tag(name.number)
    return all_of(facts.is_device(device), present), value


def _named(value: Value) -> str:
    if isinstance(value, Unknown):
        return value.what
    return {"Date": "context.time.date"}.get(
        type(value).__name__, f"a value of the kind {type(value).__name__}"
    )


UNARY: dict[str, Unary] = {
    "neg": _neg,
    "is_empty": _is_empty,
    "is_ipv4": _is_v4,
    "is_ipv6": _is_v6,
    "is_loopback": partial(_in_one_of, _LOOPBACK),
    "is_multicast": partial(_in_one_of, _MULTICAST),
    "to_date": _converted(Moment, lambda number: _minus(number, remainder(number, DAY))),
    "to_time": _converted(Span, lambda number: remainder(number, DAY)),
    "to_milliseconds": _converted(Long, lambda number: number),
    "to_seconds": _converted(Long, lambda number: truncated(number, 1000)),
    "to_minutes": _converted(Long, lambda number: truncated(number, MINUTE)),
    "to_hours": _converted(Long, lambda number: truncated(number, 60 * MINUTE)),
    "to_days": _converted(Long, lambda number: truncated(number, DAY)),
}
"""The operators on one value, by the names of Cedar's syntax nodes."""

BINARY: dict[str, Binary] = {
    "eq": _related(same),
    "not_eq": _related(lambda facts, one, other: negated(same(facts, one, other))),
    "less": _compared(less),
    "less_eq": _compared(at_most),
    "greater": _compared(lambda one, other: less(other, one)),
    "greater_eq": _compared(lambda one, other: at_most(other, one)),
    "add": _calculated(Long, added),
    "sub": _calculated(Long, _minus),
    "mul": _calculated(Long, multiplied),
    "in": _related(is_in),
    "contains": _related(_has),
    "contains_all": _related(_has_all),
    "contains_any": _related(_has_any),
    "is_in_range": _in_given_range,
    "offset": _calculated(Moment, added),
    "duration_since": _calculated(Span, _minus),
    "has_tag": _has_tag,
    "get_tag": _get_tag,
}
"""The operators on two values, in the same way."""

UNSUPPORTED = (
    "decimal",
    "decimal_less_than",
    "decimal_less_eq",
    "decimal_greater",
    "decimal_greater_eq",
)
"""The operators that are not encoded."""
