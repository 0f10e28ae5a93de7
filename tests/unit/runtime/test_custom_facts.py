"""Custom facts: whatever their module does, the client is answered and the record says why."""

from __future__ import annotations

import logging
import sys
import threading
from datetime import UTC, datetime, timedelta, timezone
from enum import IntEnum, StrEnum
from ipaddress import ip_address, ip_interface
from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING, Any

import pytest

from client_connect import (
    Authorizer,
    ConnectionRequest,
    Facts,
    InvalidPolicySet,
    bundled_files,
    custom_values,
)
from client_connect import handler as module
from client_connect.cedar_json import Unreadable
from client_connect.engine.schema import schema_text
from client_connect.settings import EXTRA_FACTS, SHADOW_MODE
from client_connect.sources import fact_sources
from client_connect.sources.custom_facts import CustomFacts
from client_connect.sources.deadlines import Deadlines
from tests.support.events import PERMIT, assert_valid, event, lambda_context

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from client_connect.handler import ConnectHandler
    from tests.support.log_lines import Log

pytestmark = pytest.mark.usefixtures("silent")

SCHEMA = "{ riskScore: Long, vip?: Bool, seen?: datetime } // what the module says"
POLICIES = (
    PERMIT
    + """
@id("risky") @message("Risky.") forbid (principal, action, resource)
when { context has custom && context.custom.riskScore > 70 };
@id("outage") @message("Try again.") forbid (principal, action, resource)
when { context.customFacts == "unavailable" };
"""
)

UNREADABLE = "ValueError: facts() returned what no policy can read"
UNDECLARED = "ValueError: facts() returned what custom.cedarschema does not declare"

# The mistakes of a module, and how the record says so.
FAULTS = {
    "raises": (
        "def facts(request): raise LookupError('no such user')",
        "LookupError at faulty.py:1 in facts",
    ),
    "exits": ("def facts(request): raise SystemExit(3)", "SystemExit at faulty.py:1 in facts"),
    "interrupts": (
        "def facts(request): raise KeyboardInterrupt",
        "KeyboardInterrupt at faulty.py:1 in facts",
    ),
    "recurses": ("def facts(request): return facts(request)", "RecursionError at faulty.py:1 in facts"),
    "has no words": (
        """
        class Mute(Exception):
            def __str__(self): raise SystemExit
        def facts(request): raise Mute
        """,
        "Mute at faulty.py:4 in facts",
    ),
    "talks too much": (
        "def facts(request): raise ValueError('x' * 10_000_000)",
        "ValueError at faulty.py:1 in facts",
    ),
    "returns nothing": ("def facts(request): pass", "TypeError: facts() returned NoneType, not a dict"),
    "returns a list": ("def facts(request): return [1]", "TypeError: facts() returned list, not a dict"),
    "returns a float": (
        "def facts(request): return {'riskScore': 0.5}",
        f"{UNREADABLE}: float 0.5 is nothing that a policy can read",
    ),
    "returns None within": (
        "def facts(request): return {'riskScore': None}",
        f"{UNREADABLE}: NoneType is nothing that a policy can read",
    ),
    "returns a huge number": (
        "def facts(request): return {'riskScore': 2**63}",
        f"{UNREADABLE}: int 9223372036854775808 is nothing that a policy can read",
    ),
    "returns no Unicode": (
        "def facts(request): return {'riskScore': '\\ud800'}",
        f"{UNREADABLE}: a string that is not valid Unicode",
    ),
    "names no Unicode": (
        "def facts(request): return {'\\ud800': 1}",
        f"{UNREADABLE}: a string that is not valid Unicode",
    ),
    "names a number": (
        "def facts(request): return {1: 1}",
        f"{UNREADABLE}: int 1 is not the name of an attribute",
    ),
    "returns no zone": (
        "import datetime\ndef facts(request): return {'riskScore': 1, 'seen': datetime.datetime(2026, 1, 1)}",
        f"{UNREADABLE}: datetime is nothing that a policy can read",
    ),
    "returns a circle": (
        """
        def facts(request):
            circle = {}
            circle["riskScore"] = circle
            return circle
        """,
        f"{UNREADABLE}: it is nested more than 32 levels deep",
    ),
    "returns a tower": (
        """
        def facts(request):
            tower = 1
            for _ in range(300): tower = {"a": tower}
            return {"riskScore": tower}
        """,
        f"{UNREADABLE}: it is nested more than 32 levels deep",
    ),
    "returns very much": (
        "def facts(request): return {'riskScore': 1, 'all': ['x'] * 5_000_000}",
        f"{UNREADABLE}: it holds more than 2,000 values; return fewer",
    ),
    "returns a long text": (
        "def facts(request): return {'riskScore': 'x' * 100_000_000}",
        f"{UNREADABLE}: its strings have more than 200,000 characters; return shorter ones",
    ),
    "returns long names": (
        "def facts(request): return {f'{number}' * 10_000: 1 for number in range(1_000)}",
        f"{UNREADABLE}: its strings have more than 200,000 characters; return shorter ones",
    ),
    "returns one value very often": (
        """
        def facts(request):
            shared = [1]
            for _ in range(30): shared = [shared, shared]
            return {"riskScore": shared}
        """,
        f"{UNREADABLE}: it holds more than 2,000 values; return fewer",
    ),
    "returns without an end": (
        """
        import collections, itertools
        class Endless(collections.abc.Mapping):
            def __getitem__(self, name): return 1
            def __iter__(self): return map(str, itertools.count())
            def __len__(self): return 1
        def facts(request): return Endless()
        """,
        f"{UNREADABLE}: it holds more than 2,000 values; return fewer",
    ),
    "returns a zone": (
        "import ipaddress\ndef facts(request): return {'riskScore': ipaddress.ip_address('fe80::1%eth0')}",
        f"{UNREADABLE}: an IPv6 address with a zone",
    ),
    "raises where it cannot be read": (
        """
        import collections
        class Secret(collections.abc.Mapping):
            def __getitem__(self, name): raise KeyError("https://risk.example/?key=hunter2")
            def __iter__(self): return iter("a")
            def __len__(self): return 1
        def facts(request): return Secret()
        """,
        "KeyError at faulty.py:4 in __getitem__",
    ),
    "lacks a fact": (
        "def facts(request): return {}",
        f"{UNDECLARED}: while parsing context, expected the record to have an attribute `riskScore`, but",
    ),
    "says too much": (
        "def facts(request): return {'riskScore': 1, 'score': 1}",
        f"{UNDECLARED}: while parsing context, record attribute `score` should not exist",
    ),
    "says another type": (
        "def facts(request): return {'riskScore': '1'}",
        f"{UNDECLARED}: a value is of another type",
    ),
    "says an entity": (
        "def facts(request): return {'riskScore': {'__entity': {'type': 'ClientVpn::User', 'id': 'root'}}}",
        f"{UNDECLARED}: a value is of another type",
    ),
    "has no function": ("", "AttributeError: module 'faulty' has no attribute 'facts'"),
    "takes no request": ("def facts(): return {}", "TypeError: facts() takes 0 positional arguments"),
    "is no Python": ("def facts(request) return {}", "SyntaxError at faulty.py:1"),
    "cannot be imported": (
        "import a_module_that_nobody_has",
        "ModuleNotFoundError (a_module_that_nobody_has) at faulty.py:1 in <module>",
    ),
    "fails in a library": (
        "import json\ndef facts(request): return json.loads('{')",
        "JSONDecodeError at faulty.py:2 in facts",
    ),
    "exits at import": ("import sys; sys.exit(1)", "SystemExit at faulty.py:1 in <module>"),
}


@pytest.fixture
def define(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], ConnectHandler]]:
    """Start a handler as in a bundle: with policies, schema and this source as the module ``faulty``."""
    monkeypatch.setattr(bundled_files, "BUNDLE", str(tmp_path))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv(EXTRA_FACTS, "faulty")
    (tmp_path / "policies.cedar").write_text(POLICIES, "utf-8")
    (tmp_path / "custom.cedarschema").write_text(SCHEMA, "utf-8")

    def start(source: str) -> ConnectHandler:
        (tmp_path / "faulty.py").write_text(dedent(source), "utf-8")
        return module.start()

    yield start
    for name in ("faulty", "faulty.scores", "faultless"):
        sys.modules.pop(name, None)


def answer(handler: ConnectHandler, **changes: object) -> dict[str, Any]:
    """Return a handler's answer, which is valid whatever happens."""
    answer = handler(event(**changes), lambda_context())
    assert_valid(answer, event(**changes))
    return answer


def test_facts_reach_the_policies(define: Callable[[str], ConnectHandler], log: Log) -> None:
    """The module sees the request; what it says decides, and is in the record as the policies saw it."""
    handler = define("""
        from datetime import datetime, UTC
        def facts(request):
            return {"riskScore": 80 if request.username == "eve" else 10, "seen": datetime(2026, 1, 1, tzinfo=UTC)}
    """)
    assert answer(handler, username="bob")["allow"] is True
    assert answer(handler, username="eve")["error-msg-on-denied-connection"] == "Risky."
    allowed, denied = log.records()
    seen = {"__extn": {"fn": "datetime", "arg": "2026-01-01T00:00:00.000Z"}}
    assert (allowed["facts"]["customFacts"], allowed["facts"]["custom"]) == (
        "available",
        {"riskScore": 10, "seen": seen},
    )
    assert (denied["decision"]["determining"], denied["level"]) == (["risky"], "INFO")
    assert "CustomFactsErrors" not in denied


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_of_the_module_is_a_fact(
    define: Callable[[str], ConnectHandler], log: Log, name: str
) -> None:
    """The policies decide what it means; the record says what it was, and a metric counts it."""
    source, reason = FAULTS[name]
    handler = define(source)
    for _ in range(2):
        assert answer(handler)["error-msg-on-denied-connection"] == "Try again."
        record = log.record()
        assert record["facts"]["customFacts"] == "unavailable"
        assert "custom" not in record["facts"]
        assert record["unavailable"].keys() == {"customFacts"}
        assert record["unavailable"]["customFacts"].startswith(reason)
        assert len(record["unavailable"]["customFacts"]) <= 500
        assert (record["CustomFactsErrors"], record["Errors"]) == (1, 0)
        assert record["level"] == "WARNING"
        metrics = record["_aws"]["CloudWatchMetrics"][0]["Metrics"]
        assert {"Name": "CustomFactsErrors", "Unit": "Count"} in metrics


@pytest.mark.parametrize(
    "source",
    [
        "def facts(request): raise OSError('https://risk.example/?key=hunter2')",
        """
        def facts(request):
            try: raise OSError("key=hunter2")
            except OSError as error: raise RuntimeError("hunter2") from error
        """,
        "raise ValueError('https://risk.example/?key=hunter2')\ndef facts(request): return {}",
        """
        import urllib.request
        def facts(request): return urllib.request.urlopen("hunter2://risk.example/?key=hunter2")
        """,
        "def facts(request): return {'riskScore': b'hunter2'}",
        "def facts(request): return {'riskScore': type('X', (), {'__repr__': lambda _: 'hunter2'})()}",
        """
        def facts(request):
            error = OSError("hunter2")
            error.add_note("hunter2")
            raise ExceptionGroup("hunter2", [error])
        """,
    ],
    ids=["text", "cause", "import", "library", "bytes", "object", "group"],
)
def test_what_a_module_raises_or_returns_by_mistake_is_not_in_the_record(
    define: Callable[[str], ConnectHandler], log: Log, source: str
) -> None:
    """It may hold a secret, so the record has its type and its place only."""
    assert answer(define(source))["allow"] is False
    assert "hunter2" not in log.lines[-1]
    assert log.record()["unavailable"]["customFacts"]


@pytest.mark.parametrize("source", ["from faulty.scores import score", "from faultless import score"])
def test_a_fault_is_placed_in_the_package_of_the_module(
    define: Callable[[str], ConnectHandler], tmp_path: Path, log: Log, source: str
) -> None:
    """Where its own code failed last, and not in a package with a name that only begins alike."""
    (tmp_path / "faultless.py").write_text("def score(): raise OSError", "utf-8")
    (tmp_path / "faulty").mkdir()
    (tmp_path / "faulty" / "scores.py").write_text("import json\ndef score(): json.loads('{')", "utf-8")
    (tmp_path / "faulty" / "__init__.py").write_text(f"{source}\ndef facts(request): return score()", "utf-8")
    answer(define("raise AssertionError('the package is imported, not this')"))
    place = {
        "from faulty.scores import score": "JSONDecodeError at scores.py:2 in score",
        "from faultless import score": "OSError at __init__.py:2 in facts",
    }
    assert log.record()["unavailable"]["customFacts"] == place[source]


@pytest.mark.parametrize(
    ("ip", "text"),
    [
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("::ffff:c000:201", "192.0.2.1"),
        ("::ffff:192.0.2.0/120", "192.0.2.0/24"),
        ("::ffff:0.0.0.0/96", "0.0.0.0/0"),
        ("::ffff:192.0.2.1/90", "::ffff:c000:201/90"),
        ("::192.0.2.1", "::c000:201"),
        ("2001:db8::1", "2001:db8::1"),
        ("2001:db8::1/64", "2001:db8::1/64"),
        ("192.0.2.1/24", "192.0.2.1/24"),
    ],
)
def test_an_address_is_the_same_on_every_version_of_python(ip: str, text: str) -> None:
    """An IPv4 address in IPv6 is what rules for IPv4 networks see, as with the address of a client."""
    python = ip_interface(ip) if "/" in ip else ip_address(ip)
    assert custom_values.value(python) == {"__extn": {"fn": "ip", "arg": text}}


def test_a_module_that_recovers_is_heard_again(
    define: Callable[[str], ConnectHandler], tmp_path: Path, log: Log
) -> None:
    """An import that failed is tried again with the next connection."""
    handler = define("raise OSError('no network yet')")
    assert answer(handler)["allow"] is False
    (tmp_path / "faulty.py").write_text(
        "def facts(request): return {'riskScore': 1}  # longer than before", "utf-8"
    )
    assert answer(handler)["allow"] is True
    assert [record["facts"]["customFacts"] for record in log.records()] == ["unavailable", "available"]


def test_a_module_is_imported_at_the_start(define: Callable[[str], ConnectHandler]) -> None:
    """No connection waits for that."""
    define("def facts(request): return {'riskScore': 1}")
    assert "faulty" in sys.modules


@pytest.mark.parametrize("where", ["facts", "import"])
def test_a_module_that_hangs_delays_no_answer(
    define: Callable[[str], ConnectHandler], monkeypatch: pytest.MonkeyPatch, log: Log, where: str
) -> None:
    """However often it hangs, each client is answered in time, and the module is heard again when it comes back."""
    released = threading.Event()
    monkeypatch.setattr(logging, "released", released, raising=False)
    monkeypatch.setattr(fact_sources, "IMPORTING_S", 0.01)
    monkeypatch.setattr(module, "GATHERING_S", 0.01)
    wait = "logging.released.wait()"
    in_facts, in_import = (wait, "") if where == "facts" else ("", wait)
    source = f"import logging\n{in_import}\ndef facts(request):\n    {in_facts or '...'}\n    return {{'riskScore': 1}}"
    handler = define(source)
    try:
        for _ in range(20):  # more often than there are threads
            assert answer(handler)["error-msg-on-denied-connection"] == "Try again."
            assert log.record()["unavailable"]["customFacts"] == "TimeoutError: no answer within 0.0 s"
    finally:
        released.set()
    monkeypatch.setattr(module, "GATHERING_S", 30)
    assert answer(handler)["allow"] is True


def test_shadow_mode_allows_what_an_outage_would_deny(
    define: Callable[[str], ConnectHandler], monkeypatch: pytest.MonkeyPatch, log: Log
) -> None:
    """Shadow never blocks, also here."""
    monkeypatch.setenv(SHADOW_MODE, "true")
    assert answer(define("raise OSError"))["allow"] is True
    assert log.record()["decision"]["allowed"] is False


def test_a_handler_without_a_module_has_no_custom_facts(
    define: Callable[[str], ConnectHandler], monkeypatch: pytest.MonkeyPatch, log: Log
) -> None:
    """A schema next to the policies alone changes nothing."""
    monkeypatch.delenv(EXTRA_FACTS)
    assert answer(define("raise OSError"))["allow"] is True
    assert "customFacts" not in log.record()["facts"]
    assert "faulty" not in sys.modules


def test_one_that_hangs_leaves_others_their_threads() -> None:
    """The inventory is asked whatever the module of extra facts does, and few threads hang, which bear its name."""
    deadlines, released = Deadlines(), threading.Event()
    try:
        for _ in range(20):
            answers, problems = deadlines.run({"hangs": released.wait}, seconds=0)
            assert (answers, list(problems)) == ({}, ["hangs"])
        assert sum(thread.name.startswith("hangs") for thread in threading.enumerate()) == 4
        assert deadlines.run({"answers": lambda: 1}, seconds=30) == ({"answers": 1}, {})
    finally:
        released.set()


def test_a_call_for_which_there_is_no_thread_has_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Like one that raises: a machine without threads denies, and says why."""

    def start(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", start)
    answers, problems = Deadlines().run({"a": lambda: 1}, seconds=30)
    assert (answers, problems) == ({}, {"a": "RuntimeError: can't start new thread"})


class Colour(StrEnum):
    """A text with a name."""

    RED = "red"


class Level(IntEnum):
    """A number with a name."""

    HIGH = 3


@pytest.mark.parametrize(
    ("type_", "value", "condition"),
    [
        ("Bool", True, "context.custom.a"),
        ("Long", -5, "context.custom.a == -5"),
        ("Long", -(2**63), "context.custom.a == -9223372036854775808"),
        ("Long", 2**63 - 1, "context.custom.a == 9223372036854775807"),
        ("Long", Level.HIGH, "context.custom.a == 3"),
        ("String", "é\n", 'context.custom.a == "é\\n"'),
        ("String", Colour.RED, 'context.custom.a == "red"'),
        ("Set<String>", {"x"}, 'context.custom.a.contains("x")'),
        ("Set<Long>", (1, 2), "context.custom.a.containsAll([2, 1])"),
        ("{ b: { c: Long } }", {"b": {"c": 1}}, "context.custom.a.b.c == 1"),
        (
            "datetime",
            datetime(2026, 1, 1, tzinfo=UTC),
            'context.custom.a == datetime("2026-01-01")',
        ),
        ("datetime", "2026-01-01T00:00:00Z", 'context.custom.a == datetime("2026-01-01")'),
        ("ipaddr", ip_address("10.0.0.1"), 'context.custom.a.isInRange(ip("10.0.0.0/8"))'),
        ("ipaddr", "10.0.0.0/9", 'context.custom.a.isInRange(ip("10.0.0.0/8"))'),
        ("decimal", "0.83", 'context.custom.a.greaterThan(decimal("0.8"))'),
        ("duration", "1h30m", 'context.custom.a > duration("1h")'),
        ("OsVersion", {"major": 10, "minor": 0}, "context.custom.a.major == 10"),
    ],
)
def test_python_values_become_values_of_policies(type_: str, value: object, condition: str) -> None:
    """Python values in policies; times, addresses and decimals may be texts as Cedar writes them."""
    text = f'@id("a") permit (principal, action, resource) when {{ context has custom && {condition} }};'
    authorizer = Authorizer(text, custom=f"{{ a: {type_} }}")
    request = ConnectionRequest.from_event(event())
    custom = CustomFacts(lambda _: {"a": value}, validation_error=authorizer.validation_error).of(request)
    assert authorizer.decide(Facts(request, custom_facts="available", custom=custom)).allowed


def test_a_waiver_of_a_policy_on_extra_facts_is_one() -> None:
    """The schema decides it too: here the text is a decimal."""
    text = (
        PERMIT
        + """@id("risky") forbid (principal, action, resource)
    when { context has custom && context.custom.risk.greaterThan(decimal("0.7")) }
    unless { context.waivers.contains("risky") };"""
    )
    facts = Facts(
        ConnectionRequest.from_event(event()),
        waivers=frozenset({"risky"}),
        custom_facts="available",
        custom={"risk": "0.83"},
    )
    decision = Authorizer(text, custom="{ risk: decimal }").decide(facts)
    assert (decision.allowed, decision.waived) == (True, ("risky",))


def test_a_member_of_an_enumeration_is_its_value() -> None:
    """A decision record shows the number or the text, not the name."""
    seen = custom_values.value({"level": Level.HIGH, "colour": Colour.RED})
    assert repr(seen) == "{'level': 3, 'colour': 'red'}"


def test_a_time_at_the_end_of_the_calendar_is_refused() -> None:
    """It has no counterpart in UTC."""
    with pytest.raises(Unreadable, match="a time beyond the calendar in UTC"):
        custom_values.value(datetime.max.replace(tzinfo=timezone(timedelta(hours=-12))))


def test_the_schema_takes_a_fragment_that_ends_with_a_comment() -> None:
    """The text behind it stays part of the schema."""
    assert Authorizer(PERMIT, custom=SCHEMA)
    assert schema_text(SCHEMA).count("\n") == schema_text().count("\n") + 1


def test_the_schema_is_the_one_that_lies_in_the_package() -> None:
    """Wherever the team's own files are."""
    assert bundled_files.schema() == Path(bundled_files.__file__).with_name("schema.cedarschema").read_text(
        "utf-8"
    )


def test_fails_with_a_schema_that_is_none() -> None:
    """The message says that it is the schema of the custom facts, not the policies."""
    with pytest.raises(InvalidPolicySet, match="the schema of the custom facts cannot be parsed: "):
        Authorizer(PERMIT, custom="{ a: }")


def test_facts_agree_with_their_state() -> None:
    """There are custom facts when they are available, and only then."""
    request = ConnectionRequest.from_event(event())
    for state, custom in (("available", None), ("unavailable", {}), ("disabled", {})):
        with pytest.raises(ValueError, match=f'custom_facts is "{state}"; it is "available" with custom'):
            Facts(request, custom_facts=state, custom=custom)  # type: ignore[arg-type]


class Shorter(str):
    """A text that does not know its length."""

    __slots__ = ()

    def __len__(self) -> int:
        """Return too little."""
        return 0


def test_a_text_is_as_long_as_it_is() -> None:
    """Whatever its class says."""
    with pytest.raises(Unreadable, match="200,000 characters"):
        custom_values.value({"text": Shorter("x" * 200_001)})
