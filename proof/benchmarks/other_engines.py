"""The twenty policies in two other engines for Python, for comparison.

They are given the facts ready-made, which is less than the handler does: it reads the event, too, and records.
"""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import product
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import casbin
import vakt
from vakt import rules

from client_connect import Authorizer, ConnectionRequest, Facts
from proof.benchmarks.event import EVENT
from proof.benchmarks.policies import TWENTY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

NETWORKS = [f"198.51.{number}.0/26" for number in range(98, 103)]
PEOPLE = [f"user{number:05d}@example.com" for number in (7, 42, 99)]
LOST = ["laptop-00013", "laptop-00666", "laptop-01234"]
WINDOW = (
    datetime(2026, 11, 14, 22, tzinfo=UTC).timestamp(),
    datetime(2026, 11, 15, 2, tzinfo=UTC).timestamp(),
)

CASBIN_MODEL = """
[request_definition]
r = c
[policy_definition]
p = id, rule, eft
[policy_effect]
e = some(where (p.eft == allow)) && !some(where (p.eft == deny))
[matchers]
m = eval(p.rule)
"""
CASBIN_FORBIDS = [
    "r.c.platform == 'win' && r.c.osMajor < 10",
    "r.c.build < 19045 && !('minimum-build' in r.c.waivers)",
    "!(r.c.platform in ['win', 'mac', 'linux', 'ios'])",
    "r.c.openvpnMajor < 3 && !(r.c.openvpnMajor == 2 && r.c.openvpnMinor >= 5)",
    "'contractors' in r.c.groups && !(r.c.weekday <= 5 && r.c.minuteOfDay >= 420 && r.c.minuteOfDay < 1140)",
    f"r.c.now >= {WINDOW[0]} && r.c.now < {WINDOW[1]} && !('admins' in r.c.groups)",
    "'admins' in r.c.groups && !(r.c.platform == 'win' || r.c.platform == 'linux')",
    "'finance' in r.c.groups && !keyMatch(r.c.commonName, 'laptop-*')",
    *(f"ipMatch(r.c.publicIp, '{network}')" for network in NETWORKS),
    *(f"r.c.username == '{person}'" for person in PEOPLE),
    *(f"r.c.commonName == '{device}'" for device in LOST),
]
VAKT_FORBIDS: list[list[dict[str, Any]]] = [
    [{"platform": rules.Eq("win"), "osMajor": rules.Less(10)}],
    [{"build": rules.Less(19045), "waivers": rules.Not(rules.AnyIn("minimum-build"))}],
    [{"platform": rules.NotIn("win", "mac", "linux", "ios")}],
    [{"openvpnMajor": rules.Less(2)}, {"openvpnMajor": rules.Eq(2), "openvpnMinor": rules.Less(5)}],
    [
        {"groups": rules.AnyIn("contractors"), **outside}
        for outside in (
            {"weekday": rules.Greater(5)},
            {"minuteOfDay": rules.Less(420)},
            {"minuteOfDay": rules.GreaterOrEqual(1140)},
        )
    ],
    [
        {
            "now": rules.And(rules.GreaterOrEqual(WINDOW[0]), rules.Less(WINDOW[1])),
            "groups": rules.Not(rules.AnyIn("admins")),
        }
    ],
    [{"groups": rules.AnyIn("admins"), "platform": rules.NotIn("win", "linux")}],
    [{"groups": rules.AnyIn("finance"), "commonName": rules.Not(rules.StartsWith("laptop-"))}],
    *([{"publicIp": rules.CIDR(network)}] for network in NETWORKS),
    *([{"username": rules.Eq(person)}] for person in PEOPLE),
    *([{"commonName": rules.Eq(device)}] for device in LOST),
]


def flat(facts: Facts) -> dict[str, Any]:
    """Return what the policies see as a flat record, for engines that have no types like Cedar's."""
    context = facts.cedar_request()["context"]
    return {
        "platform": context["platform"],
        "osMajor": context["os"]["major"],
        "build": context["os"]["build"],
        "openvpnMajor": context["openvpn"]["major"],
        "openvpnMinor": context["openvpn"]["minor"],
        "waivers": context["waivers"],
        "groups": list(facts.request.groups),
        "weekday": context["time"]["weekday"],
        "minuteOfDay": context["time"]["minuteOfDay"],
        "now": facts.now.timestamp(),
        "commonName": context["commonName"],
        "username": context["username"],
        "publicIp": str(facts.request.public_ip),
    }


def with_casbin() -> Callable[[dict[str, Any]], bool]:
    """Return what decides a flat record by pycasbin."""
    model = casbin.Enforcer.new_model(text=CASBIN_MODEL)
    enforcer = casbin.Enforcer(model)
    enforcer.add_policies(
        [["all", "True", "allow"], *([f"forbid-{n}", rule, "deny"] for n, rule in enumerate(CASBIN_FORBIDS))]
    )
    return lambda facts: bool(enforcer.enforce(SimpleNamespace(**facts)))


def with_vakt() -> Callable[[dict[str, Any]], bool]:
    """Return what decides a flat record by vakt."""
    storage = vakt.MemoryStorage()
    storage.add(vakt.Policy("all", subjects=[rules.Any()], effect=vakt.ALLOW_ACCESS, **_EVERYTHING))
    for number, subjects in enumerate(VAKT_FORBIDS):
        storage.add(vakt.Policy(number, subjects=subjects, effect=vakt.DENY_ACCESS, **_EVERYTHING))
    guard = vakt.Guard(storage, vakt.RulesChecker())
    return lambda facts: bool(
        guard.is_allowed(vakt.Inquiry(subject=facts, action="connect", resource="endpoint"))
    )


_EVERYTHING = {"actions": [rules.Any()], "resources": [rules.Any()]}
ENGINES: dict[str, Callable[[], Callable[[dict[str, Any]], bool]]] = {
    "pycasbin, the same twenty rules": with_casbin,
    "vakt, the same twenty rules": with_vakt,
}


def require_agreement() -> None:
    """Check that the engines decide the same, or there is nothing to compare.

    Raises:
        SystemExit: When they do not.
    """
    authorizer = Authorizer(TWENTY)
    engines = {name: make() for name, make in ENGINES.items()}
    seen = set()
    for facts in _cases():
        expected = authorizer.decide(facts).allowed
        seen.add(expected)
        for name, decide in engines.items():
            if decide(flat(facts)) is not expected:
                raise SystemExit(f"{name} says {not expected}, Cedar says {expected}, of {flat(facts)}")
    if seen != {True, False}:
        raise SystemExit(f"the cases are all {seen}")


def _cases() -> Iterator[Facts]:
    times = [
        datetime.fromisoformat(text)
        for text in (
            "2026-11-14T23:00:00Z",
            "2026-11-16T12:00:00Z",
            "2026-11-16T20:00:00Z",
            "2026-11-16T06:59:59Z",
        )
    ]
    groups = [["staff"], ["contractors"], ["admins", "staff"], ["finance"], []]
    changes: list[dict[str, str]] = [
        {},
        *({"platform-version": text} for text in ("10.0.19045,amd64", "10.0.19044,amd64", "6.1.7601,amd64")),
        *({"platform": text} for text in ("mac", "linux", "ios", "android", "MAC")),
        *({"client-openvpn-version": text} for text in ("2.5", "2.4.9", "1.9", "3.0")),
        *({"public-ip": f"198.51.{number}.{host}"} for number in (97, 98, 102, 103) for host in (63, 64)),
        *({"username": person} for person in PEOPLE),
        *({"common-name": name} for name in (*LOST, "phone-1")),
    ]
    for time, names, change in product(times, groups, changes):
        request = ConnectionRequest.from_event({**EVENT, "groups": names, **change})
        facts = Facts(request, now=time)
        if "os" in facts.cedar_request()["context"] and "build" in facts.cedar_request()["context"]["os"]:
            yield facts
