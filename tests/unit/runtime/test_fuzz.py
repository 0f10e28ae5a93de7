"""Thousands of events of every shape: whatever comes, the answer is valid and never too kind.

``make proof`` sends twenty times as many; ``python -m proof.fuzz`` sends a million, and follows the coverage.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.support.events import MISSING, VERSIONS, event
from tests.support.log_lines import captured
from tests.support.oracle import FIELDS, NEAR, hold_enforcing, hold_shadowing

# Of each example are made some forty events.
MAX_EXAMPLES = 2 * settings().max_examples

odd_text = st.text(st.characters(exclude_categories=()), max_size=8)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | odd_text,
    lambda values: st.lists(values, max_size=4) | st.dictionaries(odd_text, values, max_size=4),
    max_leaves=6,
)


@pytest.mark.usefixtures("silent")
@settings(
    max_examples=MAX_EXAMPLES,
    database=None,
    phases=[Phase.generate, Phase.shrink],
    suppress_health_check=[
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
        HealthCheck.function_scoped_fixture,
    ],
)
@given(
    version=st.sampled_from(VERSIONS),
    odd=json_values,
    text=odd_text,
    near=st.sampled_from(NEAR),
    near_field=st.sampled_from(FIELDS),
)
def test_every_event_gets_a_valid_answer_and_one_clean_record(
    version: str,
    odd: Any,
    text: str,
    near: str,
    near_field: str,
) -> None:
    """Never an exception, never a permission for what is no request, the limits kept, the log clean."""
    valid = event(version) | {near_field: near}
    events: list[Any] = [odd, [odd], {text: odd}, valid, valid | {text: odd}]
    for name in FIELDS:
        events += [
            valid | {name: odd},
            valid | {name: text},
            event(version, **{near_field: near, name: MISSING}),
        ]
    with captured() as log:
        for sent in events:
            hold_enforcing(sent, log)
        hold_shadowing(odd, log)
        hold_shadowing(valid, log)
