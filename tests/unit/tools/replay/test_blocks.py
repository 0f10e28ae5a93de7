"""Records of blocked connections, replayed: a block is no policy, and new policies do not lift it."""

from __future__ import annotations

import json

import pytest

from client_connect import Authorizer, ConnectionRequest, Facts
from client_connect.blocks import BLOCKED, BLOCKS_UNKNOWN, Block
from client_connect.record import Record
from client_connect_tools.replay.deciding.decider import Decider
from client_connect_tools.replay.reading.facts import Malformed, of_record
from tests.support.events import PERMIT, event

SAYS_SO = '@id("any") permit (principal, action, resource) when { context.inventory != "known" };'


def recorded(facts: Facts, policies: str) -> dict[str, object]:
    """Return the record of a decision."""
    decision = Authorizer(policies).decide(facts)
    record = Record.of_decision(facts, decision, allow=decision.allowed, policies="0")
    read: dict[str, object] = json.loads(json.dumps({"at": "2026-11-22T09:00:00+00:00", **record.fields}))
    return read


def test_a_blocked_connection_stays_denied_by_the_block() -> None:
    """Whatever the new policies say."""
    request = ConnectionRequest.from_event(event())
    attempt = of_record(recorded(Facts(request, block=Block("user:bob")), PERMIT))
    assert (attempt.allowed, attempt.determining) == (False, (BLOCKED,))
    verdict = Decider(PERMIT).decide(attempt.facts)
    assert (verdict.allowed, verdict.policies) == (False, (BLOCKED,))


def test_while_blocks_were_not_known_new_policies_may_say_what_that_means() -> None:
    """As the handler would have decided with them."""
    request = ConnectionRequest.from_event(event())
    facts = Facts(request, inventory="unavailable", knows_blocks=False)
    attempt = of_record(recorded(facts, PERMIT))
    assert attempt.determining == (BLOCKS_UNKNOWN,)
    assert Decider(PERMIT).decide(attempt.facts).policies == (BLOCKS_UNKNOWN,)
    assert Decider(SAYS_SO).decide(attempt.facts).allowed is True


def test_fails_for_another_state_of_blocks() -> None:
    """A record that says something else is of another program."""
    record = recorded(Facts(ConnectionRequest.from_event(event())), PERMIT)
    record["facts"] = {"timeZone": "UTC", "blocked": "maybe"}
    with pytest.raises(Malformed, match=r"facts\.blocked"):
        of_record(record)
