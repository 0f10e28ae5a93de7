"""Nothing is proven that a connection refutes, and no counterexample is shown that the engine decides otherwise."""

from __future__ import annotations

from datetime import UTC
from random import Random
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from client_connect_tools.policies import Policies
from client_connect_tools.proving.custom_types import custom_type
from client_connect_tools.proving.facts import Assumptions, Facts
from client_connect_tools.proving.policies import EncodedPolicies, nodes_of
from client_connect_tools.proving.questions import Prover
from client_connect_tools.proving.solver import Solver
from client_connect_tools.proving.terms import all_of, negated
from tests.support.proving import CUSTOM, NETWORKS, applying, described, permits, random_facts

CONDITIONS = (
    'context.platform == "win"',
    'context.platform like "w*"',
    "context.time.weekday > 5",
    "context.time.minuteOfDay >= 1320",
    'context.time.now < datetime("2026-12-05T22:30:00Z")',
    'context.time.date == "2026-12-01" || context.time.date like "*-12-24"',
    "context.time.month == 2 && context.time.day == 29",
    'context.publicIp.isInRange(ip("203.0.113.0/24"))',
    'context.networks.contains("office")',
    "context.publicIp.isIpv4()",
    'context has username && context.username == "bob"',
    'context has username && context.username like "*@x.com"',
    'context has commonName && context.commonName like "LAP-*"',
    'context has commonName && context.commonName == "BOB"',
    "context.ownCertificate",
    'context.ownerTags.contains("owner")',
    "context has os && context.os.major == 10",
    "context has os && context.os has build && context.os.build < 22000",
    'context has platformVersion && context.platformVersion like "10.0*"',
    'context has platformVersion && context.platformVersion == "10.0"',
    "context has device && context.device has compliant && context.device.compliant",
    'context.inventory == "unavailable"',
    'context has device && context.device.hasTag("zone") && context.device.getTag("zone") == "gold"',
    'context.waivers.contains("p1")',
    "context.waivers.isEmpty()",
    "context has activeConnections && context.activeConnections + 1 > 2",
    "context has custom && context.custom.risk * 2 > 20",
    'context has custom && context.custom.labels.contains("gold")',
    'context has custom && context.custom has tier && context.custom.tier like "*a*"',
    'principal in ClientVpn::Group::"staff"',
    'principal == ClientVpn::User::"Bob"',
    "principal is ClientVpn::Device",
    'resource == ClientVpn::Endpoint::"cvpn-endpoint-0123456789abcdef0"',
)
SEEDS = st.integers(0, 2**32)
ZONES = (UTC, ZoneInfo("Europe/Berlin"))


def random_condition(random: Random, depth: int = 2) -> str:
    """Combine some conditions."""
    if not depth or random.random() < 0.3:
        return f"({random.choice(CONDITIONS)})"
    one, other = random_condition(random, depth - 1), random_condition(random, depth - 1)
    third = random.choice(CONDITIONS)
    return random.choice(
        (f"({one} && {other})", f"({one} || {other})", f"!{one}", f"(if {third} then {one} else {other})")
    )


def random_set(random: Random) -> Policies:
    """Make some policies."""
    text = "\n".join(
        f'@id("p{number}") {random.choice(("permit", "permit", "forbid"))} (principal, action, resource) '
        f"when {{ {random_condition(random)} }};"
        for number in range(random.randint(1, 4))
    )
    everybody = '@id("all") permit (principal, action, resource) when { context.time.weekday < 7 };\n'
    return Policies.from_string(everybody + text, custom=CUSTOM, networks=NETWORKS)


@given(SEEDS)
def test_whatever_a_connection_does_is_possible(seed: int) -> None:
    """So a proof is about every connection: also about one with texts that no policy has."""
    random = Random(seed)  # noqa: S311 - for tests
    policies = permits([random_condition(random, 1) for _ in range(4)])
    facts = random_facts(random, zone=random.choice(ZONES))
    authorizer = policies.authorizer()
    numbers = permits(described(facts, texts=False))
    variables = Facts(
        nodes_of([policies, numbers]),
        custom=custom_type(CUSTOM),
        assumptions=Assumptions(zone=facts.time_zone),
    )
    applies, errs = applying(authorizer, facts)
    term = all_of(
        *(each.applies for each in EncodedPolicies(numbers, variables).policies),
        *(
            all_of(
                each.applies if each.id in applies else negated(each.applies),
                each.errs if each.id in errs else negated(each.errs),
            )
            for each in EncodedPolicies(policies, variables).policies
        ),
    )
    solver = Solver(60)
    solver.require(variables.constraints([term]))
    assert solver.model(term) is not None, f"{policies.text} cannot say {applies} and {errs} of {facts}"


@settings(max_examples=settings().max_examples // 2)
@given(SEEDS)
def test_an_answer_agrees_with_the_engine(seed: int) -> None:
    """A counterexample is one, and no connection refutes what is proven; nothing of these sets is left undecided."""
    random = Random(seed)  # noqa: S311 - for tests
    policies, condition, zone = random_set(random), random_condition(random, 1), random.choice(ZONES)
    prover = Prover(policies, Assumptions(zone=zone))
    answer = random.choice((prover.never, prover.always))(condition)
    assert answer.outcome in {"proven", "counterexample"} or "otherwise" in answer.reason
    authorizer, asked = policies.authorizer(), permits([condition]).authorizer()
    if (example := answer.counterexample) is not None:
        assert asked.decide(example.facts._replace(knows_blocks=True)).allowed
        assert authorizer.decide(example.facts).allowed is not example.expected
    if answer.outcome == "proven":
        expected = answer.claim.startswith("every")
        connections = [random_facts(random, zone=zone) for _ in range(20)]
        met = [each for each in connections if asked.decide(each).allowed]
        assert all(authorizer.decide(each).allowed is expected for each in met)
