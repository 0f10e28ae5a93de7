"""A replay, from logs to tally: in this process, and in several when there is enough to do."""

from __future__ import annotations

import os
import signal
import sys
from collections import deque
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, islice
from multiprocessing import get_context
from typing import TYPE_CHECKING

from cedarpy import pst

from client_connect.engine.policy_set import PolicySet
from client_connect.names import lower_case
from client_connect_tools.replay.deciding.decider import Decider, Verdict
from client_connect_tools.replay.reading.logs import TOO_DEEP, Reader, Skipped, entries
from client_connect_tools.replay.reading.sources import BLOCK_BYTES
from client_connect_tools.replay.seen import Seen, key_of
from client_connect_tools.replay.tally import NOT_LOGGED, Tally

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from datetime import tzinfo

    from client_connect_tools.replay.people import Directory
    from client_connect_tools.replay.reading.facts import Attempt

# A process takes a second or two to start and to see what the first one knows; this many blocks take no less.
_BLOCKS_WITHOUT_HELP = 128
_BLOCKS_AHEAD = 2
_SAFE_PATH = "PYTHONSAFEPATH"  # https://docs.python.org/3/using/cmdline.html#envvar-PYTHONSAFEPATH


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The two sides of the comparison.

    Attributes:
        new: The policies whose decisions are asked for, as Cedar text.
        old: The policies to compare them with. Default: what the logs say was decided.
        new_custom: What ``context.custom`` is for the new policies, as ``Authorizer`` takes it.
        old_custom: The same for the old ones.
        new_networks: The table of the new policies' named networks, as ``Authorizer`` takes it. Addresses in the
            logs are looked up in it, whatever was found then.
        old_networks: The same for the old ones.
        time_zone: The zone of the policies' clock. Default: the one in the records, else ``default_zone``.
        default_zone: The zone of connection logs, which have none. Default: UTC.
        directory: The groups of users, which connection logs lack. Default: unknown.
    """

    new: str
    old: str | None = None
    new_custom: str | None = None
    old_custom: str | None = None
    new_networks: bytes | None = None
    old_networks: bytes | None = None
    time_zone: tzinfo | None = None
    default_zone: tzinfo | None = None
    directory: Directory | None = None


class Replay:
    """Replays log lines, remembering what it decided before.

    Raises:
        InvalidPolicySet: When the policies cannot be parsed.
    """

    def __init__(self, comparison: Comparison) -> None:
        self._new = Decider(comparison.new, custom=comparison.new_custom, networks=comparison.new_networks)
        self._old = (
            None
            if comparison.old is None
            else Decider(comparison.old, custom=comparison.old_custom, networks=comparison.old_networks)
        )
        self._reader = Reader(comparison.time_zone, comparison.default_zone)
        self._directory = comparison.directory
        self._groups = _groups_named(comparison.new)

    def block(self, block: bytes, counted: frozenset[int] = frozenset()) -> Tally:
        """Replay a block of lines, each with an entry.

        Args:
            block: The lines.
            counted: The keys of connections that are not to be counted again.
        """
        # Text that is not UTF-8 is kept apart, so no name is mistaken for another.
        lines = block.decode("utf-8", "surrogateescape").split("\n")
        tally = Tally(lines=len(lines) - (not lines[-1]), unseen_groups=set(self._groups))
        seen = set(counted)
        for entry in entries(lines, reader=self._reader):
            if isinstance(entry, Skipped):
                tally.skip(entry)
            elif (key := key_of(entry)) in seen:
                tally.duplicates += 1
                tally.understood += 1
            else:
                seen.add(key)
                self._decide(entry, tally)
        tally.keys = seen - counted
        return tally

    def _decide(self, attempt: Attempt, tally: Tally) -> None:
        if self._directory is not None and "groups" in attempt.missing:
            attempt = _with_groups(attempt, self._directory)
        try:
            old, new = self._before(attempt), self._new.decide(attempt.facts, attempt.missing)
        except RecursionError:  # of custom facts that JSON could just hold
            tally.skip(Skipped(TOO_DEEP, is_attempt=True))
        else:
            tally.add(attempt, old, new)

    def _before(self, attempt: Attempt) -> Verdict:
        if self._old is not None:
            return self._old.decide(attempt.facts, attempt.missing)
        policies = (NOT_LOGGED,) if attempt.missing and not attempt.allowed else attempt.determining
        return Verdict(allowed=attempt.allowed, policies=policies, erred=attempt.erred)


def _with_groups(attempt: Attempt, directory: Directory) -> Attempt:
    """Return an attempt with the user's groups, where the directory has them."""
    request = attempt.facts.request
    groups = directory.groups.get(lower_case(request.username or ""))
    if groups is None:
        return attempt
    facts = attempt.facts._replace(request=request._replace(groups=groups))
    return attempt._replace(facts=facts, missing=attempt.missing - {"groups"})


def _groups_named(policies: str) -> frozenset[str]:
    """Return the groups that policies name, those in shadow mode too."""
    parsed = PolicySet.parse(policies)
    nodes = (parsed.enforced, parsed.shadow_forbids, parsed.shadow_permits)
    uids = (uid for each in nodes for uid in pst.entity_uids(each.to_pst().static_policies))
    return frozenset(uid.id for uid in uids if str(uid.type) == "ClientVpn::Group")


def replay(  # noqa: PLR0913 - each is an option
    comparison: Comparison,
    blocks: Iterable[bytes],
    *,
    jobs: int = 1,
    size: int | None = None,
    on_tally: Callable[[Tally], None] = lambda _: None,
    on_block: Callable[[Tally], None] = lambda _: None,
) -> Tally:
    """Replay logs. An entry that is in them more than once, as where exports overlap, is counted once.

    Args:
        comparison: The policies.
        blocks: The logs, in blocks of whole lines.
        jobs: How many processes may decide at the same time, with this one. The result does not depend on it.
        size: How many bytes the logs have at least, so large ones get all processes at once. Default: not known.
        on_tally: Called with what has been found so far, after each block.
        on_block: Called with what was found in a block, in the order of the blocks.

    Raises:
        InvalidPolicySet: When the policies cannot be parsed.
    """
    total = Tally(unseen_groups=set(_groups_named(comparison.new)))
    for tally in _tallies(comparison, iter(blocks), jobs, size or 0):
        on_block(tally)
        total.merge(tally)
        on_tally(total)
    return total


def _tallies(comparison: Comparison, blocks: Iterator[bytes], jobs: int, size: int) -> Iterator[Tally]:
    here, seen = Replay(comparison), Seen()
    for block, tally in _tallies_of_blocks(comparison, here, blocks, jobs, size):
        again = seen.known(tally.keys)
        yield here.block(block, again) if again else tally


def _tallies_of_blocks(
    comparison: Comparison, here: Replay, blocks: Iterator[bytes], jobs: int, size: int
) -> Iterator[tuple[bytes, Tally]]:
    if jobs == 1 or _ignores_safe_path():
        yield from ((block, here.block(block)) for block in blocks)
        return
    if size < _BLOCKS_WITHOUT_HELP * BLOCK_BYTES:
        yield from ((block, here.block(block)) for block in islice(blocks, _BLOCKS_WITHOUT_HELP))
    following = next(blocks, None)
    if following is not None:
        yield from _tallies_of_processes(comparison, here, chain([following], blocks), jobs)


def _tallies_of_processes(
    comparison: Comparison, here: Replay, blocks: Iterable[bytes], jobs: int
) -> Iterator[tuple[bytes, Tally]]:
    """Yield the tallies in the order of the blocks, with only a few blocks in memory; this process decides too."""
    with (
        _working_directory_not_imported(),
        ProcessPoolExecutor(
            jobs - 1, mp_context=get_context("spawn"), initializer=_start, initargs=(comparison,)
        ) as pool,
    ):
        started = pool.submit(_nothing)
        waiting: deque[tuple[bytes, Future[Tally]]] = deque()
        for block in blocks:
            is_taken = sum(not each.done() for _, each in waiting) < (jobs - 1) * _BLOCKS_AHEAD
            tally = pool.submit(_block, block) if started.done() and is_taken else _done(here.block(block))
            waiting.append((block, tally))
            while waiting and (waiting[0][1].done() or len(waiting) > jobs * _BLOCKS_AHEAD):
                yield _result(waiting)
        while waiting:
            yield _result(waiting)


def _result(waiting: deque[tuple[bytes, Future[Tally]]]) -> tuple[bytes, Tally]:
    block, tally = waiting.popleft()
    return block, tally.result()


def _done(tally: Tally) -> Future[Tally]:
    future: Future[Tally] = Future()
    future.set_result(tally)
    return future


def _ignores_safe_path() -> bool:
    """Whether processes of this interpreter would import files of the working directory all the same: ``python -E``."""
    return bool(sys.flags.ignore_environment) and not sys.flags.safe_path


@contextmanager
def _working_directory_not_imported() -> Iterator[None]:
    """Keep the processes that start meanwhile from importing files of the working directory.

    Each is started by ``python -c``, which searches the working directory before the standard library. Logs are
    often replayed in a folder whose files other people write.
    """
    before = os.environ.get(_SAFE_PATH)
    os.environ[_SAFE_PATH] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[_SAFE_PATH]
        else:
            os.environ[_SAFE_PATH] = before


# The replay of this process, when it is one of several.
_replays: list[Replay] = []


def _start(comparison: Comparison) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the first process ends this one
    _replays.append(Replay(comparison))


def _nothing() -> None:
    """Show that a process has started."""


def _block(block: bytes) -> Tally:
    return _replays[0].block(block)
