"""A whole replay: the same with any number of processes, in memory that does not grow."""

from __future__ import annotations

import json
import subprocess
import sys
import tracemalloc
from pathlib import Path

import pytest

from client_connect_tools.replay import Comparison, Tally, replay, run
from client_connect_tools.replay.run import Replay
from tests.support.connection_logs import PERMIT, connection, forbid, lines, record

ROOT = Path(__file__).parents[4]
POLICIES = (
    PERMIT
    + forbid("mac", 'when { context.platform == "mac" }')
    + forbid("os", "when { context has os && context.os.major < 10 }")
    + forbid("late", 'when { context.time.now > datetime("2026-11-23T12:30:00Z") }')
)


def blocks() -> list[bytes]:
    """Return blocks that differ, each with users that the ones before did not have."""
    return [
        lines(*(
            (record, connection)[number % 7 == 0](
                **{"platform": "mac"} if number % 7 and number % 5 == block else {},
                **{"minutes": number + block} if number % 7 else {},
                username=f"user-{(number + 5 * block) % 97}",
                connection_id=f"cvpn-connection-{number}-{block}",
            )
            for number in range(40)
        ))
        for block in range(12)
    ]  # fmt: skip


def test_the_result_does_not_depend_on_the_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    """One process and three find the same, down to the order of the rows."""
    monkeypatch.setattr(run, "_BLOCKS_WITHOUT_HELP", 1)
    comparison = Comparison(new=POLICIES, old=PERMIT)
    seen: list[int] = []
    alone = replay(comparison, blocks())
    together = replay(comparison, blocks(), jobs=3, on_tally=lambda tally: seen.append(tally.attempts))
    assert together == alone
    assert list(together.newly_denied.by_person.rows) == list(alone.newly_denied.by_person.rows)
    assert seen == [40 * (block + 1) for block in range(12)]
    assert (alone.attempts, alone.incomplete) == (480, 72)
    assert alone.changes > 0
    assert alone.undecidable > 0


def nested(depth: int, where: str) -> bytes:
    """Return a decision record, of its own time, that nests so deep in a fact, the decision or an envelope."""
    deep = '{"a":' * depth + "1" + "}" * depth
    if where == "envelope":
        return f'{{"message": {deep[:-1]}, "decision": {{}}}}}}\n'.encode()
    facts = {"timeZone": "UTC", "customFacts": "available", "custom": "@"}
    changed = record(minutes=depth) | (
        {"facts": facts} if where == "custom" else {"decision": {"allowed": "@"}}
    )
    return json.dumps(changed).replace('"@"', deep).encode() + b"\n"


@pytest.mark.parametrize("where", ["custom", "decision", "envelope"])
def test_a_line_that_nests_deeply_loses_no_other(where: str) -> None:
    """At whatever depth reading, remembering or deciding reaches Python's limit, the line is counted and skipped."""
    reads_custom = forbid("risky", "when { context has custom && context.custom has a }")
    comparison = Comparison(new=PERMIT + reads_custom, new_custom="{ a?: Long }")
    depths = (*range(900, 1010), 100_000)
    block = b"".join(nested(depth, where) + lines(record(minutes=-depth)) for depth in depths)
    tally = replay(comparison, [block])
    assert tally.lines == 2 * len(depths)
    assert tally.attempts + tally.skipped.total() == 2 * len(depths)
    assert tally.allowed >= len(depths)
    assert tally.unreadable.total() + tally.skipped.total() + tally.undecidable_by_new >= 1


def test_what_is_remembered_of_large_facts_is_small() -> None:
    """Thousands of values are kept, and one line may hold megabytes."""
    large = [
        record(groups=[f"{number}-{group}" for group in range(1000)]) | {"facts": custom}
        for number in range(20)
        for custom in [{"customFacts": "available", "custom": {"a": 1, "text": f"{number}" * 100_000}}]
    ]
    reads_both = (
        forbid("risky", "when { context has custom && context.custom has a && context.custom.a > 1 }")
        + forbid("group", "", 'principal in ClientVpn::Group::"x"')
    )  # fmt: skip
    decider = Replay(Comparison(new=PERMIT + reads_both, new_custom="{ a: Long, text: String }"))
    tracemalloc.start()
    try:
        for entry in large:
            assert decider.block(lines(entry)).allowed == 1
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < 1_000_000


def test_a_short_log_starts_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would only cost time."""
    monkeypatch.delattr(run, "ProcessPoolExecutor")
    assert replay(Comparison(new=PERMIT), blocks(), jobs=2).attempts == 480


def test_only_a_few_blocks_are_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading waits for deciding."""
    monkeypatch.setattr(run, "_BLOCKS_WITHOUT_HELP", 1)
    read = replayed = 0

    def reading() -> object:
        nonlocal read
        for block in blocks():
            read += 1
            assert read - replayed <= 2 * run._BLOCKS_AHEAD + 2
            yield block

    def count(_: Tally) -> None:
        nonlocal replayed
        replayed += 1

    replay(Comparison(new=PERMIT), reading(), jobs=2, on_tally=count)  # type: ignore[arg-type]
    assert read == replayed == 12


_PROGRAM = """
import itertools, resource, sys
from proof.benchmarks.generate_logs import log
from proof.benchmarks.policies import TWENTY
from client_connect_tools.replay import Comparison, replay

def blocks(count):
    lines = log(count, people=200)
    while block := "".join(f"{line}\\n" for line in itertools.islice(lines, 300)):
        yield block.encode()

def peak(count):
    assert replay(Comparison(new=TWENTY), blocks(count)).lines == count
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

print(peak(10_000), peak(100_000))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss is in kibibytes on Linux only")
def test_memory_stays_flat() -> None:
    """Ten times the lines take hardly more memory."""
    environment = {"PYTHONPATH": str(ROOT)}
    shown = subprocess.run(
        [sys.executable, "-c", _PROGRAM], env=environment, capture_output=True, text=True, check=True
    )
    few, many = map(int, shown.stdout.split())
    assert many - few < 6 * 1024
