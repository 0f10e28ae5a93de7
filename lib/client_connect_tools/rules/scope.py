"""The users, places and times that rules count for."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING

from client_connect_tools.cedar.quoting import any_of, groups, instant, none_of, quote, texts
from client_connect_tools.errors import InvalidRules
from client_connect_tools.inputs import cdk_tokens
from client_connect_tools.rules.rendering import has_common_name, is_user
from client_connect_tools.rules.values import listed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from client_connect_tools.rules.rendering import Rule

_NAME = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*")
_LONGEST_NAME = 40
_LISTS = ("groups", "users", "except_groups", "except_users", "except_common_names", "endpoints")
_PATTERNS = ("users", "except_users", "except_common_names")
_ENDPOINT = re.compile(r"cvpn-endpoint-[0-9a-f]{1,32}")


@dataclass(frozen=True, slots=True)
class Scope:
    """The users, places and times that rules count for; no one else is affected.

    Attributes:
        name: What the ids of the rules begin with, such as ``contractors`` for ``contractors-hours``: lower-case
            letters, digits and single hyphens, at most 40 characters.
        groups: The groups whose members they are for, exactly as the directory names them. Default: everybody.
        users: The names of the users that they are for, with ``groups`` in addition to their members, whatever the case
            of the letters; ``*`` is any characters, as in ``acme-*``. Default: everybody.
        except_groups: The groups whose members they are not for, whatever other groups they are in. Default: none.
        except_users: The names of the users that they are not for, in the same way. Default: none.
        except_common_names: The common names of the certificates (devices) that they are not for; ``*`` is any
            characters. Default: none.
        except_until: When the exceptions end, so the rules count for those users and devices too. Default: never.
        endpoints: The endpoints that they are for: names that ``ClientConnectHandler(endpoints={"prod": ...})`` gives
            them, or ids. Default: all.
        starts: When a rule begins to count, by its id without the name. Default: at once.
        ends: When a rule ceases to count, in the same way. Default: never.
        shadow: The ids of the rules, without the name, that are recorded but not enforced. Default: none.

    Raises:
        InvalidRules: When a value is malformed; all at once.
    """

    name: str
    groups: Sequence[str] | None = field(default=None, kw_only=True)
    users: Sequence[str] | None = field(default=None, kw_only=True)
    except_groups: Sequence[str] | None = field(default=None, kw_only=True)
    except_users: Sequence[str] | None = field(default=None, kw_only=True)
    except_common_names: Sequence[str] | None = field(default=None, kw_only=True)
    except_until: datetime | None = field(default=None, kw_only=True)
    endpoints: Sequence[str] | None = field(default=None, kw_only=True)
    starts: Mapping[str, datetime] = field(default_factory=dict, kw_only=True)
    ends: Mapping[str, datetime] = field(default_factory=dict, kw_only=True)
    shadow: Sequence[str] = field(default=(), kw_only=True)

    def __post_init__(self) -> None:
        """Check every field."""
        if found := list(self._problems()):
            raise InvalidRules(
                "\n".join(["the scope cannot be used:", *(f"  {problem}" for problem in found)])
            )

    @property
    def ids(self) -> frozenset[str]:
        """The ids of rules that are named, without the name of the scope."""
        return frozenset((*self.starts, *self.ends, *self.shadow))

    def applied(self, rule: Rule) -> Rule:
        """Return a rule that counts in this scope only."""
        conditions = [*self._conditions(), *self._times(rule.id)]
        condition = " && ".join([*conditions, f"({rule.condition})"]) if conditions else rule.condition
        return replace(
            rule,
            id=f"{self.name}-{rule.id}",
            comment=f"{rule.comment} {self._described(rule.id)}".strip(),
            condition=condition,
            shadow=rule.id in self.shadow,
        )

    def _conditions(self) -> Iterator[str]:
        members = [] if self.groups is None else [f"principal in {groups(self.groups)}"]
        members += [] if self.users is None else [is_user(self.users)]
        if members:
            yield members[0] if len(members) == 1 else f"({any_of(members)})"
        if excepted := list(self._exceptions()):
            end = self.except_until
            if end is not None:
                excepted = [f"context.time.now < {instant(end)} && ({any_of(excepted)})"]
            yield from (none_of([each]) for each in excepted)
        if self.endpoints is not None:
            yield _at(self.endpoints)

    def _exceptions(self) -> Iterator[str]:
        if self.except_groups is not None:
            yield f"principal in {groups(self.except_groups)}"
        if self.except_users is not None:
            yield is_user(self.except_users)
        if self.except_common_names is not None:
            yield has_common_name(self.except_common_names)

    def _times(self, id_: str) -> Iterator[str]:
        if id_ in self.starts:
            yield f"context.time.now >= {instant(self.starts[id_])}"
        if id_ in self.ends:
            yield f"context.time.now < {instant(self.ends[id_])}"

    def _described(self, id_: str) -> str:
        parts = []
        for what, *lists in (
            ("for", self.groups, self.users),
            ("not for", self.except_groups, self.except_users, self.except_common_names),
            ("at", self.endpoints),
        ):
            if names := sorted({name for names in lists for name in names or ()}):
                parts.append(f"{what} {listed(names)}")
        if self.except_until is not None:
            parts.append(f"the exceptions until {self.except_until.isoformat()}")
        if id_ in self.starts:
            parts.append(f"from {self.starts[id_].isoformat()}")
        if id_ in self.ends:
            parts.append(f"until {self.ends[id_].isoformat()}")
        return f"This counts {', '.join(parts)}." if parts else ""

    def _problems(self) -> Iterator[str]:
        if not (
            isinstance(self.name, str) and _NAME.fullmatch(self.name) and len(self.name) <= _LONGEST_NAME
        ):
            yield (
                f"name is {self.name!r}; give lower-case letters, digits and single hyphens, at most {_LONGEST_NAME}, "
                'such as "contractors"'
            )
        for name in _LISTS:
            yield from _list_problems(name, getattr(self, name))
        for each in self.endpoints or () if not isinstance(self.endpoints, str) else ():
            if isinstance(each, str) and each.startswith("cvpn-") and not _ENDPOINT.fullmatch(each):
                yield f'endpoints has "{each}"; an id is "cvpn-endpoint-" and hexadecimal digits'
        for name in ("starts", "ends"):
            yield from _time_problems(name, getattr(self, name))
        yield from self._exception_problems()
        yield from self._empty_periods()
        shadow: object = self.shadow
        if isinstance(shadow, str):
            yield f'shadow is the string "{shadow}"; give a list, such as ["{shadow}"]'
        elif not isinstance(shadow, Sequence):
            yield f'shadow is {shadow!r}; give a list of rule ids, such as ["minimum-openvpn"]'
        groups_of = (self.groups, self.except_groups)
        if all(isinstance(each, Sequence) for each in groups_of) and (
            both := sorted(set(self.groups or ()) & set(self.except_groups or ()))
        ):
            yield f"groups and except_groups both have {listed(both)}; keep each in one of them"

    def _exception_problems(self) -> Iterator[str]:
        end: object = self.except_until
        if end is None:
            return
        if not isinstance(end, datetime) or end.tzinfo is None:
            yield f"except_until is {end!r}; give a datetime with a time zone"
        if self.except_groups is self.except_users is self.except_common_names is None:
            yield "except_until is given, but there are no exceptions; give them, such as except_groups"

    @property
    def _times_given(self) -> tuple[object, object]:
        return self.starts, self.ends

    def _empty_periods(self) -> Iterator[str]:
        """Yield what is wrong with rules that would end before they begin."""
        starts, ends = (each if isinstance(each, Mapping) else {} for each in self._times_given)
        for id_ in sorted(set(starts) & set(ends)):
            start, end = starts[id_], ends[id_]
            are_times = all(isinstance(each, datetime) and each.tzinfo for each in (start, end))
            if are_times and start >= end:
                yield (
                    f'"{id_}" starts at {start.isoformat()} and ends at {end.isoformat()}, so it would never count; '
                    "let it end later"
                )


def _at(endpoints: Sequence[str]) -> str:
    """Return the condition that a connection is at one of these endpoints, which are ids or names."""
    ids = sorted({each for each in endpoints if _ENDPOINT.fullmatch(each)})
    entities = ", ".join(f"ClientVpn::Endpoint::{quote(each)}" for each in ids)
    conditions = [f"[{entities}].contains(resource)"] if ids else []
    if names := sorted({*endpoints} - {*ids}):
        conditions.append(f"context has endpointName && {texts(names)}.contains(context.endpointName)")
    return conditions[0] if len(conditions) == 1 else f"({any_of(conditions)})"


def _list_problems(name: str, values: object) -> Iterator[str]:
    if values is None:
        return
    if isinstance(values, str):
        yield f'{name} is the string "{values}"; give a list, such as ["{values}"]'
    elif not isinstance(values, Sequence):
        yield f"{name} is {values!r}; give a list of texts"
    elif not values:
        yield f"{name} is empty; leave it out (None) to restrict nothing"
    else:
        yield from (
            f"{name} has {value!r}; every entry must be a text without spaces around it"
            for value in values
            if not (isinstance(value, str) and value and value.strip() == value)
        )
        for value in filter(lambda each: isinstance(each, str), values):
            yield from pattern_problems(name, value, allowed=name in _PATTERNS)
        for token in dict.fromkeys(cdk_tokens.tokens(values)):
            yield f"{name} has {token}, which {cdk_tokens.WHY}; give the value itself"


def pattern_problems(name: str, value: str, *, allowed: bool) -> Iterator[str]:
    """Yield what is wrong with asterisks in a name."""
    if "*" in value and not allowed:
        yield f'{name} has "{value}", but these names are compared exactly, with the asterisk; give each in full'
    elif value and not value.strip("*"):
        yield f'{name} has "{value}", which is everybody with a name; give more of the names'


def _time_problems(name: str, times: object) -> Iterator[str]:
    if not isinstance(times, Mapping):
        yield f'{name} is {times!r}; give a mapping of rule ids, such as {{"hours": datetime(2027, 3, 1, tzinfo=UTC)}}'
        return
    for id_, time in times.items():
        if not isinstance(time, datetime) or time.tzinfo is None:
            yield f'{name} of "{id_}" is {time!r}; give a datetime with a time zone'
